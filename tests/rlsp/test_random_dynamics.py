"""Pasts that are sampled forward where dynamics are random: luck is no choice."""

from dataclasses import replace
from typing import NamedTuple

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3 import RLSP
from rlsp_sb3.encoders.base import FunctionEncoder
from rlsp_sb3.presets import FAST
from rlsp_sb3.rlsp.forward_estimator import ForwardEstimator
from rlsp_sb3.rlsp.gradient_estimator import GradientProblem
from rlsp_sb3.simulators import Simulator, make_simulator
from rlsp_sb3.utils.timer import Timer

from helpers.likelihood_gradient import likelihood_gradient

N_STEPS = 5
SLIP = 0.3


class RandomActions:
    """A solver whose policy is that for θ = 0."""

    def __init__(self, n_actions):
        self.n_actions = n_actions

    def act(self, observations, time):
        return np.random.randint(self.n_actions, size=len(observations))  # noqa: NPY002 (as SB3)


class Table(NamedTuple):
    """A world as tables, and as a simulator."""

    transitions: np.ndarray  # (S, A, S)
    features: np.ndarray  # (S, F)
    initial: np.ndarray  # (S,)
    simulator: Simulator


class SlipperyWalk(Simulator):
    """A walk on the integers, which is at times carried two steps up whatever is done."""

    def __init__(self, starts):
        self.starts = np.array(starts)
        env = gym.Env()
        env.observation_space = spaces.Discrete(30)
        env.action_space = spaces.Discrete(2)
        super().__init__(env, np.random.default_rng(0))

    def reset(self, n):
        return self.rng.choice(self.starts, size=n)

    def _advance(self, states, actions):
        slips = self.rng.random(len(states)) < SLIP
        following = states + np.where(slips, 2, np.where(actions, 1, -1))
        return following, following.copy()


def walk(starts):
    transitions = np.zeros((30, 2, 30))
    for x in range(30):
        for action, step in enumerate((-1, 1)):
            transitions[x, action, min(max(x + step, 0), 29)] += 1 - SLIP
            transitions[x, action, min(x + 2, 29)] += SLIP
    x = np.arange(30.0)[:, None] - 10
    initial = np.bincount(starts, minlength=30) / len(starts)
    return Table(transitions, np.hstack([x, x**2]), initial, SlipperyWalk(starts))


def lake(rows):
    env = gym.make("FrozenLake-v1", desc=rows, is_slippery=True)
    table = env.unwrapped.P
    transitions = np.zeros((len(table), 4, len(table)))
    for state, by_action in table.items():
        for action, outcomes in by_action.items():
            for probability, following, *_ in outcomes:
                transitions[state, action, following] += probability
    tiles = np.array([list(row) for row in rows]).ravel()
    place = np.array(np.unravel_index(np.arange(len(tiles)), (len(rows), len(rows[0]))))
    features = np.vstack([place, tiles == "H"]).T.astype(float)
    initial = (tiles == "S") / (tiles == "S").sum()
    return Table(transitions, features, initial, make_simulator(env, np.random.default_rng(0)))


WORLDS = {
    "one start": (lambda: walk([10]), 12, 20_000),
    "three starts": (lambda: walk([8, 10, 11]), 15, 20_000),
    "lake": (lambda: lake(["SFS", "FHF", "SFF"]), 8, 8_000),
}


def estimate(table, state, n, seed=0, *, is_random=True):
    problem = GradientProblem(
        observed_states=np.array([state]),
        encoder=FunctionEncoder(
            lambda shown: table.features[np.asarray(shown).astype(int).ravel()],
            tuple("abc")[: table.features.shape[1]],
        ),
        horizon=N_STEPS + 1,
        n_trajectories=n,
        trajectory_weights="uniform",
        # So narrow a kernel that only the observed state itself counts.
        hyperparameters=replace(FAST, forward=replace(FAST.forward, effective_share=1e-3)),
    )
    table.simulator.seed(seed)
    policy = RandomActions(table.transitions.shape[1])
    estimator = ForwardEstimator(problem, table.simulator, policy, is_random=is_random)
    np.random.seed(seed)  # noqa: NPY002 (as SB3's solvers are)
    found = estimator.estimate(N_STEPS + 1, np.random.default_rng(seed), Timer())
    return found.gradient, found


@pytest.mark.parametrize("world", WORLDS)
def test_the_gradient_is_that_of_the_likelihood(world):
    make, state, n = WORLDS[world]
    table = make()
    exact = likelihood_gradient(table.transitions, table.features, table.initial, state, N_STEPS)
    found, estimated = estimate(table, state, n)
    standard_error = np.linalg.norm(found) / estimated.signal_to_noise
    assert np.linalg.norm(found - exact) < 3 * standard_error
    assert standard_error < np.linalg.norm(exact) / 3
    plain, _ = estimate(table, state, n, is_random=False)
    assert np.linalg.norm(plain - exact) > 6 * standard_error  # takes luck for a choice


def test_the_standard_error_is_that_of_repeated_estimates():
    table = walk([8, 10, 11])
    found = [estimate(table, 12, 500, seed) for seed in range(40)]
    spread = np.sqrt(np.var([gradient for gradient, _ in found], axis=0, ddof=1).sum())
    told = [np.linalg.norm(gradient) / each.signal_to_noise for gradient, each in found]
    assert np.mean(told) == pytest.approx(spread, rel=0.3)


class Windy(gym.Env):
    """A point that goes by its action and the wind, beside an entry that the wind moves alone."""

    def __init__(self):
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,))
        self.action_space = spaces.Box(-1, 1, (1,))
        self.place = self.gust = 0.0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place, self.gust = self.np_random.uniform(-0.5, 0.5, 2)
        return self._shown, {}

    def step(self, action):
        wind = self.np_random.normal(size=2)
        self.place = np.clip(self.place + 0.3 * np.clip(action[0], -1, 1) + 0.15 * wind[0], -4, 4)
        self.gust = 0.97 * self.gust + 0.3 * wind[1]
        return self._shown, 0.0, False, False, {}

    def set_state_from_observation(self, observation):
        self.place, self.gust = map(float, observation)

    @property
    def _shown(self):
        return np.array([self.place, self.gust], np.float32)


def halves(observations):
    return np.asarray(observations, dtype=np.float64) / 2


def windy_learner(**kwargs):
    return RLSP(
        gym.wrappers.TimeLimit(Windy(), 20),
        np.array([[1.5, 1.5]], np.float32),
        encoder=FunctionEncoder(halves, ("place", "gust")),
        horizon=12,
        n_epochs=8,
        n_trajectories=200,
        eval_interval=0,
        seed=0,
        hyperparameters={"episode_length": 12, "solver": {"n_steps": 1024, "n_envs": 16}},
        **kwargs,
    )


def test_what_nobody_chose_has_no_weight():
    learner = windy_learner().learn()
    assert learner.sampling == "forward"
    place, gust = learner.theta
    assert place > 0.1
    assert abs(gust) < 0.1 * place


def test_luck_would_have_a_weight_without_branches():
    learner = windy_learner()
    learner.gradient_estimator.is_random = False
    place, gust = learner.learn().theta
    assert gust > 0.5 * place > 0


def test_the_same_seed_gives_the_same_reward():
    some, others = (windy_learner().learn(2_048) for _ in range(2))
    np.testing.assert_array_equal(some.theta, others.theta)


def test_random_dynamics_are_noticed():
    slippery, ice = (gym.make("FrozenLake-v1", is_slippery=slips) for slips in (True, False))
    for env, is_random in ((slippery, True), (ice, False)):
        learner = RLSP(env, [3], preset="smoke", encoder="identity")
        assert learner.sampling == "forward"
        assert learner.gradient_estimator.is_random is is_random
