"""Registry of learners and environments of the installed packages, by entry points."""

from __future__ import annotations

from importlib import metadata
from inspect import isclass
from typing import TYPE_CHECKING

from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.errors import PluginError, distribution_name

if TYPE_CHECKING:
    from rlsp_sb3.learners.base import RewardLearner

LEARNERS = "rlsp.learners"


def learner_names() -> list[str]:
    """The names of the installed learners; none of them is imported."""
    return sorted({plugin.name for plugin in metadata.entry_points(group=LEARNERS)})


def load_learner(name: str) -> type[RewardLearner]:
    """The class of an installed learner.

    Raises:
        ValueError: If no installed package offers a learner of that name.
        PluginError: If it cannot be loaded, or is no learner.
    """
    from rlsp_sb3.learners.base import RewardLearner

    found = [plugin for plugin in metadata.entry_points(group=LEARNERS) if plugin.name == name]
    if not found:
        names = learner_names()
        raise ValueError(
            f"there is no learner {name!r}{did_you_mean(name, names)}: expected "
            + (f"one of {', '.join(names)}" if names else "that a package is installed with one")
        )
    try:
        learner = found[0].load()
    except (ImportError, AttributeError) as error:
        raise PluginError(
            f"the learner {name!r} of {distribution_name(found[0])} cannot be loaded: {error}"
        ) from error
    if not (isclass(learner) and issubclass(learner, RewardLearner)):
        raise PluginError(
            f"the learner {name!r} of {distribution_name(found[0])} is no subclass of "
            f"rlsp_sb3.RewardLearner: its entry point is {found[0].value}"
        )
    return learner
