"""The methods that tables compare."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import gymnasium as gym
import numpy as np

from rlsp_sb3.experiments.config import Config
from rlsp_sb3.learners import registry
from rlsp_sb3.plotting.style import BLUE, GREEN, ORANGE, PURPLE
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.utils.did_you_mean import did_you_mean

LOOKS = {  # markers tell them apart in gray
    "rlsp": (BLUE, "o"),
    "average-features": (ORANGE, "s"),
    "waypoints": (GREEN, "^"),
    "gail": (PURPLE, "D"),
}


GAIL_PACKAGE = "imitation"


HOW_TO_GET = {
    "gail": 'run `pip install "rlsp-baselines[gail]"`',
    "average-features": "run `pip install rlsp-baselines`",
    "waypoints": "run `pip install rlsp-baselines`",
}


def check_fits(env: gym.Env[Any, Any], methods: Sequence[str], config: Config) -> None:
    """Raise an error now, and not in each job, if a configuration does not fit to an environment.

    Raises:
        TypeError: If something has a wrong type for it.
        ValueError: If something is out of range for it.
    """
    if set(RLSP_METHODS) & set(methods):
        RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)


def find_methods(names: Sequence[str] | None, left_out: dict[str, str]) -> list[str]:
    """The methods that are meant, if they are installed.

    Args:
        names: Some of :data:`~rlsp_sb3.experiments.METHODS`; None for all that are installed.
        left_out: Gets why a method is none of them, by its name.

    Raises:
        ImportError: If a method that is named is not installed.
        ValueError: If there is no such method.
    """
    found = []
    for name in dict.fromkeys(METHODS if names is None else names):
        if name not in METHODS:
            raise ValueError(
                f"--methods {name}: there is no such method{did_you_mean(name, METHODS)}: expected "
                f"some of {', '.join(METHODS)}"
            )
        installed = name in registry.learner_names()
        if name == "gail":
            installed = installed and find_spec(GAIL_PACKAGE) is not None
        if installed:
            found.append(name)
            continue
        if names is not None:
            raise ImportError(f"--methods {name}: it is not installed: {HOW_TO_GET[name]}")
        left_out[name] = f"it is not installed ({HOW_TO_GET[name]})"
    return found


EXPERT = "expert"
"""The "method" that measures what the expert earns itself."""


RLSP_METHODS = ("rlsp", "average-features", "waypoints")


METHODS = (*RLSP_METHODS, "gail")
"""The methods of Lindner et al. (2021), in the order of its tables."""


LABELS = {
    EXPERT: "expert",
    "rlsp": "RLSP",
    "average-features": "average features",
    "waypoints": "waypoints",
    "gail": "GAIL",
}
