"""The baselines: published figures, formulas in plain words, and SB3's surface."""

import gymnasium as gym
import numpy as np
import pytest
from scipy.sparse import csr_array
from stable_baselines3.common.evaluation import evaluate_policy

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import Deviation, RelativeReachability, TaskReward
from rlsp_baselines.reachability import lost_coverage
from rlsp_sb3.planning.return_fraction import true_return_fraction

from helpers.problems import all_published_figures

LEARNERS = [TaskReward, Deviation, RelativeReachability]
COLUMNS = {
    TaskReward: "task_reward_only",
    Deviation: "deviation(weight 0.5)",
    RelativeReachability: "relative_reachability",
}
PROBLEMS = {
    "room_default": "RoomDefault-v0",
    "train_default": "TrainDefault-v0",
    "room_bad": "RoomBad-v0",
}


def fraction(learner):
    env, mdp = learner.unwrapped_env, learner.mdp
    true_rewards = mdp.features @ env.true_reward
    start = mdp.index(env.observed_state)
    return true_return_fraction(mdp, learner.planned_rewards, true_rewards, start)


@pytest.mark.parametrize("learner_class", LEARNERS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_published_true_return_fractions(problem, learner_class):
    expected = all_published_figures()[problem]["true_return_fraction"][COLUMNS[learner_class]]
    assert fraction(learner_class(PROBLEMS[problem]).learn()) == pytest.approx(expected, rel=1e-12)


def test_deviation_is_the_distance_of_the_features():
    learner = Deviation("RoomDefault-v0")
    env = learner.unwrapped_env
    observed = env.features(env.observed_states[0])
    for index in range(0, len(learner.mdp.features), 5):
        distance = np.sqrt(((env.mdp.features[index] - observed) ** 2).sum())
        assert learner.inferred_rewards[index] == pytest.approx(-distance)


def test_deviation_from_several_states_is_the_mean():
    env = Deviation("RoomDefault-v0").unwrapped_env
    states = env.observations([3, 17])
    both = Deviation("RoomDefault-v0", states).inferred_rewards
    single = [Deviation("RoomDefault-v0", state[None]).inferred_rewards for state in states]
    np.testing.assert_allclose(both, np.mean(single, axis=0))


def dense_lost_coverage(transitions, baselines, horizon):
    """The definition, over all states and with matrices of all pairs."""
    n_states = transitions.shape[1]
    coverage = np.eye(n_states)
    for _ in range(horizon):
        coverage = (transitions @ coverage).reshape(n_states, -1, n_states).max(axis=1)
    return np.array([np.maximum(coverage[b] - coverage, 0).sum(axis=1) for b in baselines])


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0", "RoomBig-v0"])
@pytest.mark.parametrize("horizon", [1, 4, 20])
def test_lost_coverage_of_deterministic_worlds(env_id, horizon):
    mdp = TaskReward(env_id).mdp
    baselines = np.array([0, 7, 21])
    np.testing.assert_array_equal(
        lost_coverage(mdp.transitions, baselines, horizon),
        dense_lost_coverage(mdp.transitions, baselines, horizon),
    )


def test_lost_coverage_where_things_are_random():
    layout = "T.\nAB"
    mdp = gym.make("rlsp_envs:Apples-v0", layout=layout, bucket_capacity=3).unwrapped.mdp
    baselines = np.array([0, 5])
    lost = lost_coverage(mdp.transitions, baselines, 6)
    np.testing.assert_allclose(lost, dense_lost_coverage(mdp.transitions, baselines, 6), atol=1e-12)
    assert ((lost > 0.01) & (lost % 1 > 0.01)).any()  # not only zeros and ones


@pytest.mark.parametrize("horizon", [1, 3, 9])
def test_lost_coverage_of_random_dynamics(horizon):
    rng = np.random.default_rng(0)
    n_states, n_actions = 80, 3
    rows = np.zeros((n_states * n_actions, n_states))
    for i, row in enumerate(rows):  # never more than a few states back
        state = i // n_actions
        row[rng.integers(max(0, state - 5), n_states, size=2)] = rng.dirichlet([1, 1])
    repeated = rng.random(len(rows)) < 0.5
    rows[repeated] = rows[0]  # what many actions come to
    transitions = csr_array(rows / rows.sum(axis=1, keepdims=True))
    baselines = np.array([79, 3, 40])
    np.testing.assert_allclose(
        lost_coverage(transitions, baselines, horizon),
        dense_lost_coverage(transitions, baselines, horizon),
        atol=1e-12,
    )


def test_breaking_the_vase_is_the_worst_that_can_happen_in_a_room():
    learner = RelativeReachability("RoomDefault-v0")
    broken = learner.mdp.features[:, 0] == 1
    penalties = -learner.inferred_rewards[0]
    assert penalties.max() == 1
    assert penalties[broken].min() > penalties[~broken].max()


def test_relative_reachability_needs_a_default_action(monkeypatch):
    env = TaskReward("RoomDefault-v0").unwrapped_env
    mdp = env.mdp

    class WithoutDefault:
        transitions, features = mdp.transitions, mdp.features
        initial_distribution = mdp.initial_distribution

    monkeypatch.setitem(env.__dict__, "mdp", WithoutDefault())
    with pytest.raises(TypeError, match="default_action"):
        RelativeReachability(env)


@pytest.mark.parametrize("argument", [{"horizon": 0}, {"inferred_weight": -1}])
def test_bad_arguments(argument):
    (name,) = argument
    with pytest.raises(ValueError, match=name):
        RelativeReachability("RoomDefault-v0", **argument)


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_reward_of_transitions_is_that_of_the_state_after(learner_class):
    learner = learner_class("TrainDefault-v0")
    states = np.arange(0, 300, 7)
    observations = learner.unwrapped_env.observations(states)
    before = np.zeros_like(observations)
    rewards = learner.reward(before, np.zeros(len(states)), observations, np.zeros(len(states)))
    expected = np.atleast_2d(learner.inferred_rewards)[0, states]
    np.testing.assert_allclose(rewards, expected)


@pytest.mark.parametrize("learner_class", LEARNERS)
def test_learn_predict_save_load(learner_class, tmp_path):
    learner = learner_class("RoomDefault-v0", seed=3).learn()
    learner.save(tmp_path / "learner")
    loaded = learner_class.load(tmp_path / "learner", env="RoomDefault-v0")
    assert loaded.seed == 3
    np.testing.assert_array_equal(loaded.planned_rewards, learner.planned_rewards)
    returns = [evaluate_policy(x, x.get_env(), n_eval_episodes=1)[0] for x in (learner, loaded)]
    assert returns[0] == returns[1] > 0
