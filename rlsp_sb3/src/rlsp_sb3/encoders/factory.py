"""Factory of encoders, by their names and settings."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.encoders.base import (
    Encoder,
    EnvironmentFeatures,
    FunctionEncoder,
    IdentityEncoder,
    ScaledEncoder,
)
from rlsp_sb3.encoders.fourier_features import RandomFourierFeatures
from rlsp_sb3.encoders.vae import StateVAE
from rlsp_sb3.models.networks import IMAGE_AXES
from rlsp_sb3.presets import Preset
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.utils.arguments import argument_type
from rlsp_sb3.utils.checks import check_choice
from rlsp_sb3.utils.settings import unknown_name, validated
from rlsp_sb3.utils.type_checks import checks_types, shown

__all__ = [
    "ENCODERS",
    "Encoder",
    "EnvironmentFeatures",
    "FunctionEncoder",
    "IdentityEncoder",
    "RandomFourierFeatures",
    "ScaledEncoder",
    "StateVAE",
    "encoder_settings",
    "make_encoder",
]

ENCODERS: dict[str, type[ScaledEncoder]] = {
    "fourier": RandomFourierFeatures,
    "identity": IdentityEncoder,
    "vae": StateVAE,
}
_AUTO = "auto"
FEATURES = "features"
"""Stands for the features that the environment offers."""
OWN = {"name": "own"}
"""Stands in files for an encoder that they do not contain."""


@checks_types
def make_encoder(
    encoder: Any,
    env: Any,
    observed_states: NDArray[Any] | None = None,
    preset: Preset | None = None,
    observation_space: spaces.Space[Any] | None = None,
) -> Encoder:
    """Make an encoder from its name, its settings, a callable or an encoder.

    Args:
        encoder: An :class:`Encoder`; "features" for those that the environment offers; the name of
            one of this module ("fourier", "identity", "vae"); a mapping of such a "name" and
            arguments; a function from observations (N, *observation_shape) to features (N, F);
            "auto" for the features of the environment, or else the encoder of the preset. An
            autoencoder has slow features where states can be enumerated, if its arguments do not
            say otherwise.
        env: The environment, without wrappers that hide what it offers.
        observed_states: Observations (n, *observation_shape), to try a function on; None for none.
        preset: Says what "auto" is, and the hyperparameters of an autoencoder of vectors that is
            given by its name; None for random Fourier features and an autoencoder's own defaults.
        observation_space: The space of observations, which wrappers may have changed; None for that
            of the environment.

    Raises:
        TypeError: If it is something else, an argument has a wrong type, or the environment offers
            no features.
        ValueError: If there is no encoder or argument of that name, an argument is out of range, a
            function does not give features, or a file held a learner with an encoder of somebody's
            own.
    """
    if not hasattr(env, "observation_space"):
        raise TypeError(f"env={shown(env)}: expected an environment")
    if observed_states is not None and not np.all(np.isfinite(observed_states)):
        raise ValueError("observed_states are not all finite: expected observations without NaN")
    offered = hasattr(env, "features") and hasattr(env, "feature_names")
    if isinstance(encoder, Encoder):
        return encoder
    if isinstance(encoder, str) and encoder == _AUTO:
        own = "fourier" if preset is None else preset.encoder
        encoder = FEATURES if offered else own
    if isinstance(encoder, str):
        encoder = {"name": encoder}
    if not isinstance(encoder, Mapping) and not callable(encoder):
        raise TypeError(
            f"encoder={shown(encoder)}: expected an Encoder, a function from observations to "
            f"features, or one of {[_AUTO, FEATURES, *ENCODERS]}"
        )
    if encoder == {"name": FEATURES}:
        if not offered:
            raise TypeError(
                f'encoder="features": env={env} offers no features and feature_names; choose one '
                f"of {list(ENCODERS)}"
            )
        return EnvironmentFeatures(env)
    if encoder == OWN:
        raise ValueError(
            "encoder: the learner that was saved had one of somebody's own, which is not part of "
            "the file; give it again: load(..., encoder=...)"
        )
    if isinstance(encoder, Mapping):
        settings = dict(encoder)
        name = settings.pop("name", None)
        check_choice("encoder", name, [FEATURES, *ENCODERS])
        allowed = [] if name == FEATURES else list(inspect.signature(ENCODERS[name]).parameters)[1:]
        for setting, value in settings.items():
            if setting not in allowed:
                raise unknown_name(f"encoder={encoder!r}: {name!r}", str(setting), allowed)
            validated(argument_type(ENCODERS[name], setting), value, f"encoder.{setting}")
        space = env.observation_space if observation_space is None else observation_space
        if name == "vae" and isinstance(env, TabularEnv):
            settings = {"slow_features": True, **settings}
        if name == "vae" and preset is not None and len(space.shape or ()) != IMAGE_AXES:
            own_settings = preset.hyperparameters.encoder
            settings = {
                "hidden": own_settings.hidden,
                "fit_settings": own_settings.fit,
                **settings,
            }
        return ENCODERS[name](space, **settings)
    if observed_states is None:
        return FunctionEncoder(encoder, ())
    shape = np.shape(encoder(observed_states))
    if len(shape) != 2 or shape[0] != len(observed_states):
        raise ValueError(
            f"encoder={encoder!r} gave an array of shape {shape} for {len(observed_states)} "
            f"observations: expected ({len(observed_states)}, F)"
        )
    return FunctionEncoder(encoder, [f"feature_{i}" for i in range(shape[1])])


def encoder_settings(encoder: Encoder) -> Any:
    """Settings that :func:`make_encoder` makes an encoder of, as JSON can hold them.

    For one of somebody's own, which has to be given again, that is an error.
    """
    if isinstance(encoder, EnvironmentFeatures):
        return FEATURES
    for name, encoder_class in ENCODERS.items():
        if type(encoder) is encoder_class:
            return {"name": name, **encoder.settings()}
    return OWN
