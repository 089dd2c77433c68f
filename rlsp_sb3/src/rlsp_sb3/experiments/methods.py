"""Methods that tables compare: learners with their settings, labels and styles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from rlsp_sb3.experiments.config import Config
from rlsp_sb3.learners import registry
from rlsp_sb3.plotting.style import (
    BLUE,
    GRAY,
    GREEN,
    ORANGE,
    PURPLE,
    SKY,
    VERMILLION,
    YELLOW,
)
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.install_command import install_command

_BASELINES = "rlsp-baselines"
_PALETTE = (GRAY, ORANGE, YELLOW, BLUE, SKY, PURPLE, GREEN, VERMILLION)
_HATCHES = ("", "///", "...", "xxx")  # tell more of them apart


class Style(NamedTuple):
    """The style of a method in figures.

    Attributes:
        color: Its color.
        marker: The marker of its points, which tells it apart in gray.
        line: The style of its lines.
        hatch: The hatch of its bars.
    """

    color: str = GRAY
    marker: str = "o"
    line: str | tuple[int, tuple[int, ...]] = "-"
    hatch: str = ""


class Method(NamedTuple):
    """A learner with settings.

    Attributes:
        name: What it goes by in options and files.
        label: What it is called in tables and figures.
        learner: The name of the learner, as its entry point has it.
        style: What it looks like in figures.
        settings: Arguments of the learner's constructor, where no configuration has them.
        is_random: Whether the result depends on the seed.
        is_slow: Whether it is left out unless it is asked for.
        extra: The extra of rlsp-baselines that it needs, with the package that this brings.
    """

    name: str
    label: str
    learner: str
    style: Style = Style()
    settings: Mapping[str, Any] = {}
    is_random: bool = True
    is_slow: bool = False
    extra: tuple[str, str] | None = None

    @property
    def is_installed(self) -> bool:
        """True if the learner and what it needs are installed."""
        return self.learner in registry.learner_names() and (
            self.extra is None or find_spec(self.extra[1]) is not None
        )

    @property
    def how_to_install(self) -> str:
        """The command that installs it."""
        if self.extra is None:
            return f"run {install_command(_BASELINES)}"
        return f"run {install_command(_BASELINES, self.extra[0])}"


def bar_style(i: int) -> Style:
    """The style of the i-th method of a figure with bars."""
    return Style(_PALETTE[i % len(_PALETTE)], hatch=_HATCHES[i // len(_PALETTE) % len(_HATCHES)])


GRIDWORLD_METHODS = (
    Method("task-reward", "task only", "task-reward", bar_style(0), is_random=False),
    Method(
        *("deviation", "deviation", "deviation", bar_style(1)),
        settings={"inferred_weight": 0.5},
        is_random=False,
    ),
    Method(
        *("relative-reachability", "relative reachability", "relative-reachability", bar_style(2)),
        is_random=False,
    ),
    Method(
        *("tabular-rlsp", "exact RLSP", "tabular-rlsp", bar_style(3)),
        settings={"initial_states": "known"},
    ),
    Method(
        *("tabular-rlsp-uniform", "exact RLSP, start unknown", "tabular-rlsp", bar_style(4)),
        settings={"initial_states": "uniform"},
    ),
    Method(
        *("reward-sampling", "reward sampling", "reward-sampling", bar_style(5)),
        settings={"n_samples": 2000, "burn_in": 500},
    ),
    Method(
        *("average-features", "average features", "average-features", bar_style(7)),
        is_random=False,
    ),
    Method("waypoints", "waypoints", "waypoints", bar_style(8), is_random=False),
    Method("contrast", "contrast", "contrast", bar_style(9), is_random=False),
    Method(
        *("attainable-utility", "attainable utility", "attainable-utility", bar_style(10)),
    ),
    Method(
        *("rlsp", "RLSP, simulated pasts", "rlsp", bar_style(6)),
        settings={"eval_interval": 0},
        is_slow=True,
    ),
)
"""Those that know the features, in tabular problems."""

CONTINUOUS_METHODS = (
    Method("rlsp", "RLSP", "rlsp", Style(BLUE, "o", "-")),
    Method("average-features", "average features", "average-features", Style(ORANGE, "s", "--")),
    Method("waypoints", "waypoints", "waypoints", Style(GREEN, "^", "-.")),
    Method(
        *("gail", "GAIL", "gail", Style(PURPLE, "D", (0, (4, 1, 1, 1, 1, 1)))),
        extra=("gail", "imitation"),
    ),
)
"""Those that learn from observed states alone. Their settings are in configurations."""

RLSP_METHODS = ("rlsp", "average-features", "waypoints")
"""The names of those that are configured as RLSP is, and infer a reward of states."""

EXPERT = "expert"
"""The "method" that measures what the expert earns itself."""
RANDOM = "random"
"""The "method" that acts at random, to be compared with."""


def label_of(name: str) -> str:
    """The label of one of :data:`CONTINUOUS_METHODS`, or of what they are compared with."""
    references = {EXPERT: "expert", RANDOM: "random actions"}
    return ({method.name: method.label for method in CONTINUOUS_METHODS} | references)[name]


def find_methods(
    names: Sequence[str] | None,
    known: Sequence[Method],
    *,
    with_slow: bool = False,
    with_learners: bool = False,
) -> tuple[list[Method], dict[str, str]]:
    """The methods that are meant, as far as they are installed.

    Args:
        names: Their names; None for all known ones that are not slow.
        known: The methods that there are.
        with_slow: Whether to add the slow ones.
        with_learners: Whether installed learners are methods as they are, too, by their names.

    Returns:
        The methods, and why others are none of them, by their names.

    Raises:
        ImportError: If a method that is named is not installed.
        ValueError: If there is no such method, or one is named twice.
    """
    if names is None:
        wanted = [method for method in known if not method.is_slow]
    else:
        every = {method.name: method for method in known}
        if with_learners:
            installed = registry.learner_names()
            # First those that are named, so that their styles differ.
            for name in [*(each for each in names if each in installed), *installed]:
                every.setdefault(name, Method(name, name, name, bar_style(len(every))))
        wanted = [_find_method(name, names, every) for name in names]
    if with_slow:
        wanted += [method for method in known if method.is_slow and method not in wanted]
    missing = [method for method in wanted if not method.is_installed]
    left_out = {each.name: f"it is not installed ({each.how_to_install})" for each in missing}
    return [method for method in wanted if method not in missing], left_out


def _find_method(name: str, names: Sequence[str], every: Mapping[str, Method]) -> Method:
    """The method with a name that was given."""
    if name not in every:
        raise ValueError(
            f"--methods: there is no method {name!r}{did_you_mean(name, every)}: expected some of "
            f"{', '.join(every)}"
        )
    if names.count(name) > 1:
        raise ValueError(f"--methods: {name} is given twice: expected each once")
    method = every[name]
    if not method.is_installed:
        raise ImportError(f"--methods {name}: it is not installed: {method.how_to_install}")
    return method


def check_fits(env: gym.Env[Any, Any], methods: Sequence[Method], config: Config) -> None:
    """Raise an error now, and not in each job, if a configuration does not fit to an environment.

    Raises:
        TypeError: If something has a wrong type for it.
        ValueError: If something is out of range for it.
    """
    if any(method.name in RLSP_METHODS for method in methods):
        RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)
