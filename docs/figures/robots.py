"""Film two robots in the room: one knows its task alone, one the inferred reward, too."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from rlsp_sb3.experiments import learn_into_folder

OUT = Path(__file__).with_suffix(".gif")

if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        learn_into_folder("RoomDefault-v0", folder=folder, seed=0, force=True)
        shutil.copy(Path(folder, "robot.gif"), OUT)
