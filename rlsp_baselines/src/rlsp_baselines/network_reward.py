"""Reward that a network of the package imitation computes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io import read_npz, write_npz
from rlsp_sb3.learners import load_module, module_arrays


class NetworkReward:
    """Reward of transitions that a reward network of imitation computes.

    Args:
        network: The network, a ``RewardNet``.
    """

    def __init__(self, network: Any) -> None:
        self.network = network

    def __call__(
        self,
        state: NDArray[Any],
        action: NDArray[Any],
        next_state: NDArray[Any],
        done: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """The rewards (N,) of N transitions, see :class:`~rlsp_sb3.RewardFn`."""
        given = [np.asarray(each) for each in (state, action, next_state, done)]
        return np.asarray(self.network.predict(*given), dtype=np.float64)

    def __repr__(self) -> str:
        network = self.network
        while hasattr(network, "base"):
            network = network.base
        size = sum(parameter.numel() for parameter in network.parameters())
        return f"NetworkReward({type(network).__name__}, {size:,} parameters)"

    def save(self, path: str | Path) -> None:
        """Write the parameters to an npz file, which holds no code, whole or not at all."""
        write_npz(Path(path), module_arrays(self.network))

    def load(self, path: str | Path) -> None:
        """Take over the parameters of a file that :meth:`save` wrote, of a network made alike.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If its arrays are not those of such a network.
        """
        arrays = read_npz(Path(path).read_bytes())
        try:
            load_module(self.network, arrays)
        except (KeyError, ValueError) as error:
            raise ValueError(
                f"path={str(path)!r} does not hold the parameters of this network: {error}"
            ) from error
