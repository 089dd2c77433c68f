"""Presets of the hyperparameters of Deep RLSP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from rlsp_sb3.hyperparameters import (
    DynamicsHyperparameters,
    EncoderHyperparameters,
    FitSettings,
    ForwardHyperparameters,
    InversePolicyHyperparameters,
    RLSPHyperparameters,
    SolverHyperparameters,
)
from rlsp_sb3.utils.checks import check_choice
from rlsp_sb3.utils.settings import validated
from rlsp_sb3.utils.type_checks import checks_types

__all__ = ["FAST", "PAPER", "Preset", "PresetName", "find_preset"]

PresetName = Literal["fast", "paper", "smoke"]
"""The names of presets."""

FORWARD = ForwardHyperparameters(
    n_trajectories=500,
    effective_share=1.0,
    kernel="gaussian",
    final_share=0.5,
)
"""Those of sampling pasts forward, in every preset."""

FAST = RLSPHyperparameters(
    n_transitions=10_000,
    episode_length=100,
    n_trajectories=100,
    n_epochs=20,
    learning_rate=0.5,
    anneal=True,
    gradient_threshold=0.0,
    encoder=EncoderHyperparameters(hidden=(128, 128), fit=FitSettings(2500, 500, 1e-3)),
    dynamics=DynamicsHyperparameters(
        hidden=(256, 256),
        fit=FitSettings(1500, 500, 1e-3),
        refit=FitSettings(300, 500, 5e-4),
        refit_interval=4,
    ),
    inverse_policy=InversePolicyHyperparameters(
        hidden=(256, 256),
        first_fit=FitSettings(300, 500, 1e-3),
        fit=FitSettings(60, 500, 1e-3),
        warm_start=True,
        n_rollouts=100,
    ),
    forward=FORWARD,
    solver=SolverHyperparameters(
        n_envs=10,
        n_steps=5_000,
        hidden=(64, 64),
        past_start_fraction=0.2,
        standardize_rewards=True,
        kwargs={
            "learning_rate": 1e-3,
            "batch_size": 64,
            "gamma": 0.98,
            "tau": 0.01,
            "buffer_size": 20_000,
            "learning_starts": 200,
            "train_freq": (25, "step"),
            "gradient_steps": 25,
        },
    ),
)
"""Small networks that are kept from epoch to epoch: minutes on one core."""

ON_POLICY = SolverHyperparameters(
    n_envs=128,
    n_steps=16_384,
    hidden=(64, 64),
    past_start_fraction=0.2,
    standardize_rewards=False,
    kwargs={"learning_rate": 3e-4, "batch_size": 1024, "n_epochs": 10, "gamma": 0.99},
)
"""The solver of "fast" if it is an on-policy algorithm, as FastPPO, in many copies at once."""

_ON_POLICY_EPOCHS = 50  # more than with a solver that takes long for each reward

PAPER = RLSPHyperparameters(
    n_transitions=100_000,
    episode_length=1_000,
    n_trajectories=200,
    n_epochs=300,
    learning_rate=0.01,
    anneal=False,
    gradient_threshold=2.0,
    encoder=EncoderHyperparameters(hidden=(512, 512, 512), fit=FitSettings(20_000, 500, 1e-5)),
    dynamics=DynamicsHyperparameters(
        hidden=(1024,) * 5,
        fit=FitSettings(20_000, 500, 1e-5),
        refit=None,
        refit_interval=1,
    ),
    inverse_policy=InversePolicyHyperparameters(
        hidden=(512, 512, 512),
        first_fit=FitSettings(200, 500, 1e-4),
        fit=FitSettings(200, 500, 1e-4),
        warm_start=False,
        n_rollouts=3_333,
    ),
    forward=FORWARD,
    solver=SolverHyperparameters(
        n_envs=1,
        n_steps=10_000,
        hidden=(256, 256),
        past_start_fraction=0.2,
        standardize_rewards=False,
        kwargs={
            "learning_rate": 3e-4,
            "batch_size": 256,
            "gamma": 0.98,
            "tau": 0.01,
            "buffer_size": 1_000_000,
        },
    ),
)
"""The settings of Lindner et al. (2021, appendix) for the half cheetah: hours."""

HYPERPARAMETERS = {"fast": FAST, "paper": PAPER}

TABULAR = {
    "fast": replace(
        FAST,
        n_epochs=30,
        learning_rate=0.1,
        anneal=False,
        n_trajectories=3_000,
        inverse_policy=replace(
            FAST.inverse_policy, n_rollouts=32_768, fit=FitSettings(80, 256, 1e-3)
        ),
    ),
    "paper": replace(
        PAPER,
        n_epochs=50,
        learning_rate=0.1,
        gradient_threshold=0.0,
        n_trajectories=100,
        inverse_policy=replace(
            PAPER.inverse_policy, n_rollouts=1_000, fit=FitSettings(80, 256, 1e-3)
        ),
    ),
}
"""The same where states can be enumerated; the inverse models are fitted together."""


def _smoke(base: RLSPHyperparameters) -> RLSPHyperparameters:
    """As little work as makes everything happen once: results mean nothing."""
    return replace(
        base,
        n_transitions=300,
        n_trajectories=20,
        n_epochs=3,
        forward=replace(base.forward, n_trajectories=20),
        encoder=EncoderHyperparameters(hidden=(32,), fit=FitSettings(50, 100, 1e-3)),
        dynamics=replace(base.dynamics, hidden=(32,), fit=FitSettings(50, 100, 1e-3), refit=None),
        inverse_policy=replace(
            base.inverse_policy,
            hidden=(32,),
            first_fit=FitSettings(20, 100, 1e-3),
            fit=FitSettings(5, 100, 1e-3),
            n_rollouts=20,
        ),
        solver=replace(base.solver, n_envs=4, n_steps=200, hidden=(32,)),
    )


HYPERPARAMETERS["smoke"] = _smoke(FAST)
_SMOKE_ON_POLICY = replace(ON_POLICY, n_envs=4, n_steps=200, hidden=(32,))
TABULAR["smoke"] = _smoke(TABULAR["fast"])


@dataclass(frozen=True)
class Preset:
    """Everything of RLSP that is not given to it.

    Attributes:
        hyperparameters: The hyperparameters.
        encoder: The encoder, where the environment offers no features.
        trajectory_weights: The weights of past trajectories.
        prior: The prior of θ.
        prior_std: Its width.
    """

    hyperparameters: RLSPHyperparameters
    encoder: str | Mapping[str, Any] = "fourier"
    trajectory_weights: Literal["uniform", "initial", "cosine"] = "initial"
    prior: Literal["gaussian", "laplace", "uniform"] = "gaussian"
    prior_std: float = 0.5


PRESETS: tuple[PresetName, ...] = ("fast", "paper", "smoke")
"""The names of all presets."""


@checks_types
def find_preset(
    preset: str,
    hyperparameters: Mapping[str, Any] | RLSPHyperparameters | None = None,
    *,
    is_tabular: bool = False,
    on_policy: bool = False,
    prefix: str = "",
) -> Preset:
    """A preset by its name, with other hyperparameters if some are given.

    Args:
        preset: "fast", "paper" as published, or "smoke" to see whether everything works.
        hyperparameters: A nested mapping of what differs, see
            :meth:`~rlsp_sb3.hyperparameters.RLSPHyperparameters.updated`; an RLSPHyperparameters
            for all; None for those of the preset.
        is_tabular: Whether states can be enumerated.
        on_policy: Whether the solver is an on-policy algorithm.
        prefix: What comes before the names of both in errors.

    Raises:
        TypeError: If a hyperparameter has a wrong type.
        ValueError: If there is no preset or hyperparameter of a name, or a value is out of range.
    """
    check_choice(f"{prefix}preset", preset, PRESETS)
    found = (TABULAR if is_tabular else HYPERPARAMETERS)[preset]
    if on_policy and preset == "smoke":
        found = replace(found, solver=_SMOKE_ON_POLICY)
    elif on_policy and preset == "fast":
        found = replace(found, solver=ON_POLICY, n_epochs=_ON_POLICY_EPOCHS)
    if isinstance(hyperparameters, RLSPHyperparameters):
        validated(RLSPHyperparameters, hyperparameters, f"{prefix}hyperparameters")
        found = hyperparameters
    elif hyperparameters is not None:
        found = found.updated(hyperparameters, f"{prefix}hyperparameters")
    if preset == "paper":
        return Preset(found, {"name": "vae", "scale_latents": False}, "cosine")
    return Preset(found)
