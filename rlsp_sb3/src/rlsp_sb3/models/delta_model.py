"""Network of how observations change with an action: (inverse) dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import array_like, flatten_arrays, load_module, module_arrays, subtree
from rlsp_sb3.models.networks import mlp
from rlsp_sb3.models.normalization import ActionNormalizer, Normalizer
from rlsp_sb3.models.training import fit
from rlsp_sb3.utils.checks import check_int, check_positive, check_sizes
from rlsp_sb3.utils.type_checks import checks_types


class DeltaModel:
    """Dynamics or inverse dynamics network that predicts the change of observations.

    A network maps scaled observations and actions to the scaled change. Changes are clipped to the
    range that was seen (Lindner et al. 2021, appendix). Categories change as their one-hot codes,
    and become those that are most probable.

    Args:
        observation_space: The space of observations; or, if they are numbers, the shape of one.
        action_space: The actions.
        hidden: The sizes of the hidden layers.
        noise: The standard deviation of what is added to scaled inputs and targets, at least 0.
        seed: Draws the first parameters.
    """

    @checks_types
    def __init__(
        self,
        observation_space: spaces.Space[Any] | tuple[int, ...],
        action_space: spaces.Space[Any],
        hidden: Sequence[int] = (256, 256),
        noise: float = 1e-3,
        seed: int = 0,
    ) -> None:
        check_sizes("hidden", hidden)
        check_positive("noise", noise, zero=True)
        check_int("seed", seed, 0)
        if not isinstance(observation_space, spaces.Space):
            check_sizes("observation_space", observation_space)
        self.origin = Normalizer(observation_space)
        size = len(self.origin.mean)
        self.change = Normalizer((size,))
        self.actions = ActionNormalizer(action_space)
        self.noise = noise
        self.low = self.high = np.zeros(size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = mlp(size + self.actions.size, size, hidden)
        self.is_fitted = False

    def fit(
        self,
        origins: NDArray[Any],
        actions: NDArray[Any],
        results: NDArray[Any],
        settings: FitSettings,
        rng: np.random.Generator,
    ) -> float:
        """Fit it, from where it is, to N changes.

        Args:
            origins: Observations (N, *observation_shape).
            actions: Actions (N, *action_shape).
            results: Observations (N, *observation_shape).
            settings: How long and how fast.
            rng: Draws the examples and the noise.

        Returns:
            The mean squared error of scaled changes that were held out.
        """
        changes = self.origin.flatten(results) - self.origin.flatten(origins)
        if not self.is_fitted:  # a scale that changed would undo what the network knows
            self.origin.fit(origins)
            self.change.fit(changes)
            self.low, self.high = changes.min(axis=0), changes.max(axis=0)
            self.is_fitted = True
        self.low = np.minimum(self.low, changes.min(axis=0))
        self.high = np.maximum(self.high, changes.max(axis=0))
        # Δ = result - origin, standardized, from the standardized origin and the action
        inputs = torch.cat([self.origin.scale(origins), self.actions.scale(actions)], dim=1)
        targets = self.change.scale(changes)
        generator = torch.Generator().manual_seed(int(rng.integers(2**31)))

        def noisy(values: torch.Tensor) -> torch.Tensor:
            return values + self.noise * torch.randn(values.shape, generator=generator)

        def loss(rows: NDArray[np.int64]) -> torch.Tensor:
            index = torch.as_tensor(rows)
            return nn.functional.mse_loss(self.network(noisy(inputs[index])), noisy(targets[index]))

        return fit(
            self.network.parameters(),
            loss,
            len(inputs),
            settings,
            rng,
            description="fitting the dynamics",
        )

    @torch.no_grad()
    def __call__(self, origins: NDArray[Any], actions: NDArray[Any]) -> NDArray[Any]:
        """The results (N, *observation_shape) of N actions."""
        # result = origin + clip(Δ(origin, action))
        inputs = torch.cat([self.origin.scale(origins), self.actions.scale(actions)], dim=1)
        change = self.change.unscale(self.network(inputs))
        results = self.origin.flatten(origins) + np.clip(change, self.low, self.high)
        return self.origin.unflatten(results)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Fitted parameters, to be saved."""
        if not self.is_fitted:
            return {}
        return flatten_arrays(
            origin=self.origin.arrays(),
            change=self.change.arrays(),
            range={"low": self.low, "high": self.high},
            network=module_arrays(self.network),
        )

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        if not arrays:
            return
        self.origin.set_arrays(subtree(arrays, "origin"))
        self.change.set_arrays(subtree(arrays, "change"))
        limits = subtree(arrays, "range")
        self.low = array_like(self.low.astype(np.float64), limits, "low")
        self.high = array_like(self.high.astype(np.float64), limits, "high")
        load_module(self.network, subtree(arrays, "network"))
        self.is_fitted = True
