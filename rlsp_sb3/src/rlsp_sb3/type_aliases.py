"""Type aliases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Arrays", "FloatArray", "Seed"]

Array = NDArray[Any]
"""An array of any type."""
FloatArray = NDArray[np.float64]
"""An array of double precision."""
Arrays = dict[str, NDArray[Any]]
"""Named arrays, as files hold them."""
Seed = np.random.Generator | int | None
"""Random generator or seed, as ``np.random.default_rng`` takes it; None for no fixed one."""
