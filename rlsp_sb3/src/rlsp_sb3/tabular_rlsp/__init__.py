"""Exact RLSP (Shah et al. 2019): the learner and the likelihood of observed states."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.tabular_rlsp.decisions import Decision, decide
    from rlsp_sb3.tabular_rlsp.likelihood import (
        InitialStates,
        StateLikelihood,
        UnreachableStateError,
    )
    from rlsp_sb3.tabular_rlsp.posterior import RewardPosterior
    from rlsp_sb3.tabular_rlsp.tabular_rlsp import Optimizer, TabularRLSP
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Decision",
    "InitialStates",
    "Optimizer",
    "RewardPosterior",
    "StateLikelihood",
    "TabularRLSP",
    "UnreachableStateError",
    "decide",
]
