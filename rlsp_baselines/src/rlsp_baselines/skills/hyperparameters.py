"""Hyperparameters of skill discovery, and presets of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from rlsp_sb3.learners import check_choice, check_int, check_positive

SkillPreset = Literal["fast", "paper", "smoke"]

_COUNTS = ("n_envs", "episode_length", "n_experts", "n_updates", "batch_size", "n_prior_samples")
_POSITIVE = ("std", "learning_rate")


@dataclass(frozen=True)
class SkillHyperparameters:
    """Hyperparameters of skill discovery.

    Attributes:
        n_envs: The number of copies of the environment, where it can be simulated.
        episode_length: The number of steps of an episode, which has one skill. Each epoch has one
            episode in each copy.
        model_hidden: The sizes of the hidden layers of the skill dynamics.
        n_experts: The number of Gaussians of their mixture.
        std: The standard deviation of each, in standard deviations of the change.
        learning_rate: The step size of Adam for the skill dynamics.
        n_updates: The number of its steps in each epoch.
        batch_size: The number of transitions of each step.
        n_prior_samples: How many skills stand for all others, if there are infinitely many.
        solver: The algorithm of SB3, if none is given.
        solver_kwargs: Arguments of an algorithm, as far as it has them.
    """

    n_envs: int
    episode_length: int
    model_hidden: tuple[int, ...]
    n_experts: int
    std: float
    learning_rate: float
    n_updates: int
    batch_size: int
    n_prior_samples: int
    solver: str
    solver_kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _COUNTS:
            check_int(name, getattr(self, name), 1, 10**9)
        for name in _POSITIVE:
            check_positive(name, getattr(self, name))
        object.__setattr__(self, "model_hidden", tuple(self.model_hidden))
        for size in self.model_hidden:
            check_int("model_hidden", size, 1, 10**6)


FAST = SkillHyperparameters(
    n_envs=64,
    episode_length=100,
    model_hidden=(64, 64),
    n_experts=4,
    std=0.5,
    learning_rate=1e-3,
    n_updates=64,
    batch_size=512,
    n_prior_samples=16,
    solver="FastPPO",
    solver_kwargs={
        "policy_kwargs": {"net_arch": [64, 64]},
        "gamma": 0.98,
        "n_epochs": 5,
    },
)
"""Many copies at once, small networks and an on-policy solver: minutes on one core."""

PAPER = SkillHyperparameters(
    n_envs=10,
    episode_length=200,
    model_hidden=(512, 512),
    n_experts=4,
    std=1.0,
    learning_rate=3e-4,
    n_updates=32,
    batch_size=256,
    n_prior_samples=100,
    solver="SAC",
    solver_kwargs={
        "policy_kwargs": {"net_arch": [512, 512]},
        "gamma": 0.995,
        "learning_rate": 3e-4,
        "ent_coef": 0.1,
        "batch_size": 256,
        "gradient_steps": 64,
    },
)
"""The published settings for locomotion, on-policy: 2,000 steps an epoch, for 10,000 epochs."""

PRESETS = {
    "fast": FAST,
    "paper": PAPER,
    "smoke": replace(
        FAST, n_envs=4, episode_length=20, model_hidden=(8,), n_updates=2, batch_size=16
    ),
}
"""Presets by name; "smoke" is to see whether everything works."""


def find_hyperparameters(preset: str, changes: Mapping[str, Any] | None) -> SkillHyperparameters:
    """The hyperparameters of a preset, with some changed.

    Raises:
        TypeError: If a value has a wrong type.
        ValueError: If there is no preset or hyperparameter of a name, or a value is out of range.
    """
    check_choice("preset", preset, PRESETS)
    changes = changes or {}
    names = [each.name for each in fields(SkillHyperparameters)]
    for name in changes:
        check_choice("hyperparameters", name, names)
    return replace(PRESETS[preset], **changes)
