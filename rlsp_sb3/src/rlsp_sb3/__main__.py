"""The command ``rlsp`` as ``python -m rlsp_sb3``."""

from rlsp_sb3.cli.main import app

app(prog_name="rlsp")
