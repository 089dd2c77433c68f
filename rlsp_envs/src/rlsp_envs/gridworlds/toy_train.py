"""Train gridworld: a room with a train that runs in a loop (Shah et al. 2019, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_envs.gridworlds.grid_operations import (
    agents_at,
    choice_of_sprites,
    mark,
    mark_each,
    sprites,
)
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.layout import GOAL_SYMBOLS, Layout
from rlsp_envs.gridworlds.outcome import Outcome, surely
from rlsp_envs.gridworlds.problems import TRAIN_DEFAULT
from rlsp_envs.gridworlds.render import Sprite
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray, State, States
from rlsp_envs.gridworlds.train_track import TRACK_SYMBOLS, follow, track_sprites

AGENT, WHOLE, BROKEN, TRAIN, BROKEN_TRAIN, CARPET, GOAL = range(7)


class TrainEnv(GridworldEnv):
    """Gridworld with vases and a toy train that runs in a loop.

    ## Description
    A person walks through a room in which a toy train runs in a loop. Vases break when somebody
    steps on them, and so does the train; a broken train stands still.

    ## Action space
    `Discrete(5)`: 0 north, 1 south, 2 east, 3 west, 4 stay. Walls and the border stop the agent.

    ## Observation space
    `Box(0, 1, (height * width * 7,), float32)`: a grid (height, width, 7), flattened in row-major
    order, whose channels mark

    | channel | what |
    |---|---|
    | 0 | the agent |
    | 1 | whole vases |
    | 2 | broken vases |
    | 3 | the train, if whole |
    | 4 | the train, if broken |
    | 5 | carpets |
    | 6 | goals |

    ## Features
    `broken_vases` (how many), and in {0, 1} `on_carpet`, `broken_train`, `train_at_0`, … (where
    on its track the train is), and `on_goal_1`, ….

    ## State
    `{"agent": (row, column), "vases": (1, …), "train": place on the track, "train_whole": 1}`: 1
    for what is whole, 0 for what is broken. Place 0 is the 'T' of the layout.

    ## Starting state and end
    The agent starts at the 'A' of the layout and the train at the 'T', with everything whole.
    Episodes never terminate; the registered environments are truncated after 20 steps.

    Args:
        layout: A drawing with 'A' agent, '.' floor, '#' wall, 'V' vase, 'C' carpet, 1-9 goals,
            and 'T' train on a loop of arrows '^', 'v', '<', '>'.
        **kwargs: See :class:`~rlsp_envs.gridworlds.GridworldEnv`: ``observed_state``,
            ``task_reward``, ``true_reward``, ``horizon``, ``reward``, ``render_mode``.

    Raises:
        ValueError: If an argument is not allowed; an error in the layout is pointed to.
    """

    def __init__(self, layout: str = TRAIN_DEFAULT, **kwargs: Any) -> None:
        symbols = {"V": "vase", "C": "carpet", **TRACK_SYMBOLS, **GOAL_SYMBOLS}
        drawing = Layout(layout, symbols)
        self._vase_cells = drawing.cells("V")
        self._carpet_cells = drawing.cells("C")
        self._track = follow(drawing)
        n_vases, n_goals = len(self._vase_cells), len(drawing.goals)
        super().__init__(
            layout=drawing,
            fields={
                "vases": (2,) * n_vases,
                "train": len(self._track),
                "train_whole": 2,
                "agent": drawing.shape,
            },
            initial_state={
                "vases": (1,) * n_vases,
                "train": 0,
                "train_whole": 1,
                "agent": drawing.agent,
            },
            feature_names=[
                "broken_vases",
                "on_carpet",
                "broken_train",
                *(f"train_at_{i}" for i in range(len(self._track))),
                *(f"on_goal_{i + 1}" for i in range(n_goals)),
            ],
            channels=[1] * 7,
            **kwargs,
        )

    def _is_valid(self, states: States) -> BoolArray:
        agent = states["agent"]
        on_vase = agents_at(agent, self._vase_cells) & (states["vases"] == 1)
        on_train = self._at_train(agent, states["train"]) & (states["train_whole"] == 1)
        valid: BoolArray = self._not_in_obstacle(agent) & ~on_vase.any(axis=1) & ~on_train
        return valid

    def _at_train(self, agent: NDArray[np.int16], train: NDArray[np.int16]) -> BoolArray:
        return agents_at(agent, self._track[train][:, None])[:, 0]

    def _outcomes(self, states: States, actions: IntArray) -> Iterator[Outcome]:
        agent = self._move(states["agent"], actions)
        whole = states["train_whole"]
        train = np.where(whole, (states["train"] + 1) % len(self._track), states["train"])
        yield surely(
            {
                "vases": np.where(agents_at(agent, self._vase_cells), 0, states["vases"]),
                "train": train,
                "train_whole": np.where(self._at_train(agent, train), 0, whole),
                "agent": agent,
            }
        )

    def _features(self, states: States) -> NDArray[np.float64]:
        agent = states["agent"]
        return np.column_stack(
            [
                (states["vases"] == 0).sum(axis=1),
                agents_at(agent, self._carpet_cells).any(axis=1),
                states["train_whole"] == 0,
                states["train"][:, None] == np.arange(len(self._track)),
                agents_at(agent, self.layout.goals),
            ]
        ).astype(np.float64)

    def _grids(self, states: States) -> NDArray[np.float32]:
        vases, whole, train = states["vases"], states["train_whole"], self._track[states["train"]]
        grids = np.zeros((len(vases), *self.grid_shape), dtype=np.float32)
        mark_each(grids[..., AGENT], states["agent"], 1)
        mark(grids[..., WHOLE], self._vase_cells, vases)
        mark(grids[..., BROKEN], self._vase_cells, 1 - vases)
        mark_each(grids[..., TRAIN], train, whole)
        mark_each(grids[..., BROKEN_TRAIN], train, 1 - whole)
        mark(grids[..., CARPET], self._carpet_cells, 1)
        mark(grids[..., GOAL], self.layout.goals, 1)
        return grids

    def _states_of_grids(self, grids: NDArray[np.float32]) -> States:
        agent = self._argmax_cell(grids[..., AGENT])
        at_vases = grids[:, self._vase_cells[:, 0], self._vase_cells[:, 1]]
        vases = at_vases[..., WHOLE] >= at_vases[..., BROKEN]
        on_track = grids[:, self._track[:, 0], self._track[:, 1]][..., [TRAIN, BROKEN_TRAIN]]
        on_track = on_track.reshape(len(grids), 2 * len(self._track))
        train, broken = np.divmod(on_track.argmax(axis=1), 2)
        return {
            "vases": (vases & ~agents_at(agent, self._vase_cells)).astype(np.int16),
            "train": train.astype(np.int16),
            "train_whole": ((broken == 0) & ~self._at_train(agent, train)).astype(np.int16),
            "agent": agent,
        }

    def _sprites(self, state: State) -> list[Sprite]:
        train = "train" if state["train_whole"] else "broken_train"
        return [
            *sprites("carpet", self._carpet_cells),
            *self._ground_sprites(),
            *track_sprites(self._track),
            *choice_of_sprites("broken_vase", "vase", self._vase_cells, state["vases"]),
            *sprites(train, self._track[[state["train"]]]),
            Sprite("agent", state["agent"]),
        ]
