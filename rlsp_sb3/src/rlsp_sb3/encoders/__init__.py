"""Encoders: the features φ that a reward is linear in."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.encoders.base import (
        Encoder,
        EnvironmentFeatures,
        FunctionEncoder,
        IdentityEncoder,
        ScaledEncoder,
    )
    from rlsp_sb3.encoders.factory import make_encoder
    from rlsp_sb3.encoders.fourier_features import RandomFourierFeatures
    from rlsp_sb3.encoders.slow_features import slow_axes
    from rlsp_sb3.encoders.table_features import TableFeatures
    from rlsp_sb3.encoders.vae import StateVAE
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Encoder",
    "EnvironmentFeatures",
    "FunctionEncoder",
    "IdentityEncoder",
    "RandomFourierFeatures",
    "ScaledEncoder",
    "StateVAE",
    "TableFeatures",
    "make_encoder",
    "slow_axes",
]
