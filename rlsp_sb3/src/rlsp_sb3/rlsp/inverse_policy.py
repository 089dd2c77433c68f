"""Inverse policies p(a_t | s_t+1): the action that led to an observation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray
from torch import nn
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.models.networks import draw, mlp, one_hot
from rlsp_sb3.models.normalization import ActionNormalizer, Normalizer
from rlsp_sb3.models.training import fit
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec


class CategoricalInversePolicy(nn.Module):
    """p_t(a | s'), the probability that the action at time t led to an observation s'.

    Args:
        codec: The values of the observations.
        n_times: The number of actions of a trajectory.
        n_actions: The number of actions to choose from.
    """

    def __init__(self, codec: CategoricalCodec, n_times: int, n_actions: int) -> None:
        super().__init__()
        self.codec = codec
        self.n_times = n_times
        self.network = mlp(len(codec.entries) + n_times, n_actions)

    def forward(self, after: NDArray[np.generic], times: NDArray[np.int64]) -> torch.Tensor:
        """The logits (N, n_actions) for N observations and times."""
        inputs = [self.codec.inputs(after), one_hot(times, self.n_times)]
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


class StationaryInversePolicy(nn.Module):
    """p(a | s'), whatever the time.

    Discrete actions have a categorical distribution, each entry its own if they have several. For
    others it is a mixture of Gaussians (Lindner et al. 2021, appendix), here with learned widths.

    Args:
        observation_space: The space of observations; or, if they are numbers, the shape of one.
        action_space: The actions.
        hidden: The sizes of the hidden layers.
        n_components: The number of Gaussians.
        min_std: The smallest standard deviation of one, for actions in [-1, 1].
        seed: Draws the first parameters.
    """

    def __init__(
        self,
        observation_space: spaces.Space[Any] | tuple[int, ...],
        action_space: spaces.Space[Any],
        hidden: Sequence[int] = (256, 256),
        n_components: int = 5,
        min_std: float = 0.05,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.after = Normalizer(observation_space)
        self.actions = ActionNormalizer(action_space)
        self.n_components = n_components
        self.min_std = min_std
        size = self.actions.size
        n_outputs = size if self.actions.codec is not None else n_components * (1 + 2 * size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = mlp(len(self.after.mean), n_outputs, hidden)

    def reinitialize(self, rng: np.random.Generator) -> None:
        """Forget all fits."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            for module in self.network:
                if isinstance(module, nn.Linear):
                    module.reset_parameters()

    def fit(
        self,
        actions: NDArray[Any],
        after: NDArray[Any],
        settings: FitSettings,
        rng: np.random.Generator,
    ) -> float:
        """Fit it, from where it is, to N actions and the observations after them.

        Returns:
            The mean negative log likelihood of actions that were held out.
        """
        inputs, targets = self.after.scale(after), self.actions.scale(actions)

        def loss(rows: NDArray[np.int64]) -> torch.Tensor:
            index = torch.as_tensor(rows)
            return -self._log_prob(inputs[index], targets[index]).mean()

        return fit(
            self.parameters(),
            loss,
            len(inputs),
            settings,
            rng,
            description="fitting the inverse policy",
        )

    @torch.no_grad()
    def sample(
        self, after: NDArray[Any], times: NDArray[np.int64], rng: np.random.Generator
    ) -> NDArray[Any]:
        """Draw the actions (N, *action_shape) that led to N observations."""
        inputs = self.after.scale(after)
        codec = self.actions.codec
        if codec is not None:
            drawn = [draw(logits, rng) for logits in codec.split(self.network(inputs))]
            return codec.decode(torch.stack(drawn, dim=1).numpy())
        logits, means, stds = self._mixture(inputs)
        # k ~ w(s'), then a = μ_k + σ_k ε
        chosen = torch.arange(len(inputs)), draw(logits, rng)
        noise = rng.standard_normal(means.shape[::2], dtype=np.float32)
        return self.actions.unscale(means[chosen] + stds[chosen] * torch.as_tensor(noise))

    def _log_prob(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        codec = self.actions.codec
        if codec is not None:
            # log Π_e softmax(logits of the categories of entry e)[a_e]
            entries = zip(codec.split(self.network(inputs)), codec.split(targets), strict=True)
            losses = [
                nn.functional.cross_entropy(logits, target, reduction="none")
                for logits, target in entries
            ]
            return -torch.stack(losses).sum(dim=0)
        logits, means, stds = self._mixture(inputs)
        # log Σ_k w_k(s') Π_d N(a_d; μ_kd(s'), σ_kd(s')²)
        components = Independent(Normal(means, stds, validate_args=False), 1, validate_args=False)
        weights = Categorical(logits=logits, validate_args=False)
        mixture = MixtureSameFamily(weights, components, validate_args=False)
        log_probs: torch.Tensor = mixture.log_prob(targets)  # type: ignore[no-untyped-call]
        return log_probs

    def _mixture(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits of the weights (N, K), means (N, K, D) and standard deviations (N, K, D)."""
        outputs = self.network(inputs)
        logits, means, widths = outputs.split(
            [self.n_components] + 2 * [self.n_components * self.actions.size], dim=1
        )
        shape = (len(inputs), self.n_components, self.actions.size)
        stds = self.min_std + nn.functional.softplus(widths.view(shape))
        return logits, means.view(shape), stds
