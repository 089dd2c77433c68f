"""Prior of skills: one of a number, one-hot, or a point of a cube."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.learners import check_int, check_vector


@dataclass(frozen=True)
class SkillPrior:
    """Prior p(z): uniform over skills, or over the cube [-1, 1]^size.

    Attributes:
        size: The number of entries of a skill z.
        is_discrete: Whether skills are the one-hot vectors.
    """

    size: int
    is_discrete: bool

    def of_uniform(self, uniform: NDArray[np.float64]) -> NDArray[np.float32]:
        """Skills (N, size) of numbers in [0, 1) (N, size) that are uniformly distributed."""
        if self.is_discrete:
            return self.one_hot((self.size * uniform[:, 0]).astype(np.int64))
        return (2 * uniform - 1).astype(np.float32)

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw n skills (n, size)."""
        return self.of_uniform(rng.random((n, self.size)))

    def alternatives(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """Skills (L, size) to marginalize by: all of them, or n that are drawn."""
        return np.eye(self.size, dtype=np.float32) if self.is_discrete else self.sample(n, rng)

    def one_hot(self, numbers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Skills (N, size) by their numbers (N,)."""
        return np.asarray(np.eye(self.size, dtype=np.float32)[numbers])

    def draw_like_torch(self, n: int) -> NDArray[np.float32]:
        """Draw n skills (n, size) from PyTorch's generator, as SB3's policies draw actions."""
        return self.of_uniform(torch.rand((n, self.size), dtype=torch.float64).numpy())

    def vector(self, skill: Any) -> NDArray[np.float32]:
        """A skill (size,) of its number, or of its entries.

        Raises:
            TypeError: If skills have numbers, and it is none.
            ValueError: If there is no such skill.
        """
        if self.is_discrete:
            check_int("skill", skill, 0, self.size - 1)
            return np.asarray(self.one_hot(np.array([skill]))[0])
        entries: ArrayLike = check_vector("skill", skill, self.size)
        if np.max(np.abs(entries)) > 1:
            raise ValueError(f"skill={skill!r}: expected {self.size} numbers from -1 to 1")
        return np.asarray(entries, dtype=np.float32)
