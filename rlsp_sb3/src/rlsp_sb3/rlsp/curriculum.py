"""Curriculum of the horizon that the past is simulated for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.state_arrays import read_array, read_scalar
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_positive

N_GRADIENTS = 10  # whose mean is compared with the threshold


class Curriculum:
    """Horizons that grow to the full horizon (Lindner et al. 2021, algorithm 1).

    Args:
        first: The first horizon, the number of states of a trajectory, at least 1.
        horizon: The full horizon, at least the first one.
        n_epochs: How many epochs it takes to get through all horizons, at least 1.
        gradient_threshold: The next horizon comes early if the norm of the mean of the last ten
            gradients at this one is below; at least 0.

    Raises:
        TypeError: If an argument has a wrong type.
        ValueError: If one is out of range.

    Attributes:
        epoch: The number of epochs, with those that were skipped.
        has_converged: Whether the gradient was below the threshold at the full horizon.
    """

    def __init__(
        self, first: int, horizon: int, n_epochs: int, gradient_threshold: float = 0.0
    ) -> None:
        check_int("first", first, 1)
        check_int("horizon", horizon, first)
        check_int("n_epochs", n_epochs, 1, MAX_COUNT)
        check_positive("gradient_threshold", gradient_threshold, zero=True)
        self._horizons = np.linspace(first, horizon, n_epochs).round().astype(int)
        self._threshold = gradient_threshold
        self._gradients: list[FloatArray] = []
        self.epoch = 0
        self.has_converged = False

    @property
    def horizon(self) -> int:
        """The horizon of the current epoch."""
        return int(self._horizons[min(self.epoch, len(self._horizons) - 1)])

    def advance(self, gradient: FloatArray) -> None:
        """End an epoch that had some gradient (F,)."""
        before = self.horizon
        self._gradients = [*self._gradients, gradient][-N_GRADIENTS:]
        self.epoch += 1
        mean_norm = np.linalg.norm(np.mean(self._gradients, axis=0))
        if len(self._gradients) == N_GRADIENTS and mean_norm < self._threshold:
            # On to the next horizon; past the last one if this is it.
            self.has_converged = bool(before == self._horizons[-1])
            self.epoch = int(np.searchsorted(self._horizons, before, side="right"))
        if self.horizon != before:
            self._gradients = []

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State of the curriculum, to be saved."""
        return {
            "epoch": np.array(self.epoch),
            "gradients": np.array(self._gradients) if self._gradients else np.zeros((0, 0)),
            "has_converged": np.array(self.has_converged),
        }

    def set_arrays(self, arrays: dict[str, NDArray[np.generic]], n_features: int) -> None:
        """Take over what :meth:`arrays` returned.

        Args:
            arrays: What it returned.
            n_features: The number F of entries of a gradient.

        Raises:
            KeyError: If something is missing.
            ValueError: If it is another kind of array.
        """
        self.epoch = read_scalar(arrays, "epoch", int)
        shape = (None, n_features) if arrays["gradients"].size else (0, 0)
        self._gradients = list(read_array(arrays, "gradients", np.float64, shape))
        self.has_converged = read_scalar(arrays, "has_converged", bool)
