"""Policies: loaded from files, imported, and trained for a true or an inferred reward."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.policies.expert_hyperparameters import find_expert_hyperparameters
    from rlsp_sb3.policies.experts import ExpertRun
    from rlsp_sb3.policies.loading import load_policy
    from rlsp_sb3.policies.random_policy import RandomPolicy
    from rlsp_sb3.policies.retrain import retrain_policy
    from rlsp_sb3.policies.sb2_import import import_sb2_sac
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "ExpertRun",
    "RandomPolicy",
    "find_expert_hyperparameters",
    "import_sb2_sac",
    "load_policy",
    "retrain_policy",
]
