"""Diversity is all you need: the control of skill discovery."""

from __future__ import annotations

from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_baselines.skills.skill_discriminator import SkillDiscriminator
from rlsp_baselines.skills.skill_learner import SkillLearner
from rlsp_baselines.skills.skill_prior import SkillPrior


class DIAYN(SkillLearner):
    """Skills that can be told apart by where they are (Eysenbach et al. 2019, arXiv 1802.06070).

    The control of :class:`DADS`: the same but for the reward, log q(z | s') - log p(z) for a
    discriminator q, which does not ask for skills whose next states are predictable.

    See :class:`DADS` for the arguments and the errors; it takes ``n_skills`` only.
    """

    def _make_skill_model(self, coordinates: Coordinates, prior: SkillPrior) -> SkillDiscriminator:
        if not prior.is_discrete:
            raise ValueError(
                f"skill_dim={self.skill_dim!r}: expected None, since the discriminator tells a "
                "number of skills apart; use n_skills"
            )
        return SkillDiscriminator(coordinates, prior, self.hyperparameters)
