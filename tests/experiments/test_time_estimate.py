"""How long jobs are expected to take."""

from typing import Any

import pytest
from rich.console import Console

from rlsp_sb3.experiments.config import load_config
from rlsp_sb3.experiments.executors.base import Event
from rlsp_sb3.experiments.executors.progress import JobProgress
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.methods import EXPERT
from rlsp_sb3.experiments.mujoco.job import MujocoFigures, MujocoJob
from rlsp_sb3.experiments.time_estimate import (
    StageTimer,
    expected_seconds,
    piece_of,
    total_seconds,
)

ENV = "InvertedPendulum-v5"
SETUP, STEP, EPISODE = 7.0, 0.01, 2.0  # seconds


@pytest.fixture(scope="module")
def env_id() -> str:
    import gymnasium as gym

    return ENV if ENV in gym.registry else "InvertedPendulum-v4"


def make_job(env_id: str, method: str = "rlsp", seed: int = 0, preset: str = "fast") -> MujocoJob:
    config = load_config(env_id, preset)
    return MujocoJob(env_id=env_id, method=method, n_states=1, seed=seed, config=config, expert=b"")


class Clock:
    """A clock that jobs move on."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def run(self, report: Any, job: MujocoJob, work: Any = None) -> Outcome:
        """A job whose time is known: setup, epochs, a policy, episodes."""
        config, start = job.config, self.now
        report("sampling states", 0.0)
        self.now += 3.0
        report("learning", 0.0)
        self.now += SETUP
        n = config.rlsp.get("n_epochs", 40) if job.method == "rlsp" else 40
        for i in range(n):
            report("learning", (i + 0.5) / n)
            self.now += 5.0
        report("evaluating", 0.0)
        self.now += EPISODE * config.episodes
        report("retrained policy", 0.001)
        self.now += STEP * config.retrain_timesteps
        report("comparing rewards", 0.0)
        self.now += 4.0
        report("", 0.0)
        return Outcome(MujocoFigures(1.0, seconds=self.now - start), None)


def test_a_piece_tells_how_long_the_whole_takes(env_id: str) -> None:
    job = make_job(env_id)
    clock = Clock()
    piece, shares = piece_of(job)
    timer = StageTimer(clock)
    clock.run(timer, piece)
    of_piece, clock.now = clock.now, 0.0
    # The stand-in takes as many epochs as are said to be in the whole.
    whole = MujocoJob(**{**vars(job), "config": _with_epochs(job, int(shares["learning"]))})
    clock.run(lambda stage, fraction: None, whole)
    assert timer.whole(shares) == pytest.approx(clock.now)
    assert of_piece < clock.now / 10


def _with_epochs(job: MujocoJob, n: int) -> Any:
    from dataclasses import replace

    return replace(job.config, rlsp={**job.config.rlsp, "n_epochs": n})


def test_jobs_are_as_long_as_those_of_their_method_that_are_done(env_id: str) -> None:
    def never(*arguments: Any) -> Outcome:
        raise AssertionError("a job is done: nothing is to be timed")

    done = [
        (make_job(env_id, seed=0), MujocoFigures(1.0, seconds=30.0, retrain_seconds=10.0)),
        (make_job(env_id, seed=1), MujocoFigures(1.0, seconds=60.0)),
        (make_job(env_id, "waypoints", seed=0), MujocoFigures(1.0, seconds=10.0)),
        (make_job(env_id, EXPERT), MujocoFigures(1.0)),
    ]
    todo = [
        make_job(env_id, seed=2),
        make_job(env_id, "waypoints", seed=2),
        make_job(env_id, "average-features", seed=2),
        make_job(env_id, EXPERT),
    ]
    expected = expected_seconds(todo, done, never, print)
    assert list(expected.values()) == pytest.approx([50.0, 10.0, 110 / 3])
    assert total_seconds(expected, 2) == pytest.approx((60 + 110 / 3) / 2)


def test_what_is_short_is_not_timed(env_id: str) -> None:
    def never(*arguments: Any) -> Outcome:
        raise AssertionError("a smoke test is over before it is timed")

    assert expected_seconds([make_job(env_id, preset="smoke")], [], never, print) == {}


def test_a_job_that_fails_is_left_to_fail(env_id: str) -> None:
    def fails(*arguments: Any) -> Outcome:
        raise ValueError("no")

    said: list[str] = []
    assert expected_seconds([make_job(env_id)], [], fails, said.append) == {}
    assert said == [f"Times a piece of RLSP on {env_id}, 1 state, seed 0"]


def test_jobs_that_are_over_correct_what_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    expected = {"a": 60.0, "b": 60.0, "c": 30.0}
    progress = JobProgress(
        {name: name for name in expected}, 1, Console(quiet=True), live=False, expected=expected
    )
    assert "about 2 min to go" in progress.headline()  # 150 s
    progress.tell(Event("a", "started"))
    now[0] = 120.0
    progress.tell(Event("a", "done"))
    assert "about 3 min to go" in progress.headline()  # twice as long as expected: 180 s
    progress.tell(Event("b", "started"))
    now[0] = 160.0
    assert "about 2 min to go" in progress.headline()  # 80 of b's 120 s and 60 of c
