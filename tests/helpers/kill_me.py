"""Learns with checkpoints until it is done or killed: what test_deep_rlsp.py starts."""

import os
import sys

from rlsp_sb3 import RLSP
from rlsp_sb3.learners.callbacks import checkpoints

from helpers.deep_learner import ENV, make_learner

folder = sys.argv[1]
found = checkpoints(folder)
learner = (
    RLSP.load(found[-1], ENV, checkpoint_dir=folder, checkpoint_interval=1)
    if found
    else make_learner(
        checkpoint_dir=folder,
        checkpoint_interval=1,
        n_epochs=int(os.environ["KILL_ME_EPOCHS"]),
    )
)
learner.learn(reset_num_timesteps=not found)
learner.save(f"{folder}/done.zip")
