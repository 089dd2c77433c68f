"""Lazy imports of the public names of a package (PEP 562).

PyTorch, Gymnasium and SB3 take seconds to import. With this, ``import rlsp_sb3`` and the ``rlsp``
command import them when they are needed. A package says once what it offers, as imports that type
checkers and IDEs understand::

    if TYPE_CHECKING:
        from rlsp_sb3.encoders.base import Encoder
    else:
        __getattr__, __dir__ = lazy_exports(__name__)

    __all__ = ["Encoder"]
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from typing import Any


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: Its ``__name__``.
    """

    @cache
    def modules() -> dict[str, str]:
        return type_checking_imports(package)

    def get_attribute(name: str) -> Any:
        if name not in modules():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(modules()[name]), name)
        setattr(sys.modules[package], name, value)  # from now on it is found without this function
        return value

    def list_attributes() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules()})

    return get_attribute, list_attributes


def type_checking_imports(package: str) -> dict[str, str]:
    """The modules by the names that ``if TYPE_CHECKING`` imports from them, in a package."""
    import ast
    import pkgutil

    source = pkgutil.get_data(package, "__init__.py") or b""
    return {
        alias.name: f"{statement.module}"
        for block in ast.parse(source).body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
