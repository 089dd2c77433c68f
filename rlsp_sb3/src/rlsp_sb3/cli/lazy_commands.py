"""Subcommands whose modules are imported when they are called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group


class LazyCommand(TyperCommand):
    """A command, or a group of commands, of a module that is imported when it is called.

    Args:
        name: Its name.
        help: What the group's help says of it: the first paragraph of its own help.
        module: The module, whose ``app`` has it.
    """

    def __init__(self, name: str, help: str, module: str) -> None:
        super().__init__(name, help=help)
        self.module = module

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Hand the command line on to the command itself."""
        app = typer.Typer(rich_markup_mode="markdown")
        app.add_typer(import_module(self.module).app)
        command = get_group(app).commands[self.name or ""]
        return command.make_context(info_name, args, parent, **extra)


class LazyGroup(TyperGroup):
    """A group of commands that knows their names and help without importing them.

    Attributes:
        modules: For each module its commands, and what the group's help says of them.
    """

    modules: ClassVar[Mapping[str, Mapping[str, str]]] = {}

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for module, commands in self.modules.items():
            for name, help_text in commands.items():
                self.add_command(LazyCommand(name, help_text, module))
