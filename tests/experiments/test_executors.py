"""Tasks in processes and on Ray: complete whatever dies."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlsp_sb3.experiments.executors.base import MAX_RETRIES, Task
from rlsp_sb3.experiments.executors.local import LocalExecutor

from helpers import small_jobs
from helpers.waiting import is_alive, wait_for

TASKS = [Task(f"square {i}", (i,)) for i in range(5)]


def run(executor, function, tasks):
    """The last event of each task, and all others."""
    events = list(executor.run(function, tasks))
    ends = {event.task: event for event in events if event.kind in ("done", "failed")}
    assert set(ends) == {task.name for task in tasks}
    assert len([event for event in events if event.kind in ("done", "failed")]) == len(tasks)
    return ends, [event for event in events if event.kind not in ("done", "failed")]


@pytest.mark.parametrize("n_workers", [1, 3])
def test_all_tasks_are_computed_and_tell_how_they_are_doing(n_workers):
    ends, others = run(LocalExecutor(n_workers), small_jobs.square, TASKS)
    assert {name: event.value for name, event in ends.items()} == {
        f"square {i}": i * i for i in range(5)
    }
    for task in TASKS:
        kinds = [(event.kind, event.fraction) for event in others if event.task == task.name]
        assert kinds == [("started", 0.0), ("stage", 0.0), ("stage", 1.0)]


def test_a_task_that_fails_does_not_cost_the_others():
    tasks = [Task("bad", (-1,)), *TASKS]
    ends, _ = run(LocalExecutor(2), small_jobs.square, tasks)
    assert ends["bad"].kind == "failed"
    assert ends["bad"].value == "ValueError: number=-1: expected at least 0"
    assert [ends[task.name].kind for task in TASKS] == ["done"] * 5


def test_a_bug_is_reported_and_does_not_cost_the_others():
    ends, others = run(LocalExecutor(1), small_jobs.forget, TASKS[:3])
    assert [ends[task.name].kind for task in TASKS[:3]] == ["done", "failed", "done"]
    assert "ended with status 1" in ends["square 1"].value
    assert not [event for event in others if event.kind == "lost"]  # it would end like that again


def test_tasks_of_processes_that_are_killed_start_anew(tmp_path):
    tasks = [Task(task.name, (*task.arguments, str(tmp_path))) for task in TASKS]
    ends, others = run(LocalExecutor(2), small_jobs.die_at_first, tasks)
    assert [ends[task.name].value for task in TASKS] == [0, 1, 4, 9, 16]
    lost = [event for event in others if event.kind == "lost"]
    assert {event.task for event in lost} == {"square 1", "square 3"}
    assert "killed by SIGKILL" in lost[0].value


def test_a_task_whose_process_is_killed_each_time_fails_in_the_end():
    ends, others = run(LocalExecutor(1), small_jobs.always_die, TASKS[:3])
    assert [ends[task.name].kind for task in TASKS[:3]] == ["done", "failed", "done"]
    assert len([event for event in others if event.kind == "lost"]) == MAX_RETRIES


def test_ctrl_c_is_left_to_the_process_that_started_them():
    # A learner would stop early, and its result would be taken for a complete one.
    ends, _ = run(LocalExecutor(1), small_jobs.interrupt, TASKS[:2])
    assert [ends[task.name].value for task in TASKS[:2]] == [0, 1]


def test_processes_have_one_thread_and_leave_nothing_behind():
    ends, _ = run(LocalExecutor(1), small_jobs.threads, [Task("threads", ())])
    assert ends["threads"].value == ("1", 1)
    assert not multiprocessing.active_children()


def test_processes_end_with_the_one_that_started_them(tmp_path):
    script = (
        "from helpers import small_jobs\n"
        "from rlsp_sb3.experiments.executors.base import Task\n"
        "from rlsp_sb3.experiments.executors.local import LocalExecutor\n"
        "if __name__ == '__main__':\n"
        f"    tasks = [Task(str(i), (i, {str(tmp_path)!r}, '/nowhere')) for i in range(2)]\n"
        "    list(LocalExecutor(2).run(small_jobs.slow_square, tasks))\n"
    )
    (tmp_path / "script.py").write_text(script)
    tests = str(Path(__file__).parents[1])
    paths = os.pathsep.join([tests, os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py"], env={**os.environ, "PYTHONPATH": paths}
    )
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.*.*"))) == 2)
        children = children_of(process.pid)
        assert len(children) >= 2
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    wait_for(lambda: not any(is_alive(child) for child in children))


def children_of(pid):
    listed = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in listed.stdout.split()]


@pytest.mark.parametrize(("n_workers", "error"), [(0, ValueError), ("2", TypeError)])
def test_the_number_of_processes_is_checked(n_workers, error):
    with pytest.raises(error, match="n_workers="):
        LocalExecutor(n_workers)
