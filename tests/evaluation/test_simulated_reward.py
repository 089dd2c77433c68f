"""The reward that an environment gives, as a function of transitions."""

from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.data.transitions import Transitions, collect
from rlsp_sb3.evaluation.epic import epic_distance
from rlsp_sb3.evaluation.simulated_reward import SimulatedReward

from helpers.point import Point


@pytest.mark.parametrize(
    "env_id", ["HalfCheetah-FW-v2", "HalfCheetah-BW-v2", "Hopper-FW-v2", "Hopper-FW-Penalty-v2"]
)
def test_it_is_what_the_environment_gave(env_id):
    env = gym.make(env_id)
    policy = SimpleNamespace(predict=lambda observation, *_: (env.action_space.sample(), None))
    episodes = rollout_env(policy, env, 10, seed=0, noise=1.0, max_steps=15)
    seen = Transitions.from_episodes(episodes)
    reward = SimulatedReward(gym.make(env_id), seed=0)
    # Observations show the horizontal position of the root as 0: velocities lose some digits.
    computed = reward(seen.observations, seen.actions, seen.next_observations, seen.dones)
    rewards = np.concatenate([episode.rewards for episode in episodes])
    np.testing.assert_allclose(computed, rewards, atol=1e-6)


def test_of_imagined_transitions_the_next_state_does_not_count():
    reward = SimulatedReward(gym.wrappers.TimeLimit(Point(wall=1.0), 3))
    state = np.array([[0.0], [0.9], [0.0], [-5.0], [0.0]])
    action = np.array([[1.0], [1.0], [-1.0], [0.5], [0.0]], np.float32)
    nowhere = np.full((5, 1), np.nan)
    expected = [0.5, 1.4, -0.5, -4.75, 0.0]
    assert reward(state, action, nowhere, np.zeros(5, dtype=bool)) == pytest.approx(expected)


def test_it_can_be_compared_with_others():
    env = gym.wrappers.TimeLimit(Point(), 20)
    transitions = collect(env, 100, np.random.default_rng(0))
    true = SimulatedReward(env)

    def same(state, action, next_state, done):
        return 3 * (state + 0.5 * action)[:, 0] - 1

    distance = epic_distance(same, true, transitions, n_mean=20, seed=0)
    assert distance == pytest.approx(0, abs=1e-3)
    opposite = epic_distance(lambda *each: -same(*each), true, transitions, n_mean=20, seed=0)
    assert opposite == pytest.approx(1, abs=1e-3)


def test_environments_that_cannot_be_put_into_a_state_are_refused():
    with pytest.raises(TypeError, match="set_state_from_observation"):
        SimulatedReward(gym.make("Blackjack-v1"))
