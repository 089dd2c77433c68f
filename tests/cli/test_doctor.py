"""The command ``rlsp doctor``: what is there, what works, and what mends the rest."""

import subprocess
from importlib import metadata
from typing import Any

import pytest
from packaging.requirements import Requirement

from rlsp_sb3.cli import installation
from rlsp_sb3.cli.installation import Finding, missing_requirements, pip_install, requirements

from helpers.command import rlsp


def done(status: int = 0, out: str = "", err: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.CompletedProcess([], status, stdout=out, stderr=err)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Answers of the processes that try something, by what they try."""
    answers = {"torch": done(0, '{"gpus": ["H100"], "threads": 2}'), "mujoco": done()}

    def run(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return answers["torch" if "torch" in script else "mujoco"]

    monkeypatch.setattr(installation, "_run", run)
    return answers


def missing(text: str) -> list[str]:
    return [str(each) for each in missing_requirements(Requirement(text))]


def test_requirements_that_are_not_met_are_found() -> None:
    assert missing("numpy>=1.0") == []
    assert missing("numpy<1.0") == ["numpy<1.0"]
    assert missing("no-such-package>=3") == ["no-such-package>=3"]


def test_an_extra_is_what_it_adds() -> None:
    found = metadata.distribution("rlsp-sb3")
    added = [each.name for each in requirements(found, "video")]
    assert added == ["imageio-ffmpeg"]
    assert "imageio-ffmpeg" not in [each.name for each in requirements(found)]
    assert pip_install(requirements(found, "minari")) == "pip install 'minari[hdf5]>=0.5'"


def test_every_extra_says_what_it_is_for() -> None:
    names = {
        extra
        for name in installation.DISTRIBUTIONS
        for extra in metadata.distribution(name).metadata.get_all("Provides-Extra") or ()
    }
    assert names == set(installation.EXTRAS)


@pytest.mark.usefixtures("quick")
def test_all_that_is_needed_works() -> None:
    result = rlsp("doctor")
    assert result.code == 0, result.out
    for name in ("python", "rlsp-sb3", "gymnasium", "torch", "GPU", "memory", "disk", "H100"):
        assert name in result.out
    assert "All that is needed works." in result.out


def test_a_requirement_in_a_wrong_version_is_broken(
    quick: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needs(*_: Any) -> list[Requirement]:
        return [Requirement("numpy<1.0"), Requirement("scipy>=1")]

    monkeypatch.setattr(installation, "requirements", needs)
    result = rlsp("doctor")
    assert result.code == 1
    assert f"needs numpy<1.0 (there is {metadata.version('numpy')})" in " ".join(result.out.split())
    assert "rlsp-sb3: pip install 'numpy<1.0'\n" in result.out


def test_a_torch_that_cannot_be_imported_is_broken(quick: Any) -> None:
    quick["torch"] = done(1, err="Traceback\nOSError: libtorch.so is not there")
    result = rlsp("doctor")
    assert result.code == 1
    assert "OSError: libtorch.so is not there" in result.out


def test_nothing_to_render_by_is_no_failure(quick: Any) -> None:
    pytest.importorskip("mujoco")
    quick["mujoco"] = done(-11)
    result = rlsp("doctor")
    assert result.code == 0
    assert "ended with status -11" in " ".join(result.out.split())


def test_what_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "_TIMEOUT", 0.2)
    finished = installation._run("import time; time.sleep(600)")
    assert finished.returncode == 1
    assert "did not end within 0.2 s" in finished.stderr


def test_processes_are_tried_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installation._run("import os; print(os.environ['A'])", A="b").stdout == "b\n"
    assert installation._run("raise SystemExit(3)").returncode == 3


def test_little_memory_is_said(quick: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installation, "available_memory", lambda: 2**29)
    found = {each.name: each for each in installation.machine_findings()}
    assert found["memory"] == Finding("memory", "0.5 GiB available, which is little", "missing")
