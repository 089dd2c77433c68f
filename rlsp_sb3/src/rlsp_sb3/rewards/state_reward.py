"""Rewards of states, as wrappers of environments compute them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_positive
from rlsp_sb3.utils.type_checks import shown

StateRewardFn = Callable[[NDArray[Any]], NDArray[Any]]


@runtime_checkable
class StateReward(Protocol):
    """A reward of the state that a transition leads to, such as a LinearReward."""

    def of_states(self, observations: ArrayLike) -> NDArray[Any]:
        """The rewards (N,) for being in the states of N observations."""


def as_state_reward(reward: StateReward | StateRewardFn) -> StateRewardFn:
    """The function from observations (N, *observation_shape) to rewards (N,) of a reward.

    Args:
        reward: A reward that has it as ``of_states``, or the function itself.

    Raises:
        TypeError: If it is something else, such as a reward of transitions.
    """
    function: Any = getattr(reward, "of_states", reward)
    if callable(function) and _takes_observations(function):
        return function  # type: ignore[no-any-return]
    raise TypeError(
        f"reward={shown(reward)}: expected a reward of states, such as a LinearReward, or a "
        "function from observations (N, *observation_shape) to rewards (N,); for a reward of "
        "transitions there is imitation's RewardVecEnvWrapper"
    )


def _takes_observations(function: Callable[..., Any]) -> bool:
    """Return whether a function can be called with nothing but observations."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return False
    except ValueError:  # one in C, which says nothing
        return True
    return True


def rewards_of(reward: StateRewardFn, observations: NDArray[Any]) -> FloatArray:
    """The rewards (N,) of N observations.

    Raises:
        ValueError: If the reward gives something else, or NaN.
    """
    rewards = np.asarray(reward(observations), dtype=np.float64)
    if rewards.shape != (len(observations),) or not np.isfinite(rewards).all():
        raise ValueError(
            f"reward={shown(reward)} gave {shown(rewards)} for {len(observations)} observations: "
            f"expected {len(observations)} finite numbers"
        )
    return rewards


def check_inferred_weight(inferred_weight: float | None) -> None:
    """Raise a ValueError if a weight of the reward is neither None nor at least 0."""
    if inferred_weight is not None:
        check_positive("inferred_weight", inferred_weight, zero=True)


def weighted(rewards: FloatArray, own: Any, inferred_weight: float | None) -> FloatArray:
    """Rewards (N,) instead of an environment's own (N,), or beside them, with a weight."""
    return rewards if inferred_weight is None else np.asarray(own) + inferred_weight * rewards
