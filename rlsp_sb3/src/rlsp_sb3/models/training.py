"""Training of networks on examples."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.utils.progress import track

HELD_OUT = 0.05  # of the examples


def fit(
    parameters: Iterable[nn.Parameter],
    loss: Callable[[NDArray[np.int64]], torch.Tensor],
    n_examples: int,
    settings: FitSettings,
    rng: np.random.Generator,
    description: str = "fitting",
) -> float:
    """Minimize a loss by Adam.

    Args:
        parameters: What to adapt.
        loss: The mean loss of some examples, by their indices (B,).
        n_examples: How many there are; a twentieth of them, at random, is held out.
        settings: How long and how fast.
        rng: Draws the examples.
        description: What progress says of it, such as "fitting the encoder".

    Returns:
        The loss of the examples that were held out.

    Raises:
        ValueError: If there are no examples.
    """
    if n_examples < 1:
        raise ValueError("there are no examples to fit to: expected at least 1")
    shuffled = rng.permutation(n_examples)
    n_held_out = max(1, int(HELD_OUT * n_examples))
    held_out, seen = shuffled[:n_held_out], shuffled[n_held_out:]
    if not len(seen):
        seen = held_out
    optimizer = torch.optim.Adam(list(parameters), settings.learning_rate)
    for update in track(range(settings.n_updates), description):
        progress = update / settings.n_updates
        optimizer.param_groups[0]["lr"] = (
            settings.learning_rate * (1 + math.cos(math.pi * progress)) / 2
        )
        optimizer.zero_grad()
        loss(seen[rng.integers(len(seen), size=settings.batch_size)]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.no_grad():
        return float(loss(held_out))
