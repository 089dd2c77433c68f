"""STARC: against dense algebra, what it does not see, and the order of policies."""

import itertools
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
from scipy.sparse import csr_array

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.evaluation import starc_distance

N_STATES, N_ACTIONS, DISCOUNT = 4, 2, 0.9


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def mdp(rng):
    """An MDP that cannot get from three of its states into the fourth."""
    p = rng.dirichlet(np.ones(N_STATES), (N_STATES, N_ACTIONS))
    p[:3, :, 3] = 0
    p /= p.sum(axis=2, keepdims=True)
    return SimpleNamespace(
        transitions=csr_array(p.reshape(-1, N_STATES)),
        features=np.eye(N_STATES),
        initial_distribution=np.full(N_STATES, 1 / N_STATES),
    )


def dense(mdp):
    return mdp.transitions.toarray().reshape(N_STATES, N_ACTIONS, N_STATES)


def returns_of(mdp, rewards, policy):
    """Discounted returns of a deterministic policy (S,) from each state."""
    p = dense(mdp)[np.arange(N_STATES), policy]
    return np.linalg.solve(np.eye(N_STATES) - DISCOUNT * p, rewards[np.arange(N_STATES), policy])


def test_formula(mdp, rng):
    rewards = rng.standard_normal((2, N_STATES, N_ACTIONS))
    directions = []
    for reward in rewards:
        values = np.zeros(N_STATES)
        for _ in range(2_000):
            q = reward + DISCOUNT * dense(mdp) @ values
            values = q.mean(axis=1)
        advantages = q - values[:, None]
        directions.append(advantages / np.sqrt((advantages**2).sum()))
    expected = np.sqrt(((directions[0] - directions[1]) ** 2).sum()) / 2
    assert starc_distance(mdp, *rewards, discount=DISCOUNT) == pytest.approx(expected, abs=1e-12)
    assert 0.1 < expected < 0.9


def test_scale_shaping_and_constants_do_not_count(mdp, rng):
    reward = rng.standard_normal((N_STATES, N_ACTIONS))
    potential = rng.standard_normal(N_STATES)
    shaped = 3 * reward + DISCOUNT * dense(mdp) @ potential - potential[:, None] + 7
    assert starc_distance(mdp, reward, shaped, discount=DISCOUNT) < 1e-9
    assert starc_distance(mdp, reward, 1e8 * reward, discount=DISCOUNT) < 1e-9
    assert starc_distance(mdp, reward, -shaped, discount=DISCOUNT) == pytest.approx(1)


def test_states_and_states_with_actions_are_the_same(mdp, rng):
    of_states, other = rng.standard_normal(N_STATES), rng.standard_normal(N_STATES)
    repeated = np.repeat(of_states[:, None], N_ACTIONS, axis=1)
    assert starc_distance(mdp, of_states, repeated) < 1e-12
    assert starc_distance(mdp, of_states, other) == starc_distance(mdp, other, of_states)


def test_what_changes_no_order_is_half_way_from_all(mdp, rng):
    nothing, something = np.full(N_STATES, 5.0), rng.standard_normal(N_STATES)
    assert starc_distance(mdp, nothing, something) == pytest.approx(0.5)
    assert starc_distance(mdp, nothing, np.zeros(N_STATES)) == 0


def test_it_is_0_where_policies_are_ordered_alike_and_above_where_not(mdp, rng):
    reward = rng.standard_normal((N_STATES, N_ACTIONS))
    potential = rng.standard_normal(N_STATES)
    alike = 0.2 * reward + DISCOUNT * dense(mdp) @ potential - potential[:, None]
    unlike = reward + rng.standard_normal(reward.shape)
    policies = list(itertools.product(range(N_ACTIONS), repeat=N_STATES))

    def order(rewards):
        means = [returns_of(mdp, rewards, np.array(policy)).mean() for policy in policies]
        return np.argsort(means).tolist()

    assert order(reward) == order(alike)
    assert order(reward) != order(unlike)
    assert starc_distance(mdp, reward, alike, discount=DISCOUNT) < 1e-9
    assert starc_distance(mdp, reward, unlike, discount=DISCOUNT) > 0.05


def test_gridworld():
    env = gym.make("RoomDefault-v0").unwrapped
    true, task = (env.mdp.features @ weights for weights in (env.true_reward, env.task_reward))
    assert 0.05 < starc_distance(env.mdp, true, task) < 0.9
    assert starc_distance(env.mdp, true, 2 * true + 1) < 1e-9


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reward": np.zeros(3)}, "reward"),
        ({"other": np.full(N_STATES, np.nan)}, "other"),
        ({"discount": 1.0}, "discount=1.0"),
        ({"discount": -0.1}, "discount=-0.1"),
    ],
)
def test_wrong_arguments(mdp, arguments, message):
    given = {"reward": np.arange(N_STATES), "other": np.arange(N_STATES), **arguments}
    with pytest.raises(ValueError, match=message):
        starc_distance(mdp, given.pop("reward"), given.pop("other"), **given)
