"""One meaning per name: no public function or class is defined twice in a distribution."""

import ast
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path

import pytest

PACKAGES = ("rlsp_envs", "rlsp_sb3", "rlsp_baselines")
EXCEPTIONS: dict[tuple[str, str], str] = {}
"""Names that may be defined several times, by package and name, each with its reason."""


def definitions(folder: Path) -> dict[str, list[str]]:
    """The public functions and classes of modules, by name: where each is defined."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in sorted(folder.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            if is_definition and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(folder)))
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_defined_twice(package: str) -> None:
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{package} is not installed")
    (folder,) = spec.submodule_search_locations
    found = definitions(Path(folder))
    assert len(found) > 5
    several = {name: places for name, places in found.items() if len(places) > 1}
    excepted = {name for owner, name in EXCEPTIONS if owner == package}
    assert {name: several[name] for name in several.keys() - excepted} == {}
    assert excepted - several.keys() == set(), "no exceptions any more"


def test_definitions_are_found(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("def f(): ...\nclass C:\n    def g(self): ...\n")
    (tmp_path / "two").mkdir()
    (tmp_path / "two" / "three.py").write_text("class C: ...\ndef _f(): ...\n_f = f = 1\n")
    assert definitions(tmp_path) == {"f": ["one.py"], "C": ["one.py", "two/three.py"]}
