"""Folders of runs and tables are checked entry by entry, and nothing that they name is imported."""

import copy
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlsp_sb3.experiments.report.table_run import read_table_run
from rlsp_sb3.plotting.runs.groups import group_runs
from rlsp_sb3.runs.run import read_run

from helpers.command import rlsp

RUN: dict[str, Any] = {
    "env": "RoomDefault-v0",
    "learner": "tabular-rlsp",
    "seed": 3,
    "timestep": "gradient step",
    "options": {"horizon": 5, "hyperparameters": {"n_epochs": 3}},
    "arguments": {"horizon": 5, "prior": "gaussian"},
    "command": "rlsp learn RoomDefault-v0",
    "versions": {"python": "3.11", "ray": None},
    "timesteps": 50,
    "wall_time_seconds": 1.5,
    "report": {"acceptance": 0.3, "largest": float("nan")},
    "true_return_fractions": {"task reward only": 0.5, "task + inferred reward": 1.0},
    "true_returns": {
        "confidence_interval_95": [1.0, 2.0],
        "returns": [1.0, 2.0],
        "lengths": [3, 4],
        "terminated": [True, False],
    },
}
TABLE: dict[str, Any] = {
    "table": "mujoco",
    "command": "rlsp table mujoco",
    "seeds": [0, 1],
    "jobs": 3,
    "done": 3,
    "job_seconds": 1.5,
    "timed": 3,
    "wall_seconds": 2.0,
    "jobs_at_once": [2],
    "machines": ["a machine"],
    "versions": [{"python": "3.11", "ray": None}],
    "files": ["table.csv"],
    "films": ["film.gif"],
    "configs": {"Env-v0": {"horizon": 3}},
}
SPOILERS: list[Any] = [
    *(None, "text", "", 1, -1, 0.5, True, 10**30, 10**300, float("nan"), float("inf")),
    *([], {}, [None], ["text"], [[1]], {"a": None}, {"a": {"a": [1]}}, {"a": float("inf")}),
]


def read_any_run(folder: Path) -> None:
    group_runs([read_run(folder)])


KINDS = {"run": (RUN, read_any_run), "table": (TABLE, read_table_run)}


def paths(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all entries, those of entries of entries, too."""
    parts = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for name, part in parts:
        found.append((*path, name))
        if isinstance(part, (dict, list)):
            found += paths(part, (*path, name))
    return found


def changed(content: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The content with another value at a path; without it for Ellipsis."""
    content = copy.deepcopy(content)
    *way, last = path
    place = content
    for name in way:
        place = place[name]
    if value is Ellipsis:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "table.md").write_text("| a |")
    (tmp_path / "table.csv").write_text("a\n1\n")
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "path"),
    [(kind, path) for kind, (content, _) in KINDS.items() for path in paths(content)],
)
def test_every_entry_is_checked(kind: str, path: tuple[Any, ...], folder: Path) -> None:
    content, read = KINDS[kind]
    file = folder / "config.json"
    file.write_text(json.dumps(content))
    read(folder)
    for value in (*SPOILERS, Ellipsis):
        file.write_text(json.dumps(changed(content, path, value)))
        message = refusal(read, folder)
        # What a table does not have is said by its file; without a command it is no table.
        named = str(path[0]) in message or path[0] in ("files", "command")
        assert not message or (str(folder) in message and named), (value, message)


def refusal(read: Callable[[Path], Any], folder: Path) -> str:
    """What is wrong with a folder; "" if nothing is."""
    try:
        read(folder)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", "[" * 100_000, "9" * 400, '{"a": 1, "a": 2}', "null", "3"])
def test_every_file_is_checked(kind: str, text: str, folder: Path) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(ValueError, match=rf"{folder.name}"):
        KINDS[kind][1](folder)


def test_types_are_those_that_are_expected(folder: Path) -> None:
    for name in RUN:
        (folder / "config.json").write_text(json.dumps({**RUN, name: [[1]]}))
        with pytest.raises(ValueError, match=rf"config\.json has an entry that is spoiled: {name}"):
            read_run(folder)
    for name in set(TABLE) - {"command"}:
        (folder / "config.json").write_text(
            json.dumps({**TABLE, name: {"a": [1]} if name != "configs" else 3})
        )
        with pytest.raises(ValueError, match=rf"config\.json is spoiled: {name}"):
            read_table_run(folder)


def test_nothing_that_a_run_names_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hostile_envs.py").write_text("raise SystemExit('it was imported')")
    monkeypatch.syspath_prepend(tmp_path)
    run = tmp_path / "run"
    run.mkdir()
    (run / "learner.zip").write_bytes(b"")
    for env, learner in (
        ("hostile_envs:RoomDefault-v0", "tabular-rlsp"),
        ("hostile_envs:Hostile-v0", "tabular-rlsp"),
        ("RoomDefault-v0", "hostile_envs:Learner"),
    ):
        named = {**RUN, "env": env, "learner": learner}
        (run / "config.json").write_text(json.dumps(named))
        result = rlsp("plot", run, "--out", tmp_path / "plots")
        assert result.code in (0, 1), result.err
        assert "rewards.png is left out" in result.out
        assert "hostile_envs" not in sys.modules
    result = rlsp("plot", run, "--out", tmp_path / "plots", "--import", "hostile_envs")
    assert "it was imported" in str(result.exception) + result.err + result.out
