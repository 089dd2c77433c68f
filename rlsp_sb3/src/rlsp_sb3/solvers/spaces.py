"""Spaces that SB3's algorithms serve, checked before they fail in the middle or learn from NaN."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces

from rlsp_sb3.utils.observations import (
    MAX_CATEGORIES,
    check_array_space,
    is_categorical,
    n_categories,
    space_bounds,
)


def check_spaces(observation_space: spaces.Space[Any], action_space: spaces.Space[Any]) -> None:
    """Raise an error unless algorithms of SB3 serve these observations and actions.

    Raises:
        TypeError: If observations are no arrays, or actions are neither numbers nor categories.
        ValueError: If they are no arrays that networks take, or actions none that they choose.
    """
    check_array_space(observation_space)
    _check_size("observation_space", observation_space)
    if observation_space.shape == () and not isinstance(observation_space, spaces.Discrete):
        raise ValueError(
            f"env has the observation_space {observation_space} of single numbers, and algorithms "
            "of SB3 take vectors: wrap the environment in gymnasium.wrappers.FlattenObservation, "
            "and pass observations (n, 1)"
        )
    if is_categorical(observation_space):
        _check_categories("observation_space", observation_space, spaces.MultiDiscrete)
    if is_categorical(action_space):
        _check_size("action_space", action_space)
        multiple = (spaces.MultiDiscrete, spaces.MultiBinary)
        _check_categories("action_space", action_space, multiple)
    elif isinstance(action_space, spaces.Box):
        _check_size("action_space", action_space)
        _check_numbers(action_space)
    else:
        raise TypeError(
            f"env has the action_space {action_space}: expected a Box, Discrete, MultiDiscrete or "
            "MultiBinary; wrap the environment in a gymnasium.ActionWrapper that makes what it "
            "takes of such an action"
        )


def _check_size(name: str, space: spaces.Space[Any]) -> None:
    if np.prod(space.shape or (), dtype=np.int64) == 0:
        raise ValueError(f"env has the {name} {space}: expected at least one entry")


def _check_categories(name: str, space: spaces.Space[Any], multiple: Any) -> None:
    """Raise a ValueError if SB3 would not see the categories of a space, or far too many."""
    kind = "Observation" if name == "observation_space" else "Action"
    if np.any(space_bounds(space)[0] != 0):
        raise ValueError(
            f"env has the {name} {space}, and algorithms of SB3 count from 0: wrap the environment "
            f"so that {kind.lower()}s start at 0, by a gymnasium.{kind}Wrapper that "
            f"{'subtracts' if kind == 'Observation' else 'adds'} the start"
        )
    if isinstance(space, multiple) and len(space.shape or ()) > 1:
        raise ValueError(
            f"env has the {name} {space} with several axes, and algorithms of SB3 take one: wrap "
            f"the environment in a gymnasium.{kind}Wrapper that flattens it"
        )
    n = n_categories(space)
    if n > MAX_CATEGORIES:
        raise ValueError(
            f"env has the {name} {space} of {n:,} categories: expected at most {MAX_CATEGORIES:,}, "
            " since networks have a place for each; wrap the environment in a "
            f"gymnasium.{kind}Wrapper that tells what they have in common by a few numbers, such "
            "as a row and a column"
        )


def _check_numbers(space: spaces.Box) -> None:
    """Raise a ValueError if SB3 would not choose such numbers, or find NaN between their bounds."""
    if np.dtype(space.dtype) not in (np.float32, np.float64):
        raise ValueError(
            f"env has the action_space {space}, and algorithms of SB3 choose numbers in single "
            "precision that are not whole: expected a Box of float32 or float64, or a Discrete or "
            "MultiDiscrete space"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        widths = space.high - space.low
    if not np.isfinite(widths).all():
        raise ValueError(
            f"env has the action_space {space}: expected finite bounds, between which algorithms "
            "of SB3 scale actions; give it narrower ones by an ActionWrapper that clips"
        )
    if not np.all(widths > 0):
        raise ValueError(
            f"env has the action_space {space}: expected each low below its high, because "
            "algorithms of SB3 divide by the difference; leave out what cannot vary, by an "
            "ActionWrapper that adds it"
        )
