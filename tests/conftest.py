"""Fixtures that several test files share."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

# Without a display, unless the environment says otherwise; before anything imports them.
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("SDL_VIDEODRIVER", "dummy")
# Tests run in parallel, and networks in them are small: more threads would only wait.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# SB3 makes a folder for each log, of learners that log nothing too.
os.environ.setdefault("SB3_LOGDIR", tempfile.mkdtemp(prefix="rlsp-tests-"))

from helpers.policy_files import trap  # noqa: F401 (a fixture)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder with policies and episodes of others, which lies beside the checkout if anywhere."""
    folder = ROOT.parent / "shared" / "reference"
    if not folder.is_dir():
        pytest.skip("needs policies of others in ../shared/reference, which are not part of it")
    return folder


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the figures of matplotlib that are saved."""
    from matplotlib.figure import Figure

    saved: list[Any] = []
    save = Figure.savefig

    def savefig(self: Figure, *args: Any, **kwargs: Any) -> None:
        saved.append(self)
        save(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return saved
