"""No layout and no sequence of actions breaks what always holds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsp_envs.gridworlds.apples import ApplesEnv
from rlsp_envs.gridworlds.batteries import BatteriesEnv
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.room import RoomEnv
from rlsp_envs.gridworlds.states.state_space import State
from rlsp_envs.gridworlds.toy_train import TrainEnv

from helpers.brute_force import ARROWS, Apples, Batteries, Cell, Room, Train, World, neighbor

SIZES = st.integers(1, 4)
ACTIONS = st.lists(st.integers(0, 5), min_size=1, max_size=25)
check = settings(max_examples=200, deadline=None, derandomize=True, database=None)


# Random layouts.


def drawing(cells: dict[Cell, str]) -> str:
    height, width = (1 + max(cell[i] for cell in cells) for i in (0, 1))
    return "\n".join(
        "".join(cells[row, column] for column in range(width)) for row in range(height)
    )


@st.composite
def layouts(draw: st.DrawFn, objects: str, most: int, goals: bool, track: bool) -> str:
    """A drawing with up to ``most`` of each of the objects, and goals and a track if asked for."""
    height, width = draw(SIZES), draw(SIZES)
    if track and height * width == 1:
        width = 2
    empty = [(row, column) for row in range(height) for column in range(width)]
    cells = dict.fromkeys(empty, ".")
    if track:
        for cell, symbol in draw(st.sampled_from(tracks(height, width))):
            cells[cell] = symbol
            empty.remove(cell)

    def place(symbol: str) -> None:
        cell = draw(st.sampled_from(empty))
        cells[cell] = symbol
        empty.remove(cell)

    place("A")
    for symbol in objects + "#":
        for _ in range(draw(st.integers(0, min(most, len(empty))))):
            place(symbol)
    for number in range(1, 1 + draw(st.integers(0, min(3 if goals else 0, len(empty))))):
        place(str(number))
    return drawing(cells)


@cache
def tracks(height: int, width: int) -> list[tuple[tuple[Cell, str], ...]]:
    """All loops in a grid that leave at least one cell, each with a 'T' somewhere, both ways."""
    cells = [(row, column) for row in range(height) for column in range(width)]
    loops: list[list[Cell]] = [[cell] for cell in cells]

    def extend(path: list[Cell]) -> None:
        for direction in range(4):
            after = neighbor(path[-1], direction)
            if after == path[0] and len(path) > 1:
                loops.append(path)
            elif after in cells and after not in path and after > path[0]:
                extend([*path, after])

    for cell in cells:
        extend([cell])
    drawings = []
    for loop in loops:
        if len(loop) < len(cells):
            # The 'T' hides the arrow in its place.
            for t in {0, len(loop) // 2, len(loop) - 1}:
                arrows = {cell: symbol_towards(cell, loop) for cell in loop}
                drawings.append(tuple({**arrows, loop[t]: "T"}.items()))
    return drawings


def symbol_towards(cell: Cell, loop: list[Cell]) -> str:
    after = loop[(loop.index(cell) + 1) % len(loop)]
    return next((s for s, d in ARROWS.items() if neighbor(cell, d) == after), "T")


def test_there_are_many_tracks() -> None:
    # A loop of all 12 cells would leave none for the agent.
    lengths = {len(track) for track in tracks(3, 4)}
    assert lengths == {1, 2, 4, 6, 8, 10}
    assert len(tracks(4, 4)) > 1000


# What holds in every world.


def check_everywhere(env: GridworldEnv, world: World) -> None:
    """What holds for all states."""
    mdp = env.mdp
    n = mdp.n_states
    assert mdp.transitions.shape == (n * mdp.n_actions, n)
    np.testing.assert_allclose(mdp.transitions.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert (mdp.transitions.data > 0).all()
    indices = np.arange(n)
    np.testing.assert_array_equal(env.states.encode(env.states.decode(indices)), indices)
    observations = env.observations(indices)
    np.testing.assert_array_equal(env.state_indices(observations), indices)
    np.testing.assert_array_equal(env.features(observations), mdp.features)
    assert (observations >= env.observation_space.low).all()
    assert (observations <= env.observation_space.high).all()
    assert sum(1 for _ in world.states()) == n


def walk(
    env: GridworldEnv, world: World, actions: list[int], seed: int
) -> Iterator[tuple[State, State]]:
    """Yield the states before and after each step, having checked what holds for all worlds."""
    mdp, state_class = env.mdp, type(world.initial())
    env.reset(seed=seed)
    for action in actions:
        action %= env.n_actions
        before = env.state
        observation, reward, terminated, truncated, info = env.step(action)
        after = env.state
        i, j = mdp.index(before), mdp.index(after)  # which says if a state is impossible
        assert mdp.state(j) == after
        outcomes = world.step(state_class(**before), action)
        row = mdp.transitions[[i * mdp.n_actions + action], :].toarray()[0]
        assert row[j] > 0
        expected = {mdp.index(vars(state)): p for state, p in outcomes.items()}
        assert set(np.flatnonzero(row)) == set(expected)
        assert all(abs(row[k] - p) < 1e-12 for k, p in expected.items())
        assert observation in env.observation_space
        np.testing.assert_array_equal(env.features(observation), info["features"])
        np.testing.assert_array_equal(mdp.features[j], info["features"])
        assert reward == info["task_reward"]
        assert not terminated
        assert not truncated
        yield before, after


def lost(before: tuple[int, ...], after: tuple[int, ...]) -> bool:
    """Whether ones became zeros, and no zero a one."""
    return all(b >= a for b, a in zip(before, after, strict=True))


@check
@given(layouts("VC", most=4, goals=True, track=False), ACTIONS)
def test_room(layout: str, actions: list[int]) -> None:
    env, world = RoomEnv(layout, task_reward={"broken_vases": -1}), Room(layout)
    check_everywhere(env, world)
    for before, after in walk(env, world, actions, seed=0):
        assert lost(before["vases"], after["vases"])  # a vase never mends


@check
@given(layouts("VC", most=4, goals=False, track=False))
def test_room_in_pixels(layout: str) -> None:
    env = RoomEnv(layout, observation="pixels")
    indices = np.arange(env.mdp.n_states)
    np.testing.assert_array_equal(env.state_indices(env.observations(indices)), indices)


@check
@given(layouts("VC", most=2, goals=True, track=True), ACTIONS)
def test_train(layout: str, actions: list[int]) -> None:
    env, world = TrainEnv(layout, task_reward={"broken_train": -1}), Train(layout)
    check_everywhere(env, world)
    for before, after in walk(env, world, actions, seed=0):
        assert lost(before["vases"], after["vases"])
        assert after["train_whole"] <= before["train_whole"]  # a train never mends
        if before["train_whole"]:
            assert after["train"] == (before["train"] + 1) % len(world.track())
        else:
            assert after["train"] == before["train"]  # nor moves when it is broken


@check
@given(
    layouts("TB", most=2, goals=False, track=False),
    ACTIONS,
    st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    st.integers(1, 3),
    st.integers(0, 5),
)
def test_apples(layout: str, actions: list[int], regrowth: float, capacity: int, seed: int) -> None:
    arguments = {"regrowth": regrowth, "bucket_capacity": capacity}
    env = ApplesEnv(layout, **arguments, task_reward={"apples_in_buckets": 1})
    world = Apples(layout, **arguments)
    check_everywhere(env, world)
    for before, after in walk(env, world, actions, seed):
        trees = list(zip(before["apples"], after["apples"], strict=True))
        grown, taken = trees.count((0, 1)), trees.count((1, 0))
        filled = sum(after["buckets"]) - sum(before["buckets"])
        let_go = before["carrying"] > after["carrying"]
        assert after["carrying"] - before["carrying"] == taken - let_go
        assert 0 <= filled <= let_go  # what is let go ends in a bucket or nowhere
        assert all(0 <= count <= capacity for count in after["buckets"])
        assert regrowth > 0 or not grown
        assert regrowth < 1 or (0, 0) not in trees


@check
@given(layouts("B", most=3, goals=True, track=True), ACTIONS, st.integers(0, 9))
def test_batteries(layout: str, actions: list[int], charge: int) -> None:
    env = BatteriesEnv(layout, charge=charge, task_reward={"dead_train": -1})
    world = Batteries(layout, charge=charge)
    check_everywhere(env, world)
    for before, after in walk(env, world, actions, seed=0):
        assert lost(before["batteries"], after["batteries"])  # a battery never comes back
        assert 0 <= after["charge"] <= 9
        charges = (before["charge"], after["charge"])
        delivered = charges == (9, 9) or charges[1] > charges[0]
        at_hand = sum(before["batteries"]) + before["carrying"]
        assert sum(after["batteries"]) + after["carrying"] == at_hand - delivered
        moved = after["train"] != before["train"]
        assert moved == ((before["charge"] > 0 or delivered) and len(world.track()) > 1)
