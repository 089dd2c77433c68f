"""Run folders of ``rlsp learn``: written and read."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.runs.run import Run, read_run
    from rlsp_sb3.runs.run_config import RunConfig
    from rlsp_sb3.runs.run_folder import RunFolder
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "Run",
    "RunConfig",
    "RunFolder",
    "read_run",
]
