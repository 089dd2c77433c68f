"""Executors: jobs in processes of this machine or on a Ray cluster."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.experiments.executors.base import MAX_RETRIES, Event, Executor, Task
    from rlsp_sb3.experiments.executors.local import LocalExecutor
    from rlsp_sb3.experiments.executors.ray_cluster import RayExecutor
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "MAX_RETRIES",
    "Event",
    "Executor",
    "LocalExecutor",
    "RayExecutor",
    "Task",
]
