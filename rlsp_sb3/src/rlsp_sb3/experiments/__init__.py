"""The papers' experiments: configurations, jobs that can be killed at any moment, and tables."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.experiments.config import Config, load_config
    from rlsp_sb3.experiments.diagnosis_run import DiagnosisRun, diagnose
    from rlsp_sb3.experiments.learner_run import LearnerRun, learn_into_folder
    from rlsp_sb3.experiments.methods import (
        CONTINUOUS_METHODS,
        GRIDWORLD_METHODS,
        RLSP_METHODS,
        Method,
    )
    from rlsp_sb3.experiments.runner import run_jobs
    from rlsp_sb3.experiments.table_metadata import TableConfig
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "CONTINUOUS_METHODS",
    "GRIDWORLD_METHODS",
    "RLSP_METHODS",
    "Config",
    "DiagnosisRun",
    "LearnerRun",
    "Method",
    "TableConfig",
    "diagnose",
    "learn_into_folder",
    "load_config",
    "run_jobs",
]
