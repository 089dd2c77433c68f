"""Entries of files that encoders are made of again, without an environment and without code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from gymnasium import spaces

from rlsp_sb3.encoders.base import Encoder, EnvironmentFeatures, ScaledEncoder
from rlsp_sb3.encoders.factory import ENCODERS, FEATURES, encoder_settings
from rlsp_sb3.encoders.table_features import TableFeatures
from rlsp_sb3.env_util import has_too_many_states
from rlsp_sb3.models.networks import IMAGE_AXES
from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.type_aliases import Arrays
from rlsp_sb3.utils.arguments import argument_type
from rlsp_sb3.utils.checks import check_choice, check_sizes
from rlsp_sb3.utils.errors import FeaturesNotSavedError
from rlsp_sb3.utils.settings import unknown_name, validated

TABLE = "table"
MAX_TABLE_BYTES = 2**24
"""Largest size of a table of features: others would make files that nobody sends to anybody."""


def encoder_entries(features: Any) -> tuple[dict[str, Any], Arrays]:
    """The settings, as JSON can hold them, and arrays that features are made of again.

    Features that an environment offers are written as a table, if its states can be enumerated and
    are few.

    Args:
        features: An encoder, or a function, which may be the method of an environment.

    Raises:
        FeaturesNotSavedError: If a file without code cannot hold them.
    """
    env = getattr(features, "__self__", None)
    if hasattr(env, "feature_names") and features == getattr(env, "features", None):
        features = EnvironmentFeatures(env)
    if isinstance(features, EnvironmentFeatures):
        features = _tabulated(features)
    if isinstance(features, TableFeatures):
        return {"name": TABLE}, features.arrays()
    settings = encoder_settings(features)
    if not isinstance(features, ScaledEncoder) or settings.get("name") not in ENCODERS:
        raise FeaturesNotSavedError(
            f"features={features!r}: a file that runs no code cannot hold a function of somebody's "
            "own; use an encoder of rlsp_sb3.encoders, or pass the function again when the reward "
            "is loaded: load_reward(path, features=...)"
        )
    if not features.is_fitted:
        raise FeaturesNotSavedError(
            f"features={features!r}: the encoder is not fitted, which learn() does"
        )
    return {**settings, "space": _space_entry(features.normalizer)}, features.arrays()


def encoder_from_entries(settings: Any, arrays: Arrays) -> Encoder:
    """The encoder of what :func:`encoder_entries` returned.

    Raises:
        KeyError: If an entry is missing.
        TypeError: If one has another type.
        ValueError: If one is unknown, out of range, or does not fit to the others.
    """
    given = dict(validated(dict[str, Any], settings, "features"))
    name = given.pop("name", None)
    check_choice("features.name", name, [*ENCODERS, TABLE])
    if name == TABLE:
        return TableFeatures(arrays["observations"], arrays["features"])
    space = _space(given.pop("space"))
    encoder_class = ENCODERS[name]
    allowed = list(inspect.signature(encoder_class).parameters)[1:]
    for setting, value in given.items():
        if setting not in allowed:
            raise unknown_name(f"features: {name!r}", setting, allowed)
        validated(argument_type(encoder_class, setting), value, f"features.{setting}")
    _check_sizes_of(space, given, arrays)
    encoder = encoder_class(space, **given)
    encoder.set_arrays(arrays)
    encoder.check_fitted()
    return encoder


def _tabulated(features: EnvironmentFeatures) -> TableFeatures:
    """The features of each state of an environment."""
    env = features.env
    observe = getattr(env, "observations", None)
    if observe is None or has_too_many_states(env) or not isinstance(env, TabularEnv):
        raise FeaturesNotSavedError(
            f"features={FEATURES!r}: {type(env).__name__} computes them, and a file that runs no "
            "code can hold a table of features only, of an environment with few states, mdp and "
            "observations(indices); pass them again when the reward is loaded: load_reward(path, "
            "features=env.unwrapped.features)"
        )
    n_states = env.mdp.transitions.shape[1]
    size = n_states * int(np.prod(env.observation_space.shape or (), dtype=np.int64))
    if size > MAX_TABLE_BYTES:
        raise FeaturesNotSavedError(
            f"features={FEATURES!r}: the table of {n_states:,} states of {type(env).__name__} "
            f"would have {size:,} entries, more than {MAX_TABLE_BYTES:,}; pass them again when the "
            "reward is loaded: load_reward(path, features=env.unwrapped.features)"
        )
    observations = observe(np.arange(n_states))
    return TableFeatures(observations, features(observations), features.feature_names)


def _space_entry(normalizer: Normalizer) -> dict[str, Any]:
    """The space of observations, as far as an encoder knows it."""
    entry: dict[str, Any] = {"shape": list(normalizer.shape)}
    codec = normalizer.codec
    if codec is not None:
        entry |= {"categories": codec.sizes, "first": codec.least.tolist()}
    return entry


def _space(entry: Any) -> spaces.Space[Any] | tuple[int, ...]:
    """The space of observations, or their shape if they are numbers."""
    given = validated(dict[str, list[int]], entry, "features.space")
    shape = check_sizes("features.space.shape", tuple(given["shape"]))
    if set(given) == {"shape"}:
        return shape
    sizes, first = np.array(given["categories"]), np.array(given["first"])
    if set(given) != {"shape", "categories", "first"} or len(sizes) != len(first):
        raise ValueError(f"features.space={entry!r}: expected shape, categories and first")
    check_sizes("features.space.categories", tuple(sizes.tolist()))
    if shape == ():
        return spaces.Discrete(int(sizes.item()), start=int(first.item()))
    # Gymnasium takes it from 1.0 on.
    start: dict[str, Any] = {"start": first.reshape(shape)} if first.any() else {}
    space: spaces.Space[Any] = spaces.MultiDiscrete(sizes.reshape(shape), **start)
    return space


def _check_sizes_of(space: Any, settings: Mapping[str, Any], arrays: Arrays) -> None:
    """Raise a ValueError if an encoder would be larger than the arrays of it, before it is made."""
    shape = space if isinstance(space, tuple) else (space.shape or ())
    sizes = [settings[name] for name in ("n_features", "n_latents") if name in settings]
    layers = [prod(shape), *settings.get("hidden", ()), *sizes]
    needed = max(layers)
    if len(shape) != IMAGE_AXES:  # which have convolutions
        needed = max(needed, sum(before * after for before, after in pairwise(layers)))
    there = sum(array.size for array in arrays.values())
    if needed > there:
        raise ValueError(
            f"features: an encoder of such a size has {needed:,} numbers or more, and {there:,} "
            "are there"
        )
