"""Random Fourier features: a linear reward in them can have its largest value anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.encoders.base import ScaledEncoder
from rlsp_sb3.io.state_arrays import array_like
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_positive, check_seed
from rlsp_sb3.utils.type_checks import checks_types


class RandomFourierFeatures(ScaledEncoder):
    """Random Fourier features of observations, whose products approximate a Gaussian kernel.

    A reward that is linear in them can have its largest value anywhere, at the observed states for
    example, where one that is linear in the observation always wants more of something
    (Rahimi and Recht, 2007).

    Args:
        observation_space: The space of observations; or, if they are numbers, the shape of one.
        n_features: The number F of features, at least 1.
        bandwidth: Over which distance the kernel falls to e^-½, in standard deviations of each
            entry and times the square root of their number; above 0.
        seed: Draws the frequencies.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range.
    """

    @checks_types
    def __init__(
        self,
        observation_space: spaces.Space[Any] | tuple[int, ...],
        n_features: int = 256,
        bandwidth: float = 1.0,
        seed: int = 0,
    ) -> None:
        check_int("n_features", n_features, 1, MAX_COUNT)
        check_positive("bandwidth", bandwidth)
        super().__init__(observation_space)
        self.n_features = n_features
        self.bandwidth = bandwidth
        self.seed = seed
        rng = check_seed("seed", seed)
        # ω ~ N(0, 1 / (bandwidth² D)) for D entries, and b ~ U(0, 2π)
        size = len(self.normalizer.mean)
        self.frequencies = rng.standard_normal((size, n_features)) / (bandwidth * np.sqrt(size))
        self.phases = rng.uniform(0, 2 * np.pi, n_features)

    def __call__(self, observations: ArrayLike) -> FloatArray:
        """The features (N, F) of N observations."""
        # φ(x) = √(2 / F) cos(ω·x + b), with E φ(x)·φ(y) = exp(-‖x - y‖² / (2 bandwidth² D))
        scaled = self.normalizer.scale(observations).numpy()
        n_features = len(self.phases)
        cosines = np.cos(scaled @ self.frequencies + self.phases)
        return np.asarray(np.sqrt(2 / n_features) * cosines)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the F features."""
        return tuple(f"cosine_{i}" for i in range(len(self.phases)))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Fitted and drawn parameters, to be saved."""
        drawn = {"frequencies": self.frequencies, "phases": self.phases}
        return {**super().arrays(), **drawn} if self.is_fitted else {}

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        super().set_arrays(arrays)
        if arrays:
            self.frequencies = array_like(self.frequencies, arrays, "frequencies")
            self.phases = array_like(self.phases, arrays, "phases")
