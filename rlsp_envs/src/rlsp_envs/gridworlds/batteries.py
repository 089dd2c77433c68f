"""Batteries gridworld: a train that runs on batteries (Shah et al. 2019, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.grid_operations import agents_at, mark, mark_each, sprites
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.layout import GOAL_SYMBOLS, Layout
from rlsp_envs.gridworlds.outcome import Outcome, surely
from rlsp_envs.gridworlds.problems import BATTERIES_DEFAULT
from rlsp_envs.gridworlds.render import Sprite
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray, State, States
from rlsp_envs.gridworlds.train_track import TRACK_SYMBOLS, follow, track_sprites

AGENT, CHARGE, DEAD, PRESENT, TAKEN, GOAL = range(6)
FULL = 10  # of which the step that brings the battery uses one


class BatteriesEnv(GridworldEnv):
    """Gridworld with a toy train that runs on batteries.

    ## Description
    A toy train runs in a loop until its battery is empty. Somebody who picks up a battery and
    carries it to the train keeps it running.

    ## Action space
    `Discrete(5)`: 0 north, 1 south, 2 east, 3 west, 4 stay. Walls and the border stop the agent.
    Batteries are picked up, with free hands, and put into the train by stepping there.

    ## Observation space
    `Box(0, …, (height * width * 6,), float32)`: a grid (height, width, 6), flattened in row-major
    order, with the channels

    | channel | what | largest value |
    |---|---|---|
    | 0 | the agent: 2 if it carries a battery, 1 otherwise | 2 |
    | 1 | the charge of the train | 9 |
    | 2 | the train, if its charge is 0 | 1 |
    | 3 | batteries that lie there | 1 |
    | 4 | batteries that were taken | 1 |
    | 5 | goals | 1 |

    ## Features
    `batteries` (how many lie there), and in {0, 1} `dead_train`, `train_at_0`, … (where on its
    track the train is), and `on_goal_1`, ….

    ## State
    `{"agent": (row, column), "train": place on the track, "charge": 0 … 9, "batteries": (1, …),
    "carrying": 0}`: place 0 is the 'T' of the layout, 1 stands for each battery that lies there,
    and for an agent that carries one.

    ## Starting state and end
    The agent starts at the 'A' of the layout and the train at the 'T', with all batteries there.
    Episodes never terminate; the registered environments are truncated after 20 steps.

    Args:
        layout: A drawing with 'A' agent, '.' floor, '#' wall, 'B' battery, 1-9 goals, and 'T'
            train on a loop of arrows '^', 'v', '<', '>'.
        charge: For how many steps the train runs at the start, from 0 to 9.
        **kwargs: See :class:`~rlsp_envs.gridworlds.GridworldEnv`: ``observed_state``,
            ``task_reward``, ``true_reward``, ``horizon``, ``reward``, ``render_mode``.

    Raises:
        ValueError: If an argument is not allowed; an error in the layout is pointed to.
    """

    def __init__(self, layout: str = BATTERIES_DEFAULT, *, charge: int = 8, **kwargs: Any) -> None:
        if not isinstance(charge, (int, np.integer)) or not 0 <= charge < FULL:
            raise ValueError(f"charge={charge!r}: expected an int from 0 to {FULL - 1}")
        drawing = Layout(layout, {"B": "battery", **TRACK_SYMBOLS, **GOAL_SYMBOLS})
        self._battery_cells = drawing.cells("B")
        self._track = follow(drawing)
        n_batteries, n_goals = len(self._battery_cells), len(drawing.goals)
        super().__init__(
            layout=drawing,
            fields={
                "train": len(self._track),
                "charge": FULL,
                "batteries": (2,) * n_batteries,
                "carrying": 2,
                "agent": drawing.shape,
            },
            initial_state={
                "train": 0,
                "charge": charge,
                "batteries": (1,) * n_batteries,
                "carrying": 0,
                "agent": drawing.agent,
            },
            feature_names=[
                "batteries",
                "dead_train",
                *(f"train_at_{i}" for i in range(len(self._track))),
                *(f"on_goal_{i + 1}" for i in range(n_goals)),
            ],
            channels=[2, FULL - 1, 1, 1, 1, 1],
            **kwargs,
        )

    def _is_valid(self, states: States) -> BoolArray:
        agent = states["agent"]
        on_battery = agents_at(agent, self._battery_cells) & (states["batteries"] == 1)
        not_taken = on_battery.any(axis=1) & (states["carrying"] == 0)
        valid: BoolArray = self._not_in_obstacle(agent) & ~not_taken
        return valid

    def _outcomes(self, states: States, actions: IntArray) -> Iterator[Outcome]:
        agent = self._move(states["agent"], actions)
        carried, lay_there = states["carrying"] == 1, states["batteries"] == 1
        # The train is met where it was before the step.
        met = agents_at(agent, self._track[states["train"]][:, None])[:, 0]
        delivers = met & carried
        charge = np.where(delivers, FULL, states["charge"])
        runs = charge > 0
        takes = agents_at(agent, self._battery_cells) & lay_there & ~carried[:, None]
        yield surely(
            {
                "train": np.where(runs, (states["train"] + 1) % len(self._track), states["train"]),
                "charge": (charge - runs).astype(np.int16),
                "batteries": (lay_there & ~takes).astype(np.int16),
                "carrying": ((carried & ~delivers) | takes.any(axis=1)).astype(np.int16),
                "agent": agent,
            }
        )

    def _features(self, states: States) -> NDArray[np.float64]:
        return np.column_stack(
            [
                states["batteries"].sum(axis=1),
                states["charge"] == 0,
                states["train"][:, None] == np.arange(len(self._track)),
                agents_at(states["agent"], self.layout.goals),
            ]
        ).astype(np.float64)

    def _grids(self, states: States) -> NDArray[np.float32]:
        batteries, train = states["batteries"], self._track[states["train"]]
        grids = np.zeros((len(batteries), *self.grid_shape), dtype=np.float32)
        mark_each(grids[..., AGENT], states["agent"], 1 + states["carrying"])
        mark_each(grids[..., CHARGE], train, states["charge"])
        mark_each(grids[..., DEAD], train, states["charge"] == 0)
        mark(grids[..., PRESENT], self._battery_cells, batteries)
        mark(grids[..., TAKEN], self._battery_cells, 1 - batteries)
        mark(grids[..., GOAL], self.layout.goals, 1)
        return grids

    def _states_of_grids(self, grids: NDArray[np.float32]) -> States:
        agent = self._argmax_cell(grids[..., AGENT])
        here = grids[np.arange(len(grids)), agent[:, 0], agent[:, 1]]
        on_track = grids[:, self._track[:, 0], self._track[:, 1]][..., [CHARGE, DEAD]]
        on_track = on_track.reshape(len(grids), 2 * len(self._track))
        train, dead = np.divmod(on_track.argmax(axis=1), 2)
        charge = np.clip(np.round(on_track.max(axis=1)), 1, FULL - 1)
        at_batteries = grids[:, self._battery_cells[:, 0], self._battery_cells[:, 1]]
        batteries = at_batteries[..., PRESENT] >= at_batteries[..., TAKEN]
        # Nobody stands on a battery with free hands.
        on_battery = (agents_at(agent, self._battery_cells) & batteries).any(axis=1)
        return {
            "train": train.astype(np.int16),
            "charge": np.where(dead, 0, charge).astype(np.int16),
            "batteries": batteries.astype(np.int16),
            "carrying": ((here[:, AGENT] >= 1.5) | on_battery).astype(np.int16),
            "agent": agent,
        }

    def _sprites(self, state: State) -> list[Sprite]:
        train = Sprite(
            "train" if state["charge"] else "dead_train",
            tuple(self._track[state["train"]].tolist()),
            str(state["charge"]),
        )
        agent = "agent_with_battery" if state["carrying"] else "agent"
        return [
            *self._ground_sprites(),
            *track_sprites(self._track),
            *sprites("battery", self._battery_cells[np.array(state["batteries"], dtype=bool)]),
            train,
            Sprite(agent, state["agent"]),
        ]
