"""Skills: diverse behavior without any reward, to make states of that somebody left behind.

:class:`DADS` discovers skills whose effects can be predicted; :class:`DIAYN` is its control, which
is only rewarded for skills that can be told apart.
"""

from typing import TYPE_CHECKING

from rlsp_sb3.utils import lazy_exports

if TYPE_CHECKING:
    from rlsp_baselines.skills.dads import DADS
    from rlsp_baselines.skills.diayn import DIAYN
    from rlsp_baselines.skills.hyperparameters import SkillHyperparameters
    from rlsp_baselines.skills.skill_learner import SkillLearner
    from rlsp_baselines.skills.skill_policy import SkillPolicy
    from rlsp_baselines.skills.statistics import skill_predictability
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "DADS",
    "DIAYN",
    "SkillHyperparameters",
    "SkillLearner",
    "SkillPolicy",
    "skill_predictability",
]
