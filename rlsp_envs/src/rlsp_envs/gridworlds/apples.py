"""Apples gridworld: trees to pick from and buckets to fill (Shah et al. 2019, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.actions import INTERACT, MOVES, NORTH, STAY
from rlsp_envs.gridworlds.grid_operations import agents_at, choice_of_sprites, mark, mark_each
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.layout import Layout
from rlsp_envs.gridworlds.outcome import Outcome
from rlsp_envs.gridworlds.problems import APPLES_DEFAULT
from rlsp_envs.gridworlds.render import Sprite
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray, State, States

AGENT, CARRYING, APPLE, BARE, BUCKET, COUNT = range(6)


class ApplesEnv(GridworldEnv):
    """Gridworld with trees to pick apples from and buckets to put them into.

    ## Description
    A person picks apples from trees and puts them into buckets. Apples grow again now and then.

    ## Action space
    `Discrete(6)`: 0 north, 1 south, 2 east, 3 west, 4 stay, 5 interact. A move turns the agent to
    that side, even where a tree, a bucket, a wall or the border stops it. To interact is to take
    the apple of the tree in front with free hands, and to let go of the apple in hand otherwise:
    into the bucket in front, or away if there is none.

    ## Observation space
    `Box(0, …, (height * width * 6,), float32)`: a grid (height, width, 6), flattened in row-major
    order, with the channels

    | channel | what | largest value |
    |---|---|---|
    | 0 | 1 + where the agent faces, in the agent's cell | 4 |
    | 1 | 1 in the agent's cell if it carries an apple | 1 |
    | 2 | trees with an apple | 1 |
    | 3 | trees without | 1 |
    | 4 | buckets | 1 |
    | 5 | the number of apples in each bucket | the buckets' capacity |

    ## Features
    `apples_in_buckets`, `apples_on_trees` (how many), and in {0, 1} `carrying_apple` and
    `agent_at_0_1`, … for each (row, column) where the agent can be, column by column.

    ## State
    `{"facing": action, "agent": (row, column), "apples": (1, …), "buckets": (0, …), "carrying":
    0}`: which way the agent faces (0 north, 1 south, 2 east, 3 west), 1 for each tree that has an
    apple, the number of apples in each bucket, and 1 if the agent carries an apple.

    ## Starting state and end
    The agent starts at the 'A' of the layout and faces north, with an apple on every tree and
    empty buckets. Episodes never terminate; the registered environments are truncated after 20
    steps.

    Args:
        layout: A drawing with 'A' agent, '.' floor, '#' wall, 'T' tree, 'B' bucket.
        regrowth: The probability in [0, 1] that a tree without an apple has one after a step.
        bucket_capacity: How many apples a bucket holds, at least 1; those put into a full one are
            lost.
        **kwargs: See :class:`~rlsp_envs.gridworlds.GridworldEnv`: ``observed_state``,
            ``task_reward``, ``true_reward``, ``horizon``, ``reward``, ``render_mode``.

    Raises:
        ValueError: If an argument is not allowed; an error in the layout is pointed to.
    """

    n_actions = 6

    def __init__(
        self,
        layout: str = APPLES_DEFAULT,
        *,
        regrowth: float = 0.1,
        bucket_capacity: int = 10,
        **kwargs: Any,
    ) -> None:
        if not isinstance(regrowth, (int, float, np.floating)) or not 0 <= regrowth <= 1:
            raise ValueError(f"regrowth={regrowth!r}: expected a probability from 0 to 1")
        if not isinstance(bucket_capacity, (int, np.integer)) or not 1 <= bucket_capacity < 1000:
            raise ValueError(
                f"bucket_capacity={bucket_capacity!r}: expected an int of at least 1 and less "
                "than 1000"
            )
        drawing = Layout(layout, {"T": "tree", "B": "bucket"})
        self._tree_cells = drawing.cells("T")
        self._bucket_cells = drawing.cells("B")
        self._agent_cells = drawing.cells("A.")
        self._regrowth = regrowth
        self._capacity = bucket_capacity
        n_trees, n_buckets = len(self._tree_cells), len(self._bucket_cells)
        super().__init__(
            layout=drawing,
            fields={
                "facing": 4,
                "apples": (2,) * n_trees,
                "buckets": (bucket_capacity + 1,) * n_buckets,
                "carrying": 2,
                "agent": drawing.shape,
            },
            initial_state={
                "facing": NORTH,
                "apples": (1,) * n_trees,
                "buckets": (0,) * n_buckets,
                "carrying": 0,
                "agent": drawing.agent,
            },
            feature_names=[
                "apples_in_buckets",
                "apples_on_trees",
                "carrying_apple",
                *(f"agent_at_{row}_{column}" for row, column in self._agent_cells.tolist()),
            ],
            channels=[4, 1, 1, 1, 1, bucket_capacity],
            **kwargs,
        )

    @cached_property
    def _obstacles(self) -> BoolArray:
        obstacles: BoolArray = self.layout.walls.copy()
        for cells in (self._tree_cells, self._bucket_cells):
            obstacles[cells[:, 0], cells[:, 1]] = True
        return obstacles

    def _is_valid(self, states: States) -> BoolArray:
        return self._not_in_obstacle(states["agent"])

    def _outcomes(self, states: States, actions: IntArray) -> Iterator[Outcome]:
        had_apple, carried = states["apples"] == 1, states["carrying"] == 1
        facing = np.where(actions < STAY, actions, states["facing"]).astype(np.int16)
        agent = self._move(states["agent"], actions)
        front = agent + MOVES[facing]
        interacts = actions == INTERACT
        takes = agents_at(front, self._tree_cells) & had_apple & (interacts & ~carried)[:, None]
        fills = agents_at(front, self._bucket_cells) & (interacts & carried)[:, None]
        left = had_apple & ~takes
        after = {
            "facing": facing,
            "buckets": np.minimum(states["buckets"] + fills, self._capacity),
            "carrying": np.where(interacts, takes.any(axis=1), carried).astype(np.int16),
            "agent": agent,
        }
        # A tree that had an apple before the step cannot grow one in it, each other one may.
        for combination in product((False, True), repeat=len(self._tree_cells)):
            grown = np.array(combination, dtype=np.bool_)
            chances = np.where(had_apple, ~grown, self._chances(grown))
            probability = chances.prod(axis=1)
            rows = np.flatnonzero(probability)
            if len(rows):
                apples = (left | grown)[rows].astype(np.int16)
                states_after = {name: values[rows] for name, values in after.items()}
                yield Outcome(rows, probability[rows], {**states_after, "apples": apples})

    def _chances(self, grown: BoolArray) -> NDArray[np.float64]:
        return np.where(grown, self._regrowth, 1 - self._regrowth)

    def _features(self, states: States) -> NDArray[np.float64]:
        return np.column_stack(
            [
                states["buckets"].sum(axis=1),
                states["apples"].sum(axis=1),
                states["carrying"],
                agents_at(states["agent"], self._agent_cells),
            ]
        ).astype(np.float64)

    def _grids(self, states: States) -> NDArray[np.float32]:
        agent, apples = states["agent"], states["apples"]
        grids = np.zeros((len(agent), *self.grid_shape), dtype=np.float32)
        mark_each(grids[..., AGENT], agent, states["facing"] + 1)
        mark_each(grids[..., CARRYING], agent, states["carrying"])
        mark(grids[..., APPLE], self._tree_cells, apples)
        mark(grids[..., BARE], self._tree_cells, 1 - apples)
        mark(grids[..., BUCKET], self._bucket_cells, 1)
        mark(grids[..., COUNT], self._bucket_cells, states["buckets"])
        return grids

    def _states_of_grids(self, grids: NDArray[np.float32]) -> States:
        agent = self._argmax_cell(grids[..., AGENT])
        here = grids[np.arange(len(grids)), agent[:, 0], agent[:, 1]]
        at_trees = grids[:, self._tree_cells[:, 0], self._tree_cells[:, 1]]
        at_buckets = grids[:, self._bucket_cells[:, 0], self._bucket_cells[:, 1]]
        counts = np.clip(np.round(at_buckets[..., COUNT]), 0, self._capacity)
        return {
            "facing": np.clip(np.round(here[:, AGENT]) - 1, 0, 3).astype(np.int16),
            "apples": (at_trees[..., APPLE] >= at_trees[..., BARE]).astype(np.int16),
            "buckets": counts.astype(np.int16),
            "carrying": (here[:, CARRYING] > 0.5).astype(np.int16),
            "agent": agent,
        }

    def _sprites(self, state: State) -> list[Sprite]:
        buckets = zip(self._bucket_cells.tolist(), state["buckets"], strict=True)
        agent = "agent_with_apple" if state["carrying"] else "agent"
        return [
            *self._ground_sprites(),
            *choice_of_sprites("tree", "apple_tree", self._tree_cells, state["apples"]),
            *(Sprite("bucket", tuple(cell), str(count)) for cell, count in buckets),
            Sprite(agent, state["agent"], facing=state["facing"]),
        ]
