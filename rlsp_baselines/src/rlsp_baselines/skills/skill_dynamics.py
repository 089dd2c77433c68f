"""Skill dynamics q(s' | s, z), and how predictable a skill makes a transition."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from rlsp_baselines.skills.coordinates import Coordinates, SkillTransitions
from rlsp_baselines.skills.hyperparameters import SkillHyperparameters
from rlsp_baselines.skills.skill_model import RunningScale, SkillModel, perceptron
from rlsp_baselines.skills.skill_prior import SkillPrior


class SkillDynamics(SkillModel):
    """Mixture of experts q(s' | s, z) over normalized changes of coordinates.

    Sharma et al. 2020, section 4 and appendix A: Gaussians with fixed widths, whose means and
    weights are functions of the coordinates and the skill.

    Args:
        coordinates: The coordinates.
        prior: The prior of skills.
        hyperparameters: How large it is, and how it is fitted.
    """

    def __init__(
        self, coordinates: Coordinates, prior: SkillPrior, hyperparameters: SkillHyperparameters
    ) -> None:
        super().__init__(coordinates, prior, hyperparameters)
        self.inputs = RunningScale(coordinates.n_shown)
        self.targets = RunningScale(coordinates.n_changes)
        n_experts, size = hyperparameters.n_experts, coordinates.n_changes
        self.network = perceptron(
            coordinates.n_shown + prior.size, n_experts * (1 + size), hyperparameters.model_hidden
        )

    def update_statistics(self, transitions: SkillTransitions) -> None:
        """Count transitions in the scales of coordinates and of their changes."""
        self.inputs.update(self.coordinates.before(transitions))
        self.targets.update(self.coordinates.changes(transitions))

    def batch_loss(self, transitions: SkillTransitions) -> Tensor:
        """The mean of -log q(s' | s, z)."""
        before, changes, skills = self._tensors(transitions)
        return -self._log_prob(before, changes, skills).mean()

    @torch.no_grad()
    def rewards(self, transitions: SkillTransitions, rng: np.random.Generator) -> Tensor:
        """Log q(s' | s, z) - log mean_z' q(s' | s, z') (N,).

        The mean is over all skills if they can be counted, and otherwise over z and skills that
        are drawn from the prior (Sharma et al. 2020, equation 6).
        """
        before, changes, skills = self._tensors(transitions)
        log_prob = self._log_prob(before, changes, skills)
        drawn = self.prior.alternatives(self.hyperparameters.n_prior_samples, rng)
        others = [
            self._log_prob(before, changes, skill.expand_as(skills))
            for skill in torch.as_tensor(drawn, device=skills.device)
        ]
        if not self.prior.is_discrete:
            others.append(log_prob)
        marginal = torch.stack(others).logsumexp(0) - math.log(len(others))
        return log_prob - marginal

    def _tensors(self, transitions: SkillTransitions) -> tuple[Tensor, Tensor, Tensor]:
        before = self.inputs(self.coordinates.before(transitions))
        changes = self.targets(self.coordinates.changes(transitions))
        return before, changes, torch.as_tensor(transitions.skills, device=before.device)

    def _log_prob(self, before: Tensor, changes: Tensor, skills: Tensor) -> Tensor:
        """Log q (N,) up to a constant, as all widths are the same."""
        n_experts, std = self.hyperparameters.n_experts, self.hyperparameters.std
        outputs = self.network(torch.cat([before, skills], dim=1))
        logits, means = outputs[:, :n_experts], outputs[:, n_experts:]
        distances = (changes[:, None] - means.view(len(means), n_experts, -1)) / std
        # log Σ_k w_k exp(-|Δ - μ_k|² / 2σ²)
        exponents: Tensor = logits.log_softmax(1) - distances.square().sum(2) / 2
        return exponents.logsumexp(1)
