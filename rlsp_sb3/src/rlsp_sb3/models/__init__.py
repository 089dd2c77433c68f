"""Neural networks, their normalization and their training."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.models.delta_model import DeltaModel
    from rlsp_sb3.models.normalization import ActionNormalizer, Normalizer
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "ActionNormalizer",
    "DeltaModel",
    "Normalizer",
]
