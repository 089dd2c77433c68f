"""A vase that random steps hardly reach: methods differ as the problem says beforehand."""

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.planning import true_return_fraction

VASES, GOAL = 0, 2


def random_walk(mdp, n_steps):
    """The distribution (S,) over states after random steps from the start."""
    n_states = mdp.transitions.shape[1]
    n_actions = mdp.transitions.shape[0] // n_states
    distribution = mdp.initial_distribution
    for _ in range(n_steps):
        distribution = np.repeat(distribution / n_actions, n_actions) @ mdp.transitions
    return distribution


def test_what_is_seen_says_nothing_of_the_vase():
    env = gym.make("RoomFar-v0").unwrapped
    (seen,) = env.features(env.observed_states)
    at_random = random_walk(env.mdp, env.horizon - 1) @ env.mdp.features
    assert seen[VASES] == AverageFeatures(env).theta[VASES] == 0
    assert 0 < at_random[VASES] < 0.005


@pytest.mark.parametrize(
    ("prior_std", "lowest", "highest", "robot_is_right"),
    [(0.5, -0.01, 0, False), (2, -3, -1, True)],
)
def test_a_prior_with_room_for_the_goal_finds_the_vase(prior_std, lowest, highest, robot_is_right):
    learner = TabularRLSP("RoomFar-v0", prior_std=prior_std, seed=0).learn()
    assert lowest < learner.theta[VASES] < highest
    assert learner.theta[GOAL] > 0.3
    env = learner.unwrapped_env
    planned, wanted = env.task_reward + learner.theta, env.true_reward
    start = int(np.argmax(env.mdp.initial_distribution))
    features = env.mdp.features
    fraction = true_return_fraction(env.mdp, features @ planned, features @ wanted, start)
    assert (fraction == pytest.approx(1)) == robot_is_right
