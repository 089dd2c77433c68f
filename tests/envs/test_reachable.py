"""The part of a gridworld within reach is what its rules lead to, in worlds of any size."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlsp_envs.gridworlds import reachable_part
from rlsp_envs.gridworlds.room import RoomEnv
from rlsp_envs.gridworlds.states import state_space
from rlsp_envs.gridworlds.states.state_space import TooManyStatesError

from helpers.brute_force import CUSTOM, IDS, Room, World, custom, published

GRIDS = [env_id for env_id in IDS if env_id.endswith(("Default-v0", "Easy-v0", "Bad-v0"))]


def build(name: str) -> tuple[World, Any]:
    if name in IDS:
        return published(name), gym.make(name).unwrapped
    family, arguments = CUSTOM[name]
    return custom(name), gym.make(f"{family}-v0", **arguments).unwrapped


def within(world: World, n_actions: int) -> list[set[Any]]:
    """The states that are first reached by 0, 1, … actions, by the rules, one at a time."""
    layers, seen = [{world.initial()}], {world.initial()}
    for _ in range(n_actions):
        following = {
            after
            for state in layers[-1]
            for action in range(world.n_actions)
            for after in world.step(state, action)
        }
        layers.append(following - seen)
        seen |= following
    return layers


@pytest.mark.parametrize("name", [*GRIDS, *CUSTOM])
@pytest.mark.parametrize("max_word", [state_space.MAX_WORD, 4], ids=["numbers", "bytes"])
def test_it_is_what_the_rules_lead_to(
    name: str, max_word: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_space, "MAX_WORD", max_word)
    monkeypatch.setattr(reachable_part, "CHUNK", 7)
    world, env = build(name)
    state_class = type(world.initial())
    for horizon in (1, 2, 5):
        mdp = env.reachable(horizon).mdp
        layers = within(world, horizon - 1)
        states = [state_class(**mdp.state(i)) for i in range(mdp.n_states)]
        ends = np.cumsum([len(layer) for layer in layers])  # those that are reached first are first
        assert [set(each) for each in np.split(np.array(states, object), ends[:-1])] == layers
        assert [mdp.index(vars(state)) for state in states] == list(range(len(states)))
        assert mdp.initial_distribution.tolist() == [1] + [0] * (len(states) - 1)
        features = [list(world.features(state).values()) for state in states]
        np.testing.assert_array_equal(mdp.features, features)
        index = {state: i for i, state in enumerate(states)}
        for i, state in enumerate(states):
            for action in range(world.n_actions):
                row = mdp.transitions[[i * world.n_actions + action]].toarray()[0]
                outcomes = world.step(state, action) if state not in layers[-1] else {}
                expected = np.zeros(len(states))
                for after, probability in outcomes.items():
                    expected[index[after]] = probability
                np.testing.assert_allclose(row, expected, rtol=0, atol=1e-14)


def test_it_knows_its_states_by_what_they_show() -> None:
    env = gym.make("TrainDefault-v0").unwrapped
    part = env.reachable(4)
    shown = env.observations(np.arange(env.mdp.n_states))
    indices = part.state_indices(shown)
    found = indices[indices >= 0]
    assert sorted(found) == list(range(part.mdp.n_states))
    assert (indices < 0).sum() == env.mdp.n_states - part.mdp.n_states
    np.testing.assert_array_equal(part.features(shown), env.mdp.features)


def test_it_starts_in_the_state_of_an_observation() -> None:
    env = gym.make("BatteriesDefault-v0").unwrapped
    mdp = env.reachable(3, env.observed_states[0]).mdp
    assert mdp.state(0) == env.observed_state
    assert mdp.initial_distribution[0] == 1


def test_a_closed_world_is_the_whole_one_at_any_horizon() -> None:
    env = RoomEnv("AV1")
    assert env.reachable(10**6).mdp.n_states == 4  # a vase is broken from the middle cell on
    part = env.reachable(10**6).mdp
    np.testing.assert_array_equal(part.transitions.sum(axis=1), 1)


def test_a_world_of_more_combinations_than_64_bits() -> None:
    env = RoomEnv("A" + 99 * "V")
    mdp = env.reachable(6).mdp
    states = [mdp.state(i) for i in range(mdp.n_states)]
    # The agent has come as far as some cell, and has broken all vases up to there.
    expected = {(place, far) for far in range(6) for place in range(6) if place <= far}
    found = {(state["agent"][1], 99 - sum(state["vases"])) for state in states}
    assert found == {(place, far) for place, far in expected if far + (far - place) <= 5}
    assert all(
        list(s["vases"]) == [0] * (99 - sum(s["vases"])) + [1] * sum(s["vases"]) for s in states
    )
    assert [mdp.index(state) for state in states] == list(range(len(states)))
    env.reset()
    assert env.reachable(6).state_indices(env.reset()[0][None]).tolist() == [0]


def test_too_many_states_are_an_error_that_counts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = "A" + 39 * "V" + "\n" + 40 * "V"
    env = RoomEnv(layout)
    most = sum(map(len, within(Room(layout), 5)))
    monkeypatch.setattr(reachable_part, "MAX_STATES", most)
    assert env.reachable(6).mdp.n_states == most
    found = sum(map(len, within(Room(layout), 6)))
    message = f"horizon=9: {found} states were found within 6 of 8 actions: expected at most {most}"
    with pytest.raises(TooManyStatesError, match=message):
        env.reachable(9)
    for call in (lambda: env.mdp, lambda: env.state_indices(env.reset()[0][None])):
        with pytest.raises(MemoryError, match=r"combinations.*use fewer objects"):
            call()


@pytest.mark.parametrize("horizon", [0, -1, 2.5, "7", True, None])
def test_a_wrong_horizon_is_refused(horizon: Any) -> None:
    with pytest.raises(ValueError, match=r"horizon=.*expected an int of at least 1"):
        RoomEnv("AV1").reachable(horizon)


def test_an_observation_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"observations have shape \(1, 3\)"):
        RoomEnv("AV1").reachable(3, np.zeros(3))
