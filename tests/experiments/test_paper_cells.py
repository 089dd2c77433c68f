"""All cells of the papers' tables: published values beside what result folders have."""

import csv
import json
import re
from pathlib import Path

import pytest

from rlsp_sb3.experiments.report.cell_tables import cells_section, write_cells
from rlsp_sb3.experiments.report.paper_cells import Measured, paper_cells, read_table_csv
from rlsp_sb3.experiments.report.published import published_tables, read_published_tables
from rlsp_sb3.experiments.report.table_run import TableRun

DATA = Path(__file__).resolve().parents[1] / "data"
HEAD = "env_id,method,n_states,in_loop_n,in_loop_mean,in_loop_std,retrained_n,retrained_mean,"
HEAD += "retrained_std\n"


def make_run(folder: Path, rows: str, kind: str = "mujoco", head: str = HEAD) -> TableRun:
    """A folder of a table with nothing but its numbers."""
    folder.mkdir()
    (folder / "table.csv").write_text(head + rows)
    empty: dict[str, list[str]] = {"files": ["table.csv"], "films": [], "machines": []}
    numbers = dict.fromkeys(("jobs", "done", "timed"), 1)
    return TableRun(
        folder,
        "",
        table=kind,
        command="",
        seeds=[0],
        wall_seconds=0.0,
        job_seconds=0.0,
        jobs_at_once=[1],
        versions=[],
        configs={},
        **numbers,
        **empty,
    )


def test_the_cells_of_table_1_are_60() -> None:
    (_, cells), *_ = paper_cells([])
    assert len(cells) == 60
    assert all(cell.why == "not run" and not cell.measured for cell in cells)
    known = {(c.subject, c.n_states): c.published for c in cells if c.method == "rlsp"}
    assert known["HalfCheetah-FW-v2", 10] == 6907
    assert known["Hopper-FW-v2", 10] is None


def test_published_gridworld_figures_are_those_of_the_papers_code() -> None:
    reference = json.loads((DATA / "gridworlds.json").read_text("utf-8"))
    (table,) = [table for table in published_tables() if table.kind == "gridworlds"]
    names = {
        "room_default": "RoomDefault-v0",
        "room_bad": "RoomBad-v0",
        "train_default": "TrainDefault-v0",
    }
    methods = {
        "task_reward_only": "task-reward",
        "deviation(weight 0.5)": "deviation",
        "relative_reachability": "relative-reachability",
        "rlsp(50 epochs, seed 0)": "tabular-rlsp",
        "rlsp(50 epochs, seed 0, uniform initial states)": "tabular-rlsp-uniform",
    }
    for theirs, ours in names.items():
        for name, fraction in reference[theirs]["true_return_fraction"].items():
            value = table.value(ours, methods[name], 0)
            assert value == pytest.approx(fraction, abs=5e-4), (ours, name)


def test_of_several_tables_the_one_with_the_most_seeds_counts(tmp_path: Path) -> None:
    few = make_run(tmp_path / "few", "HalfCheetah-FW-v2,rlsp,1,1,9000,,1,9100,\n")
    many = make_run(tmp_path / "many", "HalfCheetah-FW-v2,rlsp,1,3,6000,100,3,5000,200\n")
    older = make_run(tmp_path / "older", "InvertedPendulum-v4,gail,10,5,900,50,,,\n")
    (_, cells), *_ = paper_cells([few, many, older])
    found = {(c.subject, c.method, c.n_states): c for c in cells if c.measured}
    assert found.keys() == {("HalfCheetah-FW-v2", "rlsp", 1), ("InvertedPendulum-v5", "gail", 10)}
    cheetah = found["HalfCheetah-FW-v2", "rlsp", 1]
    assert cheetah.folder == "many"
    assert cheetah.measured["retrained"] == Measured(5000.0, 200.0, 3)
    assert found["InvertedPendulum-v5", "gail", 10].measured == {
        "in_loop": Measured(900.0, 50.0, 5)
    }


def test_the_section_and_the_files_have_every_cell(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "HalfCheetah-FW-v2,rlsp,1,3,6000,100,3,5000.4,200\n")
    tables = paper_cells([run])
    text = cells_section(tables, "page")
    (line,) = [row for row in text.splitlines() if row.startswith("| HalfCheetah-FW-v2, 1 state")]
    first = line.split("|")[2].strip()
    assert first == (
        "published 4,462<br>in the loop **6,000 ± 100** (3)<br>retrained **5,000 ± 200** (3)"
    )
    assert text.startswith("## All cells of both papers\n\n1 of ")
    write_cells(tables, tmp_path)
    with (tmp_path / "cells.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    every = [cell for _, cells in tables for cell in cells]
    assert len(rows) == len(every) + 1  # the cell that was run has two measures
    (retrained,) = [row for row in rows if row["measure"] == "retrained"]
    assert float(retrained["mean"]) == 5000.4
    assert sum(row["why"] == "" for row in rows) == 2


def test_latex_has_as_many_columns_in_each_line(tmp_path: Path) -> None:
    write_cells(paper_cells([]), tmp_path)
    text = (tmp_path / "cells.tex").read_text("utf-8")
    tables = re.findall(r"\\begin\{tabular\}\{(l+r+)\}\n(.*?)\\end\{tabular\}", text, re.DOTALL)
    assert len(tables) == len(published_tables())
    for columns, body in tables:
        assert body.count(r"\toprule") == body.count(r"\bottomrule") == 1
        lines = [line for line in body.splitlines() if line.endswith(r"\\")]
        assert {line.count(" & ") for line in lines} == {len(columns) - 1}
    for line in text.splitlines():
        assert line.startswith("%") or not re.search(r"(?<!\\)[_%]", line)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    entry = (
        "- {title: t, source: s, kind: mujoco, measures: {in_loop: i}, n_states: [1, 10], "
        "methods: [rlsp], rows: {Env-v0: {published: {rlsp: [1.0]}}}}"
    )
    with pytest.raises(ValueError, match=r"Env-v0, rlsp=\[1.0\]: expected a value for each"):
        read_published_tables(entry)
    (tmp_path / "table.csv").write_text("method,mean\nrlsp,1\n")
    with pytest.raises(ValueError, match="is not what `rlsp table` wrote"):
        read_table_csv(tmp_path / "table.csv", ["in_loop"])
