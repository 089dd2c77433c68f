"""Normalization of observations and actions for networks."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.io.state_arrays import array_like
from rlsp_sb3.models.one_hot import one_hot_codec
from rlsp_sb3.utils.checks import check_sizes
from rlsp_sb3.utils.type_checks import checks_types

_SMALLEST_STD = 1e-6
_CLOCK_TOLERANCE = 1e-3  # of an amount; single precision leaves less


class Normalizer:
    """Normalizer of arrays (N, *shape): flat entries of mean 0 and standard deviation 1.

    Entries that never vary stay 0 as long as they keep their value. Categories are one-hot: of a
    ``Discrete(16)`` there are 16 flat entries.

    Args:
        space: The space of the arrays; or, if they are numbers, the shape of one.
    """

    @checks_types
    def __init__(self, space: spaces.Space[Any] | tuple[int, ...]) -> None:
        self.codec = one_hot_codec(space)
        shape = space.shape if isinstance(space, spaces.Space) else check_sizes("space", space)
        self.shape: tuple[int, ...] = shape or ()
        size = int(np.prod(self.shape, dtype=np.int64)) if self.codec is None else self.codec.size
        self.mean = np.zeros(size)
        self.std = np.ones(size)

    def fit(self, values: ArrayLike) -> None:
        """Take mean and standard deviation from arrays (N, *shape)."""
        flat = self.flatten(values)
        self.mean = flat.mean(axis=0)
        std = flat.std(axis=0)
        self.std = np.where(std > _SMALLEST_STD, std, 1.0)

    def ignore(self, entries: NDArray[np.bool_]) -> None:
        """Let some entries (size,) be 0 whatever their value."""
        self.std = np.where(entries, np.inf, self.std)

    def flatten(self, values: ArrayLike) -> NDArray[np.float64]:
        """Arrays (N, *shape) as (N, size)."""
        if self.codec is not None:
            return self.codec.encode(np.asarray(values)).numpy().astype(np.float64)
        array = np.asarray(values, dtype=np.float64)
        return array.reshape(len(array), -1)

    def unflatten(self, flat: NDArray[np.float64]) -> NDArray[Any]:
        """Undo :meth:`flatten`: (N, size) as arrays (N, *shape), the nearest categories."""
        if self.codec is not None:
            return self.codec.nearest(torch.as_tensor(flat))
        return flat.reshape(len(flat), *self.shape)

    def scale(self, values: ArrayLike) -> torch.Tensor:
        """Arrays (N, *shape) as input of a network (N, size)."""
        return torch.as_tensor((self.flatten(values) - self.mean) / self.std, dtype=torch.float32)

    def unscale(self, scaled: torch.Tensor) -> NDArray[Any]:
        """Undo :meth:`scale` of arrays (N, *shape)."""
        return self.unflatten(scaled.numpy().astype(np.float64) * self.std + self.mean)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Mean and standard deviation, to be saved."""
        return {"mean": self.mean, "std": self.std}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        self.mean = array_like(self.mean, arrays, "mean")
        self.std = array_like(self.std, arrays, "std")


def find_clock_entries(
    observations: NDArray[Any], next_observations: NDArray[Any]
) -> NDArray[np.bool_]:
    """Find entries of observations that count the steps: they change always by the same amount.

    Nothing that a person does changes them, so they say nothing of what the person wanted.

    Args:
        observations: What was seen before each step (N, *observation_shape).
        next_observations: What was seen after it.

    Returns:
        Whether each of the flattened entries is one (size,).
    """
    before, after = (each.reshape(len(each), -1) for each in (observations, next_observations))
    change = after.astype(np.float64) - before
    amount = np.abs(change).mean(axis=0)
    return np.asarray((amount > 0) & (np.ptp(change, axis=0) <= _CLOCK_TOLERANCE * amount))


class ActionNormalizer:
    """Normalizer of actions: numbers in [-1, 1], or one-hot categories.

    Args:
        space: The action space, a ``Box`` with bounds, each of them below the other, or a
            ``Discrete``, ``MultiDiscrete`` or ``MultiBinary``.

    Raises:
        TypeError: If it is something else.
    """

    @checks_types
    def __init__(self, space: spaces.Space[Any]) -> None:
        self.codec = one_hot_codec(space)
        if self.codec is not None:
            self.size = self.codec.size
        elif (
            isinstance(space, spaces.Box) and np.all(space.low < space.high) and space.is_bounded()
        ):
            self.size = int(np.prod(space.shape, dtype=np.int64))
        else:
            raise TypeError(
                f"action_space={space}: expected a Box with bounds, each low below its high, or a "
                "Discrete, MultiDiscrete or MultiBinary"
            )
        self.space: Any = space

    def scale(self, actions: NDArray[Any]) -> torch.Tensor:
        """Actions (N, *action_shape) as input of a network (N, size)."""
        if self.codec is not None:
            return self.codec.encode(actions)
        low, high = self.space.low, self.space.high
        scaled = 2 * ((actions - low) / (high - low)) - 1  # in this order, nothing overflows
        return torch.as_tensor(scaled.reshape(len(actions), -1), dtype=torch.float32)

    def unscale(self, scaled: torch.Tensor) -> NDArray[Any]:
        """Actions (N, *action_shape) of numbers (N, size), which are clipped to [-1, 1]."""
        low, high = self.space.low, self.space.high
        unit = scaled.clamp(-1, 1).numpy().reshape(-1, *self.space.shape)
        actions = low + (unit + 1) / 2 * (high - low)
        return np.asarray(np.clip(actions, low, high), dtype=self.space.dtype)
