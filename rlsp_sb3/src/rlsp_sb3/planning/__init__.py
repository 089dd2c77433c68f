"""Finite-horizon planning in tabular environments."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.planning.dynamic_programming import (
        Plan,
        expected_sums,
        occupancies,
        value_iteration,
    )
    from rlsp_sb3.planning.planned_policy import PlannedPolicy
    from rlsp_sb3.planning.return_fraction import true_return_fraction
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Plan",
    "PlannedPolicy",
    "expected_sums",
    "occupancies",
    "true_return_fraction",
    "value_iteration",
]
