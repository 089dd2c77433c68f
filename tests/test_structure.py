"""The structure of the packages stays such that a stranger finds a module at the first guess."""

import ast
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import pytest

MAX_MODULES = 20  # in a folder
MAX_DEPTH = 2  # of folders below a package
MAX_POSITIONAL = 5  # arguments of a call: of more, nobody knows which is which


def sources(package: str) -> tuple[Path, list[Path]]:
    """The folder of a package, and all of its modules."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    (folder,) = map(Path, spec.submodule_search_locations)
    return folder, sorted(folder.rglob("*.py"))


@pytest.mark.parametrize("package", ["rlsp_envs", "rlsp_sb3", "rlsp_baselines"])
def test_folders_are_neither_full_nor_deep(package: str) -> None:
    folder, modules = sources(package)
    counts = Counter(path.parent.relative_to(folder) for path in modules)
    assert counts[Path()] > 0
    assert {str(name): n for name, n in counts.items() if n > MAX_MODULES + 1} == {}  # __init__
    assert [str(name) for name in counts if len(name.parts) > MAX_DEPTH] == []


def name_of(function: ast.expr) -> str:
    """The name that a call calls."""
    return getattr(function, "id", getattr(function, "attr", ""))


def long_calls(modules: list[Path], own: set[str]) -> list[str]:
    """The calls of own functions with more positional arguments than can be told apart."""
    return [
        f"{path.name}:{node.lineno} {name_of(node.func)}"
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and name_of(node.func) in own
        and len(node.args) > MAX_POSITIONAL
    ]


def test_calls_name_their_arguments() -> None:
    modules = [path for each in ("rlsp_envs", "rlsp_sb3") for path in sources(each)[1]]
    if find_spec("rlsp_baselines") is not None:
        modules += sources("rlsp_baselines")[1]
    own = {
        node.name
        for path in modules
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    assert "simulate_past" in own
    assert long_calls(modules, own) == []


def test_long_calls_are_found(tmp_path: Path) -> None:
    path = tmp_path / "calls.py"
    path.write_text("f(1, 2, 3, 4, 5)\na.f(1, 2, 3, 4, 5, 6)\ng(1, 2, 3, 4, 5, 6)\n")
    assert long_calls([path], {"f"}) == ["calls.py:2 f"]


WRITERS = {"savefig", "write_text", "write_bytes"}


def opens_to_write(call: ast.Call) -> bool:
    """Whether a call opens a file in a mode that changes it."""
    modes = [each.value for each in call.args if isinstance(each, ast.Constant)]
    return name_of(call.func) == "open" and any(str(mode)[:1] in set("wax") for mode in modes)


def writes_in_place(path: Path) -> list[str]:
    """The calls of a module that write a file under the name that it keeps."""
    return [
        f"{path.name}:{node.lineno}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and (name_of(node.func) in WRITERS or opens_to_write(node))
        and "unfinished" not in ast.unparse(node)
    ]


def test_files_are_written_whole_or_not_at_all() -> None:
    modules = [path for each in ("rlsp_envs", "rlsp_sb3") for path in sources(each)[1]]
    if find_spec("rlsp_baselines") is not None:
        modules += sources("rlsp_baselines")[1]
    found = [call.partition(":")[0] for path in modules for call in writes_in_place(path)]
    assert sorted(found) == ["job.py", "run_job.py"]  # in temporary folders


def test_files_of_tests_have_names_of_their_own() -> None:
    """Folders of tests are no packages, so that pytest knows a file by its name alone."""
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert not [name for name, n in names.items() if n > 1]
