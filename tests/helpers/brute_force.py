"""The rules of the gridworlds, restated for one state at a time in plain Python.

Slow, and written from the description of the worlds rather than from the package's code, so that
a comparison of both means something. A world knows its states, what may follow from an action,
and the features and the observation of a state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from textwrap import dedent
from typing import Any

from rlsp_envs.registration import FAMILIES

Cell = tuple[int, int]
Grid = dict[tuple[int, int, int], int]
"""What an observation holds beside zeros, by row, column and channel."""

NORTH, SOUTH, EAST, WEST, STAY, INTERACT = range(6)
BESIDE = {NORTH: (-1, 0), SOUTH: (1, 0), EAST: (0, 1), WEST: (0, -1)}
ARROWS = {"^": NORTH, "v": SOUTH, ">": EAST, "<": WEST}


def neighbor(cell: Cell, direction: int) -> Cell:
    """The next cell in a direction; it may lie outside."""
    row, column = cell
    down, right = BESIDE[direction]
    return (row + down, column + right)


class World:
    """A drawing, read cell by cell."""

    n_actions = 5
    obstacles = "#"

    def __init__(self, layout: str) -> None:
        self.rows = [line for line in dedent(layout).split("\n") if line]
        self.height, self.width = len(self.rows), len(self.rows[0])
        self.at: dict[Cell, str] = {}
        for column in range(self.width):  # things are numbered column by column
            for row in range(self.height):
                self.at[(row, column)] = self.rows[row][column]
        self.start = self.all_of("A")[0]
        self.goals = [self.all_of(number)[0] for number in "123456789" if self.all_of(number)]

    def all_of(self, symbol: str) -> list[Cell]:
        return [cell for cell, found in self.at.items() if found == symbol]

    def free_cells(self) -> list[Cell]:
        return [cell for cell, symbol in self.at.items() if symbol not in self.obstacles]

    def walk(self, agent: Cell, action: int) -> Cell:
        """Where an agent gets to."""
        if action not in BESIDE:
            return agent
        target = neighbor(agent, action)
        return target if target in self.free_cells() else agent

    def track(self) -> list[Cell]:
        """The cells that the train passes, from the 'T' on."""
        arrows = {cell: ARROWS[symbol] for cell, symbol in self.at.items() if symbol in ARROWS}
        backward = [self.all_of("T")[0]]
        while True:
            before = [c for c in arrows if neighbor(c, arrows[c]) == backward[-1]]
            if not before:
                return [backward[0], *reversed(backward[1:])]
            backward.append(before[0])

    def initial(self) -> Any:
        raise NotImplementedError

    def states(self) -> Iterator[Any]:
        raise NotImplementedError

    def step(self, state: Any, action: int) -> dict[Any, float]:
        """The probability of each state that may follow."""
        raise NotImplementedError

    def features(self, state: Any) -> dict[str, int]:
        raise NotImplementedError

    def grid(self, state: Any) -> Grid:
        raise NotImplementedError

    def at_goals(self, agent: Cell) -> dict[str, int]:
        return {f"on_goal_{i}": int(agent == goal) for i, goal in enumerate(self.goals, start=1)}


def without_zeros(grid: Grid) -> Grid:
    return {place: value for place, value in grid.items() if value != 0}


@dataclass(frozen=True)
class RoomState:
    agent: Cell
    vases: tuple[int, ...]


class Room(World):
    def __init__(self, layout: str) -> None:
        super().__init__(layout)
        self.vases, self.carpets = self.all_of("V"), self.all_of("C")

    def initial(self) -> RoomState:
        return RoomState(self.start, (1,) * len(self.vases))

    def states(self) -> Iterator[RoomState]:
        for agent in self.free_cells():
            for vases in product((0, 1), repeat=len(self.vases)):
                if agent not in [c for c, whole in zip(self.vases, vases, strict=True) if whole]:
                    yield RoomState(agent, vases)

    def step(self, state: RoomState, action: int) -> dict[RoomState, float]:
        agent = self.walk(state.agent, action)
        vases = list(state.vases)
        for i, cell in enumerate(self.vases):
            if cell == agent:
                vases[i] = 0
        return {RoomState(agent, tuple(vases)): 1.0}

    def features(self, state: RoomState) -> dict[str, int]:
        return {
            "broken_vases": state.vases.count(0),
            "on_carpet": int(state.agent in self.carpets),
            **self.at_goals(state.agent),
        }

    def grid(self, state: RoomState) -> Grid:
        grid = {(*state.agent, 0): 1}
        for cell, whole in zip(self.vases, state.vases, strict=True):
            grid[(*cell, 1 if whole else 2)] = 1
        grid.update({(*cell, 3): 1 for cell in self.carpets})
        grid.update({(*cell, 4): 1 for cell in self.goals})
        return grid


@dataclass(frozen=True)
class TrainState:
    agent: Cell
    vases: tuple[int, ...]
    train: int
    train_whole: int


class Train(World):
    def __init__(self, layout: str) -> None:
        super().__init__(layout)
        self.vases, self.carpets, self.loop = self.all_of("V"), self.all_of("C"), self.track()

    def initial(self) -> TrainState:
        return TrainState(self.start, (1,) * len(self.vases), 0, 1)

    def states(self) -> Iterator[TrainState]:
        for agent in self.free_cells():
            for vases in product((0, 1), repeat=len(self.vases)):
                for train in range(len(self.loop)):
                    for whole in (0, 1):
                        stands_on = [c for c, w in zip(self.vases, vases, strict=True) if w]
                        if whole:
                            stands_on.append(self.loop[train])
                        if agent not in stands_on:
                            yield TrainState(agent, vases, train, whole)

    def step(self, state: TrainState, action: int) -> dict[TrainState, float]:
        agent = self.walk(state.agent, action)
        vases = list(state.vases)
        for i, cell in enumerate(self.vases):
            if cell == agent:
                vases[i] = 0
        train, whole = state.train, state.train_whole
        if whole:
            train = 0 if train == len(self.loop) - 1 else train + 1
            if self.loop[train] == agent:
                whole = 0
        return {TrainState(agent, tuple(vases), train, whole): 1.0}

    def features(self, state: TrainState) -> dict[str, int]:
        return {
            "broken_vases": state.vases.count(0),
            "on_carpet": int(state.agent in self.carpets),
            "broken_train": 1 - state.train_whole,
            **{f"train_at_{i}": int(state.train == i) for i in range(len(self.loop))},
            **self.at_goals(state.agent),
        }

    def grid(self, state: TrainState) -> Grid:
        grid = {(*state.agent, 0): 1}
        for cell, whole in zip(self.vases, state.vases, strict=True):
            grid[(*cell, 1 if whole else 2)] = 1
        grid[(*self.loop[state.train], 3 if state.train_whole else 4)] = 1
        grid.update({(*cell, 5): 1 for cell in self.carpets})
        grid.update({(*cell, 6): 1 for cell in self.goals})
        return grid


@dataclass(frozen=True)
class ApplesState:
    agent: Cell
    facing: int
    apples: tuple[int, ...]
    buckets: tuple[int, ...]
    carrying: int


class Apples(World):
    n_actions = 6
    obstacles = "#TB"

    def __init__(self, layout: str, regrowth: float = 0.1, bucket_capacity: int = 10) -> None:
        super().__init__(layout)
        self.trees, self.buckets = self.all_of("T"), self.all_of("B")
        self.regrowth, self.capacity = regrowth, bucket_capacity

    def initial(self) -> ApplesState:
        return ApplesState(self.start, NORTH, (1,) * len(self.trees), (0,) * len(self.buckets), 0)

    def states(self) -> Iterator[ApplesState]:
        for agent in self.free_cells():
            for facing in BESIDE:
                for apples in product((0, 1), repeat=len(self.trees)):
                    for buckets in product(range(self.capacity + 1), repeat=len(self.buckets)):
                        for carrying in (0, 1):
                            yield ApplesState(agent, facing, apples, buckets, carrying)

    def step(self, state: ApplesState, action: int) -> dict[ApplesState, float]:
        facing = action if action in BESIDE else state.facing
        agent = self.walk(state.agent, action)
        apples, buckets, carrying = list(state.apples), list(state.buckets), state.carrying
        front = neighbor(agent, facing)
        if action == INTERACT and carrying:
            carrying = 0
            if front in self.buckets:
                i = self.buckets.index(front)
                buckets[i] = min(buckets[i] + 1, self.capacity)
        elif action == INTERACT and front in self.trees:
            i = self.trees.index(front)
            carrying, apples[i] = apples[i], 0
        # Each tree that had no apple before the step may grow one.
        orchards = {(): 1.0}
        for had_apple, has_apple in zip(state.apples, apples, strict=True):
            grown = {}
            for orchard, probability in orchards.items():
                if had_apple:
                    grown[(*orchard, has_apple)] = probability
                else:
                    grown[(*orchard, 1)] = probability * self.regrowth
                    grown[(*orchard, 0)] = probability * (1 - self.regrowth)
            orchards = grown
        return {
            ApplesState(agent, facing, orchard, tuple(buckets), carrying): probability
            for orchard, probability in orchards.items()
            if probability > 0
        }

    def features(self, state: ApplesState) -> dict[str, int]:
        return {
            "apples_in_buckets": sum(state.buckets),
            "apples_on_trees": sum(state.apples),
            "carrying_apple": state.carrying,
            **{
                f"agent_at_{row}_{column}": int((row, column) == state.agent)
                for row, column in self.free_cells()
            },
        }

    def grid(self, state: ApplesState) -> Grid:
        grid = {(*state.agent, 0): 1 + state.facing, (*state.agent, 1): state.carrying}
        for cell, apple in zip(self.trees, state.apples, strict=True):
            grid[(*cell, 2 if apple else 3)] = 1
        for cell, count in zip(self.buckets, state.buckets, strict=True):
            grid[(*cell, 4)] = 1
            grid[(*cell, 5)] = count
        return without_zeros(grid)


@dataclass(frozen=True)
class BatteriesState:
    agent: Cell
    train: int
    charge: int
    batteries: tuple[int, ...]
    carrying: int


class Batteries(World):
    def __init__(self, layout: str, charge: int = 8) -> None:
        super().__init__(layout)
        self.cells, self.loop, self.charge = self.all_of("B"), self.track(), charge

    def initial(self) -> BatteriesState:
        return BatteriesState(self.start, 0, self.charge, (1,) * len(self.cells), 0)

    def states(self) -> Iterator[BatteriesState]:
        for agent in self.free_cells():
            for batteries in product((0, 1), repeat=len(self.cells)):
                lying = [cell for cell, lies in zip(self.cells, batteries, strict=True) if lies]
                for carrying in (0, 1):
                    if agent in lying and not carrying:
                        continue
                    for train in range(len(self.loop)):
                        for charge in range(10):
                            yield BatteriesState(agent, train, charge, batteries, carrying)

    def step(self, state: BatteriesState, action: int) -> dict[BatteriesState, float]:
        agent = self.walk(state.agent, action)
        train, charge, batteries = state.train, state.charge, list(state.batteries)
        carrying = state.carrying
        if carrying and agent == self.loop[train]:
            charge, carrying = 10, 0
        if charge > 0:
            train = (train + 1) % len(self.loop)
            charge -= 1
        if not state.carrying and agent in self.cells and batteries[self.cells.index(agent)]:
            batteries[self.cells.index(agent)] = 0
            carrying = 1
        return {BatteriesState(agent, train, charge, tuple(batteries), carrying): 1.0}

    def features(self, state: BatteriesState) -> dict[str, int]:
        return {
            "batteries": sum(state.batteries),
            "dead_train": int(state.charge == 0),
            **{f"train_at_{i}": int(state.train == i) for i in range(len(self.loop))},
            **self.at_goals(state.agent),
        }

    def grid(self, state: BatteriesState) -> Grid:
        train = self.loop[state.train]
        grid = {(*state.agent, 0): 2 if state.carrying else 1}
        grid[(*train, 1)] = state.charge
        grid[(*train, 2)] = int(state.charge == 0)
        for cell, lies in zip(self.cells, state.batteries, strict=True):
            grid[(*cell, 3 if lies else 4)] = 1
        grid.update({(*cell, 5): 1 for cell in self.goals})
        return without_zeros(grid)


WORLDS: dict[str, type[World]] = {
    "Room": Room,
    "Train": Train,
    "Apples": Apples,
    "Batteries": Batteries,
}

IDS = [env_id for problems in FAMILIES.values() for env_id in problems]
FAMILY_OF = {
    env_id: family.split(":")[1] for family, problems in FAMILIES.items() for env_id in problems
}

# (family, arguments) of worlds of one's own that have what the published ones lack.
CUSTOM: dict[str, tuple[str, dict[str, Any]]] = {
    "room of one cell": ("Room", {"layout": "A"}),
    "room without vases": ("Room", {"layout": "A.#1\nC..2"}),
    "room with vases and walls": ("Room", {"layout": "V#V1\nAVC2\n#.3C"}),
    "room in a corridor of vases": ("Room", {"layout": "VVVAVV1"}),
    "train on one cell": ("Train", {"layout": "A.T\nV#1"}),
    "train on two cells": ("Train", {"layout": "T<#\nAVC"}),
    "train on a bent track": ("Train", {"layout": ">>v#\n^#>v\nT<<<\nA.V1"}),
    "train without vases": ("Train", {"layout": "T<A\n>^1"}),
    "two trees and two buckets": (
        "Apples",
        {"layout": "TB.\n#A.\n.BT", "regrowth": 0.3, "bucket_capacity": 2},
    ),
    "apples that never grow": (
        "Apples",
        {"layout": "T.T\nBA#", "regrowth": 0.0, "bucket_capacity": 3},
    ),
    "apples that always grow": (
        "Apples",
        {"layout": "AT\nTB", "regrowth": 1.0, "bucket_capacity": 1},
    ),
    "no trees": ("Apples", {"layout": "A.B", "bucket_capacity": 2}),
    "no buckets": ("Apples", {"layout": "A#T\n..T", "regrowth": 0.5}),
    "neither trees nor buckets": ("Apples", {"layout": "A."}),
    "three batteries": ("Batteries", {"layout": "B.Tv\nB#^<\nAB1.", "charge": 3}),
    "an empty train on one cell": ("Batteries", {"layout": "AB.T\n1#.2", "charge": 0}),
    "no batteries": ("Batteries", {"layout": "T<A", "charge": 9}),
}


def published(env_id: str) -> World:
    """The world of a registered id."""
    family = FAMILY_OF[env_id]
    problem = next(p for problems in FAMILIES.values() for i, p in problems.items() if i == env_id)
    defaults = {
        "Room": "RoomDefault-v0",
        "Train": "TrainDefault-v0",
        "Apples": "ApplesDefault-v0",
        "Batteries": "BatteriesDefault-v0",
    }
    if "layout" not in problem:
        return published(defaults[family])
    return WORLDS[family](problem["layout"])


def custom(name: str) -> World:
    """A world of one's own."""
    family, arguments = CUSTOM[name]
    return WORLDS[family](**arguments)
