"""Sphinx extension that writes a page for each public module, from its ``__all__``."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import TYPE_CHECKING, Any

from rlsp_sb3.utils.lazy import type_checking_imports

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PACKAGES = ("rlsp_sb3", "rlsp_envs", "rlsp_baselines")


def public_modules() -> Iterator[ModuleType]:
    """Modules that list names, a package before what is in it."""
    for package in map(importlib.import_module, PACKAGES):
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            is_private = found.name.rpartition(".")[2].startswith("_")
            if not is_private and (found.ispkg or found.name.count(".") == 1):
                module = importlib.import_module(found.name)
                if any(name[:2] != "__" for name in getattr(module, "__all__", ())):
                    yield module


def pages() -> dict[str, str]:
    """The reStructuredText of each page by the name of its module.

    An object that several modules offer is described where it comes first, and linked elsewhere.
    """
    described: dict[int, str] = {}
    return {module.__name__: page(module, described) for module in public_modules()}


def page(module: ModuleType, described: dict[int, str]) -> str:
    """The page of a module; what it describes is added to the names of described objects by id."""
    title = module.__name__
    blocks = [f"{title}\n{'=' * len(title)}", f".. automodule:: {title}\n   :no-members:"]
    for name in sorted(module.__all__, key=str.lower):
        if name.startswith("__"):
            continue
        found = getattr(module, name)
        dotted = f"{title}.{name}"
        role, directive = kind(found)
        if role == "data":
            text = indent(text_below(module, name), "   ")
            blocks.append(f".. py:data:: {name}\n\n{text}")
        elif id(found) in described:
            blocks.append(f"``{name}`` is :{role}:`{described[id(found)]}`.")
        else:
            described[id(found)] = dotted
            blocks.append(f".. {directive}:: {dotted}")
    return "\n\n".join(blocks) + "\n"


def text_below(module: ModuleType, name: str) -> str:
    """What stands below a constant or type alias where it is defined."""
    defined_in = type_checking_imports(module.__name__).get(name, module.__name__)
    source = inspect.getsource(importlib.import_module(defined_in))
    for statement, below in pairwise(ast.parse(source).body):
        match statement, below:
            case ast.Assign() | ast.AnnAssign(), ast.Expr(ast.Constant(str() as text)):
                if name in {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}:
                    return inspect.cleandoc(text)
    raise ValueError(f"{defined_in}.{name} has no text below it")


def kind(found: Any) -> tuple[str, str]:
    """The role that leads to an object, and the directive that describes it."""
    if inspect.isclass(found):
        is_error = issubclass(found, BaseException)
        return ("exc", "autoexception") if is_error else ("class", "autoclass")
    if inspect.isroutine(inspect.unwrap(found)):
        return "func", "autofunction"
    return "data", "data"


def write_pages(app: Sphinx) -> None:
    """Write the pages into ``api/``; one that is as it was stays, and is not built anew."""
    folder = Path(app.srcdir, "api")
    folder.mkdir(exist_ok=True)
    wanted = {f"{name}.rst": text for name, text in pages().items()}
    for path in folder.glob("*.rst"):
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
