"""Jobs: what they depend on, what they leave behind, and that they go on where they were."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.experiments import job as job_module
from rlsp_sb3.experiments import learning
from rlsp_sb3.experiments import run_table as tables
from rlsp_sb3.experiments.job import Job, Outcome
from rlsp_sb3.experiments.mujoco import run_job as module
from rlsp_sb3.experiments.mujoco.job import MujocoFigures
from rlsp_sb3.experiments.mujoco.run_job import run_mujoco_job
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.run_table import run_table
from rlsp_sb3.experiments.runner import finished_jobs, run_jobs, unfinished_jobs
from rlsp_sb3.io.folder_lock import InUseError
from rlsp_sb3.io.save_util import read_archive
from rlsp_sb3.learners.callbacks import checkpoints
from rlsp_sb3.learners.registry import learner_names

from helpers.in_process import InProcessExecutor
from helpers.point import Counting
from helpers.small_table import ENV, comparable, small_plan

pytestmark = pytest.mark.skipif(
    not {"rlsp", "average-features", "waypoints"} <= set(learner_names()),
    reason="learners are found by entry points: pip install -e rlsp_sb3 and rlsp_baselines first",
)


@pytest.fixture(scope="module")
def plan(tmp_path_factory):
    return small_plan(
        tmp_path_factory.mktemp("plan"), methods=["rlsp", "average-features", "waypoints"]
    )


@pytest.fixture(scope="module")
def outcomes(plan):
    """What all jobs of the table leave behind, and the stages that they tell."""
    found = {}
    for job in plan.jobs:
        stages = []
        outcome = run_mujoco_job(
            lambda stage, fraction, told=stages: told.append((stage, fraction)), job
        )
        found[job.method] = (outcome, stages)
    return found


def test_one_step_of_a_recurrent_expert_cannot_be_imitated(plan):
    with pytest.raises(TypeError, match=r"is recurrent.*without a memory for gail"):
        module._demonstrations(plan.jobs[0], Counting(), np.zeros((2, 4)))


def test_results_are_complete(plan, outcomes):
    assert list(outcomes) == ["expert", "rlsp", "average-features", "waypoints"]
    expert = outcomes["expert"][0]
    assert expert.learner is None
    assert (expert.figures.retrained, expert.figures.epic) == (None, None)
    n_episodes = plan.configs[ENV].episodes
    assert len(expert.figures.details["in_loop"]["returns"]) == n_episodes
    for method in ("rlsp", "average-features", "waypoints"):
        outcome, stages = outcomes[method]
        figures = outcome.figures
        assert figures.in_loop == pytest.approx(np.mean(figures.details["in_loop"]["returns"]))
        assert figures.retrained == pytest.approx(np.mean(figures.details["retrained"]["returns"]))
        assert len(figures.details["retrained"]["returns"]) == n_episodes
        assert figures.seconds > 0
        if ENV.endswith("v4"):  # it gives 1 whatever happens
            assert figures.epic is None
            assert "is constant" in figures.notes[0]
        else:
            assert 0 <= figures.epic <= 1
            assert figures.notes == ()
        told = list(dict.fromkeys(stage for stage, _ in stages))
        assert [s for s in told if s in ("learning", "retrained policy")] == [
            "learning",
            "retrained policy",
        ]
        assert all(0 <= fraction <= 1 for _, fraction in stages)
        assert json.loads(json.dumps(figures.to_dict())) == json.loads(
            json.dumps(MujocoFigures.from_dict(json.loads(json.dumps(figures.to_dict()))).to_dict())
        )


def test_methods_share_encoder_and_observed_states(outcomes, tmp_path):
    arrays = {}
    for method in ("rlsp", "average-features", "waypoints"):
        path = tmp_path / f"{method}.zip"
        path.write_bytes(outcomes[method][0].learner)
        data, arrays[method] = read_archive(path)
        assert data["arguments"]["checkpoint_dir"] is None
    for method in ("average-features", "waypoints"):
        same = [
            name
            for name in arrays["rlsp"]
            if name == "observed_states" or name.split("/")[0].startswith("encoder")
        ]
        assert len(same) > 2
        for name in same:
            np.testing.assert_array_equal(arrays[method][name], arrays["rlsp"][name])


def test_the_same_job_has_the_same_result(plan, outcomes):
    again = run_mujoco_job(lambda stage, fraction: None, plan.jobs[1])
    assert comparable(again.figures) == comparable(outcomes["rlsp"][0].figures)
    assert again.learner == outcomes["rlsp"][0].learner


def test_fingerprints_change_with_all_that_a_result_depends_on(plan, monkeypatch):
    expert, job, average, _ = plan.jobs
    before = job.fingerprint
    changes = [
        {"env_id": "Other-v0"},
        {"method": "waypoints"},
        {"n_states": 3},
        {"seed": 1},
        {"expert": b"another"},
        *(
            {"config": dataclasses.replace(job.config, **change)}
            for change in (
                {"rlsp": {**job.config.rlsp, "horizon": 3}},
                {"retrain_timesteps": 7},
                {"episodes": 7},
                {"transitions": 7},
            )
        ),
    ]
    prints = [dataclasses.replace(job, **change).fingerprint for change in changes]
    assert len({job.fingerprint, average.fingerprint, expert.fingerprint, *prints}) == 3 + len(
        changes
    )
    # What has nothing to do with a method does not make it run again.
    other = dataclasses.replace(job.config, gail_timesteps=7)
    assert dataclasses.replace(job, config=other).fingerprint == job.fingerprint
    other = dataclasses.replace(job.config, retrain_timesteps=7)
    assert dataclasses.replace(expert, config=other).fingerprint == expert.fingerprint
    monkeypatch.setattr(job_module, "RESULTS_VERSION", -1)
    assert job.fingerprint not in {before, *prints}
    assert len({each.name for each in plan.jobs}) == len(plan.jobs)
    assert "/" not in dataclasses.replace(job, env_id="a/b:C-v0").name


@pytest.mark.parametrize("stop_in", ["learning", "retrained policy"])
def test_a_job_that_is_stopped_goes_on_to_the_same_result(
    stop_in, plan, outcomes, tmp_path, monkeypatch
):
    monkeypatch.setattr(learning, "TELL_EVERY", 0.0)
    config = dataclasses.replace(
        plan.jobs[1].config, rlsp={**plan.jobs[1].config.rlsp, "checkpoint_interval": 1}
    )
    job = dataclasses.replace(plan.jobs[1], config=config)

    class StopError(Exception):
        pass

    def stop(stage, fraction):
        if stage == stop_in and fraction > 0.5:
            raise StopError

    work = tmp_path / "work"
    with pytest.raises(StopError):
        run_mujoco_job(stop, job, work)
    assert len(checkpoints(work)) > 0
    assert (work / "learner.zip").exists() == (stop_in == "retrained policy")
    learned = []
    monkeypatch.setattr(RLSP, "_get_ready", lambda self: learned.append(self._is_ready))
    outcome = run_mujoco_job(lambda stage, fraction: None, job, work)
    assert learned == ([True] if stop_in == "learning" else [])
    assert outcome.figures.seconds is None
    assert comparable(outcome.figures) == comparable(outcomes["rlsp"][0].figures)


def test_a_reward_that_cannot_be_compared_does_not_cost_the_returns(plan, monkeypatch):
    def refuse(*arguments, **kwargs):
        raise ValueError("reward is constant")

    monkeypatch.setattr(module, "epic_distance", refuse)
    figures = run_mujoco_job(lambda stage, fraction: None, plan.jobs[2]).figures
    assert figures.epic is None
    assert figures.retrained is not None
    assert figures.notes == ("no EPIC distance: reward is constant",)


def test_gail_imitates_what_the_expert_does_in_the_observed_states(plan, outcomes, tmp_path):
    pytest.importorskip("imitation", reason='needs pip install "rlsp-baselines[gail]"')
    outcome = run_mujoco_job(
        lambda stage, fraction: None, dataclasses.replace(plan.jobs[1], method="gail")
    )
    assert outcome.figures.in_loop > 0
    assert outcome.figures.retrained is None
    assert outcome.figures.notes[0].startswith("no retrained policy")
    arrays = {}
    for method, content in (("gail", outcome), ("rlsp", outcomes["rlsp"][0])):
        path = tmp_path / f"{method}.zip"
        path.write_bytes(content.learner)
        arrays[method] = read_archive(path)[1]
    observed = arrays["rlsp"]["observed_states"]
    (name,) = [name for name in arrays["gail"] if name.endswith("observations")]
    np.testing.assert_array_equal(arrays["gail"][name][::2], observed)


# The folder of results.


def outcome_of(job: Job, learner: bytes | None = b"learner") -> Outcome:
    return Outcome(MujocoFigures(float(job.seed), None, 0.5, 1.0, None), learner)


def fake(report, job, work):
    if job.seed == 1:
        raise ValueError("seed 1 fails")
    return outcome_of(job)


@pytest.fixture
def jobs(plan):
    return [dataclasses.replace(plan.jobs[1], seed=seed) for seed in range(3)]


def test_results_are_kept_and_nothing_is_computed_again(jobs, tmp_path):
    folder, events = ResultFolder(tmp_path / "out"), []
    with folder.locked():
        failed = run_jobs(jobs, folder, InProcessExecutor(), fake, events.append)
    assert failed == {jobs[1].name: "ValueError: seed 1 fails"}
    assert [job.seed for job, _ in finished_jobs(jobs, folder)] == [0, 2]
    assert finished_jobs(jobs, folder)[1][1] == outcome_of(jobs[2]).figures
    assert folder.learner(jobs[0]).read_bytes() == b"learner"
    assert [event.task for event in events if event.kind == "done"] == [jobs[0].name, jobs[2].name]
    assert unfinished_jobs(jobs, folder) == [jobs[1]]
    tried = []

    def second(report, job, work):
        tried.append((job, work))
        return outcome_of(job)

    assert run_jobs(jobs, folder, InProcessExecutor(), second) == {}
    assert tried == [(jobs[1], folder.work(jobs[1]))]
    assert len(finished_jobs(jobs, folder)) == 3


def test_a_table_is_a_plan_and_a_call(plan, tmp_path, monkeypatch, capsys):
    def compute(report, job, work):
        if job.method == "waypoints":
            raise ValueError("no")
        return outcome_of(job)

    monkeypatch.setattr(
        tables, "_make_executor", lambda n_workers, ray_address: InProcessExecutor()
    )
    monkeypatch.setattr(type(plan), "run_job", property(lambda self: compute))
    result = run_table(plan, tmp_path)
    assert list(result.failed.values()) == ["ValueError: no"]
    assert all("waypoints" in title for title in result.failed)
    assert "EPIC distance to the true reward" in result.tables
    assert all((tmp_path / name).is_file() for name in result.files)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["command"].startswith(f"rlsp table mujoco --env {ENV} --experts ")
    assert config["command"].endswith(f" --out {tmp_path}")
    assert (config["jobs"], config["done"], config["seeds"]) == (4, 3, [0])
    assert "waypoints" in (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[-1]
    again = run_table(plan, tmp_path)
    assert again.files == result.files
    assert json.loads((tmp_path / "config.json").read_text()) == config
    nothing = run_table(dataclasses.replace(plan, jobs=[]), tmp_path / "empty")
    assert (nothing.tables, nothing.files) == ({}, [])
    assert capsys.readouterr().out == ""  # where no console is given


def test_other_configurations_and_broken_files_do_not_count(jobs, tmp_path):
    folder = ResultFolder(tmp_path)
    with folder.locked():
        folder.add(jobs[0], outcome_of(jobs[0]))
    assert folder.find(jobs[0]) is not None
    config = dataclasses.replace(jobs[0].config, episodes=9)
    changed = dataclasses.replace(jobs[0], config=config)
    assert changed.name == jobs[0].name
    assert folder.find(changed) is None
    (result,) = folder.jobs.glob("*.json")
    whole = result.read_text()
    spoiled = {"in_loop": "much", "notes": 3, "seconds": [1], "epic": {}}
    figures = json.loads(whole)["figures"]
    texts = [
        json.dumps({**json.loads(whole), "figures": {**figures, name: value}})
        for name, value in spoiled.items()
    ]
    texts.append(json.dumps({**json.loads(whole), "figures": {}}))
    for text in (whole[: len(whole) // 2], "", "[]", "{}", "[" * 100_000, *texts):
        result.write_text(text)
        assert folder.find(jobs[0]) is None


def test_what_it_takes_to_resume_is_removed_when_a_job_is_done(jobs, tmp_path):
    folder = ResultFolder(tmp_path)
    with folder.locked():
        older = dataclasses.replace(jobs[0], config=dataclasses.replace(jobs[0].config, episodes=9))
        for job in (jobs[0], older, jobs[1]):
            folder.work(job).mkdir()
        (folder.jobs / ".x.json.1.tmp").touch()
        folder.add(jobs[0], outcome_of(jobs[0], None))
    assert [path for path in folder.jobs.iterdir() if path.is_dir()] == [folder.work(jobs[1])]
    with folder.locked():  # a process that was killed leaves such a file behind
        assert not list(folder.jobs.glob(".*.tmp"))


def test_two_processes_do_not_work_in_one_folder(tmp_path):
    script = (
        "import sys, time\n"
        "from filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n"
        "    print('locked', flush=True)\n"
        "    time.sleep(600)\n"
    )
    folder = ResultFolder(tmp_path)
    other = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path / ".lock"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(InUseError, match=f"{tmp_path} is in use"), folder.locked():
            pass
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with folder.locked():  # a lock ends with its process
        pass
