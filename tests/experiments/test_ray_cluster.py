"""Jobs on a Ray cluster of two nodes, one of which is killed."""

import os
from importlib import metadata
from pathlib import Path

import pytest

from rlsp_sb3.experiments.executors import ray_cluster
from rlsp_sb3.experiments.executors.base import Task
from rlsp_sb3.experiments.executors.ray_cluster import RayExecutor
from rlsp_sb3.experiments.mujoco.run_job import run_mujoco_job
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.runner import finished_jobs, run_jobs

from helpers import small_jobs
from helpers.in_process import InProcessExecutor
from helpers.small_table import comparable, small_plan
from helpers.waiting import is_alive, wait_for


def test_without_ray_the_error_says_what_to_install(monkeypatch):
    def without_ray(name):
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(ray_cluster, "import_module", without_ray)
    with pytest.raises(ImportError, match=r"pip install ray"):
        RayExecutor("auto")


@pytest.fixture(scope="module")
def cluster():
    """The first node of a cluster, with one core; ``add_node`` adds another."""
    pytest.importorskip("ray", reason='Ray is not installed: pip install "rlsp-sb3[ray]"')
    ray_cluster_utils = pytest.importorskip("ray.cluster_utils")
    import ray

    # What its processes import.
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", paths)
    node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
    # A node that is lost is missed soon, instead of after ten seconds: it refuses connections at
    # once. One that is only slow has the time that it always has.
    soon = {"period_ms": 500, "failure_threshold": 2}
    config = {f"health_check_{name}": value for name, value in soon.items()}
    found = ray_cluster_utils.Cluster(
        initialize_head=True, head_node_args={**node, "_system_config": config}
    )
    ray.init(address=found.address, log_to_driver=False)
    yield found
    ray.shutdown()
    found.shutdown()
    patch.undo()


@pytest.fixture
def second_node(cluster):
    node = cluster.add_node(num_cpus=1, object_store_memory=80_000_000)
    cluster.wait_for_nodes()
    yield node
    if node in cluster.worker_nodes:
        cluster.remove_node(node)


@pytest.mark.usefixtures("cluster")
def test_values_come_back_and_failures_do_not_cost_the_others():
    tasks = [Task("bad", (-1,)), *(Task(f"{i}", (i,)) for i in range(3))]
    events = list(RayExecutor().run(small_jobs.square, tasks))
    ends = {event.task: event for event in events if event.kind in ("done", "failed")}
    assert ends["bad"].kind == "failed"
    assert ends["bad"].value == "ValueError: number=-1: expected at least 0"
    assert [ends[f"{i}"].value for i in range(3)] == [0, 1, 4]


@pytest.mark.usefixtures("cluster")
def test_a_bug_is_reported():
    (event,) = [
        event
        for event in RayExecutor().run(small_jobs.forget, [Task("bug", (1,))])
        if event.kind in ("done", "failed")
    ]
    assert event.kind == "failed"
    assert event.value == "KeyError: 'a bug'"


def test_tasks_of_a_node_that_is_lost_start_anew(cluster, second_node, tmp_path):
    until = tmp_path / "go on"
    tasks = [Task(f"{i}", (i, str(tmp_path), str(until))) for i in range(3)]
    executor = RayExecutor()
    waiting, values = set(), {}
    for event in executor.run(small_jobs.slow_square, tasks):
        if event.kind == "stage":
            waiting.add(event.task)
        if event.kind in ("done", "failed"):
            values[event.task] = event.value
        # One task on each node: one of them is lost.
        if len(waiting) == 2 and second_node in cluster.worker_nodes:
            processes = {int(path.name.split(".")[1]) for path in tmp_path.glob("*.*.*")}
            cluster.remove_node(second_node, allow_graceful=False)
            wait_for(lambda processes=processes: not all(map(is_alive, processes)))
            until.touch()
    assert values == {"0": 0, "1": 1, "2": 4}
    calls = [path.name.split(".")[0] for path in tmp_path.glob("*.*.*")]
    assert len(calls) > len(set(calls)) == 3


@pytest.mark.skipif(
    "rlsp-baselines" not in {each.metadata["Name"] for each in metadata.distributions()},
    reason="the command finds learners by entry points: pip install -e rlsp_baselines first",
)
def test_a_table_is_complete_and_the_same_after_a_node_was_lost(cluster, second_node, tmp_path):
    plan = small_plan(tmp_path)
    folders = [ResultFolder(tmp_path / name) for name in ("ray", "here")]

    def kill(event):
        if event.kind == "stage" and second_node in cluster.worker_nodes:
            cluster.remove_node(second_node, allow_graceful=False)

    with folders[0].locked():
        assert run_jobs(plan.jobs, folders[0], RayExecutor(), run_mujoco_job, kill) == {}
    with folders[1].locked():
        assert run_jobs(plan.jobs, folders[1], InProcessExecutor(), run_mujoco_job) == {}
    assert second_node not in cluster.worker_nodes
    first, second = (finished_jobs(plan.jobs, folder) for folder in folders)
    assert len(first) == len(second) == len(plan.jobs) == 3
    for (job, figures), (_, others) in zip(first, second, strict=True):
        assert comparable(figures) == comparable(others), job.name
        if job.n_states:
            assert folders[0].learner(job).read_bytes() == folders[1].learner(job).read_bytes()
