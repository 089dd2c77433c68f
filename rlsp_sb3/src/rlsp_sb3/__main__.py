"""The command ``rlsp`` as ``python -m rlsp_sb3``."""

from rlsp_sb3.cli.main import run

run()
