"""Which action led to an observation."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.networks import draw, mlp, one_hot
from rlsp_sb3.vocabulary import Vocabulary


class CategoricalInversePolicy(nn.Module):
    """p_t(a | s'), the probability that the action at time t led to an observation s'.

    Args:
        vocabulary: The values of the observations.
        n_times: The number of actions of a trajectory.
        n_actions: The number of actions to choose from.
    """

    def __init__(self, vocabulary: Vocabulary, n_times: int, n_actions: int) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.n_times = n_times
        self.network = mlp(len(vocabulary.entries) + n_times, n_actions)

    def forward(self, after: NDArray[np.generic], times: NDArray[np.int64]) -> torch.Tensor:
        """The logits (N, n_actions) for N observations and times."""
        inputs = [self.vocabulary.inputs(after), one_hot(times, self.n_times)]
        logits: torch.Tensor = self.network(torch.cat(inputs, dim=1))
        return logits

    def loss(
        self,
        actions: NDArray[np.int64],
        after: NDArray[np.generic],
        times: NDArray[np.int64],
    ) -> torch.Tensor:
        """The mean negative log likelihood of N actions."""
        return nn.functional.cross_entropy(self(after, times), torch.as_tensor(actions))

    @torch.no_grad()
    def sample(
        self, after: NDArray[np.generic], times: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """Draw the actions (N,) that led to N observations."""
        return draw(self(after, times), rng).numpy()
