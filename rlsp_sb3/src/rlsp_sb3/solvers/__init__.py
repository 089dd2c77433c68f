"""Solvers, which find the policy for the current reward: SB3's algorithms or planning."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.solvers.algorithm_arrays import model_arrays, set_model_arrays
    from rlsp_sb3.solvers.base import (
        PlanningSolver,
        SB3Solver,
        Solver,
        seeded_globally,
        steps_at_once,
    )
    from rlsp_sb3.solvers.factory import Algorithm, SolverSpec, find_solver, make_model, solver_name
    from rlsp_sb3.solvers.fast_ppo import FastPPO
    from rlsp_sb3.solvers.fast_sac import FastSAC
    from rlsp_sb3.solvers.normalized_policy import NormalizedActorCriticPolicy
    from rlsp_sb3.solvers.sb3_arguments import check_solver_kwargs, constructor_arguments
    from rlsp_sb3.solvers.training_env import ForwardModel, is_simulated, make_training_env
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Algorithm",
    "FastPPO",
    "FastSAC",
    "ForwardModel",
    "NormalizedActorCriticPolicy",
    "PlanningSolver",
    "SB3Solver",
    "Solver",
    "SolverSpec",
    "check_solver_kwargs",
    "constructor_arguments",
    "find_solver",
    "is_simulated",
    "make_model",
    "make_training_env",
    "model_arrays",
    "seeded_globally",
    "set_model_arrays",
    "solver_name",
    "steps_at_once",
]
