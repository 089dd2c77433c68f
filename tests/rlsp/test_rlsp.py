"""Simulated pasts give the exact gradient, and RLSP infers what exact RLSP does."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_envs.gridworlds.room import RoomEnv
from rlsp_sb3 import RLSP, TabularRLSP
from rlsp_sb3.learners.true_return import true_return_fractions
from rlsp_sb3.planning.dynamic_programming import occupancies, value_iteration
from rlsp_sb3.planning.planned_policy import PlannedPolicy
from rlsp_sb3.rlsp.gradient import feature_advantages
from rlsp_sb3.rlsp.past_trajectories import PastTrajectories, simulate_past
from rlsp_sb3.rlsp.state_index_env import StateIndexEnv
from rlsp_sb3.rlsp.trajectory_weights import (
    count_impossible,
    effective_sample_size,
    tempered_weights,
)
from rlsp_sb3.simulators.rollout import make_simulator, rollout_simulator
from rlsp_sb3.utils.settings import merged

QUICK_HYPERPARAMETERS = {
    "inverse_policy": {
        "n_rollouts": 200,
        "fit": {"n_updates": 3, "batch_size": 256, "learning_rate": 1e-3},
    }
}
QUICK = {"n_trajectories": 60, "hyperparameters": QUICK_HYPERPARAMETERS}
PUBLISHED = [
    "RoomDefault-v0",
    "TrainDefault-v0",
    "ApplesDefault-v0",
    "BatteriesEasy-v0",
    "BatteriesDefault-v0",
    "RoomBad-v0",
]


class ExactInverse:
    """p_t(a, s | s') by Bayes' rule from the environment's tables."""

    def __init__(self, env, policy):
        self.env, self.mdp, self.policy = env, env.mdp, policy
        self.alpha = occupancies(self.mdp.transitions, policy, self.mdp.initial_distribution)
        self.by_arrival = self.mdp.transitions.tocsc()

    def joint(self, after, time):
        """States and actions that may have led to a state, and how likely each is."""
        first, last = self.by_arrival.indptr[after : after + 2]
        states, actions = np.divmod(self.by_arrival.indices[first:last], self.mdp.n_actions)
        weights = (
            self.alpha[time, states]
            * self.policy[time, states, actions]
            * self.by_arrival.data[first:last]
        )
        return states, actions, weights / weights.sum()

    def sample_states(self, after, time, rng):
        drawn = np.empty((2, len(after)), dtype=np.int64)
        for state in np.unique(after):
            states, actions, weights = self.joint(state, time)
            rows = np.flatnonzero(after == state)
            chosen = rng.choice(len(states), size=len(rows), p=weights)
            drawn[:, rows] = states[chosen], actions[chosen]
        return drawn


class ExactPolicy(ExactInverse):
    """Draws the action, and remembers the state that was drawn with it."""

    def sample(self, after, times, rng):
        states, actions = self.sample_states(self.env.state_indices(after), times[0], rng)
        self.before = self.env.observations(states)
        return actions


class ExactDynamics:
    def __init__(self, inverse_policy):
        self.inverse_policy = inverse_policy

    def sample(self, after, actions, times, rng):
        return self.inverse_policy.before


def exact_past(env_id, theta, n, seed):
    env = gym.make(env_id).unwrapped
    rng = np.random.default_rng(seed)
    plan = value_iteration(env.mdp.transitions, env.mdp.features @ theta, env.horizon)
    inverse = ExactPolicy(env, plan.policy)
    observed = env.observed_states
    past = simulate_past(
        observed,
        inverse,
        ExactDynamics(inverse),
        horizon=env.horizon,
        n_trajectories=n,
        rng=rng,
    )
    return env, past, PlannedPolicy(env, plan.policy, rng), make_simulator(env, rng)


def features_of(env):
    def features(observations):
        flat = observations.reshape(-1, *env.observation_space.shape)
        return env.features(flat).reshape(*observations.shape[:-1], -1)

    return features


def standard_scores(estimates, exact):
    error = estimates.std(axis=0, ddof=1) / np.sqrt(len(estimates))
    off = estimates.mean(axis=0) - exact
    return np.where(error > 0, off / np.maximum(error, 1e-12), 1e3 * off)


@pytest.mark.parametrize(
    "env_id", ["RoomDefault-v0", "RoomBad-v0", "TrainDefault-v0", "BatteriesDefault-v0"]
)
@pytest.mark.parametrize("seed", [0, 1])
def test_exact_inverse_models_give_the_exact_gradient(env_id, seed):
    exact = TabularRLSP(env_id, seed=seed)
    theta = np.random.default_rng(seed).normal(size=len(exact.theta))
    env, past, policy, simulator = exact_past(env_id, theta, 10_000, seed)
    gradient = exact.log_likelihood_gradient(theta)
    features = features_of(env)
    estimates = feature_advantages(past, policy.act, simulator, features)
    assert np.abs(standard_scores(estimates, gradient)).max() < 3.5
    # Nothing is random here, so that the published form has the same expectation.
    states = [past.observations[0]]
    for t in range(env.horizon - 1):
        states.append(simulator.step(states[-1], policy.act(states[-1], t)))
    published = features(past.observations).sum(0) - features(np.stack(states)).sum(0)
    assert np.abs(standard_scores(published, gradient)).max() < 3.5


def test_only_the_advantages_are_right_where_things_are_random():
    exact = TabularRLSP("ApplesDefault-v0", seed=0).learn()
    env, past, policy, simulator = exact_past("ApplesDefault-v0", exact.theta, 20_000, 0)
    gradient = exact.log_likelihood_gradient(exact.theta)
    features = features_of(env)
    estimates = feature_advantages(past, policy.act, simulator, features)
    assert np.abs(standard_scores(estimates, gradient)).max() < 3.5
    states = [past.observations[0]]
    for t in range(env.horizon - 1):
        states.append(simulator.step(states[-1], policy.act(states[-1], t)))
    published = features(past.observations).sum(0) - features(np.stack(states)).sum(0)
    assert np.abs(standard_scores(published, gradient)).max() > 20  # luck with apples that grew


def test_error_falls_with_the_number_of_trajectories():
    theta = np.array([0.5, -0.3, 0.2, 0.4])
    gradient = TabularRLSP("RoomDefault-v0").log_likelihood_gradient(theta)
    errors = []
    for n in (100, 10_000):
        env, past, policy, simulator = exact_past("RoomDefault-v0", theta, n, seed=n)
        estimates = feature_advantages(past, policy.act, simulator, features_of(env))
        errors.append(np.linalg.norm(estimates.mean(axis=0) - gradient))
    assert errors[1] < errors[0] / 3
    assert errors[1] < 0.1 * np.linalg.norm(gradient)


@pytest.mark.parametrize("env_id", ["TrainDefault-v0", "ApplesDefault-v0"])
def test_exact_pasts_are_possible_and_others_are_not(env_id):
    exact = TabularRLSP(env_id)
    env, past, _, simulator = exact_past(env_id, exact.theta, 50, 0)

    def count(trajectories):
        indices = env.state_indices(trajectories.observations[0])
        can_start = env.mdp.initial_distribution[indices] > 0
        return count_impossible(trajectories, can_start, simulator, 100)

    assert not count(past).any()
    observations = past.observations.copy()
    observations[0, :10] = simulator.step(observations[0, :10], np.full(10, 2))  # another start
    counts = count(PastTrajectories(observations, past.actions))
    assert counts[:10].all()
    assert not counts[10:].any()
    still = PastTrajectories(past.observations, np.full_like(past.actions, 4))  # nobody moved
    assert (count(still) > 0).all()


def test_possible_pasts_count_alone_if_there_are_enough():
    weights = tempered_weights(-np.array([0.0, 0, 3, 1, 0]), 3, max_power=50.0)
    np.testing.assert_allclose(weights, [1 / 3, 1 / 3, 0, 0, 1 / 3], atol=1e-12)


@pytest.mark.parametrize("smallest_size", [2, 10, 50])
def test_weights_keep_the_effective_sample_size_above_the_floor(smallest_size):
    impossible = np.random.default_rng(0).integers(1, 8, size=50)
    impossible[0] = 0
    weights = tempered_weights(-impossible.astype(float), smallest_size, max_power=50.0)
    assert weights.sum() == pytest.approx(1)
    assert effective_sample_size(weights) == pytest.approx(smallest_size, rel=0.01)
    assert (np.diff(weights[np.argsort(impossible)]) <= 1e-12).all()


def test_learning_improves_and_names_what_it_logs():
    more = merged(
        QUICK_HYPERPARAMETERS, {"inverse_policy": {"n_rollouts": 1000, "fit": {"n_updates": 30}}}
    )
    learner = RLSP("RoomDefault-v0", seed=0, hyperparameters=more, n_trajectories=300)
    learner.learn(8, log_interval=100)
    exact = TabularRLSP("RoomDefault-v0", seed=0).learn().theta
    cosine = learner.theta @ exact / np.linalg.norm(learner.theta) / np.linalg.norm(exact)
    assert cosine > 0.9
    assert {
        "losses/inverse_policy_loss",
        "losses/inverse_dynamics_loss",
        "rlsp/possible_pasts",
        "rlsp/effective_pasts",
        "rlsp/gradient_norm",
        "rlsp/reward_norm",
    } <= set(learner.logger.name_to_value)  # not written out yet
    assert evaluate_policy(learner, learner.get_env(), n_eval_episodes=1)[0] > 0


def test_same_seed_same_bits():
    thetas = [RLSP("TrainDefault-v0", seed=seed, **QUICK).learn(2).theta for seed in (3, 3, 4)]
    np.testing.assert_array_equal(thetas[0], thetas[1])
    assert (thetas[0] != thetas[2]).any()


def test_saved_and_resumed_is_never_stopped(tmp_path):
    whole = RLSP("RoomDefault-v0", seed=0, **QUICK).learn(5)
    part = RLSP("RoomDefault-v0", seed=0, **QUICK).learn(2)
    part.save(tmp_path / "part")
    resumed = RLSP.load(tmp_path / "part", env="RoomDefault-v0")
    assert resumed.num_timesteps == 2
    resumed.learn(3, reset_num_timesteps=False)
    np.testing.assert_array_equal(resumed.theta, whole.theta)


def test_saved_before_learning_is_as_new(tmp_path):
    RLSP("RoomBad-v0", seed=0, **QUICK).save(tmp_path / "new")
    loaded = RLSP.load(tmp_path / "new", env="RoomBad-v0").learn(2)
    expected = RLSP("RoomBad-v0", seed=0, **QUICK).learn(2)
    np.testing.assert_array_equal(loaded.theta, expected.theta)


def test_numbers_of_states_stand_for_observations():
    """What is simulated with them, with the same random numbers, is what the environment shows."""
    env = gym.make("ApplesDefault-v0").unwrapped
    numbered = StateIndexEnv(env)
    policy = np.random.default_rng(0).dirichlet(np.ones(env.action_space.n), (5, len(env.states)))
    trajectories = []
    for world in (env, numbered):
        rng = np.random.default_rng(0)
        simulator, acting = make_simulator(world, rng), PlannedPolicy(world, policy, rng)
        trajectories.append(rollout_simulator(simulator, acting.act, simulator.reset(100), 5))
    shown, numbers = trajectories
    np.testing.assert_array_equal(shown.actions, numbers.actions)
    for observations, states in zip(shown.observations, numbers.observations, strict=True):
        np.testing.assert_array_equal(observations, env.observations(states))
        np.testing.assert_array_equal(env.features(observations), numbered.features(states))


class Silent(RoomEnv):
    """Does not say what it shows in which state."""

    @property
    def observations(self):
        raise AttributeError("observations")


def test_environments_that_only_tell_states_from_observations(monkeypatch):
    monkeypatch.setattr("rlsp_sb3.rlsp.tabular_estimator.N_EXPLORED", 200)
    env = Silent(**gym.spec("RoomDefault-v0").kwargs)
    learner = RLSP(env, seed=0, **{**QUICK, "n_trajectories": 20}).learn(2)
    assert learner.gradient_estimator.past.observations.shape == (7, 20, 75)
    assert np.isfinite(learner.theta).all()


@pytest.mark.parametrize("name", ["n_trajectories", "n_epochs"])
def test_numbers_are_at_least_one(name):
    with pytest.raises(ValueError, match=f"{name}=0"):
        RLSP("RoomDefault-v0", **{name: 0})


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_nothing_happens_within_a_horizon_of_one():
    env = gym.make("RoomDefault-v0").unwrapped
    start = env.observations([env.states.index(env.initial_state)])
    learner = RLSP("RoomDefault-v0", start, horizon=1, seed=0, prior="uniform", **QUICK)
    before = learner.theta.copy()
    np.testing.assert_array_equal(learner.learn(1).theta, before)


@pytest.mark.expensive
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("env_id", PUBLISHED)
def test_infers_what_exact_rlsp_infers(env_id, seed):
    exact = TabularRLSP(env_id, seed=0).learn()
    learner = RLSP(env_id, seed=seed).learn()
    cosine = learner.theta @ exact.theta
    cosine /= np.linalg.norm(learner.theta) * np.linalg.norm(exact.theta)
    assert cosine >= 0.99
    fractions, expected = true_return_fractions(learner), true_return_fractions(exact)
    assert list(fractions.values()) == pytest.approx(list(expected.values()), abs=2e-3)


@pytest.mark.expensive
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("env_id", "n_epochs", "fraction"),
    [
        ("RoomDefault-v0", None, 1),
        ("ApplesDefault-v0", 60, 0.987),  # simulated pasts get to the start after 45 to 55
        ("BatteriesEasy-v0", None, 1),
    ],
)
def test_finds_what_matters_in_features_that_are_learned(env_id, n_epochs, fraction, seed):
    learner = RLSP(env_id, encoder="vae", n_epochs=n_epochs, seed=seed, eval_interval=0).learn()
    assert list(true_return_fractions(learner).values())[-1] >= fraction - 1e-9
