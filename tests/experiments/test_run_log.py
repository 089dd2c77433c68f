"""What is known of how the results of a table came about."""

import platform
import time
from pathlib import Path

import pytest

from rlsp_sb3.experiments.run_log import RUN_LOG, RunLog
from rlsp_sb3.runs.run_folder import versions
from rlsp_sb3.utils import machine as machines
from rlsp_sb3.utils.machine import machine


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which passes only when a test says so."""
    seconds = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: seconds[0])
    return seconds


def compute(log: RunLog, now: list[float], **seconds: float) -> None:
    for result, duration in seconds.items():
        now[0] += duration
        log.add(result)


def test_wall_time_is_that_of_all_commands_together(tmp_path: Path, now: list[float]) -> None:
    log = RunLog(tmp_path)
    log.start(2)
    compute(log, now, a=10, b=5)
    now[0] += 3600  # it is killed, and somebody has lunch
    log = RunLog(tmp_path)
    log.start(1)
    compute(log, now, c=7)
    about = RunLog(tmp_path).about(["a", "b", "c"])
    assert about == {
        "timed": 3,
        "wall_seconds": 22.0,
        "jobs_at_once": [2, 1],
        "machines": [machine()],
        "versions": [versions()],
    }
    # Of a part of the results, it is the part.
    assert RunLog(tmp_path).about(["a", "c"])["wall_seconds"] == 17


def test_nothing_computed_is_nothing_written(tmp_path: Path, now: list[float]) -> None:
    log = RunLog(tmp_path)
    log.start(1)
    assert not (tmp_path / RUN_LOG).exists()
    compute(log, now, a=1)
    before = (tmp_path / RUN_LOG).read_bytes()
    RunLog(tmp_path).start(2)
    assert (tmp_path / RUN_LOG).read_bytes() == before


def test_what_is_computed_anew_takes_the_place_of_what_was(
    tmp_path: Path, now: list[float]
) -> None:
    for seconds in (100, 3):
        log = RunLog(tmp_path)
        log.start(1, f"a machine that takes {seconds} s")
        compute(log, now, a=seconds)
    about = RunLog(tmp_path).about(["a"])
    assert (about["timed"], about["wall_seconds"]) == (1, 3)
    assert about["machines"] == ["a machine that takes 3 s"]
    assert len((tmp_path / RUN_LOG).read_text().split("takes")) == 2


@pytest.mark.parametrize("text", ["{", "[1]", '[{"machine": "x"}]', "{}"])
def test_results_of_which_nothing_is_known(text: str, tmp_path: Path) -> None:
    (tmp_path / RUN_LOG).write_text(text)
    assert RunLog(tmp_path).about(["a"]) == {
        "timed": 0,
        "wall_seconds": 0,
        "jobs_at_once": [],
        "machines": [machine()],  # that which asks
        "versions": [versions()],
    }


def test_time_has_to_be_begun(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"call start\(\)"):
        RunLog(tmp_path).add("a")


def test_the_machine_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: A Processor @ 3 GHz\nmodel name\t: A\n")
    monkeypatch.setattr(machines, "CPU_INFO", info)
    monkeypatch.setattr(machines, "n_cores", lambda: 2)
    text = machine()
    assert text == f"A Processor @ 3 GHz, 2 cores, {platform.system()} {platform.machine()}"
    assert platform.node() not in text

    monkeypatch.setattr(machines, "CPU_INFO", tmp_path / "none")
    monkeypatch.setattr(platform, "processor", lambda: "")
    monkeypatch.setattr(machines, "n_cores", lambda: 1)
    assert machine().startswith("unknown processor, 1 core, ")
