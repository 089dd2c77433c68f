"""Directions in which pasts are sampled."""

from __future__ import annotations

from typing import Literal

from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.solvers.factory import Algorithm, is_instance_or_subclass
from rlsp_sb3.solvers.fast_ppo import FastPPO

Sampling = Literal["auto", "backward", "forward"]
"""Directions in which pasts are sampled: from the observed states, or from where episodes start."""


def find_sampling(
    sampling: Sampling, venv: VecEnv, algorithm: Algorithm | None, *, is_simulated: bool
) -> Literal["backward", "forward"]:
    """Choose the direction in which pasts are sampled: "auto" is forward where that is right.

    Args:
        sampling: What was asked for.
        venv: The environment.
        algorithm: The solver; None for planning.
        is_simulated: Whether the environment is put into states.

    Raises:
        ValueError: If forward is asked for where it is not right; says why it is not.
    """
    if sampling == "backward":
        return "backward"
    obstacle = _obstacle(venv, algorithm, is_simulated)
    if obstacle is None:
        return "forward"
    if sampling == "forward":
        raise ValueError(f'sampling="forward": expected "backward", because {obstacle}')
    return "backward"


def _obstacle(venv: VecEnv, algorithm: Algorithm | None, is_simulated: bool) -> str | None:
    """Reason not to sample forward; None if there is none."""
    env = first_base_env(venv)
    if isinstance(env.unwrapped, TabularEnv):
        return "the states of the environment are enumerated"
    if not is_simulated:
        return "the environment is not simulated: it cannot be put into a state, or is not to be"
    if not is_instance_or_subclass(algorithm, FastPPO):
        return (
            "the solver has no temperature, without which its policies are not those of a person "
            'who makes mistakes; solver="FastPPO" has one'
        )
    return None
