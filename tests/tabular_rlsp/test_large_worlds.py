"""Exact RLSP where states are too many to enumerate is that of all states, within reach."""

from __future__ import annotations

import tracemalloc
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from scipy.sparse import csr_array
from stable_baselines3.common.evaluation import evaluate_policy

from rlsp_baselines import Deviation, RewardSampling, TaskReward
from rlsp_envs.gridworlds import reachable_part
from rlsp_envs.gridworlds.states import state_space
from rlsp_sb3 import TabularRLSP, UnreachableStateError
from rlsp_sb3.experiments.learner_run import default_learner, learn_into_folder
from rlsp_sb3.learners import plans_policy
from rlsp_sb3.planning.reachable_policy import ReachablePolicy
from rlsp_sb3.protocols import ReachableEnv
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood
from rlsp_sb3.utils.errors import NotOfferedError

from helpers.problems import HORIZONS

NORTH, SOUTH, EAST, WEST, STAY = range(5)
FORTY_VASES = """
    A...V.VVVV
    V.V.V.VVVV
    V.V...VVVV
    V.VVVV.VVV
    1.VVV..V.V
    V.VVVV....
    V......VVV
    ..........
    ..........
    ..........
"""
every_problem = pytest.mark.parametrize("env_id", HORIZONS)


@pytest.fixture
def too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Gridworlds whose MDP is made from now on have too many states."""
    monkeypatch.setattr(state_space, "MAX_COMBINATIONS", 1)


def forty_vases(**arguments: Any) -> Any:
    given = {
        "layout": FORTY_VASES,
        "observed_state": {"agent": (4, 0)},
        "task_reward": {"on_goal_1": 1},
        "horizon": 11,
    }
    return gym.make("Room-v0", **{**given, **arguments})


@every_problem
def test_the_likelihood_is_that_of_all_states(env_id: str) -> None:
    env, horizon = gym.make(env_id).unwrapped, HORIZONS[env_id]
    observed, rng = env.observed_states, np.random.default_rng(0)
    part = env.reachable(horizon)
    assert part.mdp.n_states <= env.mdp.n_states
    for temperature in (0.3, 1.0):
        of_all = StateLikelihood.of_env(env, observed, "known", horizon, temperature)
        of_part = StateLikelihood.of_env(part, observed, "known", horizon, temperature)
        for _ in range(5):
            theta = rng.normal(size=len(env.feature_names))
            value, gradient = of_part.value_and_gradient(theta)
            expected, slope = of_all.value_and_gradient(theta)
            assert value == pytest.approx(expected, abs=1e-10, rel=1e-10)
            np.testing.assert_allclose(gradient, slope, rtol=1e-10, atol=1e-10)


@every_problem
def test_learning_is_that_of_all_states(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments: dict[str, Any] = {"horizon": HORIZONS[env_id], "seed": 0}
    of_all = TabularRLSP(env_id, **arguments).learn()
    monkeypatch.setattr(state_space, "MAX_COMBINATIONS", 1)
    learner = TabularRLSP(env_id, **arguments).learn()
    assert not plans_policy(learner)
    assert isinstance(learner.policy, ReachablePolicy)
    np.testing.assert_allclose(learner.theta, of_all.theta, rtol=0, atol=1e-5)
    assert learner.has_converged


@every_problem
def test_plans_are_those_for_all_states(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env, rng = gym.make(env_id), np.random.default_rng(1)
    of_all = TabularRLSP(env, horizon=HORIZONS[env_id], seed=0)
    weights = of_all.theta = rng.normal(size=len(of_all.theta))
    table = of_all.policy.table
    values = optimal_action_values(of_all, table)
    monkeypatch.setattr(state_space, "MAX_COMBINATIONS", 1)
    learner = TabularRLSP(gym.make(env_id), horizon=HORIZONS[env_id], seed=0)
    learner.theta = weights
    for start in (None, env.unwrapped.observed_state):
        options = None if start is None else {"state": start}
        for policy_acts in (True, False):  # it plans anew where its plan does not lead
            observation, _ = env.reset(seed=0, options=options)
            state = None
            for step in range(20):
                action, state = learner.predict(observation, state, deterministic=True)
                index = of_all.mdp.index(env.unwrapped.state)
                best = values[step, index]
                assert best[action] >= best.max() - 1e-10
                taken = int(action) if policy_acts else int(rng.integers(env.action_space.n))
                observation = env.step(taken)[0]


def optimal_action_values(learner: TabularRLSP, table: np.ndarray) -> np.ndarray:
    """Q (T - 1, S, A) of the optimal policy (T - 1, S, A), by the textbook."""
    mdp, rewards = learner.mdp, learner.planned_rewards
    values, found = rewards, []
    for policy in table[::-1]:
        q = rewards[:, None] + (mdp.transitions @ values).reshape(policy.shape)
        found.append(q)
        values = (policy * q).sum(axis=1)
    return np.stack(found[::-1])


@pytest.mark.usefixtures("too_large")
def test_a_batch_is_in_several_places_and_times() -> None:
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn()
    env = gym.make("RoomDefault-v0").unwrapped
    shown = [env.reset(options={"state": {"agent": cell}})[0] for cell in [(2, 0), (0, 2), (0, 3)]]
    times = np.array([0, 19, 5])
    actions, (after,) = learner.predict(np.stack(shown), (times,))
    alone = [
        learner.predict(each, (time[None],))[0] for each, time in zip(shown, times, strict=True)
    ]
    assert actions.tolist() == alone
    assert after.tolist() == [1, 20, 6]
    late = learner.predict(shown[0], (np.array([50]),))[0]
    assert late == learner.predict(shown[0], (np.array([19]),))[0]  # the last step is repeated


# A room of 10^14 combinations.


def test_a_room_with_40_vases_is_learned_from() -> None:
    env = forty_vases(max_episode_steps=12)
    assert FORTY_VASES.count("V") == 40
    learner = TabularRLSP(env, seed=0).learn()
    assert learner.has_converged
    assert learner.reward["broken_vases"] < -0.3
    mean, _ = evaluate_policy(learner, env, n_eval_episodes=1)
    assert mean > 0
    observation, info = env.reset()
    state = None
    for _ in range(12):
        action, state = learner.predict(observation, state, deterministic=True)
        observation, _, _, _, info = env.step(int(action))
    assert env.unwrapped.state["agent"] == (4, 0)
    assert info["features"][0] == 0  # although the way through vases is shorter


def test_it_takes_little_memory() -> None:
    tracemalloc.start()
    try:
        TabularRLSP(forty_vases(), seed=0).learn()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 100e6


def test_its_learner_is_saved_and_loaded(tmp_path: Any) -> None:
    env = forty_vases(max_episode_steps=4)
    learner = TabularRLSP(env, seed=0).learn(2)
    learner.save(tmp_path / "room")
    again = TabularRLSP.load(tmp_path / "room", env=env)
    learner.learn(3, reset_num_timesteps=False)
    again.learn(3, reset_num_timesteps=False)
    np.testing.assert_array_equal(again.theta, learner.theta)
    learner.set_env(forty_vases(max_episode_steps=5))
    observation, _ = env.reset()
    assert learner.predict(observation)[0] == again.predict(observation)[0]


def test_other_learners_of_linear_rewards_serve_it() -> None:
    env = forty_vases(max_episode_steps=4, horizon=9)
    for learner in (
        TaskReward(env),
        RewardSampling(env, n_samples=2, burn_in=1, n_chains=2, seed=0),
    ):
        learner.learn()
        assert learner.predict(env.reset()[0])[0] in range(5)
    with pytest.raises(NotOfferedError, match="too many states for Deviation"):
        Deviation(env).learn()


def test_a_plan_for_too_many_states_says_how_many(monkeypatch: pytest.MonkeyPatch) -> None:
    env = forty_vases()
    learner = TabularRLSP(env, seed=0)
    monkeypatch.setattr(reachable_part, "MAX_STATES", 20_000)
    with pytest.raises(MemoryError, match=r"horizon=21: [\d,]+ states .* time limit"):
        learner.predict(env.reset()[0])
    monkeypatch.setattr(reachable_part, "MAX_STATES", 200)
    with pytest.raises(MemoryError, match=r"horizon=11: \d\d\d states were found within \d of 10"):
        TabularRLSP(env)
    with pytest.raises(MemoryError, match="combinations"):
        _ = learner.mdp


def test_what_cannot_be_known_is_refused() -> None:
    with pytest.raises(ValueError, match=r'initial_states="uniform".*expected "known"'):
        TabularRLSP(forty_vases(), initial_states="uniform")
    for cell in ((9, 9), (4, 8)):
        with pytest.raises(UnreachableStateError, match=r"observed_states\[0\].*horizon=11"):
            TabularRLSP(forty_vases(observed_state={"agent": cell}))
    odd = forty_vases(observed_state={"agent": (0, 1)}, horizon=1)
    with pytest.raises(UnreachableStateError, match="horizon=1 states, 0 actions"):
        TabularRLSP(odd)


def test_a_run_of_it_leaves_a_folder(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    kwargs = {"layout": FORTY_VASES, "observed_state": {"agent": (4, 0)}, "horizon": 11}
    spec = gym.envs.registration.EnvSpec(
        "Forty-v0",
        entry_point="rlsp_envs.gridworlds.room:RoomEnv",
        max_episode_steps=4,
        kwargs={**kwargs, "true_reward": {"broken_vases": -1}},
    )
    monkeypatch.setitem(gym.registry, spec.id, spec)
    assert default_learner(spec.id) == "tabular-rlsp"
    run = learn_into_folder(spec.id, folder=tmp_path / "run", seed=0)
    assert run.learner.reward["broken_vases"] < 0
    assert run.config.true_returns is not None
    assert "too many states" in run.without_fractions
    monkeypatch.setattr(reachable_part, "MAX_STATES", 20_000)
    monkeypatch.setattr(spec, "max_episode_steps", 20)
    run = learn_into_folder(spec.id, folder=tmp_path / "again", seed=0)
    assert run.config.true_returns is None
    assert "time limit" in run.without_fractions
    assert "time limit" in run.folder.left_out["policy.gif"]
    assert {"learner.zip", "reward.json"} <= {path.name for path in (tmp_path / "again").iterdir()}


# An environment of somebody else.


class Part:
    """Some cells of a corridor without ends, as a tabular environment."""

    feature_names = ("place", "at_start")

    def __init__(self, env: Corridor, places: np.ndarray, start: int) -> None:
        self.observation_space = env.observation_space
        self.features = env.features
        self.places = places
        after = np.clip(np.stack([places - 1, places + 1], axis=1), places[0], places[-1])
        columns = (after - places[0]).ravel()
        n = len(places)
        entries = (np.ones(2 * n), columns, np.arange(2 * n + 1))
        self.mdp = type("MDP", (), {})()
        self.mdp.transitions = csr_array(entries, shape=(2 * n, n))
        self.mdp.features = env.features(places[:, None])
        self.mdp.initial_distribution = (places == start).astype(float)

    def state_indices(self, observations: Any) -> np.ndarray:
        places = np.asarray(observations)[:, 0]
        known = (places >= self.places[0]) & (places <= self.places[-1])
        return np.where(known, places - self.places[0], -1).astype(np.int64)


class Corridor(gym.Env):
    """A corridor without ends, in which one goes left or right."""

    observation_space = spaces.Box(-(2**40), 2**40, (1,), np.int64)
    action_space = spaces.Discrete(2)
    feature_names = Part.feature_names
    task_reward = np.array([1.0, 0.0])
    horizon = 5
    observed_states = np.array([[-2]])

    def features(self, observations: Any) -> np.ndarray:
        places = np.asarray(observations, dtype=np.float64)[..., 0]
        return np.stack([places, places == 0], axis=-1)

    def reachable(self, horizon: int, observation: Any = None) -> Part:
        start = 0 if observation is None else int(observation[0])
        return Part(self, np.arange(start - horizon + 1, start + horizon), start)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.place = 0
        return np.array([0]), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.place += 2 * int(action) - 1
        return np.array([self.place]), 0.0, False, False, {}


def test_actions_of_other_spaces_are_refused() -> None:
    env = Corridor()
    env.action_space = spaces.Discrete(2, start=1)
    with pytest.raises(
        ValueError, match=r"Discrete\(2, start=1\): expected Discrete\(A\), from 0 on"
    ):
        TabularRLSP(env)


def test_an_environment_of_ones_own_needs_one_method() -> None:
    env = Corridor()
    assert isinstance(env, ReachableEnv)
    learner = TabularRLSP(env, seed=0).learn()
    # Of the 16 walks 4 end at -2: each goes right once, first, second, third or last.
    theta = np.zeros(2)
    assert learner.log_likelihood(theta) == pytest.approx(np.log(4 / 16))
    step = 1e-5 * np.eye(2)
    slopes = [
        (learner.log_likelihood(+each) - learner.log_likelihood(-each)) / 2e-5 for each in step
    ]
    np.testing.assert_allclose(learner.log_likelihood_gradient(theta), slopes, rtol=1e-6)
    assert learner.reward["place"] < 0
    observation = np.array([2**35])
    assert learner.predict(observation)[0] == 1  # the task is to go right
    learner = TabularRLSP(env, seed=0, inferred_weight=1000).learn()
    assert learner.predict(observation)[0] == 0
