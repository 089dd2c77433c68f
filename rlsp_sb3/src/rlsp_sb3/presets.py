"""Presets of the hyperparameters of Deep RLSP."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, get_type_hints

from rlsp_sb3.models.training import FitSettings
from rlsp_sb3.utils.checks import check_choice
from rlsp_sb3.utils.did_you_mean import did_you_mean

__all__ = ["FAST", "PAPER", "Budget", "find_budget"]


@dataclass(frozen=True)
class Budget:
    """Settings for environments that are not planned in.

    Attributes:
        n_transitions: How many transitions are collected before anything is learned.
        episode_length: The number of steps of an episode, then and while the policy is trained.
        encoder: How long and how fast a variational autoencoder is fitted.
        encoder_hidden: The sizes of its hidden layers.
        dynamics: How long and how fast the inverse dynamics are fitted to these transitions.
        dynamics_hidden: The sizes of their hidden layers.
        dynamics_again: The same every :attr:`again_every` epochs, with transitions from training
            the policy beside; None for never.
        again_every: How often that is.
        first_inverse_policy: How long and how fast the inverse policy is fitted at first.
        inverse_policy: The same in all other epochs.
        inverse_policy_hidden: The sizes of its hidden layers.
        keep_inverse_policy: Whether each fit starts where the last one ended.
        n_rollouts: How many trajectories of the policy it is fitted to.
        n_trajectories: How many pasts are simulated for each gradient.
        n_epochs: The number of gradients.
        learning_rate: The first step size of the gradient ascent.
        anneal: Whether it falls to 0 over all epochs.
        gradient_threshold: The next horizon comes early if the norm of the mean of the last ten
            gradients is below.
        n_envs: How many copies of the environment the policy is trained in.
        share_of_starts: Which share of their episodes, from 0 to 1, starts in states of the pasts,
            rather than where the environment starts them.
        solver_steps: How many environment steps the policy is trained for each gradient.
        solver_hidden: The sizes of the hidden layers of its networks.
        solver_kwargs: Other arguments of an off-policy algorithm such as SAC.
        standardize: Whether rewards are standardized over the replay buffer.
    """

    n_transitions: int
    episode_length: int
    encoder: FitSettings
    encoder_hidden: tuple[int, ...]
    dynamics: FitSettings
    dynamics_hidden: tuple[int, ...]
    dynamics_again: FitSettings | None
    again_every: int
    first_inverse_policy: FitSettings
    inverse_policy: FitSettings
    inverse_policy_hidden: tuple[int, ...]
    keep_inverse_policy: bool
    n_rollouts: int
    n_trajectories: int
    n_epochs: int
    learning_rate: float
    anneal: bool
    gradient_threshold: float
    n_envs: int
    share_of_starts: float
    solver_steps: int
    solver_hidden: tuple[int, ...]
    solver_kwargs: dict[str, float | int | tuple[int, str]]
    standardize: bool


FAST = Budget(
    n_transitions=10_000,
    episode_length=100,
    encoder=FitSettings(2500, 500, 1e-3),
    encoder_hidden=(128, 128),
    dynamics=FitSettings(1500, 500, 1e-3),
    dynamics_hidden=(256, 256),
    dynamics_again=FitSettings(300, 500, 5e-4),
    again_every=4,
    first_inverse_policy=FitSettings(300, 500, 1e-3),
    inverse_policy=FitSettings(60, 500, 1e-3),
    inverse_policy_hidden=(256, 256),
    keep_inverse_policy=True,
    n_rollouts=100,
    n_trajectories=100,
    n_epochs=20,
    learning_rate=0.5,
    anneal=True,
    gradient_threshold=0.0,
    n_envs=10,
    share_of_starts=0.2,
    solver_steps=5_000,
    solver_hidden=(64, 64),
    solver_kwargs={
        "learning_rate": 1e-3,
        "batch_size": 64,
        "gamma": 0.98,
        "tau": 0.01,
        "buffer_size": 20_000,
        "learning_starts": 200,
        "train_freq": (25, "step"),
        "gradient_steps": 25,
    },
    standardize=True,
)
"""Small networks that are kept from epoch to epoch: minutes on one core."""

PAPER = Budget(
    n_transitions=100_000,
    episode_length=1_000,
    encoder=FitSettings(20_000, 500, 1e-5),
    encoder_hidden=(512, 512, 512),
    dynamics=FitSettings(20_000, 500, 1e-5),
    dynamics_hidden=(1024,) * 5,
    dynamics_again=None,
    again_every=1,
    first_inverse_policy=FitSettings(200, 500, 1e-4),
    inverse_policy=FitSettings(200, 500, 1e-4),
    inverse_policy_hidden=(512, 512, 512),
    keep_inverse_policy=False,
    n_rollouts=3_333,
    n_trajectories=200,
    n_epochs=300,
    learning_rate=0.01,
    anneal=False,
    gradient_threshold=2.0,
    n_envs=1,
    share_of_starts=0.2,
    solver_steps=10_000,
    solver_hidden=(256, 256),
    solver_kwargs={
        "learning_rate": 3e-4,
        "batch_size": 256,
        "gamma": 0.98,
        "tau": 0.01,
        "buffer_size": 1_000_000,
    },
    standardize=False,
)
"""The settings of Lindner et al. (2021, appendix) for the half cheetah: hours."""

BUDGETS = {"fast": FAST, "paper": PAPER}

TABULAR = {
    "fast": replace(
        FAST,
        n_epochs=30,
        learning_rate=0.1,
        anneal=False,
        n_trajectories=3_000,
        n_rollouts=32_768,
        inverse_policy=FitSettings(80, 256, 1e-3),
    ),
    "paper": replace(
        PAPER,
        n_epochs=50,
        learning_rate=0.1,
        gradient_threshold=0.0,
        n_trajectories=100,
        n_rollouts=1_000,
        inverse_policy=FitSettings(80, 256, 1e-3),
    ),
}
"""The same where states can be enumerated; the inverse models are fitted together."""


BASE = "base"
"""The entry of a mapping that names the budget from which its other entries differ."""


def find_budget(budget: str | Budget | dict[str, Any], is_tabular: bool) -> Budget:
    """The budget that is meant.

    Args:
        budget: A budget; the name of one; what :func:`dataclasses.asdict` makes of one; or a
            mapping of the "base", a name, and what is to differ from it, such as
            ``{"base": "fast", "n_epochs": 40, "solver_kwargs": {"batch_size": 128}}``. Schedules
            are lists [n_updates, batch_size, learning_rate].
        is_tabular: Whether states can be enumerated.

    Raises:
        TypeError: If it is something else, or an entry has a wrong type.
        ValueError: If there is none of that name, or a dict does not have the entries of one.
    """
    if isinstance(budget, Budget):
        return budget
    if isinstance(budget, dict):
        return _from_dict(budget, is_tabular)
    if not isinstance(budget, str):
        raise TypeError(f"budget={budget!r}: expected a Budget, or one of {list(BUDGETS)}")
    check_choice("budget", budget, BUDGETS)
    return (TABULAR if is_tabular else BUDGETS)[budget]


def _from_dict(values: dict[str, Any], is_tabular: bool) -> Budget:
    """A budget from what JSON or YAML makes of one."""
    names = [field.name for field in fields(Budget)]
    for name in values:
        if name not in (BASE, *names):
            raise ValueError(
                f"budget has no {name!r}{did_you_mean(str(name), names)}: expected some of {names}"
            )
    if BASE in values:
        check_choice("budget: base", values[BASE], BUDGETS)
        base = asdict(find_budget(values[BASE], is_tabular))
        kwargs = values.get("solver_kwargs", {})
        if isinstance(kwargs, dict):  # otherwise it is an error below
            kwargs = {**base["solver_kwargs"], **kwargs}
        values = {**base, **values, "solver_kwargs": kwargs}
    if missing := [name for name in names if name not in values]:
        raise ValueError(
            f"budget has no {', '.join(missing)}: expected {names}, or a {BASE!r} from which it "
            "differs"
        )
    types = get_type_hints(Budget)
    return Budget(**{name: _entry(name, values[name], types[name]) for name in names})


def _entry(name: str, value: Any, kind: Any) -> Any:
    """An entry of a budget, in which JSON and YAML have no tuples.

    Raises:
        TypeError: If it has another type.
    """
    if kind is bool:
        fits, expected = isinstance(value, bool), "true or false"
    elif kind is int:
        fits, expected = _is_int(value) and value >= 0, "a whole number"
    elif kind is float:
        fits, expected = _is_number(value), "a number"
        value = float(value) if fits else value
    elif kind == tuple[int, ...]:
        fits = isinstance(value, (list, tuple)) and all(_is_int(size) for size in value)
        value, expected = _as_tuple(value), "a list of whole numbers"
    elif kind in (FitSettings, FitSettings | None):
        fits, expected = _is_schedule(value), "[n_updates, batch_size, learning_rate]"
        if kind != FitSettings:
            fits, expected = fits or value is None, f"{expected} or null"
        value = FitSettings(*value) if fits and value is not None else value
    else:
        fits, expected = isinstance(value, dict), "a mapping of arguments"
        value = {key: _as_tuple(each) for key, each in value.items()} if fits else value
    if not fits:
        raise TypeError(f"budget: {name}={value!r}: expected {expected}")
    return value


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_schedule(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) == len(FitSettings._fields)
        and all(_is_int(number) for number in value[:2])
        and _is_number(value[2])
    )


def _as_tuple(value: Any) -> Any:
    """A value, in which JSON has no tuples."""
    return tuple(value) if isinstance(value, list) else value
