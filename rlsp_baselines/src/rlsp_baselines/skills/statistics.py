"""Statistics of rollouts of skills."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.learners import checks_types


@checks_types
def skill_predictability(outcomes: Sequence[NDArray[np.floating]]) -> float:
    """Share of the variance of outcomes that is between skills, from 0 to 1.

    1 if a skill has one outcome, 0 if it does not matter which skill it is (the correlation ratio
    η²; of several coordinates, each is standardized first).

    Args:
        outcomes: For each skill, what came of it, such as where its episodes ended or by how much
            its steps changed the state (n, n_coordinates).

    Raises:
        ValueError: If there are fewer than two skills.
    """
    if len(outcomes) < 2:
        raise ValueError(f"outcomes has {len(outcomes)} skills: expected at least 2")
    everything = np.concatenate(outcomes)
    scale = everything.std(axis=0)
    scaled = [each[:, scale > 0] / scale[scale > 0] for each in outcomes]
    if not scaled[0].size:
        return 0.0
    within = sum(np.square(each - each.mean(axis=0)).sum() for each in scaled)
    everything = np.concatenate(scaled)
    total = np.square(everything - everything.mean(axis=0)).sum()
    return float(1 - within / total)
