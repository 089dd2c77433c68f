"""CONTRIBUTING.md shows the layers and the folders that there are."""

import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it there

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PACKAGE = ROOT / "rlsp_sb3" / "src" / "rlsp_sb3"

Edge = tuple[frozenset[str], frozenset[str]]
"""Names side by side, and those below them."""


def names(row: str, separator: str) -> frozenset[str]:
    """Names in a row of the picture or the contract, where brackets mean optional."""
    found = [name.strip().strip("()") for name in row.split(separator)]
    assert all(re.fullmatch(r"\w+", name) for name in found), row
    return frozenset(found)


def pictured(text: str) -> dict[str, list[Edge]]:
    """The edges of a Mermaid graph by subgraph; those outside have an empty name."""
    edges: dict[str, list[Edge]] = {"": []}
    graph = ""
    first, *lines = text.strip().splitlines()
    assert first == "flowchart TD"
    for line in map(str.strip, lines):
        if line.startswith("subgraph "):
            graph = line.removeprefix("subgraph ")
            edges[graph] = []
        elif line == "end":
            graph = ""
        elif "-->" in line:
            above, below = line.split("-->")
            edges[graph].append((names(above, "&"), names(below, "&")))
        else:
            edges[graph].append((names(line, "&"), frozenset()))
    return edges


def contracted(layers: list[str]) -> list[Edge]:
    rows = [names(layer, "|") for layer in layers]
    return list(pairwise(rows))


@pytest.fixture(scope="module")
def contracts() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    return {
        ",".join(contract.get("containers", [])): contract["layers"]
        for contract in contracts
        if contract["type"] == "layers"
    }


@pytest.fixture(scope="module")
def edges() -> dict[str, list[Edge]]:
    (text,) = (t.content for t in MarkdownIt().parse(PAGE) if t.info.strip() == "mermaid")
    return pictured(text)


def test_layers_of_the_picture_are_those_of_the_contract(contracts, edges) -> None:
    assert edges["rlsp_sb3"] == contracted(contracts["rlsp_sb3"])


def test_distributions_of_the_picture_are_those_of_the_contract(contracts, edges) -> None:
    top, below = contracted(contracts[""])[0]
    assert frozenset().union(*(above | under for above, under in edges[""])) == top | below
    arrows = [(above, under) for above, under in edges[""] if under]
    assert arrows
    for above, under in arrows:  # no arrow that the contract forbids
        assert above <= top
        assert under <= below


def test_every_folder_and_module_has_a_line() -> None:
    table = PAGE.partition("| in `rlsp_sb3/src/rlsp_sb3/` |")[2].partition("\n\n")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    listed = [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]
    folders = [f"{path.parent.name}/" for path in PACKAGE.glob("*/__init__.py")]
    modules = [path.name for path in PACKAGE.glob("[!_]*.py")]
    assert sorted(listed) == sorted(folders + modules)


def test_paths_exist() -> None:
    """Files and folders that the text names, from the root or within `rlsp_sb3` or `tests`."""
    text = "".join(token.content for token in MarkdownIt().parse(PAGE) if token.type == "inline")
    paths = re.findall(r"`((?:rlsp_\w+|tests)/[\w./]+|test_\w+\.py)`", text)
    assert len(paths) > 10
    for path in paths:
        assert (ROOT / path).exists() or list(ROOT.glob(f"tests/**/{path}")), path


def test_a_missing_layer_is_noticed() -> None:
    edges = pictured("flowchart TD\n  subgraph p\n    a --> b & c\n    b & c --> d\n  end\n")["p"]
    assert edges == contracted(["(a)", "b | c", "d"])
    assert edges != contracted(["a", "b | c", "d", "e"])
    assert edges != contracted(["a", "b", "d"])
