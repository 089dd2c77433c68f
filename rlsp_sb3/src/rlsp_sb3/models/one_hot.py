"""One-hot codes of categories, which networks take in the place of their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.models.networks import one_hot
from rlsp_sb3.utils.observations import (
    MAX_CATEGORIES,
    is_categorical,
    n_categories,
    space_bounds,
)


class OneHotCodec:
    """One-hot codes of the categories that a Discrete, MultiDiscrete or MultiBinary space has.

    Each entry of an element of the space is one of several categories; its code is 1 at one of as
    many places and 0 at the others. The codes of all entries are side by side.

    Args:
        space: The space.

    Raises:
        ValueError: If it has more categories than a network can have a place for.

    Attributes:
        sizes: The number of categories of each entry.
        least: The first of them, of each entry.
    """

    def __init__(self, space: spaces.Space[Any]) -> None:
        if n_categories(space) > MAX_CATEGORIES:
            raise ValueError(f"space={space}: expected at most {MAX_CATEGORIES:,} categories")
        least, largest = space_bounds(space)
        self.shape: tuple[int, ...] = space.shape or ()
        self.dtype = space.dtype
        self.least = least.ravel().astype(np.int64)
        self.sizes: list[int] = (largest.ravel().astype(np.int64) - self.least + 1).tolist()

    @property
    def size(self) -> int:
        """Number of places of a code."""
        return sum(self.sizes)

    def encode(self, elements: NDArray[Any]) -> torch.Tensor:
        """The codes (N, size) of N elements of the space (N, *shape).

        Raises:
            RuntimeError: If one is not in the space.
        """
        categories = elements.reshape(len(elements), -1).astype(np.int64) - self.least
        codes = [one_hot(each, size) for each, size in zip(categories.T, self.sizes, strict=True)]
        return torch.cat(codes, dim=1)

    def split(self, scores: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Scores (N, size) as those of each entry's categories (N, categories)."""
        return torch.split(scores, self.sizes, dim=1)

    def decode(self, categories: NDArray[np.int64]) -> NDArray[Any]:
        """The N elements (N, *shape) of the categories (N, entries) from 0 on."""
        elements = (categories + self.least).astype(self.dtype)
        return elements.reshape(len(elements), *self.shape)

    def nearest(self, scores: torch.Tensor) -> NDArray[Any]:
        """The N elements (N, *shape) whose codes resemble scores (N, size) most."""
        best = [each.argmax(dim=1) for each in self.split(scores)]
        return self.decode(torch.stack(best, dim=1).numpy())


def one_hot_codec(space: Any) -> OneHotCodec | None:
    """The codec of a space of categories; None for numbers."""
    return OneHotCodec(space) if is_categorical(space) else None
