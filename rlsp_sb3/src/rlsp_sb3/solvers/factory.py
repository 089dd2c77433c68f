"""Factory of solvers: the algorithm, and its arguments."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gymnasium import spaces
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.on_policy_algorithm import OnPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.hyperparameters import SolverHyperparameters
from rlsp_sb3.rewards.relabeled_replay_buffer import RelabeledReplayBuffer
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.solvers.fast_sac import FastSAC
from rlsp_sb3.solvers.sb3_arguments import (
    POLICY,
    SOLVERS,
    check_solver_kwargs,
    constructor_arguments,
)
from rlsp_sb3.solvers.spaces import check_spaces
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.observations import channels_last
from rlsp_sb3.utils.type_checks import checks_types, shown

_AUTO = "auto"
PLANNING = "planning"
_ROLLOUT_SIZE = 4096  # transitions, over all copies, that on-policy algorithms learn from at once
NAMED: dict[str, type[BaseAlgorithm]] = {**SOLVERS, "FastSAC": FastSAC}
PACKAGES = {"sb3_contrib": "sb3-contrib", "sbx": "sbx-rl"}

Algorithm = type[BaseAlgorithm] | BaseAlgorithm
"""An algorithm of SB3, or the class of one."""


@checks_types
def find_solver(
    solver: Any,
    observation_space: spaces.Space[Any],
    action_space: spaces.Space[Any],
    can_plan: bool,
    many_copies: bool = False,
) -> Algorithm | None:
    """The algorithm that is meant; None for planning.

    Args:
        solver: "planning"; an algorithm of SB3, or a class of such, or its name ("SAC", "FastPPO",
            …); the name of one of sb3-contrib or sbx ("sb3_contrib:TQC", "sbx:SAC"); "auto" for
            planning if that is possible, FastPPO in many copies of the environment, and otherwise
            FastSAC or, if actions are not numbers, PPO.
        observation_space: The observations that it sees.
        action_space: The actions that it chooses.
        can_plan: Whether the environment can be planned in.
        many_copies: Whether it can be simulated in many copies at once.

    Raises:
        ImportError: If its package is not installed.
        TypeError: If it is something else, or no algorithm of SB3 takes such observations or
            actions, which are no arrays.
        ValueError: If there is none of that name, the environment cannot be planned in, or no
            algorithm of SB3 takes such observations or actions, or this one does not: a Discrete
            space that does not start at 0, a Box of integers or without finite bounds.
    """
    if isinstance(solver, str) and solver == _AUTO:
        solver = _best_solver(action_space, can_plan, many_copies)
    if isinstance(solver, str) and solver == PLANNING:
        if not can_plan:
            raise ValueError(
                'solver="planning": expected an algorithm such as "FastSAC" or "PPO", because the '
                "environment is not tabular (it offers no mdp)"
            )
        return None
    check_spaces(observation_space, action_space)
    if isinstance(solver, str):
        solver = _by_name(solver)
    is_class = inspect.isclass(solver) and issubclass(solver, BaseAlgorithm)
    if not is_class and not isinstance(solver, BaseAlgorithm):
        raise TypeError(
            f'solver={shown(solver)}: expected "auto", "planning", an algorithm of SB3, its class, '
            f"or one of {list(NAMED)}; to load a learner whose solver has no such name, pass it "
            "again"
        )
    algorithm = solver if is_class else type(solver)
    if algorithm.__name__ in ("SAC", "FastSAC", "TD3", "DDPG", "TQC") and not isinstance(
        action_space, spaces.Box
    ):
        raise ValueError(
            f"solver={algorithm.__name__}: the environment has the action_space {action_space}, "
            'and it chooses numbers only; use "PPO"'
        )
    if algorithm.__name__ in ("DQN", "QRDQN") and not isinstance(action_space, spaces.Discrete):
        raise ValueError(
            f"solver={algorithm.__name__}: the environment has the action_space {action_space}, "
            'and it chooses discrete actions only; use "FastSAC" or "PPO"'
        )
    return solver  # type: ignore[no-any-return]


def _best_solver(
    action_space: spaces.Space[Any], can_plan: bool, many_copies: bool
) -> str | type[BaseAlgorithm]:
    if can_plan:
        return PLANNING
    if many_copies:
        return FastPPO
    return FastSAC if isinstance(action_space, spaces.Box) else SOLVERS["PPO"]


def is_instance_or_subclass(algorithm: Algorithm | None, base: type[BaseAlgorithm]) -> bool:
    """Return whether an algorithm, or the class of one, is of a class."""
    return isinstance(algorithm, base) or (
        inspect.isclass(algorithm) and issubclass(algorithm, base)
    )


def _by_name(name: str) -> type[BaseAlgorithm]:
    package, colon, attribute = name.partition(":")
    if colon and package in PACKAGES:
        try:
            module = importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"solver={name!r} needs the package {package}: run `pip install "
                f"{PACKAGES[package]}`"
            ) from error
        found = getattr(module, attribute, None)
        if found is not None:
            return found  # type: ignore[no-any-return]
        raise ValueError(f"solver={name!r}: {package} has no {attribute!r}")
    by_capitals = {known.upper(): algorithm for known, algorithm in NAMED.items()}
    if name.upper() not in by_capitals:
        hint = did_you_mean(name, [_AUTO, PLANNING, *NAMED])
        raise ValueError(
            f"solver={name!r}{hint}: expected {_AUTO!r}, {PLANNING!r}, one of "
            f"{', '.join(NAMED)}, or a name such as 'sb3_contrib:TQC' or 'sbx:SAC'"
        )
    return by_capitals[name.upper()]


def solver_name(solver: Any) -> str | None:
    """Name by which :func:`find_solver` finds a solver; None if it has no such name."""
    if isinstance(solver, str):
        return solver
    for name, algorithm in NAMED.items():
        if solver is algorithm:
            return name
    if inspect.isclass(solver) and solver.__module__.partition(".")[0] in PACKAGES:
        return f"{solver.__module__.partition('.')[0]}:{solver.__name__}"
    return None


def _batch_size(size: int, n_transitions: int) -> int:
    """A size, or somewhat less to divide the transitions, since PPO warns otherwise."""
    size = min(size, n_transitions)
    divisors = (each for each in range(size, size // 2, -1) if n_transitions % each == 0)
    return next(divisors, size)


@dataclass(frozen=True)
class SolverSpec:
    """The algorithm that trains a policy, and how it is set up.

    Attributes:
        algorithm: An algorithm, which is put into another environment, or the class of one.
        hyperparameters: What every algorithm is told.
        kwargs: Arguments of the class, which come before the hyperparameters.
        device: Where its networks run.
    """

    algorithm: Algorithm
    hyperparameters: SolverHyperparameters
    kwargs: Mapping[str, Any]
    device: Any


def make_model(
    solver: SolverSpec, env: VecEnv, encoder: Encoder, theta: FloatArray, seed: int
) -> BaseAlgorithm:
    """An algorithm that is ready to learn for rewards θ·φ.

    Args:
        solver: Which algorithm, and how it is set up.
        env: Where it learns.
        encoder: The features φ.
        theta: The first weights θ (F,).
        seed: Seeds it.

    Raises:
        TypeError: If an argument of the class has a wrong type.
        ValueError: If the class has no such argument, a number is out of range, or the algorithm
            does not fit to the environment.
    """
    algorithm, hyperparameters = solver.algorithm, solver.hyperparameters
    relabeling: dict[str, Any] = {
        "features": lambda kept: encoder(channels_last(kept, env.observation_space)),
        "theta": theta,
        "standardize": hyperparameters.standardize_rewards,
    }
    if isinstance(algorithm, BaseAlgorithm):
        algorithm.set_env(env)
        if isinstance(algorithm, OffPolicyAlgorithm):
            algorithm.replay_buffer = RelabeledReplayBuffer(
                algorithm.buffer_size,
                env.observation_space,
                env.action_space,
                algorithm.device,
                env.num_envs,
                **relabeling,
            )
        return algorithm
    given = check_solver_kwargs(algorithm, solver.kwargs)
    others = check_solver_kwargs(
        algorithm,
        hyperparameters.kwargs,
        "hyperparameters.solver.kwargs",
        others=[  # whose arguments presets have
            *inspect.signature(FastSAC).parameters,
            *inspect.signature(FastPPO).parameters,
        ],
    )
    arguments: dict[str, Any] = {"policy_kwargs": {"net_arch": list(hyperparameters.hidden)}}
    allowed = inspect.signature(algorithm).parameters
    arguments |= {name: value for name, value in others.items() if name in allowed}
    if issubclass(algorithm, OffPolicyAlgorithm):
        if "replay_buffer_class" not in given:
            arguments["replay_buffer_class"] = RelabeledReplayBuffer
            arguments["replay_buffer_kwargs"] = relabeling
    elif issubclass(algorithm, OnPolicyAlgorithm):
        at_once = min(_ROLLOUT_SIZE, hyperparameters.n_steps)
        n_steps = arguments.setdefault("n_steps", max(2, at_once // env.num_envs))
        if "batch_size" in allowed:
            arguments["batch_size"] = _batch_size(
                arguments.get("batch_size", 64), n_steps * env.num_envs
            )
    chosen = dict(given)
    if chosen.get("policy_kwargs"):
        chosen["policy_kwargs"] = {**arguments["policy_kwargs"], **chosen["policy_kwargs"]}
    arguments = constructor_arguments({**arguments, **chosen}, env.action_space)
    try:
        return algorithm(POLICY, env, seed=seed, device=solver.device, **arguments)
    except AssertionError as error:  # what SB3 does with what it does not support
        raise ValueError(f"solver={algorithm.__name__}: {error}") from error
