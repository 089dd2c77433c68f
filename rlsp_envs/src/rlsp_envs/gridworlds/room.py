"""Room gridworld: breakable vases, carpets and goals (Shah et al. 2019, section 5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_envs.gridworlds import pixel_observations
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
from rlsp_envs.gridworlds.problems import ROOM_DEFAULT
from rlsp_envs.gridworlds.render import Sprite
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray, State, States

AGENT, WHOLE, BROKEN, CARPET, GOAL = range(5)


class RoomEnv(GridworldEnv):
    """Gridworld with breakable vases, carpets and goals.

    ## Description
    A person walks through a room. Vases break when somebody steps on them, and stay broken. That
    a vase in the way is still whole tells that the person walked around it on purpose.

    ## Action space
    `Discrete(5)`: 0 north, 1 south, 2 east, 3 west, 4 stay. Walls and the border stop the agent.

    ## Observation space
    `Box(0, 1, (height * width * 5,), float32)`: a grid (height, width, 5), flattened in row-major
    order, whose channels mark

    | channel | what |
    |---|---|
    | 0 | the agent |
    | 1 | whole vases |
    | 2 | broken vases |
    | 3 | carpets |
    | 4 | goals |

    With ``observation="pixels"`` it is an image `Box(0, 255, (64, 64, 3), uint8)` of the grid.

    ## Features
    `broken_vases` (how many), `on_carpet`, and `on_goal_1`, `on_goal_2`, … in {0, 1}.

    ## State
    `{"agent": (row, column), "vases": (1, …)}`: 1 for each whole vase and 0 for each broken one,
    column by column.

    ## Starting state and end
    The agent starts at the 'A' of the layout, with all vases whole. Episodes never terminate;
    the registered environments are truncated after 20 steps.

    Args:
        layout: A drawing with 'A' agent, '.' floor, '#' wall, 'V' vase, 'C' carpet, 1-9 goals.
        observation: "grid" or "pixels".
        **kwargs: See :class:`~rlsp_envs.gridworlds.GridworldEnv`: ``observed_state``,
            ``task_reward``, ``true_reward``, ``horizon``, ``reward``, ``render_mode``.

    Raises:
        ValueError: If an argument is not allowed; an error in the layout is pointed to.
    """

    def __init__(
        self,
        layout: str = ROOM_DEFAULT,
        *,
        observation: Literal["grid", "pixels"] = "grid",
        **kwargs: Any,
    ) -> None:
        if not isinstance(observation, str) or observation not in ("grid", "pixels"):
            raise ValueError(f"observation={observation!r}: expected 'grid' or 'pixels'")
        drawing = Layout(layout, {"V": "vase", "C": "carpet", **GOAL_SYMBOLS})
        self._vase_cells = drawing.cells("V")
        self._carpet_cells = drawing.cells("C")
        n_vases, n_goals = len(self._vase_cells), len(drawing.goals)
        super().__init__(
            layout=drawing,
            fields={"vases": (2,) * n_vases, "agent": drawing.shape},
            initial_state={"vases": (1,) * n_vases, "agent": drawing.agent},
            feature_names=[
                "broken_vases",
                "on_carpet",
                *(f"on_goal_{i + 1}" for i in range(n_goals)),
            ],
            channels=[1] * 5,
            **kwargs,
        )
        self._pixels = observation == "pixels"
        if self._pixels:
            pixel_observations.check_shape(drawing.shape)
            self.observation_space = spaces.Box(0, 255, pixel_observations.SHAPE, np.uint8)

    def _is_valid(self, states: States) -> BoolArray:
        agent = states["agent"]
        on_vase = agents_at(agent, self._vase_cells) & (states["vases"] == 1)
        valid: BoolArray = self._not_in_obstacle(agent) & ~on_vase.any(axis=1)
        return valid

    def _outcomes(self, states: States, actions: IntArray) -> Iterator[Outcome]:
        agent = self._move(states["agent"], actions)
        vases = np.where(agents_at(agent, self._vase_cells), 0, states["vases"])
        yield surely({"vases": vases, "agent": agent})

    def _features(self, states: States) -> NDArray[np.float64]:
        agent = states["agent"]
        return np.column_stack(
            [
                (states["vases"] == 0).sum(axis=1),
                agents_at(agent, self._carpet_cells).any(axis=1),
                agents_at(agent, self.layout.goals),
            ]
        ).astype(np.float64)

    def _grids(self, states: States) -> NDArray[np.float32]:
        vases = states["vases"]
        grids = np.zeros((len(vases), *self.grid_shape), dtype=np.float32)
        mark_each(grids[..., AGENT], states["agent"], 1)
        mark(grids[..., WHOLE], self._vase_cells, vases)
        mark(grids[..., BROKEN], self._vase_cells, 1 - vases)
        mark(grids[..., CARPET], self._carpet_cells, 1)
        mark(grids[..., GOAL], self.layout.goals, 1)
        return grids

    def _states_of_grids(self, grids: NDArray[np.float32]) -> States:
        agent = self._argmax_cell(grids[..., AGENT])
        at_vases = grids[:, self._vase_cells[:, 0], self._vase_cells[:, 1]]
        whole = at_vases[..., WHOLE] >= at_vases[..., BROKEN]
        vases = whole & ~agents_at(agent, self._vase_cells)
        return {"vases": vases.astype(np.int16), "agent": agent}

    def _observe(self, states: States) -> NDArray[Any]:
        if self._pixels:
            return pixel_observations.from_grids(self._grids(states))
        return super()._observe(states)

    def _states_of(self, observations: NDArray[Any]) -> States:
        if self._pixels:
            return self._states_of_grids(pixel_observations.to_grids(observations, self.grid_shape))
        return super()._states_of(observations)

    def _sprites(self, state: State) -> list[Sprite]:
        return [
            *sprites("carpet", self._carpet_cells),
            *self._ground_sprites(),
            *choice_of_sprites("broken_vase", "vase", self._vase_cells, state["vases"]),
            Sprite("agent", state["agent"]),
        ]
