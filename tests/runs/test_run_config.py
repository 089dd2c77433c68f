"""What a run folder says of its run: written and read alike."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlsp_sb3.evaluation.returns import Returns
from rlsp_sb3.runs.run_config import CONFIG_FILE, CONTENTS, RunConfig
from rlsp_sb3.runs.run_folder import RunFolder, versions

FIRST: dict[str, Any] = {
    "env": "RoomDefault-v0",
    "learner": "tabular-rlsp",
    "seed": 3,
    "timestep": "gradient step",
    "options": {"horizon": 5, "timesteps": None},
    "arguments": {"horizon": 5, "prior": "gaussian"},
}
RETURNS = {
    "confidence_interval_95": None,
    "returns": [1.0],
    "lengths": [3],
    "terminated": [True],
}


def config_of(**entries: Any) -> RunConfig:
    return RunConfig(**{**FIRST, **entries})


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {
            "command": "rlsp learn RoomDefault-v0",
            "versions": versions(),
            "timesteps": 50,
            "wall_time_seconds": 1.5,
            "report": {"acceptance": 0.3},
            "true_return_fractions": {"task reward only": 0.5, "task + inferred reward": 1.0},
        },
    ],
)
def test_what_is_written_is_read(tmp_path: Path, entries: dict[str, Any]) -> None:
    config = config_of(**entries)
    RunFolder(tmp_path, config)
    assert RunConfig.read(tmp_path / CONFIG_FILE) == config


@pytest.mark.parametrize("interval", [None, (1.0, 2.0)])
def test_returns_are_kept(tmp_path: Path, interval: tuple[float, float] | None) -> None:
    returns = Returns(np.array([1.0, 2.5]), np.array([10, 7]), np.array([False, True]), interval)
    RunFolder(tmp_path, config_of(true_returns=returns))
    found = RunConfig.read(tmp_path / CONFIG_FILE).true_returns
    assert found is not None
    assert found.to_dict() == returns.to_dict()
    assert found.interval == interval
    for name in ("returns", "lengths", "terminated"):
        assert getattr(found, name).dtype == getattr(returns, name).dtype


def test_all_names_of_entries_are_those_of_the_file(tmp_path: Path) -> None:
    entries = config_of().to_dict()
    assert RunConfig.from_dict(entries) == config_of()
    assert set(RunConfig.__dataclass_fields__) == set(entries)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "does not say env, learner, seed, timestep, options, arguments"),
        ({"env": "A-v0"}, "does not say learner, seed"),
        ({**FIRST, "algo": "rlsp"}, "has entries that nobody knows: algo"),
        ({**FIRST, "seed": "3"}, "has an entry that is spoiled: seed='3': expected an int"),
        ({**FIRST, "seed": True}, "has an entry that is spoiled: seed=True"),
        ({**FIRST, "options": []}, r"has an entry that is spoiled: options=\[\]"),
        ({**FIRST, "true_returns": {"mean": 1.0}}, "true_returns has no .*returns, lengths"),
        ({**FIRST, "true_returns": {**RETURNS, "lengths": [10**30]}}, r"true_returns\.lengths"),
        ({**FIRST, "true_returns": {**RETURNS, "terminated": []}}, "expected one of each for an"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, entries: Any, message: str) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(entries))
    with pytest.raises(ValueError, match=message) as raised:
        RunConfig.read(file)
    assert str(raised.value).startswith(str(file))
    assert "let it learn again" in str(raised.value)


def test_a_new_run_removes_the_files_of_the_old_one_only_if_forced(tmp_path: Path) -> None:
    for pattern in CONTENTS:
        (tmp_path / pattern.replace("*", "1")).write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is not empty"):
        RunFolder(tmp_path, config_of())
    RunFolder(tmp_path, config_of(), force=True)
    assert {path.name for path in tmp_path.glob("[!.]*")} == {"config.json", "notes.txt"}
