"""The command ``rlsp``: one module for each of its subcommands.

``say``, ``user_errors`` and ``ProgressOption`` are for authors of commands, which other packages
add by entry points of the group ``rlsp.commands``.
"""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.cli.console import ProgressOption, say, user_errors
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = ["ProgressOption", "say", "user_errors"]
