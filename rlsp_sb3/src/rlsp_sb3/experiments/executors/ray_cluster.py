"""Tasks on the machines of a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import Any
from uuid import uuid4

from rlsp_sb3.experiments.executors.base import MAX_RETRIES, Event, Function, Task, call

POLL = 0.5  # seconds
CPUS = "CPU"


def import_ray() -> Any:
    """The package ``ray``.

    Raises:
        ImportError: If it is not installed.
    """
    try:
        return import_module("ray")
    except ImportError as error:
        raise ImportError(
            f"running on Ray needs the package ray ({error}): run `pip install ray`"
        ) from error


class RayExecutor:
    """Computes tasks on a Ray cluster, each on one core with one thread.

    The machines need the same packages in the same versions as this one, and nothing of its disk:
    tasks bring along what they need, and what they return comes back. A task whose process or
    machine is lost starts anew elsewhere, up to
    :data:`~rlsp_sb3.experiments.executors.MAX_RETRIES` times.

    Args:
        address: That of the cluster: "auto", "HOST:PORT", or "ray://HOST:PORT"; "local" starts a
            small one on this machine.

    Raises:
        ImportError: If Ray is not installed.
        ConnectionError: If there is no cluster.
    """

    shares_disk = False

    def __init__(self, address: str = "auto") -> None:
        self._ray = ray = import_ray()
        if not ray.is_initialized():
            try:
                ray.init(address=address, log_to_driver=False, configure_logging=False)
            except ConnectionError as error:
                raise ConnectionError(
                    f"--ray-address {address}: {error} Start a cluster by `ray start --head`, or "
                    "use --ray-address local, or --jobs"
                ) from error

    @property
    def n_workers(self) -> int:
        """The number of cores of the cluster, which may change."""
        return max(1, int(self._ray.cluster_resources().get(CPUS, 1)))

    def run(self, function: Function, tasks: Sequence[Task]) -> Iterator[Event]:
        """Compute all tasks, and tell what happens; see ``Executor``."""
        ray = self._ray
        progress = _progress_actor(ray)
        compute = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(_compute)
        waiting = list(reversed(tasks))
        names: dict[Any, str] = {}
        attempts = dict.fromkeys((task.name for task in tasks), "")
        while waiting or names:
            # As many again as there is room for, so that a cluster that can grow does.
            while waiting and len(names) < 2 * self.n_workers:
                task = waiting.pop()
                names[compute.remote(function, task, progress)] = task.name
            done, _ = ray.wait(list(names), timeout=POLL)
            yield from self._stages(progress, attempts, set(names.values()))
            for reference in done:
                name = names.pop(reference)
                try:
                    yield Event(name, *ray.get(reference))
                except ray.exceptions.RayTaskError as error:  # a bug
                    yield Event(name, "failed", f"{type(error.cause).__name__}: {error.cause}")
                except ray.exceptions.RayError as error:  # lost too often
                    yield Event(name, "failed", str(error).strip().partition("\n")[0])

    def _stages(self, progress: Any, attempts: dict[str, str], names: set[str]) -> Iterator[Event]:
        """The events that running tasks have told since the last time."""
        ray = self._ray
        try:
            told = ray.get(progress.take.remote(), timeout=POLL)
        except (ray.exceptions.RayError, TimeoutError):
            return  # how it goes is not worth waiting for
        for name, attempt, stage, fraction in told:
            if name not in names:
                continue
            if attempt != attempts[name]:
                is_first, attempts[name] = not attempts[name], attempt
                why = None if is_first else "its process or machine was lost"
                yield Event(name, "started" if is_first else "lost", why)
            if stage:
                yield Event(name, "stage", stage, fraction)


class _ProgressActor:
    """An actor on the machine of the caller, where tasks write how they are doing."""

    def __init__(self) -> None:
        self._told: list[tuple[str, str, str, float]] = []

    def tell(self, name: str, attempt: str, stage: str, fraction: float) -> None:
        """Tell the stage of a task, in the attempt that a text stands for."""
        self._told.append((name, attempt, stage, fraction))

    def take(self) -> list[tuple[str, str, str, float]]:
        """The events that were told since the last call."""
        told, self._told = self._told, []
        return told


def _progress_actor(ray: Any) -> Any:
    """The progress actor, lost with the caller's machine only, if that is part of the cluster."""
    strategies = import_module("ray.util.scheduling_strategies")
    here = ray.get_runtime_context().get_node_id()
    near = strategies.NodeAffinitySchedulingStrategy(node_id=here, soft=True)
    return ray.remote(num_cpus=0)(_ProgressActor).options(scheduling_strategy=near).remote()


def _compute(function: Function, task: Task, progress: Any) -> tuple[str, Any]:
    """Compute a task, in a worker."""
    attempt = uuid4().hex

    def report(stage: str, fraction: float) -> None:
        progress.tell.remote(task.name, attempt, stage, fraction)  # nobody waits for it

    report("", 0.0)
    return call(function, report, task)
