"""Environments in which a solver trains its policy for an inferred reward."""

from __future__ import annotations

from typing import Literal

import numpy as np
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
from rlsp_sb3.simulators.rollout import make_simulator
from rlsp_sb3.simulators.simulator_vec_env import ObservationReward, SimulatorVecEnv
from rlsp_sb3.simulators.trials import can_restore
from rlsp_sb3.solvers.factory import Algorithm
from rlsp_sb3.utils.type_checks import checks_types

ForwardModel = Literal["auto", "simulator", "learned"]
"""Forward dynamics: of a simulator, learned, or of a simulator where there is one."""


@checks_types
def is_simulated(venv: VecEnv, forward_model: ForwardModel) -> bool:
    """Return whether the environment is its own simulator, rather than a learned forward model."""
    if forward_model == "auto":
        return can_restore(first_base_env(venv))
    return forward_model == "simulator"


def make_training_env(
    venv: VecEnv,
    reward: ObservationReward,
    rng: np.random.Generator,
    *,
    algorithm: Algorithm,
    hyperparameters: RLSPHyperparameters,
    simulated: bool,
    keep_termination: bool,
) -> SimulatorVecEnv | RewardVecEnv:
    """The environment with another reward, for a solver to train in.

    Args:
        venv: The environment.
        reward: Maps observations (N, *observation_shape) to rewards (N,).
        rng: Decides all that is random in a simulator.
        algorithm: What trains there; one that exists already decides the number of copies,
            otherwise the hyperparameters.
        hyperparameters: How many copies there are, and how long their episodes.
        simulated: Whether they are put into states, as many as wanted at once; otherwise the
            environment is used as it is.
        keep_termination: Whether an episode that the environment ends is one that ended.

    Raises:
        TypeError: If it is to be simulated, and cannot be put into the state of an observation.
        ValueError: If termination is to be kept in a simulator.
    """
    if not simulated:
        return RewardVecEnv(venv, reward, keep_termination)
    return make_simulated_env(
        venv,
        reward,
        rng,
        algorithm=algorithm,
        hyperparameters=hyperparameters,
        keep_termination=keep_termination,
    )


def make_simulated_env(
    venv: VecEnv,
    reward: ObservationReward,
    rng: np.random.Generator,
    *,
    algorithm: Algorithm,
    hyperparameters: RLSPHyperparameters,
    keep_termination: bool,
) -> SimulatorVecEnv:
    """Copies of the environment with another reward, which are put into states.

    Args:
        venv: The environment.
        reward: Maps observations (N, *observation_shape) to rewards (N,).
        rng: Decides all that is random.
        algorithm: What trains there; one that exists already decides the number of copies.
        hyperparameters: How many copies there are otherwise, and how long their episodes.
        keep_termination: Has to be False.

    Raises:
        TypeError: If it cannot be put into the state of an observation.
        ValueError: If termination is to be kept.
    """
    if keep_termination:
        raise ValueError(
            'keep_termination=True: expected False unless forward_model="learned", because a '
            "simulator that is put into a state does not say when an episode ends"
        )
    simulator = make_simulator(first_base_env(venv), rng, n_threads=1)
    solver = hyperparameters.solver
    return SimulatorVecEnv(
        simulator,
        n_envs=algorithm.n_envs if isinstance(algorithm, BaseAlgorithm) else solver.n_envs,
        episode_length=hyperparameters.episode_length,
        reward=reward,
        rng=rng,
        share_of_starts=solver.past_start_fraction,
    )
