"""The worlds do what their rules say, for every state and action."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy.sparse import csr_array

from rlsp_envs.gridworlds.gridworld import GridworldEnv

from helpers.brute_force import CUSTOM, IDS, WORLDS, World, custom, published

PUBLISHED = [env_id for env_id in IDS if env_id.removesuffix("-v0") not in WORLDS]
NAMES = [*PUBLISHED, *CUSTOM]


def build(name: str) -> tuple[World, GridworldEnv]:
    if name in IDS:
        return published(name), gym.make(name).unwrapped
    family, arguments = CUSTOM[name]
    return custom(name), gym.make(f"{family}-v0", **arguments).unwrapped


@pytest.fixture(scope="module", params=NAMES)
def both(request: pytest.FixtureRequest) -> tuple[World, GridworldEnv, list[Any]]:
    """A world, the environment of it, and the world's states in the environment's order."""
    world, env = build(request.param)
    states = sorted(world.states(), key=lambda state: env.mdp.index(vars(state)))
    return world, env, states


def test_states_are_the_possible_ones(both: tuple[World, GridworldEnv, list[Any]]) -> None:
    world, env, states = both
    assert [env.mdp.index(vars(state)) for state in states] == list(range(env.mdp.n_states))
    assert all(env.mdp.state(i) == vars(state) for i, state in enumerate(states))
    env.reset()
    assert env.state == vars(world.initial())
    start = env.mdp.initial_distribution
    assert start.sum() == start[states.index(world.initial())] == 1


def test_transitions_follow_the_rules(both: tuple[World, GridworldEnv, list[Any]]) -> None:
    world, env, states = both
    index = {state: i for i, state in enumerate(states)}
    probabilities, columns, starts = [], [], [0]
    for state in states:
        for action in range(world.n_actions):
            outcomes = world.step(state, action)
            columns += [index[after] for after in outcomes]
            probabilities += outcomes.values()
            starts.append(len(columns))
    shape = (len(states) * world.n_actions, len(states))
    expected = csr_array((probabilities, columns, starts), shape=shape)
    found = env.mdp.transitions
    assert found.shape == shape
    assert found.nnz == expected.nnz  # no zeros are stored
    assert abs(found - expected).max() < 1e-14


def test_features_follow_the_rules(both: tuple[World, GridworldEnv, list[Any]]) -> None:
    world, env, states = both
    expected = [world.features(state) for state in states]
    assert env.mdp.feature_names == env.feature_names == tuple(expected[0])
    np.testing.assert_array_equal(env.mdp.features, [list(f.values()) for f in expected])


def test_observations_show_what_is_documented(
    both: tuple[World, GridworldEnv, list[Any]],
) -> None:
    world, env, states = both
    if env.observation_space.dtype == np.uint8:
        env = gym.make("RoomDefaultPixel-v0", observation="grid").unwrapped
    grids = env.observations(np.arange(len(states))).reshape(len(states), *env.grid_shape)
    for state, grid in zip(states, grids, strict=True):
        places = np.argwhere(grid).tolist()
        found = {tuple(place): grid[tuple(place)] for place in places}
        assert found == world.grid(state)


@pytest.mark.parametrize("name", NAMES)
def test_steps_sample_the_rules(name: str) -> None:
    world, env = build(name)
    state_class = type(world.initial())
    rng = np.random.default_rng(0)
    env.reset(seed=0)
    state = world.initial()
    for _ in range(200):
        action = int(rng.integers(world.n_actions))
        env.step(action)
        after = state_class(**env.state)
        assert world.step(state, action).get(after, 0) > 0, f"{state} {action} {after}"
        state = after
