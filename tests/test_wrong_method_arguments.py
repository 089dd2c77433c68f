"""Wrong arguments of public methods are refused by errors that name them, as of functions."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from stable_baselines3.common.logger import Logger

from rlsp_envs.gridworlds import Layout, RoomEnv
from rlsp_sb3 import LinearReward
from rlsp_sb3.data import Transitions
from rlsp_sb3.evaluation import SimulatedReward
from rlsp_sb3.experiments import LearnerRun
from rlsp_sb3.planning import PlannedPolicy
from rlsp_sb3.policies import ExpertRun
from test_wrong_arguments import (
    EPISODE,
    FOLDER,
    NANS,
    POINT,
    RIGHT,
    RNG,
    ROOM,
    STATES,
    TABLE,
    WRONG,
    outcome,
    own_folder,
)

assert own_folder  # "nonsense" is a good name of a file
OBSERVED = ROOM.observed_states
TRANSITIONS = {
    "state": np.zeros((3, 1)),
    "action": np.zeros((3, 1)),
    "next_state": np.zeros((3, 1)),
    "done": np.zeros(3, np.bool_),
}
LEARNERS = {
    name: (getattr(import_module(module), name), right)
    for module in ("rlsp_sb3", "rlsp_baselines")
    for name, right in RIGHT[module].items()
    if name not in ("load_policy", "sample_observed_states", "LinearReward", "AIRL", "GAIL")
}

DEEP_LEARNERS = [name for name, (_, right) in LEARNERS.items() if right.get("env") is POINT]


def methods_of(name: str) -> dict[str, dict[str, Any]]:
    """Right arguments of the methods of a learner."""
    is_deep = name in DEEP_LEARNERS
    env = POINT if is_deep else "RoomDefault-v0"
    own: dict[str, dict[str, Any]] = {} if is_deep else {"set_env": {"env": env}}
    if name == "TabularRLSP":
        own["log_likelihood"] = {"theta": np.zeros(4)}
        own["log_likelihood_gradient"] = {"theta": np.zeros(4)}
    if name == "RewardSampling":
        own["log_posterior"] = {"theta": np.zeros(4)}
    return {
        "learn": {"total_timesteps": 0},
        "predict": {"observation": STATES[0] if is_deep else OBSERVED[0]},
        "save": {"path": FOLDER / f"{name}.zip"},
        "load": {"path": FOLDER / f"{name}.zip", "env": env},
        "set_logger": {"logger": Logger(None, [])},
        "set_random_seed": {"seed": 0},
        **own,
    }


def started_room() -> RoomEnv:
    env = RoomEnv()
    env.reset(seed=0)
    return env


def expert_run() -> ExpertRun:
    settings = ["n_steps=8", "batch_size=8"]
    out = FOLDER / "trained.zip"
    return ExpertRun("CartPole-v1", out, solver="PPO", settings=settings, force=True)


THETA = {"theta": np.zeros(2)}
PRIORS = ("GaussianPrior", "LaplacePrior", "UniformPrior")


def of(module: str, name: str) -> Callable[[], Any]:
    """Makes an object of a public class."""
    made, right = getattr(import_module(module), name), RIGHT[module][name]
    return lambda: made(**right)


OBJECTS: dict[str, tuple[Callable[[], Any], dict[str, dict[str, Any]]]] = {
    **{
        name: (lambda made=made, right=right: made(**right), methods_of(name))
        for name, (made, right) in LEARNERS.items()
    },
    **{
        name: (
            of("rlsp_sb3.rewards", name),
            {
                "log_prob": THETA,
                "gradient": THETA,
                "posterior_gradient": {**THETA, "likelihood_gradient": np.zeros(2)},
            },
        )
        for name in PRIORS
    },
    "DiagnosisCallback": (
        of("rlsp_sb3.diagnosis", "DiagnosisCallback"),
        {"save": {"path": FOLDER / "diagnosis.csv"}},
    ),
    "RealPasts": (of("rlsp_sb3.diagnosis", "RealPasts"), {"of_length": {"length": 2}}),
    "ResetSimulator": (
        of("rlsp_sb3.simulators", "ResetSimulator"),
        {
            "reset": {"n": 2},
            "seed": {"seed": 0},
            "states": {"observations": STATES},
            "step": {"observations": STATES, "actions": np.zeros((2, 1))},
        },
    ),
    "ExpertRun": (expert_run, {"learn": {"timesteps": 8}}),
    "Layout": (lambda: Layout("A.", {}), {"cells": {"symbols": "A"}, "one": {"symbol": "A"}}),
    "LearnerRun": (
        lambda: LearnerRun("RoomDefault-v0", folder=FOLDER / "run", force=True, timesteps=1),
        {"learn": {}},
    ),
    "LinearReward": (
        lambda: LinearReward([2.0]),
        {
            "save": {"path": FOLDER / "reward.json"},
            "load": {"path": FOLDER / "reward.json"},
            "of_states": {"observations": np.zeros((3, 1))},
            "__call__": TRANSITIONS,
        },
    ),
    "PlannedPolicy": (
        lambda: PlannedPolicy(ROOM, TABLE, RNG),
        {"predict": {"observation": OBSERVED[0]}},
    ),
    "RoomEnv": (
        started_room,
        {
            "reset": {"seed": 0},
            "step": {"action": 0},
            "features": {"observations": OBSERVED},
            "observations": {"indices": [0]},
            "set_state_from_observation": {"observation": OBSERVED[0]},
            "state_indices": {"observations": OBSERVED},
        },
    ),
    "SimulatedReward": (lambda: SimulatedReward(POINT), {"__call__": TRANSITIONS}),
    "Transitions": (lambda: Transitions, {"from_episodes": {"episodes": [EPISODE]}}),
}

# Not used: by a policy without a memory, by rewards that depend on other parts of transitions.
UNUSED = {
    **dict.fromkeys(DEEP_LEARNERS, ("state", "episode_start")),
    "LinearReward": ("state", "action", "done"),
    "SimulatedReward": ("next_state", "done"),
}
# Errors of what they pass it on to have their own word for it.
WORDS = {
    "observation": "observations",
    "next_state": "observations",
    "seed": "Seed",  # Gymnasium
}


@pytest.mark.parametrize("name", OBJECTS)
def test_wrong_arguments_of_methods_are_named(name: str) -> None:
    make, methods = OBJECTS[name]
    made = make()
    unclear, silent = {}, []
    for method, right in methods.items():
        function = getattr(made, method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            function(**right)  # these are right
        own = [each.name for each in inspect.signature(function).parameters.values()]
        for argument in dict.fromkeys([*right, *own]):
            if argument == "kwargs" or argument in UNUSED.get(name, ()):
                continue
            for what, value in WRONG.items():
                if what == "huge" and "timesteps" in argument:
                    continue  # is right, and takes long
                found = outcome(function, right, argument, value)
                if found == "taken" and what in NANS:
                    silent.append((method, argument, what))
                elif found not in ("taken", "refused"):
                    word = WORDS.get(argument)
                    if word is None or word not in found:
                        unclear[method, argument, what] = found
    assert unclear == {}
    assert silent == []
