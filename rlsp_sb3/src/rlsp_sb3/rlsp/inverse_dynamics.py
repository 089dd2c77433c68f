"""Inverse dynamics p(s_t | s_t+1, a_t): the observation before an action."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.models.networks import draw, mlp, one_hot
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec

N_COMPONENTS = 4
# Bounds that keep gradients out of the range of denormal numbers, which take ten times as long.
LARGEST_LOGIT = 10.0
WIDEST_GAP = 20.0


class DiscreteInverseDynamics(nn.Module):
    """p_t(s | s', a) for observations whose entries take few values.

    A mixture whose components choose each entry independently: what hangs together (a tree without
    an apple, and the person beside it) is told by the components.

    Args:
        codec: The values of the observations.
        n_times: The number of actions of a trajectory.
        n_actions: The number of actions to choose from.
    """

    def __init__(self, codec: CategoricalCodec, n_times: int, n_actions: int) -> None:
        super().__init__()
        self.codec = codec
        self.n_times = n_times
        self.n_actions = n_actions
        n_inputs = len(codec.entries) + n_times + n_actions
        self.network = mlp(n_inputs, N_COMPONENTS * (1 + codec.n_symbols))
        self.membership = codec.membership

    def forward(
        self,
        after: NDArray[np.generic],
        actions: NDArray[np.int64],
        times: NDArray[np.int64],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The log weights (N, components) and the logits of symbols (N, components, n_symbols)."""
        inputs = [
            self.codec.inputs(after),
            one_hot(times, self.n_times),
            one_hot(actions, self.n_actions),
        ]
        outputs = self.network(torch.cat(inputs, dim=1))
        weights = nn.functional.log_softmax(outputs[:, :N_COMPONENTS], dim=1)
        logits = outputs[:, N_COMPONENTS:].view(len(outputs), N_COMPONENTS, -1)
        return weights, logits.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)

    def loss(
        self,
        before: NDArray[np.generic],
        actions: NDArray[np.int64],
        after: NDArray[np.generic],
        times: NDArray[np.int64],
    ) -> torch.Tensor:
        """The mean negative log likelihood of N observations."""
        weights, logits = self(after, actions, times)
        codes = self.codec.encode(before)[:, None].expand(-1, N_COMPONENTS, -1)
        # log Σ_k w_k Π_e softmax(logits_k of the values of entry e)[s_e]
        normalizers = torch.log(logits.exp() @ self.membership)
        log_probability = logits.gather(2, codes).sum(dim=2) - normalizers.sum(dim=2)
        joint = weights + log_probability
        floor = joint.detach().amax(dim=1, keepdim=True) - WIDEST_GAP
        return -torch.logsumexp(torch.maximum(joint, floor), dim=1).mean()

    @torch.no_grad()
    def sample(
        self,
        after: NDArray[np.generic],
        actions: NDArray[np.int64],
        times: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.generic]:
        """Draw the observations (N, *observation_shape) before N actions."""
        # k ~ w, then each entry by component k, independently
        weights, logits = self(after, actions, times)
        chosen = logits[torch.arange(len(logits)), draw(weights, rng)]
        entries = chosen.split(self.codec.sizes, dim=1)
        codes = [
            int(offset) + draw(entry, rng)
            for offset, entry in zip(self.codec.offsets, entries, strict=False)
        ]
        return self.codec.decode(torch.stack(codes, dim=1))


class DeltaInverseDynamics:
    """The observation before as the one after plus a change, where observations are numbers.

    Nothing is random, and the time does not matter.

    Args:
        model: Maps observations, and the actions that led to them, to those before.
    """

    def __init__(self, model: DeltaModel) -> None:
        self.model = model

    def fit(
        self, transitions: Transitions, settings: FitSettings, rng: np.random.Generator
    ) -> float:
        """Fit it, from where it is, to transitions.

        Returns:
            The mean squared error of scaled changes that were held out.
        """
        after, actions = transitions.next_observations, transitions.actions
        return self.model.fit(after, actions, transitions.observations, settings, rng)

    def sample(
        self,
        after: NDArray[Any],
        actions: NDArray[Any],
        times: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """The observations (N, *observation_shape) before N actions."""
        return self.model(after, actions)
