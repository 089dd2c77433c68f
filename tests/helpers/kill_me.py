"""Learns with checkpoints until it is done or killed: what test_deep_rlsp.py starts.

For each line that it reads it starts a process, which goes on from the newest checkpoint, writes
its number, and waits until it has ended. These processes are forked, so that a kill costs no new
imports; they have no threads.
"""

import os
import sys
import traceback

from rlsp_sb3 import RLSP
from rlsp_sb3.learners.callbacks import checkpoints

from helpers.deep_learner import ENV, make_learner


def learn(folder: str, n_epochs: int) -> None:
    found = checkpoints(folder)
    learner = (
        RLSP.load(found[-1], ENV, checkpoint_dir=folder, checkpoint_interval=1)
        if found
        else make_learner(checkpoint_dir=folder, checkpoint_interval=1, n_epochs=n_epochs)
    )
    learner.learn(reset_num_timesteps=not found)
    learner.save(f"{folder}/done.zip")


def main() -> None:
    folder, n_epochs = sys.argv[1], int(sys.argv[2])
    make_learner().learn(1)  # imports what is imported at first use
    for _ in sys.stdin:
        child = os.fork()
        if not child:
            try:
                learn(folder, n_epochs)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
