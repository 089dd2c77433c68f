"""A learner in a continuous environment that takes seconds."""

from dataclasses import replace

import numpy as np

from rlsp_sb3 import RLSP
from rlsp_sb3.models.training import FitSettings
from rlsp_sb3.presets import FAST

ENV = "MountainCarContinuous-v0"
STATES = np.array([[0.45, 0.0], [0.4, 0.02]])
BRIEF = FitSettings(5, 64, 1e-3)
TINY = replace(
    FAST,
    n_transitions=300,
    encoder=BRIEF,
    dynamics=FitSettings(100, 64, 1e-3),
    dynamics_again=BRIEF,
    again_every=2,
    first_inverse_policy=BRIEF,
    inverse_policy=BRIEF,
    n_rollouts=10,
    n_trajectories=10,
    n_epochs=6,
    n_envs=2,
    solver_steps=100,
    solver_hidden=(16, 16),
)


def make_learner(env=ENV, states=STATES, **arguments):
    return RLSP(env, states, **{"seed": 0, "horizon": 5, "budget": TINY, **arguments})
