"""Diagnosis of Deep RLSP with an expert at hand: is the gradient right?"""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.diagnosis.callback import DiagnosisCallback
    from rlsp_sb3.diagnosis.gradient_diagnosis import DiagnosisRow
    from rlsp_sb3.diagnosis.real_past_estimator import RealPastEstimator
    from rlsp_sb3.diagnosis.real_pasts import RealPasts
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "DiagnosisCallback",
    "DiagnosisRow",
    "RealPastEstimator",
    "RealPasts",
]
