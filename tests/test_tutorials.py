"""The tutorials run, and are saved with what they print and draw."""

import ast
import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

TUTORIALS = Path(__file__).resolve().parent.parent / "docs" / "tutorials"
EXPENSIVE = {"one_state"}  # trains an expert and two policies


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def shows(cell: dict[str, Any]) -> bool:
    """Whether a cell has something to show: it prints, ends with a value, or draws."""
    source = "".join(cell["source"])
    last = ast.parse(source).body[-1]
    is_value = isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call)
    return "print(" in source or "plt." in source or is_value


def notebooks() -> list[Any]:
    return [
        pytest.param(
            path,
            id=path.stem,
            marks=[pytest.mark.expensive] if path.stem in EXPENSIVE else [],
        )
        for path in sorted(TUTORIALS.glob("*.ipynb"))
    ]


def test_there_are_three():
    assert {path.stem for path in TUTORIALS.glob("*.ipynb")} == {
        "gridworld",
        "one_state",
        "own_environment",
    }


@pytest.mark.parametrize("path", notebooks())
def test_runs(path, tmp_path, monkeypatch):
    """Cells are plain Python, so that no kernel is needed to run them."""
    pytest.importorskip("rlsp_envs")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    try:
        for i, cell in enumerate(code_cells(path)):
            exec(compile("".join(cell["source"]), f"{path.name}, cell {i}", "exec"), namespace)
    finally:
        plt.close("all")


@pytest.mark.parametrize("path", sorted(TUTORIALS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_is_saved_with_its_outputs(path):
    """So readers see them on GitHub and on the site, which run nothing."""
    for cell in code_cells(path):
        assert not any(output["output_type"] == "error" for output in cell["outputs"])
        assert bool(cell["outputs"]) or not shows(cell), "".join(cell["source"])
