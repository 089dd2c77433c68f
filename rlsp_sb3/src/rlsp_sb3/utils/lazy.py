"""Public names of a package, imported when they are first used (PEP 562).

PyTorch, Gymnasium and SB3 take seconds to import. With this, ``import rlsp_sb3`` and the ``rlsp``
command load none of them before they are needed. What type checkers and IDEs see are plain imports
under ``if TYPE_CHECKING``; a test keeps both lists the same.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy_exports(
    package: str, names: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions ``__getattr__`` and ``__dir__`` of a package.

    Args:
        package: The ``__name__`` of the package.
        names: The public names by the module that defines them, such as ".base".
    """
    modules = {name: module for module, those in names.items() for name in those}

    def __getattr__(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(modules[name], package), name)
        setattr(sys.modules[package], name, value)  # found without this function from now on
        return value

    def __dir__() -> list[str]:
        return sorted({*vars(sys.modules[package]), *modules})

    return __getattr__, __dir__
