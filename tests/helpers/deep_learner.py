"""A learner in a continuous environment that takes seconds."""

import numpy as np

from rlsp_sb3 import RLSP
from rlsp_sb3.presets import FAST

ENV = "MountainCarContinuous-v0"
STATES = np.array([[0.45, 0.0], [0.4, 0.02]])
BRIEF = {"n_updates": 5, "batch_size": 64, "learning_rate": 1e-3}
TINY = FAST.updated(
    {
        "n_transitions": 300,
        "n_trajectories": 10,
        "n_epochs": 6,
        "encoder": {"fit": BRIEF},
        "dynamics": {"fit": {**BRIEF, "n_updates": 100}, "refit": BRIEF, "refit_interval": 2},
        "inverse_policy": {"first_fit": BRIEF, "fit": BRIEF, "n_rollouts": 10},
        "solver": {"n_envs": 2, "n_steps": 100, "hidden": [16, 16]},
    }
)


def make_learner(env=ENV, states=STATES, **arguments):
    return RLSP(env, states, **{"seed": 0, "horizon": 5, "hyperparameters": TINY, **arguments})
