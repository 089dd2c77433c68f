"""Policy of a chosen skill, or of skills that are drawn for each episode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rlsp_baselines.skills.skill_prior import SkillPrior
from rlsp_baselines.skills.skill_vec_env import with_skills
from rlsp_sb3.protocols import Policy


class SkillPolicy:
    """Policy that acts by a skill.

    Its memory is the skill, so that callers who carry the state from step to step, as SB3's and
    ours do, see one skill in each episode.

    Args:
        policy: Acts on observations with skills at their end.
        prior: The prior of skills.
        observation_size: The number of entries of an observation without a skill.
        skill: The skill (size,); None to draw one for each episode.
    """

    def __init__(
        self,
        policy: Policy,
        prior: SkillPrior,
        observation_size: int,
        skill: NDArray[np.float32] | None = None,
    ) -> None:
        self._policy = policy
        self._prior = prior
        self._size = observation_size
        self.skill = skill

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Choose actions.

        Args:
            observation: One observation (D,) or a batch (N, D).
            state: The skills that the last call returned.
            episode_start: Which environments were just reset.
            deterministic: Whether to take the most probable action.

        Returns:
            The action or actions, and the skills (N, size).
        """
        shown = np.asarray(observation)
        n = shown.size // self._size
        if self.skill is not None:
            state = np.tile(self.skill, (n, 1))
        elif state is None:
            state = self._prior.draw_like_torch(n)
        elif episode_start is not None and np.any(episode_start):
            starts = np.broadcast_to(np.asarray(episode_start, dtype=bool), n)
            state = np.where(starts[:, None], self._prior.draw_like_torch(n), state)
        skills = state if shown.ndim > 1 else state[0]
        return self._policy.predict(with_skills(shown, skills), deterministic=deterministic)[
            0
        ], state
