"""Statistics of rollouts of skills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.learners import checks_types


@checks_types
def skill_predictability(final_states: Sequence[NDArray[np.floating]]) -> float:
    """Share of the variance of what episodes reach that is between skills, from 0 to 1.

    1 if all episodes of a skill reach the same, 0 if it does not matter which skill it is (the
    correlation ratio η²; of several coordinates, each is standardized first).

    Args:
        final_states: For each skill, what its episodes reached (n_episodes, n_coordinates).

    Raises:
        ValueError: If there are fewer than two skills.
    """
    if len(final_states) < 2:
        raise ValueError(f"final_states has {len(final_states)} skills: expected at least 2")
    everything = np.concatenate(final_states)
    scale = everything.std(axis=0)
    scaled = [each[:, scale > 0] / scale[scale > 0] for each in final_states]
    if not scaled[0].size:
        return 0.0
    within = sum(np.square(each - each.mean(axis=0)).sum() for each in scaled)
    everything = np.concatenate(scaled)
    total = np.square(everything - everything.mean(axis=0)).sum()
    return float(1 - within / total)
