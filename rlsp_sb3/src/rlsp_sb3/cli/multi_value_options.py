"""Options that take several values at once."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

_WHOLE = ("--set", "--sweep")
"""Options whose values may have commas of their own."""


class MultiValueCommand(TyperCommand):
    """A command without positional arguments, whose options may have several values each.

    What may be given several times may also be given once: ``--n-states 1 10 50`` and
    ``--n-states 1,10,50`` are ``--n-states 1 --n-states 10 --n-states 50``.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the command line."""
        several = {
            name for each in self.params if getattr(each, "multiple", False) for name in each.opts
        }
        return super().parse_args(ctx, repeat_options(args, several))


def repeat_options(args: list[str], several: set[str]) -> list[str]:
    """Write some options before each of their values.

    Args:
        args: The words of a command line without positional arguments.
        several: The options.
    """
    words: list[str] = []
    option, has_value = "", True
    for word in args:
        name, equals, value = word.partition("=")
        if word.startswith("--"):
            if not has_value:
                words.append(option)  # an error, for others to tell
            option, has_value = (name, bool(equals)) if name in several else ("", True)
            if not option:
                words.append(word)
                continue
            word = value
        if not option:
            words.append(word)
        elif word:
            values = [word] if option in _WHOLE else [part.strip() for part in word.split(",")]
            words += [part for each in values if each for part in (option, each)]
            has_value = True
    return words if has_value else [*words, option]
