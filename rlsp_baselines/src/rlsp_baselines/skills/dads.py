"""Dynamics-aware discovery of skills."""

from __future__ import annotations

from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_baselines.skills.skill_dynamics import SkillDynamics
from rlsp_baselines.skills.skill_learner import SkillLearner
from rlsp_baselines.skills.skill_prior import SkillPrior


class DADS(SkillLearner):
    """Dynamics-aware discovery of skills (Sharma et al. 2020, arXiv 1907.01657, Algorithm 1).

    Learns a policy π(a | s, z) for skills z, without a reward, so that what follows on a state is
    predictable if the skill is known, and diverse over skills. In each epoch, an episode in each
    copy of the environment, each with a skill of its own, then

    1. fits skill dynamics q(s' | s, z) to them,
    2. rewards each transition by log q(s' | s, z) - log mean_z' q(s' | s, z'), whose mean is a
       lower bound of the mutual information I(s'; z | s),
    3. lets the solver learn from these rewards.

    ``predict(observation, skill=3)`` acts by a skill, and without one draws a skill for each
    episode, which it returns as the state of the policy.

    >>> dads = DADS("PointVase-v0", n_skills=8, coordinates=[0, 1], seed=0).learn(300_000)
    >>> record(dads.skill_policy(3), env, "skill.gif")

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one, with
            vectors as observations. Where it can be put into the state of an observation, many
            copies are simulated at once. Where it ends an episode tells nothing: that counts as
            running out of time.
        n_skills: The number of skills, at least 2, which are equally probable; or
        skill_dim: the number of entries of a skill, each uniformly distributed from -1 to 1.
        coordinates: The entries of observations whose changes are to be predicted, from these
            entries and the skill; None for all, or for none if there are velocities.
        velocities: Entries of observations that are velocities of coordinates which observations
            leave out, as those of MuJoCo do: skills then go different ways.
        solver: An algorithm of SB3, by its class or its name; None for that of the preset.
        solver_kwargs: Arguments of the algorithm, which come before those of the preset. A
            ``buffer_size`` lets it learn from transitions of earlier epochs, too, with rewards of
            the current skill dynamics; what it replays is not saved.
        preset: "fast" for FastPPO with small networks; "paper" for the published settings with
            SAC; "smoke" to see whether everything works.
        hyperparameters: What differs from the preset, see
            :class:`~rlsp_baselines.skills.SkillHyperparameters`.
        seed: Seeds all random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where networks run: "cpu", "cuda", or "auto".

    Raises:
        TypeError: If an argument has a wrong type, or observations are no vectors.
        ValueError: If a number is out of range, there is no entry, preset, hyperparameter or solver
            as given, or both or neither of ``n_skills`` and ``skill_dim`` are given.

    Attributes:
        model: The algorithm of SB3, whose observations have skills at their end.
        skill_model: The skill dynamics.
        hyperparameters: All hyperparameters.
    """

    def _make_skill_model(self, coordinates: Coordinates, prior: SkillPrior) -> SkillDynamics:
        return SkillDynamics(coordinates, prior, self.hyperparameters)
