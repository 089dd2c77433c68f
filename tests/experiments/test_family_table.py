"""``rlsp table gridworlds --family``: figures over random problems, and differences by problem."""

import csv
from importlib import metadata
from typing import Any

import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.evaluation.seed_statistics import mean_interval
from rlsp_sb3.experiments.gridworlds.cells import Cell, Problem
from rlsp_sb3.experiments.gridworlds.families import (
    difference_tables,
    family_fractions,
    family_tables,
    write_differences_csv,
)
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.experiments.report.markdown import table_text

from helpers.command import ok, rlsp

PROBLEMS = [Problem("Family-v0", str(seed), seed) for seed in range(6)]
METHODS = [Method(name, name, name) for name in ("task-reward", "good", "bad", "missing")]
TASK = [0.5, 0.5, 0.5, 0.5, 0.5, 0.9]
GOOD = [1.0, 1.0, 0.995, 0.98, 0.5, 0.8]
BAD = [0.4, 0.5, 0.3, 0.2, 1.0, 0.9]


def results() -> Any:
    cells = [
        Cell(problem.name, method, seed, fraction + shift, 0.0, "")
        for method, fractions in (("task-reward", TASK), ("good", GOOD), ("bad", BAD))
        for problem, fraction in zip(PROBLEMS, fractions, strict=True)
        for seed, shift in enumerate([0.0] if method == "task-reward" else [-0.001, 0.001])
    ]
    return family_fractions(PROBLEMS, METHODS, cells)


def row(table: Any, label: str) -> list[str]:
    lines = [line.split(" | ") for line in table_text(table).splitlines()]
    (found,) = [line for line in lines if line[0].strip("| *") == label]
    return [cell.strip(" |") for cell in found[1:]]


def test_fractions_are_means_over_seeds_by_problem() -> None:
    found = results()["Family-v0"]
    np.testing.assert_allclose(found["good"], GOOD)
    assert np.isnan(found["missing"]).all()


def test_solved_and_worse_are_counted_and_means_have_intervals() -> None:
    means, solved, worse = family_tables(METHODS, results()).values()
    assert row(solved, "Family-v0") == ["0 of 6", "3 of 6", "1 of 6", "–"]
    assert row(worse, "Family-v0") == ["0 of 6", "1 of 6", "3 of 6", "–"]
    cells = row(means, "Family-v0")
    low, high = mean_interval(GOOD, seed=0)  # type: ignore[misc]
    assert cells[1] == f"**{np.mean(GOOD):.3f}**<br>{low:.3f}…{high:.3f}"
    assert cells[3] == "–"


def test_what_is_worse_is_not_known_without_the_task_alone() -> None:
    fractions = {"F": dict(results()["Family-v0"])}
    del fractions["F"]["task-reward"]
    assert row(list(family_tables(METHODS[1:], fractions).values())[2], "F") == 3 * ["–"]


def test_differences_are_paired(tmp_path: Any) -> None:
    expected = np.subtract(GOOD, BAD)
    (table,) = difference_tables(METHODS, results()).values()
    assert row(table, "good")[2].startswith(f"**{expected.mean():.3f}**")
    assert row(table, "bad")[1].startswith(f"**−{expected.mean():.3f}**")
    assert row(table, "good")[3] == "–"
    write_differences_csv(tmp_path / "differences.csv", METHODS, results())
    with (tmp_path / "differences.csv").open() as file:
        rows = {(line["method"], line["other"]): line for line in csv.DictReader(file)}
    assert len(rows) == 6
    found = rows["good", "bad"]
    assert float(found["mean"]) == pytest.approx(expected.mean())
    interval = mean_interval(expected, seed=0)
    assert interval is not None
    np.testing.assert_allclose([float(found["low"]), float(found["high"])], interval)


def test_coverage_of_the_intervals() -> None:
    """Differences are 0 on most problems, and large on few."""
    rng = np.random.default_rng(0)
    values, shares = np.array([0, 0.45, -0.15]), [0.75, 0.15, 0.1]
    n_trials, holds = 200, 0
    for _ in range(n_trials):
        interval = mean_interval(rng.choice(values, 30, p=shares), seed=0)
        assert interval is not None
        holds += interval[0] <= values @ shares <= interval[1]
    assert 0.88 <= holds / n_trials <= 0.98


def installed() -> bool:
    try:
        metadata.distribution("rlsp-baselines")
        metadata.distribution("rlsp-envs")
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(not installed(), reason="the command finds learners by entry points")
def test_command(tmp_path: Any) -> None:
    arguments = ("table", "gridworlds", "--out", tmp_path, "--seeds", 1, "--layouts", 2)
    chosen = (
        "--family",
        "RandomRoom-v0",
        "RandomTrain-v0",
        "--methods",
        "task-reward",
        "deviation",
    )
    printed = ok(*arguments, *chosen).out
    assert "problems solved" in printed
    with (tmp_path / "cells.csv").open() as file:
        cells = list(csv.DictReader(file))
    names = [
        f"{family} {seed}" for family in ("RandomRoom-v0", "RandomTrain-v0") for seed in (0, 1)
    ]
    assert sorted({cell["problem"] for cell in cells}) == names
    assert all(float(c["fraction"]) < 1 for c in cells if c["method"] == "task-reward")
    markdown = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "### RandomTrain-v0: mean difference, row less column" in markdown
    assert "--family RandomRoom-v0,RandomTrain-v0 --layouts 2" in (
        tmp_path / "config.json"
    ).read_text(encoding="utf-8")


@pytest.mark.skipif(not installed(), reason="families are found by entry points")
def test_no_such_family(tmp_path: Any) -> None:
    result = rlsp("table", "gridworlds", "--out", tmp_path / "out", "--family", "RandomRom-v0")
    assert result.code == 2
    assert "did you mean 'RandomRoom-v0'?" in " ".join(result.err.split())
    assert not (tmp_path / "out").exists()
