"""``rlsp table mujoco``: complete, whatever happens on the way."""

import csv
import json
import shutil
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from rich.table import Table

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.cli.multi_value_options import repeat_options
from rlsp_sb3.experiments.executors.base import Event
from rlsp_sb3.experiments.executors.progress import JobProgress
from rlsp_sb3.experiments.methods import CONTINUOUS_METHODS
from rlsp_sb3.experiments.mujoco.figure import mujoco_plot
from rlsp_sb3.experiments.mujoco.job import MujocoFigures
from rlsp_sb3.experiments.mujoco.plan import MujocoPlan, plan_mujoco_table
from rlsp_sb3.experiments.mujoco.table import (
    MujocoResults,
    gather_results,
    mujoco_tables,
    relative_to_experts,
)
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.table_rows import RowKey
from rlsp_sb3.learners.registry import learner_names
from rlsp_sb3.runs.run_folder import versions
from rlsp_sb3.utils.machine import machine
from rlsp_sb3.utils.timer import format_duration

from helpers.command import ok, rlsp
from helpers.full_disk import full_disk_for
from helpers.in_process import in_this_process
from helpers.killed_command import run_until_killed
from helpers.small_table import ENV, make_expert, small_plan

installed = pytest.mark.skipif(
    not {"rlsp", "average-features", "waypoints"} <= set(learner_names()),
    reason="learners are found by entry points: pip install -e rlsp_sb3 and rlsp_baselines first",
)
NAMES = [method.name for method in CONTINUOUS_METHODS]
SMALL = ("--env", ENV, "--n-states", 2, "--seeds", 1, "--preset", "smoke")


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_expert(tmp_path_factory.mktemp("experts"))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def results(out: Path) -> list[dict[str, str]]:
    """The results of all jobs, but for how long they took."""
    return [
        {name: value for name, value in row.items() if "seconds" not in name}
        for row in rows(out / "jobs.csv")
    ]


@pytest.fixture(scope="module")
def whole(experts: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A table of three methods, and what the command printed."""
    out = tmp_path_factory.mktemp("whole")
    command = ("table", "mujoco", *SMALL, "--experts", experts, "--out", out)
    with in_this_process():
        result = ok(*command, "--methods", "rlsp", "average-features,waypoints")
    return result, out, command


@installed
def test_the_table_is_printed_and_written(whole: Any) -> None:
    result, out, _ = whole
    for title in ("in-loop policy", "retrained policy", "EPIC distance", "Seconds to infer"):
        assert title in result.out
    assert "rlsp: {preset: smoke}" in result.out  # the configuration
    methods = ["expert", "rlsp", "average-features", "waypoints"]
    table = rows(out / "table.csv")
    assert [row["method"] for row in table] == methods
    assert [row["method"] for row in rows(out / "jobs.csv")] == methods
    assert float(table[0]["in_loop_mean"]) < 100
    for row in table[1:]:
        assert row["n_states"] == "2"
        assert row["retrained_n"] == "1"
        # The range of one seed.
        assert row["retrained_low"] == row["retrained_high"] == row["retrained_center"]
        assert float(row["retrained_mean"]) == float(row["retrained_center"]) > 0
        if ENV.endswith("v5"):  # the reward of v4 is constant
            assert 0 <= float(row["epic_mean"]) <= 1
    with Image.open(out / "table.png") as png:
        assert min(png.size) > 400
    config = json.loads((out / "config.json").read_text())
    assert config["configs"][ENV]["episodes"] == 3
    assert "--methods rlsp average-features waypoints" in config["command"]
    assert (config["table"], config["seeds"]) == ("mujoco", [0])
    assert config["jobs"] == config["done"] == config["timed"] == 4
    assert config["jobs_at_once"] == [1]
    assert config["machines"] == [machine()]
    assert config["versions"] == [versions()]
    (run,) = json.loads((out / "runs.json").read_text())
    jobs = [json.loads(path.read_text())["figures"] for path in (out / "jobs").glob("*.json")]
    learned = sum((job["seconds"] or 0) + (job["retrain_seconds"] or 0) for job in jobs)
    assert config["job_seconds"] == pytest.approx(learned, abs=0.06)  # rounded to a tenth
    assert config["wall_seconds"] == pytest.approx(sum(run["wall_seconds"].values()), abs=0.06)
    markdown = (out / "table.md").read_text(encoding="utf-8")
    assert markdown.startswith("### True return of the in-loop policy\n\n|  | expert | RLSP |")
    assert f"| **{ENV}** | " in markdown
    assert "Mean ± standard deviation over seeds" in markdown
    assert len(list((out / "jobs").glob("*.json"))) == 4
    assert len(list((out / "jobs").glob("*.zip"))) == 3
    # On what is no terminal, a line for each change.
    assert f"RLSP on {ENV}, 2 states, seed 0: learning" in result.out
    assert f"4 of 4 jobs · waypoints on {ENV}, 2 states, seed 0: done in" in result.out


@installed
def test_the_same_command_computes_nothing_again(whole: Any) -> None:
    _, out, command = whole
    before = {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()}
    about = {name: (out / name).read_bytes() for name in ("config.json", "runs.json", "table.md")}
    result = ok(*command, "--methods=rlsp,average-features", "waypoints")
    assert "4 of 4 jobs are done already" in result.out
    assert {path: path.stat().st_mtime_ns for path in (out / "jobs").iterdir()} == before
    assert {name: (out / name).read_bytes() for name in about} == about


@installed
def test_a_folder_of_an_earlier_version_gets_what_is_missing(whole: Any, tmp_path: Path) -> None:
    """They have no table.md and no runs.json, and little in config.json."""
    _, out, command = whole
    old = tmp_path / "old"
    shutil.copytree(out, old)
    for name in ("table.md", "runs.json"):
        (old / name).unlink()
    config = json.loads((old / "config.json").read_text())
    content = {name: config[name] for name in ("command", "configs")}
    (old / "config.json").write_text(json.dumps(content))
    words = [old if word == out else word for word in command]
    methods = ("--methods", "rlsp", "average-features", "waypoints")
    assert "4 of 4 jobs are done already" in ok(*words, *methods).out
    assert (old / "table.md").read_bytes() == (out / "table.md").read_bytes()
    now = json.loads((old / "config.json").read_text())
    assert (now["done"], now["timed"], now["wall_seconds"]) == (4, 0, 0)
    assert now["job_seconds"] == config["job_seconds"]
    assert ok("report", old, "--out", tmp_path / "page.md")
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "## MuJoCo environments: old" in page
    assert "- **Wall time:** not recorded" in page


@installed
def test_a_command_that_is_killed_goes_on_to_the_same_table(
    whole: Any, experts: Path, tmp_path: Path
) -> None:
    _, out, _ = whole
    arguments = ("table", "mujoco", *SMALL, "--experts", experts, "--out", tmp_path)
    words = [*arguments, "--methods", "rlsp", "average-features", "waypoints"]
    run_until_killed(2, *words)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").glob("*.json")}
    assert len(kept) == 2
    assert not (tmp_path / "table.csv").exists()
    with in_this_process():
        ok(*words)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert results(tmp_path) == results(out)
    config = json.loads((tmp_path / "config.json").read_text())
    # It was killed between the second result and the note of it.
    assert config["timed"] == 3
    assert config["wall_seconds"] > 0


@installed
def test_one_process_at_a_time(experts: Path, tmp_path: Path) -> None:
    with ResultFolder(tmp_path).locked():
        result = rlsp("table", "mujoco", *SMALL, "--experts", experts, "--out", tmp_path)
    assert result.code == 1
    assert "is in use by another process" in result.err


@installed
def test_jobs_that_fail_are_told_at_the_end_and_do_not_cost_the_others(
    experts: Path, tmp_path: Path
) -> None:
    arguments = (*SMALL, "--experts", experts, "--out", tmp_path, "--methods", "rlsp", "waypoints")
    # A step size that only RLSP has, with which its reward explodes.
    with in_this_process():
        result = rlsp("table", "mujoco", *arguments, "--set", "rlsp.learning_rate=1e300")
    assert result.code == 1
    _, table, reasons = result.out.partition("each result in jobs")
    assert table
    assert f"RLSP on {ENV}, 2 states, seed 0 failed: ValueError: " in reasons
    assert [row["method"] for row in rows(tmp_path / "table.csv")] == ["expert", "waypoints"]
    assert "- RLSP on" in (tmp_path / "table.md").read_text(encoding="utf-8")
    config = json.loads((tmp_path / "config.json").read_text())
    assert (config["jobs"], config["done"], config["timed"]) == (3, 2, 2)


@installed
def test_what_cannot_be_written_costs_nothing_else(
    experts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = (*SMALL, "--experts", experts, "--out", tmp_path, "--methods", "waypoints", "rlsp")
    full_disk_for("*r*lsp*.json", monkeypatch)
    with in_this_process():
        result = rlsp("table", "mujoco", *arguments)
    assert result.code == 1
    assert "seed 0 failed: its result cannot be written: No space left" in result.out
    assert [row["method"] for row in rows(tmp_path / "table.csv")] == ["expert", "waypoints"]


@installed
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--methods rslp", "did you mean 'rlsp'?"),
        ("--env NoSuchEnv-v0", "NoSuchEnv-v0.zip is missing"),
        ("--set rlsp.horzon=3", "did you mean 'horizon'?"),
        ("--set rlsp.encoder=features", "offers no features"),
        ("--preset papier", "did you mean 'paper'?"),
        ("--n-states 0", "--n-states"),
        ("--jobs 0", "--jobs"),
        ("--n-states", "requires an argument"),
        ("--experts nowhere", "is missing"),
    ],
)
def test_mistakes_are_explained(options: str, message: str, experts: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--env", ENV, "--experts", experts, "--out", out, "--preset", "smoke")
    result = rlsp("table", "mujoco", *arguments, *options.split())
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert not out.exists()


@installed
def test_experts_are_found_by_a_portable_name(
    experts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_mujoco_table(experts, [f"rlsp_envs:{ENV}"])
    assert {job.env_id for job in plan.jobs} == {f"rlsp_envs:{ENV}"}
    with pytest.raises(
        FileNotFoundError, match=r"my-Walk-v0\.zip is missing.* expert a:my/Walk-v0"
    ):
        plan_mujoco_table(experts, ["a:my/Walk-v0"])
    spec = gym.spec(ENV)
    monkeypatch.setitem(gym.registry, "my/Walk-v0", replace(spec, id="my/Walk-v0"))
    shutil.copy(experts / f"{ENV}.zip", tmp_path / "my-Walk-v0.zip")
    assert plan_mujoco_table(tmp_path, ["my/Walk-v0"]).env_ids == ["my/Walk-v0"]


@installed
def test_without_env_those_of_the_paper_that_have_an_expert(experts: Path) -> None:
    plan = plan_mujoco_table(experts)
    assert plan.env_ids == [ENV]
    assert "it has no expert" in plan.left_out["HalfCheetah-FW-v2"]
    assert len(plan.jobs) == 1 + 5 * 3 * len(plan.methods)
    seeds = [job.seed for job in plan.jobs]
    assert seeds == sorted(seeds)
    with pytest.raises(ValueError, match="there is no environment to compare methods in"):
        plan_mujoco_table(Path("nowhere"))


def test_options_may_have_several_values() -> None:
    several = {"--n-states", "--methods", "--set"}
    setting = "u={a: 1,b: 2}"
    line = "--n-states 1 10 --out x --methods=a,b c --set"
    words = [*line.split(), setting, "--force"]
    assert repeat_options(words, several) == [
        *("--n-states", "1", "--n-states", "10", "--out", "x"),
        *("--methods", "a", "--methods", "b", "--methods", "c"),
        *("--set", setting, "--force"),
    ]
    assert repeat_options(["--n-states", "1, 10"], several) == [
        "--n-states",
        "1",
        "--n-states",
        "10",
    ]
    assert repeat_options(["--n-states", "--force"], several) == ["--n-states", "--force"]
    assert repeat_options(["--n-states"], several) == ["--n-states"]


# Rows.


def fake_results(plan: Any) -> Any:
    """Results that are told apart by method and seed, and an expert that earns 10."""
    pairs = []
    for job in plan.jobs:
        value = 10.0 if job.method == "expert" else NAMES.index(job.method) + job.seed
        retrained = None if job.method == "expert" else float(value)
        pairs.append(
            (job, MujocoFigures(float(value), retrained, retrained and retrained / 10, 1.0))
        )
    return gather_results(pairs), pairs


def tables(plan: MujocoPlan, results: MujocoResults) -> dict[str, Table]:
    return mujoco_tables(plan.env_ids, plan.n_states, plan.methods, results)


def plot(plan: MujocoPlan, results: MujocoResults, path: Path) -> None:
    mujoco_plot(
        path,
        env_ids=plan.env_ids,
        n_states=plan.n_states,
        methods=plan.methods,
        results=results,
    )


@installed
def test_rows_are_means_over_seeds(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, n_seeds=5)
    found, _ = fake_results(plan)
    row = found.rows[RowKey(ENV, "average-features", 2)]
    assert row["retrained"].mean == row["retrained"].center == 3
    assert row["retrained"].std == pytest.approx(np.std([1, 2, 3, 4, 5], ddof=1))
    assert found.experts == {ENV: 10.0}
    assert relative_to_experts(found) == {}  # of one environment
    table = tables(plan, found)["True return of a retrained policy"]
    console = Console(width=100, color_system=None, record=True, file=StringIO())
    console.print(table)
    text = console.export_text()
    assert "3.0 ± 1.6" in text
    assert "10.0" in text


@installed
def test_what_no_result_has_is_left_out(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, n_seeds=2)
    found, pairs = fake_results(plan)
    titles = set(tables(plan, found))
    without = [(job, replace(figures, retrained=None, epic=None)) for job, figures in pairs]
    gone = {"True return of a retrained policy", "EPIC distance to the true reward"}
    assert titles - set(tables(plan, gather_results(without))) == gone
    widths = []
    for results in (found, gather_results(without)):
        plot(plan, results, tmp_path / "table.png")
        with Image.open(tmp_path / "table.png") as png:
            widths.append(png.width)
    assert widths[1] < widths[0]  # one panel instead of three
    assert set(tables(plan, gather_results([]))) == titles  # as long as there are none


@installed
def test_several_environments_are_strata(tmp_path: Path) -> None:
    plan = small_plan(tmp_path, n_seeds=5)
    other = [replace(job, env_id="Other-v0") for job in plan.jobs]
    both = replace(plan, env_ids=[ENV, "Other-v0"], jobs=plan.jobs + other)
    found, _ = fake_results(both)
    relative = relative_to_experts(found)
    assert relative["retrained"]["average-features", 2].center == pytest.approx(0.3)
    titles = list(tables(both, found))
    assert (
        "True return of a retrained policy, as a fraction of the expert's, in all environments"
        in (titles)
    )
    plot(both, found, tmp_path / "table.png")
    with Image.open(tmp_path / "table.png") as png:
        assert min(png.size) > 600
    # In gray, too, they are told apart.
    for part in ("marker", "line"):
        assert len({getattr(method.style, part) for method in CONTINUOUS_METHODS}) == len(NAMES)
    found.experts[ENV] = -1.0
    assert relative_to_experts(found) == {}


# Progress.


def test_the_board_shows_stages_and_when_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    console = Console(width=120, color_system=None, record=True, file=StringIO())
    progress = JobProgress(
        {"a": "first job", "b": "second job", "c": "third"}, 2, console, live=False
    )
    with progress:
        progress.tell(Event("a", "started"))
        progress.tell(Event("b", "started"))
        progress.tell(Event("a", "stage", "learning", 0.0))
        now[0] = 60.0
        progress.tell(Event("a", "stage", "learning", 0.25))
        console.print(progress.picture())
        progress.tell(Event("b", "lost", "its process was killed"))
        now[0] = 100.0
        progress.tell(Event("b", "done"))
        progress.tell(Event("a", "failed", "ValueError: no"))
        console.print(progress.picture())
    text = console.export_text()
    assert "0 of 3 jobs, about 3 min to go" in text
    told, line = [line for line in text.splitlines() if "first job" in line and "3 min" in line]
    assert told == "0 of 3 jobs, about 3 min to go · first job: learning, 25%"  # after 10 seconds
    assert "learning" in line
    assert "1 min" in line or "60 s" in line
    assert "second job: starts anew: its process was killed" in text
    assert "second job: done in 2 min" in text
    assert "first job: failed: ValueError: no" in text
    assert "2 of 3 jobs, about 50 s to go" in text


@pytest.mark.parametrize(
    ("seconds", "text"), [(3.4, "3 s"), (89, "89 s"), (600, "10 min"), (7500, "2 h 05 min")]
)
def test_durations(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text
