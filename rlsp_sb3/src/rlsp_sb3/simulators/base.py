"""Simulators of an environment's transitions, from the states that observations show."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.type_aliases import Array
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_mdp, check_seed
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)


_MAX_TABLE_BYTES = 2**28


class Simulator(ABC):
    """Base class of simulators of single transitions, from any observation.

    Episodes do not matter: where one would have ended, the dynamics go on, and what counts steps
    (a ``TimeLimit``) does not count. The environment belongs to the simulator from now on, which
    resets and steps it as it likes.

    Args:
        env: The environment, wrapped or not.
        rng: Decides all that is random, so that a generator in the same state gives the same
            result to the bit.

    Attributes:
        serial_reason: Why it simulates one transition after the other; None if it simulates many
            at once.

    Raises:
        TypeError: If observations or actions are no arrays (a Dict space, for example).
    """

    serial_reason: str | None = None

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        for name in ("observation_space", "action_space"):
            space = getattr(env, name)
            if space.shape is None:
                raise TypeError(
                    f"env has the {name} {space}: expected one of arrays of one shape, such as a "
                    "Box or a Discrete"
                )
        self.env = env
        self.rng = rng
        self.observation_space = env.observation_space
        self.action_space = env.action_space

    @property
    def is_deterministic(self) -> bool:
        """True if nothing is known to be random in the transitions."""
        return False

    def seed(self, seed: int | None) -> None:
        """Start the random numbers anew; None for unpredictable ones.

        Raises:
            TypeError: If the seed is no int.
            ValueError: If it is negative.
        """
        self.rng = check_seed("seed", seed)

    def step(self, observations: ArrayLike, actions: ArrayLike) -> Array:
        """Simulate a transition of each observation under its action.

        Args:
            observations: N observations (N, *observation_shape).
            actions: N actions (N, *action_shape).

        Returns:
            The next observations (N, *observation_shape); see :meth:`advance` for what is NaN.

        Raises:
            TypeError: If the observations or actions are no numbers, or actions of a Discrete
                space are no ints.
            ValueError: If they have other shapes, or an action is not in the action space.
        """
        return self.advance(self.states(observations), actions)[1]

    def states(self, observations: ArrayLike) -> Array:
        """States of the simulator that observations show, to go on from with :meth:`advance`.

        Observations may show less than the state: going on from states is what the environment
        does from step to step, where a new state for each observation forgets the rest.

        Args:
            observations: N observations (N, *observation_shape).

        Returns:
            States (N, *any_shape), of any type; NaN where an observation is.

        Raises:
            TypeError: If the observations are no numbers.
            ValueError: If they have another shape.
        """
        observations = check_observations("observations", observations, self.observation_space)
        alive = finite(observations)
        if alive.all():
            return self._states(observations)
        shown = np.where(alive.reshape(-1, *[1] * (observations.ndim - 1)), observations, 0)
        states = self._states(shown).astype(np.float64)  # integers have no NaN
        states[~alive] = np.nan
        return states

    def advance(self, states: Array, actions: ArrayLike) -> tuple[Array, Array]:
        """Simulate a transition of each state under its action.

        Where that cannot be told the result is NaN: where MuJoCo becomes unstable (it would go on
        from its initial state), where the environment shows something that is not finite, and
        where the state was NaN before. How many are new among these is logged at level INFO.

        Args:
            states: N states, of :meth:`states` or of this method.
            actions: N actions (N, *action_shape).

        Returns:
            The next states, and the observations (N, *observation_shape) that they show.

        Raises:
            TypeError: If the actions are no numbers, or those of a Discrete space are no ints.
            ValueError: If they have another shape, or one is not in the action space.
        """
        actions = _check_actions(actions, self.action_space, len(states))
        alive = finite(states)
        if alive.all():
            next_states, observations = self._advance(states, actions)
        else:
            shape = (len(states), *(self.observation_space.shape or ()))
            next_states, observations = states.copy(), np.zeros(shape)
            if alive.any():
                next_states[alive], observations[alive] = self._advance(
                    states[alive], actions[alive]
                )
        observations = observations.astype(self.observation_space.dtype, copy=False)
        if observations.dtype.kind == "f":
            known = alive & finite(observations)
            if not known.all():
                observations[~known] = np.nan
                next_states = next_states.astype(np.float64)  # integers have no NaN
                next_states[~known] = np.nan
                if n_new := int(alive.sum() - known.sum()):
                    logger.info("%d of %d transitions were unstable: NaN", n_new, len(alive))
        return next_states, observations

    @abstractmethod
    def reset(self, n: int) -> Array:
        """Initial observations (n, *observation_shape) of the environment.

        Raises:
            TypeError: If n is no int.
            ValueError: If n is less than 1.
        """

    def _states(self, observations: Array) -> Array:
        """States that finite observations show: the observations, unless there is more to them."""
        return observations

    @abstractmethod
    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        """Simulate the transitions; states are finite, N is at least 1."""


class TabularSimulator(Simulator):
    """Simulator by look-ups in the tables of an environment with enumerated states.

    An observation that shows no state is taken for the one it resembles, if the environment does.

    Args:
        env: A :class:`~rlsp_sb3.protocols.TabularEnv` that offers ``observations(indices)``: the
            observations (N, *observation_shape) of N states. Wrappers must not change anything.
        rng: Decides what happens where the next state is random, and the initial states.

    Raises:
        ValueError: If its tables do not fit together, or there are too many states for them.
    """

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        super().__init__(env, rng)
        self._env = cast(Any, env.unwrapped)
        self._mdp = self._env.mdp
        check_mdp(self._mdp, self._env.feature_names)
        self._transitions = self._mdp.transitions
        n_rows, n_states = self._transitions.shape
        if not isinstance(env.action_space, spaces.Discrete) or n_rows != (
            n_states * env.action_space.n
        ):
            raise ValueError(
                f"mdp.transitions has {n_rows} rows: expected one for each of {n_states} states "
                f"and each action of {env.action_space}"
            )
        self._first_action, self._n_actions = env.action_space.start, env.action_space.n
        self._is_deterministic = bool((np.diff(self._transitions.indptr) == 1).all())
        self._cumulative = np.cumsum(self._transitions.data)
        first = self._env.observations(np.zeros(1, dtype=np.int64))
        self._observations = (
            self._env.observations(np.arange(n_states)).astype(env.observation_space.dtype)
            if n_states * first.nbytes <= _MAX_TABLE_BYTES
            else None
        )

    @property
    def is_deterministic(self) -> bool:
        """True if one state follows for sure from each action in each state."""
        return self._is_deterministic

    def reset(self, n: int) -> Array:
        """Initial observations, from the initial distribution of the tables."""
        check_int("n", n, 1, MAX_COUNT)
        initial = self._mdp.initial_distribution
        return self._observe(self.rng.choice(len(initial), size=n, p=initial))

    def _states(self, observations: Array) -> Array:
        return np.asarray(self._env.state_indices(observations))

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        following = self._follow(states, actions)
        return following, self._observe(following)

    def _follow(self, states: Array, actions: Array) -> Array:
        rows = states.astype(np.int64) * self._n_actions + (actions - self._first_action)
        indptr, indices = self._transitions.indptr, self._transitions.indices
        if self._is_deterministic:
            return np.asarray(indices[rows])
        # Rows sum to 1, so row r takes the cumulative probabilities from r to r + 1.
        points = rows + self.rng.random(len(rows))
        entries = np.searchsorted(self._cumulative, points, side="right")
        return np.asarray(indices[np.clip(entries, indptr[rows], indptr[rows + 1] - 1)])

    def _observe(self, states: NDArray[np.integer[Any]]) -> Array:
        if self._observations is None:
            shown = np.asarray(self._env.observations(states))
            return shown.astype(self.observation_space.dtype, copy=False)
        return np.asarray(self._observations.take(states, axis=0))


class ResetSimulator(Simulator):
    """Simulator that puts the environment into the state of one observation after the other.

    Args:
        env: An environment that
            :func:`~rlsp_sb3.state_reset.set_state_from_observation` works for.
        rng: Seeds the environment, at the start of each call.

    Raises:
        TypeError: If it is not known how to put it into a state; says what to implement.
    """

    serial_reason: str | None = "only its own step says what follows from an action"

    @checks_types
    def __init__(self, env: gym.Env[Any, Any], rng: np.random.Generator) -> None:
        self._set_state = state_setter(env)
        super().__init__(env, rng)

    def reset(self, n: int) -> Array:
        """Initial observations, by resetting the environment."""
        check_int("n", n, 1, MAX_COUNT)
        observations = [self._seeded_reset()] + [self.env.reset()[0] for _ in range(n - 1)]
        return np.array(observations, dtype=self.observation_space.dtype)

    def agrees(self) -> bool:
        """Return whether this simulates some transitions as the environment does, one at a time."""
        space: Any = self.action_space
        space.seed(0)
        observations = self.reset(8)
        for _ in range(8):
            actions = np.array([space.sample() for _ in observations])
            expected, _ = ResetSimulator._advance(self, observations, actions)
            if not np.allclose(self.step(observations, actions), expected, rtol=1e-5, atol=1e-5):
                return False
            observations = expected
        return True

    def _advance(self, states: Array, actions: Array) -> tuple[Array, Array]:
        next_observations = np.empty(states.shape, self.observation_space.dtype)
        self._seeded_reset()
        for i, (state, action) in enumerate(zip(states, actions, strict=True)):
            self._set_state(state)
            next_observations[i], _, terminated, truncated, _ = self.env.step(action)
            if self._is_unstable():
                next_observations[i] = np.nan
            if terminated or truncated:
                self.env.reset()  # wrappers may refuse to step on
        return next_observations, next_observations.copy()

    def _seeded_reset(self) -> Any:
        return self.env.reset(seed=int(self.rng.integers(2**31)))[0]

    def _is_unstable(self) -> bool:
        """Return whether the simulation became unstable in the last step."""
        return False


def finite(observations: Array) -> NDArray[np.bool_]:
    """Return whether each of N observations (N, *observation_shape) is finite (N,)."""
    if observations.dtype.kind != "f":
        return np.ones(len(observations), dtype=np.bool_)
    return np.asarray(np.isfinite(observations).all(axis=tuple(range(1, observations.ndim))))


def wrappers(env: gym.Env[Any, Any]) -> Iterator[gym.Wrapper[Any, Any, Any, Any]]:
    """The wrappers of an environment, the outermost first."""
    while isinstance(env, gym.Wrapper):
        yield env
        env = env.env


def changes_actions(wrapper: gym.Wrapper[Any, Any, Any, Any]) -> bool:
    """Return whether a wrapper says that it does something to actions."""
    return (
        isinstance(wrapper, gym.ActionWrapper) or wrapper.action_space != wrapper.env.action_space
    )


def changes_observations(wrapper: gym.Wrapper[Any, Any, Any, Any]) -> bool:
    """Return whether a wrapper says that it does something to observations."""
    return (
        isinstance(wrapper, gym.ObservationWrapper)
        or wrapper.observation_space != wrapper.env.observation_space
    )


def check_observations(name: str, observations: ArrayLike, space: spaces.Space[Any]) -> Array:
    """Observations (N, *observation_shape) as an array of the type of the space.

    Raises:
        TypeError: If they are no numbers.
        ValueError: If they have another shape, or the type of the space does not hold them.
    """
    array = _check_batch(name, observations, space.shape or (), "biuf", "numbers")
    if array.dtype == space.dtype:
        return array
    with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is found below
        cast = array.astype(space.dtype)
    if cast.dtype.kind != "f" and not np.array_equal(cast, array):
        what = "whole and in its range" if np.isfinite(array).all() else "finite"
        raise ValueError(f"{name} are not all {what}: expected values of {space.dtype}")
    return cast


def _check_actions(actions: ArrayLike, space: spaces.Space[Any], n: int) -> Array:
    is_discrete = isinstance(space, spaces.Discrete)
    kinds = ("iu", "ints") if is_discrete else ("biuf", "numbers")
    array = _check_batch("actions", actions, space.shape or (), *kinds)
    if len(array) != n:
        raise ValueError(
            f"actions has {len(array)} rows: expected one for each of {n} observations"
        )
    allowed: NDArray[np.bool_]
    if isinstance(space, spaces.Discrete):
        allowed = np.asarray((array >= space.start) & (array < space.start + space.n))
    elif isinstance(space, spaces.Box):
        within = (array >= space.low) & (array <= space.high) & np.isfinite(array)
        allowed = np.asarray(within.all(axis=tuple(range(1, array.ndim))))
    else:
        allowed = np.asarray([space.contains(action) for action in array], dtype=np.bool_)
    if not allowed.all():
        i = int(np.argmin(allowed))
        hint = "; clip them first" if isinstance(space, spaces.Box) else ""
        raise ValueError(f"actions[{i}]={array[i]}: expected actions in {space}{hint}")
    return array


def _check_batch(
    name: str, value: ArrayLike, shape: tuple[int, ...], kinds: str, what: str
) -> Array:
    expected = f"({', '.join(['N', *map(str, shape)])}{'' if shape else ','})"
    try:
        array = np.asarray(value)
    except ValueError as error:  # of different lengths
        raise ValueError(f"{name} is no array of shape {expected}: {error}") from error
    if array.dtype.kind not in kinds:
        raise TypeError(f"{name} has the dtype {array.dtype}: expected {what}")
    if array.ndim == 0 or array.shape[1:] != shape:
        raise ValueError(f"{name} has shape {array.shape}: expected {expected}")
    return array
