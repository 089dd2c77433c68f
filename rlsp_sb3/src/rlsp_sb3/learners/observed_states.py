"""Observed states: those that a person left behind."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.env_util import has_too_many_states
from rlsp_sb3.simulators.trials import interfering_wrapper

TOLERANCE = 0.01
"""Share by which an observed state may differ from what the environment shows: rounding."""


def find_observed_states(observed_states: ArrayLike | None, env: VecEnv) -> NDArray[Any]:
    """The observed states that are meant, as an array (n, *observation_shape) of their own.

    They are observations, so they have the type of the space: all that is simulated from them has
    theirs.

    Args:
        observed_states: Observations (n, *observation_shape); None for those that the environment
            offers.
        env: The environment.

    Raises:
        TypeError: If they are no numbers, or are those that the environment offers, and a wrapper
            shows others.
        ValueError: If there are none, one is not finite or not in the space, or the environment
            knows what each of its states shows, and none shows it.
    """
    observation_space = env.observation_space
    if observed_states is None:
        observed_states = _offered_states(env)
    if observed_states is None:
        raise ValueError(
            "observed_states=None: this environment offers none, so pass the observations "
            "(n, *observation_shape) of the states that the person left behind"
        )
    try:
        states = np.array(_without_torch(observed_states), order="C")
    except ValueError as error:  # of different lengths
        raise ValueError(f"observed_states={observed_states!r} are no array: {error}") from error
    if states.dtype.kind not in "biuf":
        raise TypeError(f"observed_states={observed_states!r}: expected numbers")
    shape = observation_space.shape
    if states.ndim == 0 or states.shape[1:] != shape or len(states) == 0:
        expected = ", ".join(map(str, ("n", *(shape or ()))))
        raise ValueError(
            f"observed_states have shape {states.shape}: expected ({expected}) with n of at "
            "least 1; put a single observation into a list"
        )
    if not np.all(np.isfinite(states)):
        raise ValueError("observed_states are not all finite: expected observations without NaN")
    with np.errstate(invalid="ignore", over="ignore"):  # what does not fit is found below
        cast = states.astype(observation_space.dtype)
    for i, state in enumerate(cast):
        wrapped = state.dtype.kind != "f" and not np.array_equal(state, states[i])
        if wrapped or not np.all(np.isfinite(state)) or not observation_space.contains(state):
            raise ValueError(
                f"observed_states[{i}] is not in the observation space "
                f"{observation_space}: expected observations of this environment"
            )
    _check_are_shown(cast, env)
    return cast


def _check_are_shown(states: NDArray[Any], env: VecEnv) -> None:
    """Raise an error if a state is what no state of an environment shows that knows all of them.

    What such an environment takes it for may be far away.
    """
    unwrapped = env.get_attr("unwrapped")[0]
    knows_all = hasattr(unwrapped, "state_indices") and hasattr(unwrapped, "observations")
    if has_too_many_states(unwrapped) or not knows_all:
        return
    if unwrapped.observation_space != env.observation_space:
        return
    indices = unwrapped.state_indices(states)
    shown = np.asarray(unwrapped.observations(indices), dtype=np.float64)
    for i, (state, nearest) in enumerate(zip(states, shown, strict=True)):
        if not np.allclose(state, nearest, rtol=TOLERANCE, atol=TOLERANCE):
            raise ValueError(
                f"observed_states[{i}] is what no state of {type(unwrapped).__name__} shows: what "
                f"state {indices[i]} shows differs by up to {np.abs(state - nearest).max():.3g}; "
                "expected observations of this environment and this layout"
            )


def _offered_states(env: VecEnv) -> Any:
    """The observed states that an environment offers, as it shows them; None for none.

    Raises:
        TypeError: If a wrapper changes observations: they are those of what it wraps.
    """
    unwrapped = env.get_attr("unwrapped")[0]
    offered = getattr(unwrapped, "observed_states", None)
    if offered is None:
        return None
    changing = interfering_wrapper(env, actions=False)
    if changing or unwrapped.observation_space != env.observation_space:
        raise TypeError(
            f"env has {changing or 'something'} around {type(unwrapped).__name__} that changes "
            "observations, and the states that this offers to learn from are as it shows them: "
            "pass env without that, or observed_states as env shows them, if the environment knows "
            "its states by these, too"
        )
    return offered


def _without_torch(states: Any) -> Any:
    """States with arrays in the place of tensors, wherever they are and gradients or not."""
    if isinstance(states, torch.Tensor):
        shared = states.detach().cpu()  # NumPy has no bfloat16
        return (shared.double() if shared.is_floating_point() else shared).numpy()
    if isinstance(states, (list, tuple)):
        return [_without_torch(state) for state in states]
    return states
