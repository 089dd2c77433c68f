"""What maps observations to the features that a reward is linear in."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from rlsp_sb3.budgets import Budget
from rlsp_sb3.checks import check_choice, check_int, check_positive
from rlsp_sb3.fitting import Schedule, fit
from rlsp_sb3.named_arrays import joined, load_module, module_arrays, part
from rlsp_sb3.networks import IMAGE_AXES, image_decoder, image_encoder, mlp
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.scaling import Scaling, clocks
from rlsp_sb3.suggest import did_you_mean

FIT = Schedule(2500, 500, 1e-3)
FIT_IMAGES = Schedule(500, 64, 1e-3)
MIN_FEATURE_STD = 0.1  # a latent that varies less is not in use


class Encoder(ABC):
    """Maps observations (N, *observation_shape) to features (N, F).

    A subclass that has to see data before implements :meth:`fit`, and :meth:`arrays` and
    :meth:`set_arrays` to be saved. A learner does not fit one again that was fitted, so that it can
    be handed to several.

    Attributes:
        is_fitted: Whether it can be used.
    """

    is_fitted = True

    @abstractmethod
    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""

    @property
    @abstractmethod
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""

    def fit(
        self,
        observations: NDArray[Any],
        rng: np.random.Generator,
        next_observations: NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Fit it to observations (N, *observation_shape).

        Args:
            observations: What it is fitted to.
            rng: Decides all that is random.
            next_observations: What followed on each, if that is known.

        Returns:
            What to log, by name, measured on observations that it was not fitted to.
        """
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, to be saved."""
        return {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:  # noqa: B027 (most need none)
        """Take over what :meth:`arrays` returned."""


class FunctionEncoder(Encoder):
    """Features that a function computes, such as those that an environment offers.

    Args:
        features: Maps observations (N, *observation_shape) to features (N, F).
        feature_names: The names of the F features.
    """

    def __init__(
        self, features: Callable[[Any], NDArray[Any]], feature_names: Sequence[str]
    ) -> None:
        self.features = features
        self._names = tuple(feature_names)

    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        return np.asarray(self.features(observations), dtype=np.float64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return self._names


class EnvironmentFeatures(FunctionEncoder):
    """The features that an environment offers.

    Args:
        env: The environment, with ``features(observations)`` and ``feature_names``.
    """

    def __init__(self, env: Any) -> None:
        super().__init__(env.features, env.feature_names)


class ScaledEncoder(Encoder):
    """One that brings observations to mean 0 and standard deviation 1 first.

    Entries that count the steps, such as the time that remains, are 0: nobody acts on them, and far
    into an episode they would outweigh all others.

    A subclass keeps each other argument of its constructor as an attribute of the same name.
    """

    def __init__(self, observation_shape: tuple[int, ...]) -> None:
        self.scaling = Scaling(observation_shape)
        self.is_fitted = False

    def fit(
        self,
        observations: NDArray[Any],
        rng: np.random.Generator,
        next_observations: NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Take mean and standard deviation from observations (N, *observation_shape)."""
        self.scaling.fit(observations)
        if next_observations is not None:
            self.scaling.ignore(clocks(observations, next_observations))
        self.is_fitted = True
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, to be saved."""
        return self.scaling.arrays() if self.is_fitted else {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        if arrays:
            self.scaling.set_arrays(arrays)
            self.is_fitted = True

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor, but for the shape of observations."""
        names = list(inspect.signature(type(self)).parameters)[1:]
        return {name: getattr(self, name) for name in names}


class IdentityEncoder(ScaledEncoder):
    """The entries of an observation, each with mean 0 and standard deviation 1."""

    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        return self.scaling.scale(observations).numpy().astype(np.float64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return tuple(f"observation_{i}" for i in range(len(self.scaling.mean)))


class RandomFourierFeatures(ScaledEncoder):
    """Random cosines of an observation, whose products approximate a Gaussian kernel.

    A reward that is linear in them can have its largest value anywhere, at the observed states for
    example, where one that is linear in the observation always wants more of something
    (Rahimi and Recht, 2007).

    Args:
        observation_shape: The shape of an observation.
        n_features: The number F of features, at least 1.
        bandwidth: Over which distance the kernel falls to e^-½, in standard deviations of each
            entry and times the square root of their number; above 0.
        seed: Draws the frequencies.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range.
    """

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        n_features: int = 256,
        bandwidth: float = 1.0,
        seed: int = 0,
    ) -> None:
        check_int("n_features", n_features, 1)
        check_positive("bandwidth", bandwidth)
        super().__init__(observation_shape)
        self.n_features = n_features
        self.bandwidth = bandwidth
        self.seed = seed
        rng = np.random.default_rng(seed)
        size = len(self.scaling.mean)
        self.frequencies = rng.standard_normal((size, n_features)) / (bandwidth * np.sqrt(size))
        self.phases = rng.uniform(0, 2 * np.pi, n_features)

    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        scaled = self.scaling.scale(observations).numpy()
        n_features = len(self.phases)
        cosines = np.cos(scaled @ self.frequencies + self.phases)
        return np.asarray(np.sqrt(2 / n_features) * cosines)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return tuple(f"cosine_{i}" for i in range(len(self.phases)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted and drawn, to be saved."""
        drawn = {"frequencies": self.frequencies, "phases": self.phases}
        return {**super().arrays(), **drawn} if self.is_fitted else {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        super().set_arrays(arrays)
        if arrays:
            self.frequencies = np.array(arrays["frequencies"])
            self.phases = np.array(arrays["phases"])


class StateVAE(ScaledEncoder):
    """The mean of the latent variables of a variational autoencoder.

    The decoder has unit variance. Observations are scaled before, and the means after, so that each
    latent variable that is in use has standard deviation 1 (Lindner et al. 2021, appendix, scale
    neither and sample instead of taking the mean).

    Args:
        observation_shape: The shape of an observation.
        n_latents: The number F of latent variables, at least 1.
        hidden: The sizes of the hidden layers, of the encoder and, reversed, of the decoder.
            Images (height, width, channels) have convolutions instead.
        kl_weight: The weight of the Kullback-Leibler divergence from the prior, at least 0.
        scale_latents: Whether to scale the means.
        schedule: How long and how fast to fit it; None for what suits small networks.
        seed: Draws the first parameters.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range.
    """

    def __init__(
        self,
        observation_shape: tuple[int, ...],
        n_latents: int = 30,
        hidden: Sequence[int] = (128, 128),
        kl_weight: float = 1e-3,
        scale_latents: bool = True,
        schedule: Schedule | None = None,
        seed: int = 0,
    ) -> None:
        check_int("n_latents", n_latents, 1)
        check_positive("kl_weight", kl_weight, zero=True)
        super().__init__(observation_shape)
        self.n_latents = n_latents
        self.hidden = tuple(hidden)
        self.kl_weight = kl_weight
        self.scale_latents = scale_latents
        is_image = len(observation_shape) == IMAGE_AXES
        self.schedule = Schedule(*schedule) if schedule else FIT_IMAGES if is_image else FIT
        self.seed = seed
        size = len(self.scaling.mean)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if is_image:
                self.encoder = image_encoder(observation_shape, 2 * n_latents)
                self.decoder = image_decoder(n_latents, observation_shape)
            else:
                self.encoder = mlp(size, 2 * n_latents, hidden, nn.LeakyReLU)
                self.decoder = mlp(n_latents, size, tuple(reversed(hidden)), nn.LeakyReLU)
        self.latent_scaling = Scaling((n_latents,))

    @torch.no_grad()
    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        latents = self.encoder(self.scaling.scale(observations))[:, : self.n_latents]
        return self.latent_scaling.scale(latents.numpy()).numpy().astype(np.float64)

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
        """Fit it to observations (N, *observation_shape); logs the loss of those held out."""
        super().fit(observations, rng, next_observations)
        scaled = self.scaling.scale(observations)
        noise = torch.Generator().manual_seed(int(rng.integers(2**31)))

        def loss(rows: NDArray[np.int64]) -> torch.Tensor:
            inputs = scaled[torch.as_tensor(rows)]
            mean, log_variance = self.encoder(inputs).chunk(2, dim=1)
            log_variance = log_variance.clamp(-10, 10)
            std = torch.exp(log_variance / 2)
            sampled = mean + std * torch.randn(mean.shape, generator=noise)
            error = ((self.decoder(sampled) - inputs) ** 2).sum(dim=1) / 2
            divergence = (mean**2 + std**2 - 1 - log_variance).sum(dim=1) / 2
            total: torch.Tensor = (error + self.kl_weight * divergence).mean()
            return total

        parameters = [*self.encoder.parameters(), *self.decoder.parameters()]
        held_out = fit(parameters, loss, len(scaled), self.schedule, rng)
        if self.scale_latents:
            with torch.no_grad():
                self.latent_scaling.fit(self.encoder(scaled)[:, : self.n_latents].numpy())
            self.latent_scaling.std = np.maximum(self.latent_scaling.std, MIN_FEATURE_STD)
        return {"encoder_loss": held_out}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What was fitted, to be saved."""
        if not self.is_fitted:
            return {}
        return joined(
            scaling=super().arrays(),
            latent_scaling=self.latent_scaling.arrays(),
            encoder=module_arrays(self.encoder),
            decoder=module_arrays(self.decoder),
        )

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        if arrays:
            super().set_arrays(part(arrays, "scaling"))
            self.latent_scaling.set_arrays(part(arrays, "latent_scaling"))
            load_module(self.encoder, part(arrays, "encoder"))
            load_module(self.decoder, part(arrays, "decoder"))


ENCODERS: dict[str, type[ScaledEncoder]] = {
    "fourier": RandomFourierFeatures,
    "identity": IdentityEncoder,
    "vae": StateVAE,
}
FEATURES = "features"
"""Stands for the features that the environment offers."""
OWN = {"name": "own"}
"""Stands in files for an encoder that they do not contain."""


def make_encoder(
    encoder: Any,
    env: Any,
    observed_states: NDArray[Any] | None = None,
    budget: Budget | None = None,
) -> Encoder:
    """The encoder that is meant.

    Args:
        encoder: An :class:`Encoder`; "features" for those that the environment offers; the name of
            one of this module ("fourier", "identity", "vae"); a mapping of such a "name" and
            arguments; a function from observations (N, *observation_shape) to features (N, F); None
            for the features of the environment, or else random Fourier features.
        env: The environment, without wrappers that hide what it offers.
        observed_states: Observations (n, *observation_shape), to try a function on, and for the
            shape of observations; None for that of the environment.
        budget: How much work to put into an autoencoder of vectors that is given by its name; None
            for its own defaults.

    Raises:
        TypeError: If it is something else, an argument is unknown or has a wrong type, or the
            environment offers no features.
        ValueError: If there is no encoder of that name, an argument is out of range, a function
            does not give features, or a file held a learner with an encoder of somebody's own.
    """
    offered = hasattr(env, "features") and hasattr(env, "feature_names")
    if isinstance(encoder, Encoder):
        return encoder
    if encoder is None:
        encoder = FEATURES if offered else "fourier"
    if isinstance(encoder, str):
        encoder = {"name": encoder}
    if encoder == {"name": FEATURES}:
        if not offered:
            raise TypeError(
                f'encoder="features": env={env} offers no features and feature_names; choose one '
                f"of {list(ENCODERS)}"
            )
        return EnvironmentFeatures(env)
    if encoder == OWN:
        raise ValueError(
            "encoder: the learner that was saved had one of somebody's own, which is not part of "
            "the file; give it again: load(..., encoder=...)"
        )
    if isinstance(encoder, Mapping):
        settings = dict(encoder)
        name = settings.pop("name", None)
        check_choice("encoder", name, [FEATURES, *ENCODERS])
        allowed = [] if name == FEATURES else list(inspect.signature(ENCODERS[name]).parameters)[1:]
        for setting in settings:
            if setting not in allowed:
                raise TypeError(
                    f"encoder={encoder!r}: {name!r} has no setting "
                    f"{setting!r}{did_you_mean(str(setting), allowed)}: expected some of {allowed}"
                )
        # Of the observed states, if there are some: wrappers may add to observations.
        offers: Any = env.observation_space if observed_states is None else observed_states[0]
        shape = offers.shape or ()
        if name == "vae" and budget is not None and len(shape) != IMAGE_AXES:
            work = {"hidden": budget.encoder_hidden, "schedule": budget.encoder}
            settings = {**work, **settings}
        return ENCODERS[name](shape, **settings)
    if not callable(encoder):
        raise TypeError(
            f"encoder={encoder!r}: expected an Encoder, a function from observations to features, "
            f"or one of {[FEATURES, *ENCODERS]}"
        )
    if observed_states is None:
        return FunctionEncoder(encoder, ())
    shape = np.shape(encoder(observed_states))
    if len(shape) != 2 or shape[0] != len(observed_states):
        raise ValueError(
            f"encoder={encoder!r} gave an array of shape {shape} for {len(observed_states)} "
            f"observations: expected ({len(observed_states)}, F)"
        )
    return FunctionEncoder(encoder, [f"feature_{i}" for i in range(shape[1])])


def encoder_settings(encoder: Encoder) -> Any:
    """What :func:`make_encoder` makes an encoder of, as JSON can hold it.

    For one of somebody's own, which has to be given again, that is an error.
    """
    if isinstance(encoder, EnvironmentFeatures):
        return FEATURES
    for name, encoder_class in ENCODERS.items():
        if type(encoder) is encoder_class:
            return {"name": name, **encoder.settings()}
    return OWN
