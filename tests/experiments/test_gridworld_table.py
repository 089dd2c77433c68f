"""``rlsp table``: published figures, and runs that are stopped go on."""

import csv
import json
from importlib import metadata
from itertools import product
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest
from PIL import Image

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import env_util
from rlsp_sb3.experiments.gridworlds import cells, run_table
from rlsp_sb3.experiments.gridworlds.cells import Cell, CellFile, find_problems
from rlsp_sb3.experiments.methods import GRIDWORLD_METHODS, find_methods
from rlsp_sb3.learners import registry
from rlsp_sb3.utils.install_command import install_command

from helpers.command import ok, rlsp
from helpers.full_disk import full_disk_for

PROBLEMS = {
    *("RoomDefault-v0", "RoomBad-v0", "TrainDefault-v0", "ApplesDefault-v0"),
    *("BatteriesDefault-v0", "BatteriesEasy-v0", "RoomFar-v0"),
}
# Of RoomDefault-v0, TrainDefault-v0 and RoomBad-v0 (design: the published code's).
PUBLISHED = {
    "task-reward": (0.486, 0.472, 0.559),
    "deviation": (1, 1, 1),
    "relative-reachability": (1, 1, 1),
    "tabular-rlsp": (1, 1, 0.559),
    "tabular-rlsp-uniform": (1, 1, 0.559),
}


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    for name in ("rlsp-sb3", "rlsp-baselines"):
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            pytest.skip("the command finds learners by entry points: pip install -e them first")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the problems with few states only, which take no time."""
    specs = [gym.spec(f"{name}-v0") for name in ("RoomDefault", "TrainDefault", "RoomBad")]
    monkeypatch.setattr(env_util, "plugin_specs", lambda: specs)


def table(*arguments: Any) -> SimpleNamespace:
    return ok("table", "gridworlds", *arguments)


def rows(path: Any) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_problems_are_those_with_a_person_and_a_true_reward() -> None:
    problems, _ = find_problems(env_util.plugin_specs())
    ours = {problem.env_id for problem in problems if "rlsp_envs" in str(gym.spec(problem.env_id))}
    assert ours == PROBLEMS
    # The room with pixels is the same problem as the one without, and of families there is none.


def test_environments_that_cannot_be_made_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(**kwargs: Any) -> None:
        raise ImportError

    broken = gym.envs.registration.EnvSpec("Broken-v0", make)
    monkeypatch.setitem(gym.registry, "Broken-v0", broken)
    problems, failed = find_problems([broken, gym.spec("RoomBad-v0"), gym.spec("CartPole-v1")])
    assert [problem.env_id for problem in problems] == ["RoomBad-v0"]
    assert failed == ["Broken-v0"]


@pytest.mark.usefixtures("small")
def test_published_fractions(tmp_path: Any) -> None:
    result = table("--out", tmp_path, "--methods", ",".join(PUBLISHED), "--seeds", 2)
    found = {(row["problem"], row["method"]): row for row in rows(tmp_path / "table.csv")}
    for method, fractions in PUBLISHED.items():
        for name, fraction in zip(
            ("RoomDefault-v0", "TrainDefault-v0", "RoomBad-v0"), fractions, strict=True
        ):
            row = found.pop((name, method))
            assert float(row["fraction_mean"]) == pytest.approx(fraction, abs=5e-4), (name, method)
            assert (
                float(row["fraction_low"])
                <= float(row["fraction_mean"])
                <= float(row["fraction_high"])
            )
            assert row["fraction_n"] == ("2" if method.startswith("tabular") else "1")
            assert float(row["seconds_mean"]) > 0
    assert not found
    fractions_printed, _, seconds_printed = result.out.partition("seconds to infer the reward")
    for printed in (fractions_printed, seconds_printed):
        lines = [line.split() for line in printed.splitlines()]
        (cells,) = [line[1:] for line in lines if line[:1] == ["TrainDefault-v0"]]
        assert len(cells) == len(PUBLISHED)
        assert printed is seconds_printed or cells == ["0.472", *4 * ["1.000"]]
    with Image.open(tmp_path / "table.png") as png:
        assert min(png.size) > 500
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "### Seconds to infer the reward" in markdown
    assert f"| TrainDefault-v0 | **0.472** |{' **1.000** |' * 4}" in markdown.splitlines()
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["command"] == (
        f"rlsp table gridworlds --methods {','.join(PUBLISHED)} --seeds 2 --out {tmp_path}"
    )
    settings = {"initial_states": "uniform"}
    wanted = {"learner": "tabular-rlsp", "settings": settings}
    assert config["configs"]["tabular-rlsp-uniform"] == wanted


@pytest.mark.usefixtures("small")
def test_deep_adds_simulated_pasts(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fit = {"n_updates": 5, "batch_size": 64, "learning_rate": 1e-3}
    changes = {"n_trajectories": 100, "inverse_policy": {"n_rollouts": 256, "fit": fit}}
    quick = [
        method._replace(settings={**method.settings, "hyperparameters": changes, "n_epochs": 2})
        if method.name == "rlsp"
        else method
        for method in GRIDWORLD_METHODS
    ]
    monkeypatch.setattr(run_table, "GRIDWORLD_METHODS", quick)
    result = table("--out", tmp_path, "--methods", "task-reward", "--deep", "--seeds", 2)
    found = {(row["problem"], row["method"]): row for row in rows(tmp_path / "table.csv")}
    names = ("RoomDefault-v0", "TrainDefault-v0", "RoomBad-v0")
    assert found.keys() == set(product(names, ("task-reward", "rlsp")))
    for name in names:
        row = found[name, "rlsp"]
        assert row["fraction_n"] == "2"
        assert (
            float(row["fraction_low"])
            <= float(row["fraction_mean"])
            <= float(row["fraction_high"])
            < 1 + 1e-9
        )
        assert float(row["seconds_mean"]) > 0
    assert "simulated" in result.out


@pytest.mark.usefixtures("small")
def test_a_run_that_was_stopped_goes_on(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[tuple[str, str, int]] = []
    compute = cells.compute_cell

    def stopped(problem: Any, method: Any, seed: int) -> Cell:
        if len(computed) == 2:
            raise KeyboardInterrupt
        computed.append((problem.env_id, method.name, seed))
        return compute(problem, method, seed)

    def counted(problem: Any, method: Any, seed: int) -> Cell:
        computed.append((problem.env_id, method.name, seed))
        return compute(problem, method, seed)

    command = ("table", "gridworlds", "--out", tmp_path, "--methods", "tabular-rlsp", "--seeds", 2)
    monkeypatch.setattr(cells, "compute_cell", stopped)
    assert rlsp(*command).code != 0
    assert len(rows(tmp_path / "cells.csv")) == 2
    monkeypatch.setattr(cells, "compute_cell", counted)
    assert rlsp(*command).code == 0
    assert len(computed) == len(set(computed)) == 6
    before, about = (tmp_path / "cells.csv").read_text(), files_about(tmp_path)
    config = json.loads(about["config.json"])
    assert config["jobs"] == config["done"] == config["timed"] == 6
    runs = json.loads(about["runs.json"])
    assert len(runs) == 2
    learned = sum(float(row["seconds"]) for row in rows(tmp_path / "cells.csv"))
    waited = sum(sum(run["wall_seconds"].values()) for run in runs)
    assert config["job_seconds"] == pytest.approx(learned, abs=0.06)  # rounded to a tenth
    assert config["wall_seconds"] == pytest.approx(waited, abs=0.06)
    assert rlsp(*command).code == 0
    assert len(computed) == 6
    assert (tmp_path / "cells.csv").read_text() == before
    assert files_about(tmp_path) == about
    assert rlsp(*command, "--force").code == 0
    assert len(computed) == 12
    assert len(rows(tmp_path / "cells.csv")) == 6
    assert len(json.loads(files_about(tmp_path)["runs.json"])) == 1  # nothing is left of the others


def files_about(folder: Any) -> dict[str, str]:
    return {
        name: (folder / name).read_text(encoding="utf-8")
        for name in ("config.json", "runs.json", "table.md")
    }


@pytest.mark.usefixtures("small")
def test_a_figure_that_cannot_be_written_costs_nothing_else(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk_for("table.png", monkeypatch)
    result = table("--methods", "task-reward", "--out", tmp_path)
    assert "table.png cannot be written: No space left on device" in result.out
    assert rows(tmp_path / "table.csv")
    assert (tmp_path / "table.md").exists()
    assert "table.png" not in json.loads((tmp_path / "config.json").read_text())["files"]


@pytest.mark.usefixtures("small")
def test_other_settings_are_other_results(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table("--out", tmp_path, "--methods", "tabular-rlsp", "--seeds", 1)
    before = rows(tmp_path / "cells.csv")
    changed = [
        method._replace(settings={"horizon": 20}) if method.name == "tabular-rlsp" else method
        for method in GRIDWORLD_METHODS
    ]
    monkeypatch.setattr(run_table, "GRIDWORLD_METHODS", changed)
    table("--out", tmp_path, "--methods", "tabular-rlsp", "--seeds", 1)
    after = rows(tmp_path / "cells.csv")
    assert len(after) == len(before) == 3
    assert not {row["fingerprint"] for row in before} & {row["fingerprint"] for row in after}


@pytest.mark.usefixtures("small")
def test_a_failure_does_not_cost_the_others(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = [method._replace(settings={"horizon": 6}) for method in GRIDWORLD_METHODS]
    monkeypatch.setattr(run_table, "GRIDWORLD_METHODS", changed)
    result = rlsp(
        *("table", "gridworlds", "--out", tmp_path, "--methods", "tabular-rlsp", "--seeds", 1)
    )
    assert result.code == 1
    assert "tabular-rlsp on TrainDefault-v0, seed 0 failed: " in result.out
    assert {row["problem"] for row in rows(tmp_path / "table.csv")} == {
        "RoomDefault-v0",
        "RoomBad-v0",
    }


def test_methods_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "learner_names", lambda: ["rlsp", "tabular-rlsp"])
    found, missing = find_methods(None, GRIDWORLD_METHODS)
    assert [method.name for method in found] == ["tabular-rlsp", "tabular-rlsp-uniform"]
    assert list(missing)[:2] == ["task-reward", "deviation"]
    assert missing["deviation"] == f"it is not installed (run {install_command('rlsp-baselines')})"
    found, _ = find_methods(["tabular-rlsp"], GRIDWORLD_METHODS, with_slow=True)
    assert [method.name for method in found] == ["tabular-rlsp", "rlsp"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--methods tabular-rslp", "did you mean 'tabular-rlsp'?"),
        ("--methods nothing", "expected some of"),
        ("--methods deviation,deviation", "deviation is given twice"),
        ("--seeds 0", "--seeds"),
    ],
)
def test_mistakes_are_explained(options: str, message: str, tmp_path: Any) -> None:
    result = rlsp("table", "gridworlds", "--out", tmp_path / "out", *options.split())
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["mine\n1\n", "problem,method,seed\nA,b,c\n"])
def test_files_of_others_are_not_overwritten(text: str, tmp_path: Any) -> None:
    (tmp_path / "cells.csv").write_text(text)
    with pytest.raises(ValueError, match="holds no results of this command"):
        CellFile(tmp_path / "cells.csv")
    assert rlsp("table", "gridworlds", "--out", tmp_path).code == 2
    assert (tmp_path / "cells.csv").read_text() == text
