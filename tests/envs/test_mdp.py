"""The tabulated environments."""

from __future__ import annotations

import dataclasses
import sys
import tracemalloc

import gymnasium as gym
import numpy as np
import pytest

from rlsp_envs.gridworlds.mdp import TabularMDP
from rlsp_envs.gridworlds.room import RoomEnv

from helpers.brute_force import IDS

NORTH, SOUTH, EAST, WEST, STAY = range(5)
THIRTEEN_VASES = "A" + "V" * 9 + "\n" + "V" * 4 + "." * 6 + "\n" + "\n".join(["." * 10] * 8)

every_id = pytest.mark.parametrize("env_id", IDS)


@pytest.fixture
def room() -> TabularMDP:
    return gym.make("RoomDefault-v0").unwrapped.mdp


@every_id
def test_shapes(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    mdp = env.mdp
    S, A, F = mdp.n_states, mdp.n_actions, len(mdp.feature_names)
    assert env.action_space.n == A
    assert len(env.states) == len(mdp.states) == S
    assert mdp.transitions.shape == (S * A, S)
    assert mdp.transitions.format == "csr"
    assert mdp.transitions.dtype == np.float64
    assert mdp.transitions.has_canonical_format
    np.testing.assert_allclose(mdp.transitions.sum(axis=1), 1, rtol=0, atol=1e-14)
    assert mdp.features.shape == (S, F)
    assert mdp.features.dtype == np.float64
    assert env.task_reward.shape == env.true_reward.shape == (F,)
    assert len(set(mdp.feature_names)) == F
    assert mdp.initial_distribution.shape == (S,)
    assert mdp.initial_distribution.sum() == 1
    assert mdp.initial_distribution[mdp.index(env.initial_state)] == 1
    assert 0 <= mdp.default_action < A


def test_row_of_a_state_and_an_action(room: TabularMDP) -> None:
    before = {"agent": (2, 2), "vases": (1,)}
    after = {
        NORTH: {"agent": (1, 2), "vases": (0,)},  # breaks the vase
        SOUTH: before,
        EAST: {"agent": (2, 3), "vases": (1,)},
        WEST: {"agent": (2, 1), "vases": (1,)},
        STAY: before,
    }
    for action, state in after.items():
        row = room.transitions[[room.index(before) * 5 + action], :].toarray()[0]
        assert np.flatnonzero(row).tolist() == [room.index(state)]
        assert row.sum() == 1


@pytest.mark.parametrize("env_id", [i for i in IDS if i.startswith("Room")])
def test_the_default_action_leaves_a_room_as_it_is(env_id: str) -> None:
    mdp = gym.make(env_id).unwrapped.mdp
    stays = mdp.transitions[np.arange(mdp.n_states) * mdp.n_actions + mdp.default_action]
    np.testing.assert_array_equal(stays.toarray(), np.eye(mdp.n_states))


@every_id
def test_the_default_action_is_to_stay(env_id: str) -> None:
    assert gym.make(env_id).unwrapped.mdp.default_action == STAY


def test_states_are_ordered_by_their_fields(room: TabularMDP) -> None:
    assert room.state(0) == {"vases": (0,), "agent": (0, 0)}
    assert room.state(14) == {"vases": (0,), "agent": (2, 4)}
    assert room.state(15) == {"vases": (1,), "agent": (0, 0)}
    assert room.state(28) == {"vases": (1,), "agent": (2, 4)}
    assert isinstance(room.state(0)["agent"][0], int)


@pytest.mark.parametrize("index", [-1, 29, 1000])
def test_an_index_out_of_range_is_refused(room: TabularMDP, index: int) -> None:
    with pytest.raises(IndexError, match=f"index={index} is no state: expected 0 to 28"):
        room.state(index)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({"agent": (0, 0)}, r"\['agent', 'vases'\]"),
        ({}, r"\['agent', 'vases'\]"),
        ({"agent": (0, 0), "vases": (1,), "cat": 1}, r"'cat'.*\['agent', 'vases'\]"),
        ({"agent": (3, 0), "vases": (1,)}, "'agent'.*out of range"),
        ({"agent": (0, 0), "vases": (-1,)}, "'vases'.*out of range"),
        ({"agent": (0, 0), "vases": 1}, "'vases'.*expected 1 ints"),
        ({"agent": (0, 0), "vases": ()}, "'vases'.*expected 1 ints"),
        ({"agent": (0, "x"), "vases": (1,)}, "'agent'.*expected 2 ints"),
        ({"agent": (1, 2), "vases": (1,)}, "impossible"),
    ],
)
def test_an_impossible_state_is_refused(room: TabularMDP, state: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        room.index(state)


def test_states_given_as_lists_or_arrays(room: TabularMDP) -> None:
    expected = room.index({"agent": (0, 3), "vases": (1,)})
    assert room.index({"agent": [0, 3], "vases": [1]}) == expected
    assert room.index({"vases": np.array([1]), "agent": np.array([0, 3])}) == expected


def test_it_is_frozen(room: TabularMDP) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        room.default_action = 0


@every_id
def test_it_is_built_only_when_it_is_asked_for(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    for _ in range(20):
        env.step(STAY)
    base = env.unwrapped
    base.features(base.observed_states if base.observed_state else env.reset()[0])
    assert "mdp" not in vars(base)
    assert not {"_numbers", "_ranks"} & set(vars(base.states))
    assert base.mdp is base.mdp
    assert "mdp" in vars(base)


def test_a_world_too_big_to_tabulate_can_still_be_walked_in() -> None:
    env = gym.make("Room-v0", layout="A" + "V" * 39)
    observation, _ = env.reset(seed=0)
    for i in range(20):
        observation, *_, info = env.step(EAST)
        assert info["features"][0] == env.unwrapped.features(observation)[0] == i + 1
    with pytest.raises(ValueError, match=r"2\.2e\+13 combinations.*1\.3e\+08.*fewer objects"):
        _ = env.unwrapped.mdp
    with pytest.raises(ValueError, match="fewer objects"):
        gym.make_vec("Room-v0", **vector_arguments(layout="A" + "V" * 39))


def vector_arguments(**kwargs: str) -> dict:
    if gym.__version__.startswith("0."):
        return {"vectorization_mode": "custom", "vector_kwargs": kwargs}
    return kwargs


@pytest.mark.parametrize(
    ("env_id", "arguments", "state"),
    [
        ("Room-v0", {"layout": "A" + "." * 299}, {"agent": (0, 299)}),
        ("Apples-v0", {"layout": "AB", "bucket_capacity": 999}, {"buckets": (999,)}),
    ],
)
def test_large_numbers(env_id: str, arguments: dict, state: dict) -> None:
    env = gym.make(env_id, **arguments).unwrapped
    observation, _ = env.reset(options={"state": state})
    assert env.state == {**env.initial_state, **state}
    index = env.mdp.index(env.state)
    assert env.mdp.state(index) == env.state
    assert env.state_indices(observation[None]).tolist() == [index]


def test_a_room_with_13_vases_is_tabulated_without_a_loop_and_in_little_memory() -> None:
    env = RoomEnv(THIRTEEN_VASES)
    n_states = 87 * 2**13 + 13 * 2**12  # a vase under the agent is broken
    n_transitions = 5 * n_states
    n_calls = 0

    def count(frame: object, event: str, argument: object) -> None:
        nonlocal n_calls
        n_calls += event == "call"

    tracemalloc.start()
    before = sys.getprofile()
    sys.setprofile(count)
    try:
        mdp = env.mdp
        _, peak = tracemalloc.get_traced_memory()
    finally:
        sys.setprofile(before)
        tracemalloc.stop()
    assert n_calls < n_states / 100  # a loop over states would take minutes
    assert peak < 120 * n_transitions  # bytes
    assert mdp.n_states == n_states
    assert mdp.transitions.nnz == n_transitions
    assert (mdp.transitions.data == 1).all()
    rng = np.random.default_rng(0)
    for index in rng.integers(n_states, size=20).tolist():
        state = mdp.state(index)
        assert mdp.index(state) == index
        for action in range(5):
            env.reset(options={"state": state})
            env.step(action)
            after = mdp.transitions.indices[index * 5 + action]
            assert mdp.state(after) == env.state
            assert mdp.features[after, 0] == 13 - sum(env.state["vases"])
