"""The command ``rlsp doctor``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import typer

from rlsp_sb3.cli.console import say, stdout

if TYPE_CHECKING:
    from rlsp_sb3.cli.installation import Finding

app = typer.Typer()

_STYLES = {"ok": "green", "missing": "yellow", "broken": "bold red"}


@app.command(epilog="Example: `rlsp doctor`")
def doctor() -> None:
    """Say what is installed, what works on this machine, and what mends the rest.

    Looks at the versions of the packages and of what they need, at their extras, at the processor,
    GPU, memory and disk, and tries what MuJoCo can render by. Ends with status 1 if something that
    is needed is broken; what is **missing** is what one can do without.
    """
    from rlsp_sb3.cli import installation

    parts: dict[str, Callable[[], Iterator[Finding]]] = {
        "Packages": installation.package_findings,
        "Extras": installation.extra_findings,
        "Machine": installation.machine_findings,
        "Rendering": installation.rendering_findings,
    }
    found = {title: _show(title, list(look())) for title, look in parts.items()}
    every = [finding for findings in found.values() for finding in findings]
    for status, title in (
        ("broken", "Broken, and needed"),
        ("missing", "What is missing is brought by"),
    ):
        mends = [
            each for each in every if each.status == status and (each.mend or status == "broken")
        ]
        if mends:
            say(title, style=_STYLES[status])
        for each in mends:
            say(f"  {each.name}: {each.mend or each.text}")
    if any(each.status == "broken" for each in every):
        raise typer.Exit(1)
    say("All that is needed works.", style="green")


def _show(title: str, findings: list[Finding]) -> list[Finding]:
    """Print findings as a table, and return them."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in findings:
        table.add_row(Text(each.status, _STYLES[each.status]), Text(each.name), Text(each.text))
    if findings:
        say(title, style="bold")
        stdout.print(table)
    return findings
