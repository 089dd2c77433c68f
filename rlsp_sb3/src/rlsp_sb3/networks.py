"""Small networks, and what they have in common."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

HIDDEN = (128, 128)


def mlp(
    n_inputs: int,
    n_outputs: int,
    hidden: Sequence[int] = HIDDEN,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """A multi-layer perceptron with activations between its layers."""
    sizes = [n_inputs, *hidden]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_outputs))


def one_hot(values: NDArray[np.int64], size: int) -> torch.Tensor:
    """Rows (N, size) that are 1 at the values (N,) and 0 elsewhere."""
    return torch.eye(size)[torch.as_tensor(values)]


def draw(log_probabilities: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Draw from categorical distributions.

    Args:
        log_probabilities: (…, size), up to a constant.
        rng: The source of random numbers, rather than PyTorch's global one.

    Returns:
        Draws of shape (…).
    """
    uniform = torch.as_tensor(rng.random(log_probabilities.shape, dtype=np.float32))
    gumbel = -torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-7)))
    return (log_probabilities + gumbel).argmax(dim=-1)
