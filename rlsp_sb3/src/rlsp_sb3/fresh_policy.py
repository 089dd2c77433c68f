"""A policy that is trained from scratch for an inferred reward."""

from __future__ import annotations

from inspect import isclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import ProgressBarCallback

from rlsp_sb3.checks import check_int
from rlsp_sb3.planning import FloatArray
from rlsp_sb3.rlsp import RLSP
from rlsp_sb3.sampled_world import SampledWorld
from rlsp_sb3.solver_choice import find_solver, make_model
from rlsp_sb3.solvers import seeded
from rlsp_sb3.training_env import make_training_env


def train_fresh_policy(
    learner: RLSP, total_timesteps: int = 200_000, *, seed: int = 0, progress_bar: bool = False
) -> BaseAlgorithm:
    """Train a policy for the reward that a learner inferred, from nothing.

    The policy of a learner saw rewards change while it was trained, and may be better than the
    reward with which it ended: the published protocol (Lindner et al. 2021, section 4.1) asks what
    the reward alone is worth. Episodes start where the environment starts them, and step sizes fall
    to 0.

    Args:
        learner: A learner that has learned, with a solver of SB3 that is given as a class or name.
        total_timesteps: For how many environment steps, at least 1.
        seed: Seeds all random numbers.
        progress_bar: Whether to show a progress bar.

    Raises:
        TypeError: If the learner plans its policy, or its solver is an algorithm and not a class.
    """
    check_int("total_timesteps", total_timesteps, 1)
    check_int("seed", seed, 0)
    is_planned = not isinstance(learner.world, SampledWorld)
    solver = find_solver(learner.solver, learner.action_space, can_plan=is_planned)
    if not isinstance(learner.world, SampledWorld) or not isclass(solver):
        raise TypeError(
            f"learner has the solver {learner.solver!r}: expected the class or the name of an "
            "algorithm of SB3; a planned policy is always fresh"
        )
    rng = np.random.default_rng(seed)
    theta, encoder, budget = learner.theta, learner.encoder, learner.budget

    def reward(observations: NDArray[Any]) -> FloatArray:
        return np.asarray(encoder(observations) @ theta)

    simulated = not learner.world.is_learned
    env = make_training_env(
        learner.env, reward, solver, budget, simulated, learner.keep_termination, rng
    )
    rate = budget.solver_kwargs.get("learning_rate", 3e-4)
    kwargs = {
        "learning_rate": lambda remaining: rate * remaining,
        **(learner.solver_kwargs or {}),
    }
    with seeded(rng) as model_seed:
        model = make_model(solver, kwargs, env, encoder, theta, budget, model_seed, learner.device)
        callback = ProgressBarCallback() if progress_bar else None
        model.learn(total_timesteps, callback)
    return model
