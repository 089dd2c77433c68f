"""Observations as arrays of the type of their space."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.preprocessing import is_image_space, is_image_space_channels_first

from rlsp_sb3.utils.type_checks import checks_types, shown

Bounds = tuple[NDArray[np.float64], NDArray[np.float64]]

MAX_CATEGORIES = 2048
"""Largest number of categories of a space: networks have an input or an output for each."""


def check_array_space(space: spaces.Space[Any]) -> None:
    """Raise an error now if observations are no arrays, rather than where one is used as such.

    Raises:
        TypeError: If they are not; names the wrapper that makes them arrays, if there is one.
    """
    if space.shape is not None and space.dtype is not None:
        return
    if isinstance(space, (spaces.Dict, spaces.Tuple)) and space.is_np_flattenable:
        hint = (
            "wrap the environment (each one, of a vector environment) in "
            "gymnasium.wrappers.FlattenObservation, and pass observations of that"
        )
    else:
        hint = "give the environment an observation wrapper that makes arrays of them"
    raise TypeError(
        f"env has the observation_space {space}: expected one of arrays of one shape, such as a "
        f"Box; {hint}"
    )


def check_without_info(observation: Any) -> None:
    """Raise a ValueError if an observation is all that ``env.reset()`` of Gymnasium returns."""
    is_pair = isinstance(observation, tuple) and len(observation) == 2
    if is_pair and isinstance(observation[1], dict):
        raise ValueError(
            "observation is a tuple of an observation and a dict, as env.reset() returns it: pass "
            "the first of both, as in observation, info = env.reset()"
        )


def finite_rows(observations: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether each of N observations (N, *observation_shape) is finite (N,)."""
    return np.asarray(np.isfinite(observations).reshape(len(observations), -1).all(axis=1))


def check_shown(env: Any, observation: NDArray[Any], when: str) -> None:
    """Raise an error if an environment shows something that is no number, where it does.

    Args:
        env: The environment.
        observation: What it shows.
        when: At which step, in words.

    Raises:
        ValueError: If it is not finite.
    """
    if not np.all(np.isfinite(observation)):
        name = type(getattr(env, "unwrapped", env)).__name__
        raise ValueError(
            f"env={name} shows {shown(observation)} {when}: expected finite numbers, since nothing "
            "can be learned from others; mend the environment, or end its episodes before"
        )


def is_categorical(space: Any) -> bool:
    """Return whether the entries of a space's elements are categories, rather than numbers."""
    return isinstance(space, (spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary))


def space_bounds(space: spaces.Space[Any]) -> Bounds:
    """The least and the largest values (*observation_shape) of observations.

    Raises:
        TypeError: If the space has none.
    """
    if isinstance(space, spaces.Box):
        low, high = space.low, space.high
    elif isinstance(space, spaces.Discrete):
        low, high = space.start, space.start + space.n - 1
    elif isinstance(space, spaces.MultiDiscrete):
        low = getattr(space, "start", np.zeros_like(space.nvec))  # from Gymnasium 1.0 on
        high = low + space.nvec - 1
    elif isinstance(space, spaces.MultiBinary):
        low, high = np.zeros(space.shape), np.ones(space.shape)
    else:
        raise TypeError(f"env has the observation_space {space}: expected one with bounds")
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)


def n_categories(space: spaces.Space[Any]) -> int:
    """Number of the categories of all entries of a space's elements."""
    least, largest = space_bounds(space)
    return int((largest - least + 1).sum())


def as_observations(values: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """Numbers as observations of a type: rounded and within what it can hold, if it has integers.

    A plain cast would cut 3.9 down to 3, and wrap 259.5 around to 3 in uint8.

    Raises:
        FloatingPointError: If it has integers and a number is NaN.
    """
    dtype = np.dtype(dtype)
    if dtype.kind not in "biu" or values.dtype.kind in "biu":
        return values.astype(dtype)
    if np.isnan(values).any():
        raise FloatingPointError(f"NaN cannot be an observation of {dtype}")
    if dtype.kind == "b":
        return np.asarray(values >= 0.5)
    info = np.iinfo(dtype)
    rounded = np.rint(values)
    # Compared, not clipped: the largest int64 is no float.
    result = np.where(rounded > info.min, info.max, info.min).astype(dtype)
    held = (rounded > info.min) & (rounded < float(info.max))
    result[held] = rounded[held].astype(dtype)
    return result


def has_channels_last(space: spaces.Space[Any]) -> bool:
    """Return whether observations are images that SB3 turns, for its channels to come first."""
    return is_image_space(space) and not is_image_space_channels_first(space)  # type: ignore[arg-type]


@checks_types
def channels_last(observations: NDArray[Any], space: spaces.Space[Any]) -> NDArray[Any]:
    """Observations as they are in a space, of those that an algorithm of SB3 keeps.

    Args:
        observations: N observations, images with the channels first if SB3 turned them.
        space: The space of the environment's observations.

    Returns:
        The observations (N, *observation_shape).
    """
    if has_channels_last(space):
        return np.moveaxis(observations, 1, -1)
    # SB3 keeps single numbers as (N, 1).
    return observations.reshape(-1) if space.shape == () else observations
