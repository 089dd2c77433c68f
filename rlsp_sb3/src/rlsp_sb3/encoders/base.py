"""Encoders: maps from observations to the features that a reward is linear in."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.models.normalization import Normalizer, find_clock_entries
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_names, check_sizes
from rlsp_sb3.utils.settings import plain
from rlsp_sb3.utils.type_checks import checks_types, shown


class Encoder(ABC):
    """Base class of encoders, which map observations (N, *observation_shape) to features (N, F).

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
        """Fitted parameters, to be saved."""
        return {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:  # noqa: B027 (most need none)
        """Take over what :meth:`arrays` returned."""

    def check_fitted(self) -> None:  # noqa: B027 (most need no fit)
        """Raise a ValueError unless it was fitted, or need not be."""


class FunctionEncoder(Encoder):
    """Features that a function computes, such as those that an environment offers.

    Args:
        features: Maps observations (N, *observation_shape) to features (N, F).
        feature_names: The names of the F features.
    """

    @checks_types
    def __init__(
        self, features: Callable[[Any], NDArray[Any]], feature_names: Sequence[str]
    ) -> None:
        self.features = features
        self._names = check_names("feature_names", feature_names)

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

    Raises:
        TypeError: If it does not offer them.
    """

    @checks_types
    def __init__(self, env: Any) -> None:
        if not hasattr(env, "features") or not hasattr(env, "feature_names"):
            raise TypeError(f"env={shown(env)}: expected one with features and feature_names")
        super().__init__(env.features, env.feature_names)
        self.env = env


class ScaledEncoder(Encoder):
    """Base class of encoders that standardize observations first.

    Entries that count the steps, such as the time that remains, are 0: nobody acts on them, and far
    into an episode they would outweigh all others.

    A subclass keeps each other argument of its constructor as an attribute of the same name.

    Args:
        observation_space: The space of observations, whose categories are one-hot for the encoder;
            or, if they are numbers, the shape of one.
    """

    @checks_types
    def __init__(self, observation_space: spaces.Space[Any] | tuple[int, ...]) -> None:
        if not isinstance(observation_space, spaces.Space):
            check_sizes("observation_space", observation_space)
        self.normalizer = Normalizer(observation_space)
        self.is_fitted = False

    def fit(
        self,
        observations: NDArray[Any],
        rng: np.random.Generator,
        next_observations: NDArray[Any] | None = None,
    ) -> dict[str, float]:
        """Take mean and standard deviation from observations (N, *observation_shape)."""
        self.normalizer.fit(observations)
        if next_observations is not None:
            both = map(self.normalizer.flatten, (observations, next_observations))
            self.normalizer.ignore(find_clock_entries(*both))
        self.is_fitted = True
        return {}

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Fitted parameters, to be saved."""
        return self.normalizer.arrays() if self.is_fitted else {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        if arrays:
            self.normalizer.set_arrays(arrays)
            self.is_fitted = True

    def check_fitted(self) -> None:
        """Raise a ValueError unless it was fitted."""
        if not self.is_fitted:
            raise ValueError(f"encoder: the arrays of a fitted {type(self).__name__} are missing")

    def settings(self) -> dict[str, Any]:
        """The arguments of the constructor as JSON can hold them, without the shape."""
        names = list(inspect.signature(type(self)).parameters)[1:]
        return {name: plain(getattr(self, name)) for name in names}


class IdentityEncoder(ScaledEncoder):
    """The entries of an observation, each with mean 0 and standard deviation 1."""

    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        return self.normalizer.scale(observations).numpy().astype(np.float64)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return tuple(f"observation_{i}" for i in range(len(self.normalizer.mean)))
