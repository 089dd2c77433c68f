"""Base class of gridworlds: states, transitions, features and pictures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Literal, get_args

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.error import InvalidAction, ResetNeeded
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array

from rlsp_envs.gridworlds.actions import KEYS, MOVES, STAY
from rlsp_envs.gridworlds.grid_operations import sprites
from rlsp_envs.gridworlds.layout import Layout
from rlsp_envs.gridworlds.mdp import TabularMDP
from rlsp_envs.gridworlds.outcome import Outcome
from rlsp_envs.gridworlds.reachable_part import ReachablePart
from rlsp_envs.gridworlds.render import Sprite, Window, draw, to_text
from rlsp_envs.gridworlds.reward_weights import RewardWeights, Weights
from rlsp_envs.gridworlds.states.seen_states import SeenState, SeenStates, Successors
from rlsp_envs.gridworlds.states.state_space import BoolArray, IntArray, State, States, StateSpace

RewardName = Literal["task", "true", "none"]


class GridworldEnv(gym.Env[NDArray[Any], np.int64], ABC):
    """Base class of gridworlds.

    A subclass says what its states are, what follows from an action, and what features, an
    observation and a picture of a state are, each for a batch of states at once.

    Args:
        layout: The parsed drawing of the world.
        fields: The size of each field of the state, see :class:`StateSpace`.
        initial_state: Where every episode starts.
        feature_names: The names of the F features.
        channels: The largest value of each of the C channels of an observation.
        observed_state: The fields of the state that the human left behind that differ from the
            initial state; None if there is no such state.
        task_reward: What the robot is told to do: the weight of each feature that has one, by
            name, or all F weights. None means zeros.
        true_reward: What the human wants, in the same form.
        horizon: How many states the human passed through, the first and the observed one
            included; None if that is not known.
        reward: Which reward ``step`` returns: "task", "true", or "none" for 0.
        render_mode: "ansi", "rgb_array", "human" or None.

    Raises:
        ValueError: If a state is impossible, a reward names an unknown feature, or the horizon,
            ``reward`` or ``render_mode`` is not allowed.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc, unused-ignore]
        "render_modes": ["ansi", "rgb_array", "human"],
        "render_fps": 4,
    }
    n_actions: ClassVar[int] = 5
    task_reward = RewardWeights()
    true_reward = RewardWeights()
    step_reward = RewardWeights()

    def __init__(
        self,
        *,
        layout: Layout,
        fields: Mapping[str, int | tuple[int, ...]],
        initial_state: State,
        feature_names: Sequence[str],
        channels: Sequence[int],
        observed_state: Mapping[str, Any] | None = None,
        task_reward: Weights = None,
        true_reward: Weights = None,
        horizon: int | None = None,
        reward: RewardName = "task",
        render_mode: str | None = None,
    ) -> None:
        if not isinstance(reward, str) or reward not in get_args(RewardName):
            raise ValueError(f"reward={reward!r}: expected one of {get_args(RewardName)}")
        modes = self.metadata["render_modes"]
        if render_mode is not None and not (isinstance(render_mode, str) and render_mode in modes):
            raise ValueError(f"render_mode={render_mode!r}: expected None or one of {modes}")
        if horizon is not None and (not isinstance(horizon, (int, np.integer)) or horizon < 1):
            raise ValueError(f"horizon={horizon!r}: expected None or an int of at least 1")
        self.layout = layout
        self.states = StateSpace(fields, self._is_valid)
        self.feature_names = tuple(feature_names)
        self.horizon = horizon
        self.render_mode = render_mode
        self.seen = SeenStates()
        self.task_reward = task_reward
        self.true_reward = true_reward
        self.step_reward = {"task": self.task_reward, "true": self.true_reward, "none": None}[
            reward
        ]

        self.initial_state = initial_state
        self._initial = self.states.keys(self.states.batch(initial_state))[0]
        self.observed_state = (
            None if observed_state is None else self._complete("observed_state", observed_state)
        )
        self._current: SeenState | None = None
        self._window = Window()

        self.grid_shape = (*layout.shape, len(channels))
        high = np.broadcast_to(np.array(channels, dtype=np.float32), self.grid_shape).ravel()
        self.observation_space: spaces.Box = spaces.Box(np.zeros_like(high), high)
        self.action_space: spaces.Discrete = spaces.Discrete(self.n_actions)

    # What a subclass defines, for batches of N states.

    @abstractmethod
    def _is_valid(self, states: States) -> BoolArray:
        """Return whether combinations of field values are states (N,)."""

    @abstractmethod
    def _outcomes(self, states: States, actions: IntArray) -> Iterator[Outcome]:
        """Possible outcomes of each state's action (N,), with their probabilities."""

    @abstractmethod
    def _features(self, states: States) -> NDArray[np.float64]:
        """The features (N, F)."""

    @abstractmethod
    def _grids(self, states: States) -> NDArray[np.float32]:
        """The observations as grids (N, height, width, channels)."""

    @abstractmethod
    def _states_of_grids(self, grids: NDArray[np.float32]) -> States:
        """The valid states that noisy grids (N, height, width, channels) resemble most."""

    @abstractmethod
    def _sprites(self, state: State) -> list[Sprite]:
        """Sprites to draw, from back to front."""

    # Gymnasium's interface.

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[Any], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds the environment's random numbers.
            options: ``{"state": …}`` starts in that state: its index, or a mapping with those of
                its fields that differ from the initial state. ``{"observation": …}`` starts in
                the state of an observation.

        Raises:
            TypeError: If the options are no mapping.
            ValueError: If there is another option, or there is no such state.
        """
        if options is not None and not isinstance(options, Mapping):
            raise TypeError(
                f"options={options!r}: expected a mapping with 'state' or 'observation'"
            )
        super().reset(seed=seed)
        options = options or {}
        unknown = sorted(set(options) - {"state", "observation"})
        if unknown or len(options) > 1:
            raise ValueError(
                f"options={options} is not understood: expected one of 'state' and 'observation'"
            )
        if "observation" in options:
            self.set_state_from_observation(options["observation"])
        elif "state" in options:
            self._start(self.states.batch(self.complete(options["state"])))
        else:
            self._current = self._recall(self._initial)
        if self.render_mode == "human":
            self.render()
        start = self._now()
        return start.observation.copy(), self._info(start)

    def step(
        self, action: np.int64 | int
    ) -> tuple[NDArray[Any], float, bool, bool, dict[str, Any]]:
        """Take an action; the reward is that of the state that follows.

        Raises:
            InvalidAction: If the action is not one of the action space.
            ResetNeeded: If the environment was never reset.
        """
        # Gymnasium's own check takes as long as the rest of a step.
        is_action = type(action) in (int, np.int64) and 0 <= action < self.n_actions
        if not is_action and not self.action_space.contains(action):
            raise InvalidAction(
                f"action={action!r}: expected an int from 0 to {self.n_actions - 1}"
            )
        before = self._current
        if before is None:
            raise ResetNeeded("step was called before reset: call reset first")
        keys, cumulative = (before.successors or self._compute_successors(before))[action]
        # This is what Generator.choice does, which takes longer.
        chosen = bisect_right(cumulative, self.np_random.random()) if len(keys) > 1 else 0
        self._current = after = self._recall(keys[chosen])
        if self.render_mode == "human":
            self.render()
        return after.observation.copy(), after.reward, False, False, self._info(after)

    def render(self) -> Any:
        """Draw the current state.

        Returns:
            A str with render mode "ansi", an array (height, width, 3) of uint8 with "rgb_array",
            and None with "human", which shows it in a window.

        Raises:
            DependencyNotInstalled: If pygame is not installed and a picture is asked for.
        """
        if self.render_mode is None:
            gym.logger.warn(
                "render was called without a render mode: pass render_mode to gym.make, for "
                'example render_mode="rgb_array"'
            )
            return None
        state = self.states.single(self._now().states)
        shape, caption = self.layout.shape, self._caption(state)
        if self.render_mode == "ansi":
            return to_text(self._sprites(state), shape, caption)
        picture = draw(self._sprites(state), shape, caption)
        if self.render_mode == "rgb_array":
            return picture
        self._window.show(picture, self.metadata["render_fps"])
        return None

    def close(self) -> None:
        """Close the window, if there is one."""
        self._window.close()

    def get_keys_to_action(self) -> dict[tuple[str | int, ...], int]:
        """The keys for ``gymnasium.utils.play``: arrows or w, a, s, d, and space to interact.

        Pass it ``noop=4`` as well, to stay as long as no key is pressed.
        """
        return {(key,): action for key, action in KEYS.items() if action < self.n_actions}

    # What reward learning needs.

    @cached_property
    def mdp(self) -> TabularMDP:
        """The whole environment as arrays, built at first use.

        Raises:
            TooManyStatesError: If there are too many states to tabulate.
        """
        n_states = len(self.states)
        states = self.states.decode(np.arange(n_states))
        probabilities, rows, columns = self._entries(
            states, lambda following: self.states.encode(following).astype(np.int32)
        )
        shape = (n_states * self.n_actions, n_states)
        initial = np.zeros(n_states)
        initial[self.states.index(self.initial_state)] = 1
        return TabularMDP(
            transitions=coo_array((probabilities, (rows, columns)), shape=shape).tocsr(),
            features=self._features(states),
            feature_names=self.feature_names,
            initial_distribution=initial,
            default_action=STAY,
            states=self.states,
        )

    def reachable(self, horizon: int, observation: ArrayLike | None = None) -> ReachablePart:
        """The states that can be passed through within a horizon, in worlds of any size.

        Args:
            horizon: The number T of states of a trajectory, the first one included, at least 1.
            observation: What the first state shows; None for the initial state.

        Raises:
            TooManyStatesError: If there are more than fit into memory.
            ValueError: If the horizon is out of range, or the observation has another shape.
        """
        if not isinstance(horizon, (int, np.integer)) or isinstance(horizon, bool) or horizon < 1:
            raise ValueError(f"horizon={horizon!r}: expected an int of at least 1")
        start = (
            self.states.batch(self.initial_state)
            if observation is None
            else self._states_of(np.asarray(observation)[None])
        )
        return ReachablePart(self, start, horizon)

    @property
    def state(self) -> State | None:
        """The current state; None before the first reset."""
        return None if self._current is None else self.states.single(self._current.states)

    @property
    def observed_states(self) -> NDArray[Any] | None:
        """The state that the human left behind as observations (1, D), None if there is none."""
        if self.observed_state is None:
            return None
        return self._observe(self.states.batch(self.observed_state))

    def set_state_from_observation(self, observation: ArrayLike) -> None:
        """Put the environment into the state of one observation, or the one most like it."""
        self._start(self._states_of(np.asarray(observation)[None]))

    def state_indices(self, observations: ArrayLike) -> NDArray[np.int64]:
        """The MDP's indices (N,) of the states of N observations (N, *observation_shape)."""
        return self.states.encode(self._states_of(np.asarray(observations)))

    def observations(self, indices: ArrayLike) -> NDArray[Any]:
        """The observations (N, *observation_shape) of the states with the given indices (N,).

        Raises:
            ValueError: If one is not the index of a state.
        """
        array, n = np.asarray(indices), len(self.states)
        is_index = array.dtype.kind in "iu" and np.all((array >= 0) & (array < n))
        if not array.ndim or not is_index:
            raise ValueError(f"indices={indices!r}: expected a list of ints from 0 to {n - 1}")
        return self._observe(self.states.decode(indices))

    def features(self, observations: ArrayLike) -> NDArray[np.float64]:
        """The features of observations.

        Args:
            observations: One observation, or a batch of N.

        Returns:
            Their features, of shape (F,) or (N, F).

        Raises:
            ValueError: If the shape is not that of an observation or a batch of them.
        """
        observations = np.asarray(observations)
        single = observations.shape == self.observation_space.shape
        features = self._features(self._states_of(observations[None] if single else observations))
        return features.reshape(-1) if single else features

    def agent_at_each_cell(self, state: Mapping[str, Any] | int) -> NDArray[np.int64]:
        """The states that differ from one state in where the agent stands.

        Args:
            state: The index of the state, or those of its fields that differ from the initial one.

        Returns:
            Their indices by cell (height, width), -1 where the agent cannot be: what a heatmap
            of a function of states needs.
        """
        height, width = self.layout.shape
        cells = np.indices((height, width), dtype=np.int16).reshape(2, -1).T
        states = {
            name: np.repeat(values, len(cells), axis=0)
            for name, values in self.states.batch(self.complete(state)).items()
        }
        states["agent"] = cells
        return self.states.encode(states).reshape(height, width)

    def complete(self, state: Mapping[str, Any] | int) -> State:
        """A whole state from those of its fields that differ from the initial state, or its index.

        Raises:
            ValueError: If there is no such state.
        """
        return self._complete("state", state)

    def _complete(self, name: str, state: Mapping[str, Any] | int) -> State:
        """A whole state, see :meth:`complete`, that is called by some name in errors."""
        if isinstance(state, (int, np.integer)) and not isinstance(state, bool):
            if not 0 <= state < len(self.states):
                raise ValueError(f"{name}={state}: expected 0 to {len(self.states) - 1}")
            return self.states.state(int(state))
        if not isinstance(state, Mapping):
            raise ValueError(
                f"{name}={state!r}: expected the index of a state or a mapping with some of the "
                f"fields {sorted(self.states.fields)}"
            )
        try:
            return self.states.single(self.states.batch({**self.initial_state, **state}))
        except ValueError as error:
            raise ValueError(str(error) if name == "state" else f"{name}: {error}") from None

    # Shared by subclasses.

    def _move(self, agents: NDArray[np.int16], actions: IntArray) -> NDArray[np.int16]:
        """Cells (N, 2) that agents get to; obstacles and other actions than moves stop them."""
        moved: NDArray[np.int16] = self._destinations[agents[:, 0], agents[:, 1], actions]
        return moved

    @cached_property
    def _destinations(self) -> NDArray[np.int16]:
        """The cells that actions lead to from each cell (height, width, actions, 2)."""
        shape = self.layout.shape
        cells = np.indices(shape, dtype=np.int16).transpose(1, 2, 0)[:, :, None]
        moves = MOVES[np.minimum(np.arange(self.n_actions), STAY)]
        moved = np.clip(cells + moves, 0, np.array(shape, dtype=np.int16) - 1)
        blocked = self._obstacles[moved[..., 0], moved[..., 1]]
        destinations: NDArray[np.int16] = np.where(blocked[..., None], cells, moved)
        return destinations

    @cached_property
    def _obstacles(self) -> BoolArray:
        """The cells (height, width) that the agent cannot enter."""
        return self.layout.walls

    def _not_in_obstacle(self, agents: NDArray[np.int16]) -> BoolArray:
        free: BoolArray = ~self._obstacles[agents[:, 0], agents[:, 1]]
        return free

    def _argmax_cell(self, layers: NDArray[np.float32]) -> NDArray[np.int16]:
        """The cell (N, 2) where the agent can be with the largest value in (N, height, width)."""
        values = np.where(self._obstacles, -np.inf, layers)
        values = values.reshape(len(layers), self._obstacles.size)
        rows, columns = np.divmod(values.argmax(axis=1), self.layout.shape[1])
        return np.stack([rows, columns], axis=1).astype(np.int16)

    def _ground_sprites(self) -> list[Sprite]:
        """Walls and goals."""
        goals = enumerate(self.layout.goals.tolist(), start=1)
        return [
            *sprites("wall", np.argwhere(self.layout.walls)),
            *(Sprite("goal", tuple(cell), str(number)) for number, cell in goals),
        ]

    def _caption(self, state: State) -> str:
        """A line under the picture."""
        return ""

    # Internals.

    def _entries(
        self, states: States, encode: Callable[[States], NDArray[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.int32], NDArray[Any]]:
        """Entries of the transition matrix for all actions in N states.

        Args:
            states: The states.
            encode: Numbers the states that follow.

        Returns:
            Probabilities (n,), their rows s·A + a (n,), and the states that follow (n,), encoded.
        """
        n_states = len(next(iter(states.values())))
        probabilities, rows, following = [], [], []
        for action in range(self.n_actions):
            for outcome in self._outcomes(states, np.full(n_states, action)):
                probabilities.append(outcome.probability)
                rows.append((outcome.rows * self.n_actions + action).astype(np.int32))
                following.append(encode(outcome.states))
        return np.concatenate(probabilities), np.concatenate(rows), np.concatenate(following)

    def _observe(self, states: States) -> NDArray[Any]:
        """The observations (N, *observation_shape) of a batch of states."""
        grids = self._grids(states)
        return grids.reshape(len(grids), -1)

    def _states_of(self, observations: NDArray[Any]) -> States:
        """The states of observations (N, *observation_shape)."""
        shape = self.observation_space.shape
        if observations.shape[1:] != shape:
            raise ValueError(
                f"observations have shape {observations.shape}: expected one of shape {shape} or "
                f"N of them, ({', '.join(map(str, ('N', *shape)))})"
            )
        return self._states_of_grids(observations.reshape(-1, *self.grid_shape))

    def _start(self, states: States) -> None:
        """Go to a state, a batch of one."""
        self._current = self._recall(self.states.keys(states)[0])

    def _now(self) -> SeenState:
        """The current state, and what was computed of it."""
        if self._current is None:
            raise ResetNeeded("there is no current state: call reset first")
        return self._current

    def _recall(self, key: bytes) -> SeenState:
        """The state of a key, and what was computed of it, now or before."""
        return self.seen.get(key) or self._compute_state(key)

    def _compute_state(self, key: bytes) -> SeenState:
        states = self.states.state_of_key(key)
        features = self._features(states)[0]
        seen = SeenState(
            states=states,
            observation=self._observe(states)[0],
            features=features,
            reward=float(features @ self.step_reward),
            task_reward=float(features @ self.task_reward),
            true_reward=float(features @ self.true_reward),
        )
        self.seen.add(key, seen)
        return seen

    def _compute_successors(self, state: SeenState) -> list[Successors]:
        actions = np.arange(self.n_actions)
        states = {
            name: values.repeat(len(actions), axis=0) for name, values in state.states.items()
        }
        keys: list[list[bytes]] = [[] for _ in actions]
        probabilities: list[list[float]] = [[] for _ in actions]
        for outcome in self._outcomes(states, actions):
            rows, chances = outcome.rows.tolist(), outcome.probability.tolist()
            followers = self.states.keys(outcome.states)
            for action, probability, key in zip(rows, chances, followers, strict=True):
                keys[action].append(key)
                probabilities[action].append(probability)
        successors = list(map(Successors.of, keys, probabilities))
        self.seen.add_successors(state, successors)
        return successors

    def _info(self, state: SeenState) -> dict[str, Any]:
        return {
            "features": state.features.copy(),
            "task_reward": state.task_reward,
            "true_reward": state.true_reward,
        }
