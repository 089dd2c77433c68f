"""Policies retrained from scratch on an inferred reward."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import CallbackList
from stable_baselines3.common.type_aliases import MaybeCallback

from rlsp_sb3.encoders.base import FunctionEncoder
from rlsp_sb3.hyperparameters import RLSPHyperparameters
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.callbacks import ProgressCallback, as_callback
from rlsp_sb3.solvers.base import seeded_globally
from rlsp_sb3.solvers.factory import Algorithm, SolverSpec, make_model
from rlsp_sb3.solvers.training_env import is_simulated, make_training_env
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.type_checks import checks_types

NEEDED = ("algorithm", "solver_kwargs", "hyperparameters", "forward_model", "keep_termination")


@checks_types
def retrain_policy(
    learner: RewardLearner,
    total_timesteps: int = 200_000,
    callback: MaybeCallback = None,
    *,
    seed: int = 0,
    progress_bar: bool = False,
) -> BaseAlgorithm:
    """Train a policy from scratch on the reward that a learner inferred.

    The policy of a learner saw rewards change while it was trained, and may be better than the
    reward with which it ended: the published protocol (Lindner et al. 2021, section 3.3) asks what
    the reward alone is worth. Episodes start where the environment starts them, and step sizes fall
    to 0.

    Args:
        learner: A learner that has learned a reward of states, such as RLSP, AverageFeatures or
            Waypoints, with a solver of SB3 that is given as a class or name.
        total_timesteps: For how many environment steps, at least 1.
        callback: SB3 callbacks, called at every step.
        seed: Seeds all random numbers.
        progress_bar: Whether to show a progress bar.

    Raises:
        TypeError: If the learner plans its policy, its solver is an algorithm and not a class, or
            its reward is not one of states.
    """
    callbacks = [as_callback(callback)] + ([ProgressCallback()] if progress_bar else [])
    check_int("total_timesteps", total_timesteps, 1)
    check_int("seed", seed, 0)
    given: Any = learner
    of_states = getattr(given.reward, "of_states", None)
    if of_states is None or any(not hasattr(given, name) for name in NEEDED):
        raise TypeError(
            f"learner={type(learner).__name__}: expected a learner with a reward of states and a "
            f"solver, such as RLSP: reward.of_states, {', '.join(NEEDED)}"
        )
    solver: Algorithm | None = given.algorithm
    if not isinstance(solver, type):
        raise TypeError(
            f"learner has the solver {solver!r}: expected the class or the name of an "
            "algorithm of SB3; a planned policy is always fresh"
        )
    rng = np.random.default_rng(seed)

    def reward(observations: NDArray[Any]) -> FloatArray:
        return np.asarray(of_states(observations))

    # The reward is all that the replay buffer has to keep of an observation.
    feature = FunctionEncoder(lambda shown: reward(shown)[:, None], ("inferred_reward",))
    hyperparameters: RLSPHyperparameters = given.hyperparameters
    env = make_training_env(
        learner.env,
        reward,
        rng,
        algorithm=solver,
        hyperparameters=hyperparameters,
        simulated=is_simulated(learner.env, given.forward_model),
        keep_termination=given.keep_termination,
    )
    rate = hyperparameters.solver.kwargs.get("learning_rate", 3e-4)
    kwargs = {
        "learning_rate": lambda remaining: rate * remaining,
        **(given.solver_kwargs or {}),
    }
    spec = SolverSpec(solver, hyperparameters.solver, kwargs, learner.device)
    with seeded_globally(rng) as model_seed:
        model = make_model(spec, env, feature, np.ones(1), model_seed)
        model.learn(total_timesteps, CallbackList(callbacks))
    return model
