"""Subcommands that are imported when they are called: of modules, and of other packages."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module, metadata
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from rlsp_sb3.utils.errors import PluginError, distribution_name

COMPLETION = ("install_completion", "show_completion")
"""The options that every ``typer.Typer`` adds to install completion in a shell."""

COMMANDS = "rlsp.commands"
"""The entry points of commands: each is a ``typer.Typer``."""


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


class PluginCommand(TyperCommand):
    """A command of another package, which is imported when it is called.

    Args:
        plugin: Its entry point, a ``typer.Typer``.
    """

    def __init__(self, plugin: metadata.EntryPoint) -> None:
        super().__init__(plugin.name, help=f"A command of {distribution_name(plugin)}.")
        self.plugin = plugin

    def make_context(
        self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any
    ) -> Any:
        """Hand the command line on to the command itself."""
        from rlsp_sb3.cli.console import user_errors

        with user_errors((PluginError,)):
            app = self._load()
        command = get_command(app)
        # That of rlsp completes this command, too.
        command.params = [each for each in command.params if each.name not in COMPLETION]
        return command.make_context(info_name, args, parent, **extra)

    def _load(self) -> typer.Typer:
        where = f"the command {self.plugin.name!r} of {distribution_name(self.plugin)}"
        try:
            app = self.plugin.load()
        except (ImportError, AttributeError) as error:
            raise PluginError(f"{where} cannot be loaded: {error}") from error
        if not isinstance(app, typer.Typer):
            raise PluginError(f"{where} is no typer.Typer: its entry point is {self.plugin.value}")
        return app


class LazyGroup(TyperGroup):
    """A group of commands that knows their names and help without importing them.

    Attributes:
        modules: For each module its commands, and what the group's help says of them.
        entry_points: The entry points by which other packages add commands; "" for none.
    """

    modules: ClassVar[Mapping[str, Mapping[str, str]]] = {}
    entry_points: ClassVar[str] = ""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for module, commands in self.modules.items():
            for name, help_text in commands.items():
                self.add_command(LazyCommand(name, help_text, module))
        if self.entry_points:
            for plugin in metadata.entry_points(group=self.entry_points):
                if plugin.name not in self.commands:  # nobody replaces a command of ours
                    self.add_command(PluginCommand(plugin))
