"""Variational autoencoder of observations: the published encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from torch import nn

from rlsp_sb3.encoders.base import ScaledEncoder
from rlsp_sb3.encoders.slow_features import slow_axes
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import array_like, flatten_arrays, load_module, module_arrays, subtree
from rlsp_sb3.models.networks import IMAGE_AXES, image_decoder, image_encoder, mlp
from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.models.training import fit
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_positive, check_sizes
from rlsp_sb3.utils.settings import validated
from rlsp_sb3.utils.type_checks import checks_types

FIT = FitSettings(2500, 500, 1e-3)
FIT_IMAGES = FitSettings(500, 64, 1e-3)
MIN_FEATURE_STD = 0.1  # a latent that varies less is not in use


class StateVAE(ScaledEncoder):
    """Variational autoencoder of observations, whose latent means are the features.

    The decoder has unit variance. Observations are scaled before, and the means after, so that each
    latent variable that is in use has standard deviation 1 (Lindner et al. 2021, appendix, scale
    neither and sample instead of taking the mean).

    Args:
        observation_space: The space of observations; or, if they are numbers, the shape of one.
        n_latents: The number F of latent variables, at least 1.
        hidden: The sizes of the hidden layers, of the encoder and, reversed, of the decoder.
            Images (height, width, channels) have convolutions instead.
        kl_weight: The weight of the Kullback-Leibler divergence from the prior, at least 0.
        scale_latents: Whether to scale the means.
        fit_settings: The settings for fitting it, or a mapping of them; None for what suits small
            networks.
        seed: Draws the first parameters.
        slow_features: Whether to turn the means into uncorrelated features that are the larger the
            slower they change, with variance 1 together (see
            :func:`~rlsp_sb3.encoders.slow_axes`); fitting it then takes next observations.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range.
    """

    @checks_types
    def __init__(
        self,
        observation_space: spaces.Space[Any] | tuple[int, ...],
        n_latents: int = 30,
        hidden: Sequence[int] = (128, 128),
        kl_weight: float = 1e-3,
        scale_latents: bool = True,
        fit_settings: FitSettings | Mapping[str, Any] | None = None,
        seed: int = 0,
        slow_features: bool = False,
    ) -> None:
        check_int("n_latents", n_latents, 1, MAX_COUNT)
        check_int("seed", seed, 0)
        check_positive("kl_weight", kl_weight, zero=True)
        super().__init__(observation_space)
        self.n_latents = n_latents
        self.hidden = check_sizes("hidden", hidden)
        self.kl_weight = kl_weight
        self.scale_latents = scale_latents
        shape = self.normalizer.shape
        is_image = self.normalizer.codec is None and len(shape) == IMAGE_AXES
        if fit_settings is None:
            fit_settings = FIT_IMAGES if is_image else FIT
        self.fit_settings: FitSettings = validated(FitSettings, fit_settings, "fit_settings")
        self.seed = seed
        self.slow_features = slow_features
        size = len(self.normalizer.mean)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if is_image:
                self.encoder = image_encoder(shape, 2 * n_latents)
                self.decoder = image_decoder(n_latents, shape)
            else:
                self.encoder = mlp(size, 2 * n_latents, hidden, nn.LeakyReLU)
                self.decoder = mlp(n_latents, size, tuple(reversed(hidden)), nn.LeakyReLU)
        self.latent_normalizer = Normalizer((n_latents,))
        self.axes = np.eye(n_latents)

    @torch.no_grad()
    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        latents = self.encoder(self.normalizer.scale(observations))[:, : self.n_latents]
        scaled = self.latent_normalizer.scale(latents.numpy()).numpy().astype(np.float64)
        return np.asarray(scaled @ self.axes) if self.slow_features else scaled

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return tuple(f"latent_{i}" for i in range(self.n_latents))

    def fit(
        self,
        observations: NDArray[Any],
        rng: np.random.Generator,
        next_observations: NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Fit it to observations (N, *observation_shape); logs the loss of those held out.

        Raises:
            ValueError: If features are to be slow and there are no next observations.
        """
        if self.slow_features and next_observations is None:
            raise ValueError(
                "next_observations=None: expected what followed on each observation, to see how "
                "fast features change; or make the encoder with slow_features=False"
            )
        super().fit(observations, rng, next_observations)
        scaled = self.normalizer.scale(observations)
        noise = torch.Generator().manual_seed(int(rng.integers(2**31)))

        def loss(rows: NDArray[np.int64]) -> torch.Tensor:
            # The negative ELBO, E_q[-log p(x | z)] + kl_weight · KL(q(z | x) ‖ N(0, 1)), with
            # q(z | x) = N(μ(x), σ(x)²) and p(x | z) = N(decoder(z), 1), up to a constant.
            inputs = scaled[torch.as_tensor(rows)]
            mean, log_variance = self.encoder(inputs).chunk(2, dim=1)
            log_variance = log_variance.clamp(-10, 10)
            std = torch.exp(log_variance / 2)
            sampled = mean + std * torch.randn(mean.shape, generator=noise)  # z = μ + σ ε
            error = ((self.decoder(sampled) - inputs) ** 2).sum(dim=1) / 2
            divergence = (mean**2 + std**2 - 1 - log_variance).sum(dim=1) / 2
            total: torch.Tensor = (error + self.kl_weight * divergence).mean()
            return total

        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        held_out = fit(
            parameters, loss, len(scaled), self.fit_settings, rng, description="fitting the encoder"
        )
        if self.scale_latents:
            with torch.no_grad():
                self.latent_normalizer.fit(self.encoder(scaled)[:, : self.n_latents].numpy())
            self.latent_normalizer.std = np.maximum(self.latent_normalizer.std, MIN_FEATURE_STD)
        if self.slow_features and next_observations is not None:
            self.axes = np.eye(self.n_latents)
            self.axes = slow_axes(self(observations), self(next_observations))
        return {"encoder_loss": held_out}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Fitted parameters, to be saved."""
        if not self.is_fitted:
            return {}
        return flatten_arrays(
            normalizer=super().arrays(),
            latent_normalizer=self.latent_normalizer.arrays(),
            slow={"axes": self.axes} if self.slow_features else {},
            encoder=module_arrays(self.encoder),
            decoder=module_arrays(self.decoder),
        )

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        if arrays:
            super().set_arrays(subtree(arrays, "normalizer"))
            self.latent_normalizer.set_arrays(subtree(arrays, "latent_normalizer"))
            if self.slow_features:
                self.axes = array_like(self.axes, subtree(arrays, "slow"), "axes")
            load_module(self.encoder, subtree(arrays, "encoder"))
            load_module(self.decoder, subtree(arrays, "decoder"))
