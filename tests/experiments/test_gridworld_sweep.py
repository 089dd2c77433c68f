"""``rlsp table gridworlds --sweep``: methods with each of several values of an argument."""

import csv
import json
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import pytest
from PIL import Image
from rich.text import Text

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP, env_util
from rlsp_sb3.experiments.gridworlds.sweep import parse_sweeps, sweep_methods
from rlsp_sb3.experiments.methods import GRIDWORLD_METHODS
from rlsp_sb3.experiments.table_rows import methods_table, turned
from rlsp_sb3.learners.true_return import fraction_of

from helpers.command import ok, rlsp

METHODS = {method.name: method for method in GRIDWORLD_METHODS}


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    for name in ("rlsp-sb3", "rlsp-baselines"):
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            pytest.skip("learners are found by entry points: pip install -e them first")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the problems with few states only, which take no time."""
    specs = [gym.spec(f"{name}-v0") for name in ("RoomDefault", "RoomBad")]
    monkeypatch.setattr(env_util, "plugin_specs", lambda: specs)


def sweep(*arguments: Any, out: Any) -> SimpleNamespace:
    return ok("table", "gridworlds", "--seeds", 1, "--out", out, *arguments)


def fractions(folder: Any) -> dict[tuple[str, str], float]:
    with (folder / "cells.csv").open() as file:
        return {
            (row["method"], row["problem"]): float(row["fraction"]) for row in csv.DictReader(file)
        }


def test_all_combinations_are_methods() -> None:
    sweeps = parse_sweeps(["prior-std=.5,2", "horizon=7, 9"])
    chosen = [METHODS[name] for name in ("task-reward", "tabular-rlsp-uniform", "contrast")]
    swept = sweep_methods(chosen, sweeps)
    assert [method.label for method in swept] == [
        "task only",
        "exact RLSP, start unknown, horizon 7",
        "exact RLSP, start unknown, horizon 9",
        "contrast, horizon 7",
        "contrast, horizon 9",
    ]
    assert [list(method.points) for method in swept] == [
        *([""], ["0.5", "2"], ["0.5", "2"], [""], [""])
    ]
    assert swept[0].points[""] == METHODS["task-reward"]
    wide = swept[1].points["2"]
    assert wide.name == "tabular-rlsp-uniform prior_std=2 horizon=7"
    assert wide.settings == {"initial_states": "uniform", "prior_std": 2, "horizon": 7}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("horizon", r"expected NAME=VALUE,…"),
        ("=1,2", r"expected NAME=VALUE,…"),
        ("horizon=1,1", "each value once"),
        ("horizon=[1", "expected values in YAML"),
        ("horizont=1", "none of tabular-rlsp has this argument"),
        ("horizon=wide", "--sweep horizon=wide"),
        ("seed=1,2", "--sweep seed=1: use --seed"),
    ],
)
def test_wrong_sweeps_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sweep_methods([METHODS["tabular-rlsp"]], parse_sweeps([text]))


def test_turned_table_has_the_same_cells() -> None:
    table = methods_table([METHODS["task-reward"], METHODS["contrast"]])
    table.add_row(Text("A"), Text("1"), Text("2"))
    result = turned(table)
    assert [str(column.header) for column in result.columns] == ["", "A"]
    assert [[str(cell) for cell in column.cells] for column in result.columns] == [
        ["task only", "contrast"],
        ["1", "2"],
    ]


@pytest.mark.usefixtures("small")
def test_command(tmp_path: Any) -> None:
    arguments = ("--methods", "task-reward,tabular-rlsp", "--sweep", "horizon=1,7,20")
    printed = sweep(*arguments, "prior_std=.5,2", out=tmp_path).out
    found = fractions(tmp_path)
    # Nobody gets to either observed state without a step, which is no failure of the method.
    assert not any("horizon=1 " in method for method, _ in found)
    assert len(found) == 2 + 2 * 2 * 2
    assert "4 results are missing" in printed
    learner = TabularRLSP("RoomDefault-v0", horizon=20, prior_std=2, seed=0).learn()
    expected = fraction_of(learner, learner.planned_rewards)
    name = "tabular-rlsp horizon=20 prior_std=2"
    assert found[name, "RoomDefault-v0"] == pytest.approx(expected)
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()
    assert "|  | RoomDefault-v0 | RoomBad-v0 |" in lines
    assert "| exact RLSP, horizon 1, prior\\_std 2 | – | – |" in lines
    assert "| task only | **0.486** | **0.559** |" in lines
    config = json.loads((tmp_path / "config.json").read_text())
    assert "--sweep horizon=1,7,20 prior_std=.5,2 --out" in config["command"]
    with Image.open(tmp_path / "table.png") as png:
        assert min(png.size) > 300


def test_command_on_families(tmp_path: Any) -> None:
    arguments = ("--family", "RandomRoom-v0", "--layouts", 2, "--first-layout", 1000)
    printed = sweep(*arguments, "--methods=contrast", "--sweep=horizon=5,7", out=tmp_path).out
    assert "problems solved" in printed
    problems = {problem for _, problem in fractions(tmp_path)}
    assert problems == {"RandomRoom-v0 1000", "RandomRoom-v0 1001"}
    config = json.loads((tmp_path / "config.json").read_text())
    assert "--layouts 2 --first-layout 1000" in config["command"]


def test_wrong_sweep_costs_no_time(tmp_path: Any) -> None:
    out = tmp_path / "out"
    result = rlsp("table", "gridworlds", "--out", out, "--sweep", "horizont=1")
    assert result.code == 2
    assert "has this argument" in " ".join(result.err.split())
    assert not out.exists()
