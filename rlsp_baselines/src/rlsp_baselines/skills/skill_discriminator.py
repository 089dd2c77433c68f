"""Discriminator q(z | s) of skills by the states that they reach."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor, nn

from rlsp_baselines.skills.coordinates import Coordinates, SkillTransitions
from rlsp_baselines.skills.hyperparameters import SkillHyperparameters
from rlsp_baselines.skills.skill_model import RunningScale, SkillModel, perceptron
from rlsp_baselines.skills.skill_prior import SkillPrior


class SkillDiscriminator(SkillModel):
    """Classifier q(z | s) of the coordinates that were reached (Eysenbach et al. 2019).

    Args:
        coordinates: The coordinates.
        prior: The prior of skills, of which there are a number.
        hyperparameters: How large it is, and how it is fitted.
    """

    def __init__(
        self, coordinates: Coordinates, prior: SkillPrior, hyperparameters: SkillHyperparameters
    ) -> None:
        super().__init__(coordinates, prior, hyperparameters)
        self.inputs = RunningScale(coordinates.n_changes)
        self.network = perceptron(coordinates.n_changes, prior.size, hyperparameters.model_hidden)

    def update_statistics(self, transitions: SkillTransitions) -> None:
        """Count transitions in the scale of coordinates."""
        self.inputs.update(self.coordinates.after(transitions))

    def batch_loss(self, transitions: SkillTransitions) -> Tensor:
        """The mean of -log q(z | s')."""
        return -self._log_prob(transitions).mean()

    @torch.no_grad()
    def rewards(self, transitions: SkillTransitions, rng: np.random.Generator) -> Tensor:
        """Log q(z | s') - log p(z) (N,)."""
        return self._log_prob(transitions) + math.log(self.prior.size)

    def _log_prob(self, transitions: SkillTransitions) -> Tensor:
        logits = self.network(self.inputs(self.coordinates.after(transitions)))
        skills = torch.as_tensor(transitions.skills, device=logits.device)
        return -nn.functional.cross_entropy(logits, skills, reduction="none")
