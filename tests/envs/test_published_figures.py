"""The published problems have the figures that the published code gives."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlsp_envs.gridworlds.gridworld import GridworldEnv

from helpers.problems import all_published_figures

IDS = {
    "room_default": "RoomDefault-v0",
    "room_default_pixel": "RoomDefaultPixel-v0",
    "room_alt": "RoomAlt-v0",
    "room_bad": "RoomBad-v0",
    "room_big": "RoomBig-v0",
    "train_default": "TrainDefault-v0",
}


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return all_published_figures()


@pytest.fixture(params=list(IDS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def figures(name: str, published: dict[str, Any]) -> dict[str, Any]:
    return published[name]


@pytest.fixture
def env(name: str) -> GridworldEnv:
    return gym.make(IDS[name]).unwrapped


def as_grid(env: GridworldEnv, observation: np.ndarray) -> list[list[float]]:
    """The non-zero entries of the grid that an observation shows, [index, value] each."""
    (index,) = env.state_indices(observation[None])
    assert env.spec is not None
    if env.observation_space.dtype == np.uint8:  # of images, the figures have the grids
        env = gym.make(env.spec.id, observation="grid").unwrapped
        observation = env.observations([index])[0]
    assert env.observation_space.shape == (np.prod(env.grid_shape),)
    return [[i, observation[i]] for i in np.flatnonzero(observation)]


def test_every_published_problem_is_compared(published: dict[str, Any]) -> None:
    assert set(published) == set(IDS)


def test_sizes(env: GridworldEnv, figures: dict[str, Any]) -> None:
    mdp = env.mdp
    assert mdp.n_states == figures["n_states"]
    assert mdp.n_actions == env.action_space.n == figures["n_actions"]
    assert mdp.features.shape == (figures["n_states"], figures["n_features"])
    assert mdp.transitions.nnz == figures["n_transitions"]
    assert env.grid_shape == tuple(figures["observation_shape"])


def test_the_number_of_states_of_apples() -> None:
    assert gym.make("ApplesDefault-v0").unwrapped.mdp.n_states == 7744


def test_rewards(env: GridworldEnv, figures: dict[str, Any]) -> None:
    np.testing.assert_array_equal(env.task_reward, figures["task_reward"])
    np.testing.assert_array_equal(env.true_reward, figures["true_reward"])


def test_horizon(env: GridworldEnv, name: str, figures: dict[str, Any]) -> None:
    if name == "room_default_pixel":  # the published pixel room is the default room
        figures = {"horizon": 7}
    assert env.horizon == figures.get("horizon")


def test_observed_state(env: GridworldEnv, figures: dict[str, Any]) -> None:
    (observation,) = env.observed_states
    np.testing.assert_array_equal(env.features(observation), figures["observed_state_features"])
    assert as_grid(env, observation) == figures["observed_state_observation_nonzero"]


@pytest.mark.parametrize("name", ["room_default", "room_bad", "train_default"])
def test_initial_state(env: GridworldEnv, figures: dict[str, Any]) -> None:
    observation, info = env.reset(seed=0)
    np.testing.assert_array_equal(info["features"], figures["initial_state_features"])
    np.testing.assert_array_equal(env.features(observation), figures["initial_state_features"])


@pytest.mark.parametrize("env_id", ["ApplesDefault-v0", "BatteriesDefault-v0", "BatteriesEasy-v0"])
def test_horizons_of_problems_without_figures(env_id: str) -> None:
    assert gym.make(env_id).unwrapped.horizon == 11


@pytest.mark.parametrize("number", range(3))
def test_trajectories(env: GridworldEnv, figures: dict[str, Any], number: int) -> None:
    trajectory = figures["trajectories"][number]
    mdp = env.mdp
    env.reset(seed=0)
    before = mdp.index(env.state)
    for i, action in enumerate(trajectory["actions"]):
        observation, _, _, _, info = env.step(action)
        after = mdp.index(env.state)
        np.testing.assert_array_equal(info["features"], trajectory["features"][i])
        np.testing.assert_array_equal(mdp.features[after], trajectory["features"][i])
        assert as_grid(env, observation) == trajectory["observation_nonzero"][i]
        probability = mdp.transitions[[before * mdp.n_actions + action], :].toarray()[0, after]
        assert probability == trajectory["transition_probabilities"][i]
        before = after
    assert i == 19


def test_there_are_three_trajectories(figures: dict[str, Any]) -> None:
    assert len(figures["trajectories"]) == 3
