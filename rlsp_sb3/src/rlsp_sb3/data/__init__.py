"""Episodes and transitions: collected, and read from and written to files."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.data.episodes import (
        EPISODE_SUFFIXES,
        Episode,
        has_terminated,
        load_episodes,
        save_episodes,
    )
    from rlsp_sb3.data.imitation_folders import load_imitation
    from rlsp_sb3.data.minari_datasets import load_minari, save_minari
    from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
    from rlsp_sb3.data.transitions import Transitions, collect, concatenate
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "EPISODE_SUFFIXES",
    "Episode",
    "Transitions",
    "collect",
    "concatenate",
    "has_terminated",
    "load_episodes",
    "load_imitation",
    "load_minari",
    "rollout_env",
    "sample_observed_states",
    "save_episodes",
    "save_minari",
]
