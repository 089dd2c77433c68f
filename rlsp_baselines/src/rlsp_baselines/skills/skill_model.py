"""Models that say how much a transition tells of its skill."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rlsp_baselines.skills.coordinates import Coordinates, SkillTransitions
from rlsp_baselines.skills.hyperparameters import SkillHyperparameters
from rlsp_baselines.skills.skill_prior import SkillPrior

_RATE = 0.1
"""Share of an epoch in the statistics that changes and coordinates are normalized by."""


class SkillModel(nn.Module):
    """Base class of models that are fitted to transitions, and reward them.

    Args:
        coordinates: The coordinates that it sees.
        prior: The prior of skills.
        hyperparameters: How large it is, and how it is fitted.
    """

    def __init__(
        self, coordinates: Coordinates, prior: SkillPrior, hyperparameters: SkillHyperparameters
    ) -> None:
        super().__init__()
        self.coordinates = coordinates
        self.prior = prior
        self.hyperparameters = hyperparameters

    @abstractmethod
    def rewards(self, transitions: SkillTransitions, rng: np.random.Generator) -> Tensor:
        """The intrinsic rewards (N,) of transitions, without gradients."""

    @abstractmethod
    def batch_loss(self, transitions: SkillTransitions) -> Tensor:
        """The mean loss of transitions."""

    @abstractmethod
    def update_statistics(self, transitions: SkillTransitions) -> None:
        """Count transitions in what inputs are normalized by."""

    def fit(
        self,
        transitions: SkillTransitions,
        optimizer: torch.optim.Optimizer,
        rng: np.random.Generator,
    ) -> float:
        """Fit it, from where it is, to the transitions of an epoch; returns the last loss."""
        self.update_statistics(transitions)
        n, loss = len(transitions.skills), 0.0
        for _ in range(self.hyperparameters.n_updates):
            rows = rng.integers(n, size=min(n, self.hyperparameters.batch_size))
            batch = self.batch_loss(SkillTransitions(*(each[rows] for each in transitions)))
            optimizer.zero_grad()
            batch.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss = batch.item()
        return loss


class RunningScale(nn.Module):
    """Normalization by the mean and standard deviation of recent epochs.

    Args:
        size: The number of entries.
    """

    mean: Tensor
    variance: Tensor
    is_known: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=torch.float64))
        self.register_buffer("variance", torch.ones(size, dtype=torch.float64))
        self.register_buffer("is_known", torch.zeros((), dtype=torch.bool))

    def update(self, values: NDArray[np.float64]) -> None:
        """Count an epoch's values (N, size)."""
        rate = _RATE if self.is_known else 1.0
        mean, variance = torch.as_tensor(values.mean(0)), torch.as_tensor(values.var(0))
        self.mean.lerp_(mean.to(self.mean.device), rate)
        self.variance.lerp_(variance.to(self.mean.device), rate)
        self.is_known.fill_(True)

    def forward(self, values: NDArray[Any]) -> Tensor:
        """Normalized values (N, size); what never changed is only centered."""
        std = self.variance.sqrt()
        scale = torch.where(std > 1e-8, std, 1.0)
        given = torch.as_tensor(values, device=self.mean.device)
        return ((given - self.mean) / scale).float()


def perceptron(n_inputs: int, n_outputs: int, hidden: tuple[int, ...]) -> nn.Sequential:
    """A multi-layer perceptron."""
    layers: list[nn.Module] = []
    for size in hidden:
        layers += [nn.Linear(n_inputs, size), nn.ReLU()]
        n_inputs = size
    return nn.Sequential(*layers, nn.Linear(n_inputs, n_outputs))
