"""The command ``rlsp plot``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlsp_sb3.cli.console import say, user_errors
from rlsp_sb3.io.unwritten_files import reason
from rlsp_sb3.utils.errors import NotOfferedError

if TYPE_CHECKING:
    from rlsp_sb3.plotting.runs.groups import Group

app = typer.Typer()


@app.command(
    "plot",
    epilog="""Examples:

- `rlsp plot runs/RoomDefault-v0/tabular-rlsp-seed0`

- `rlsp plot runs/RoomDefault-v0/* runs/TrainDefault-v0/* --out figures`
""",
)
def plot_command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN…", help="The folders that `rlsp learn` left, or is filling."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder for the figures.")] = Path(
        "runs", "plots"
    ),
    formats: Annotated[
        str,
        typer.Option(
            "--figures",
            metavar="FORMAT,…",
            help="Formats of figures: png, which is always written, pdf and svg.",
        ),
    ] = "png",
    imports: Annotated[
        list[str] | None,
        typer.Option(
            "--import",
            metavar="MODULE",
            help="Import a module first that registers environments; may be given several times. "
            "What only the files of a run name is not imported.",
        ),
    ] = None,
) -> None:
    """Draw what runs have learned, and compare them.

    Runs that differ only in their seed are drawn as one: their mean and their range, or
    from 5 seeds on their interquartile mean and its bootstrapped 95 % confidence interval. Of a run
    that is still going on, what it has logged is drawn.

    Writes **curves.png** (how they learned), **weights.png** (the weights of features),
    **rewards.png** (the inferred reward in each cell of a gridworld; of runs without one over the
    entries of observations) and **returns.png** (what the policies earn at the end, of two runs or
    more), and says what cannot be drawn.
    """
    from rlsp_sb3.plotting.runs.groups import group_runs
    from rlsp_sb3.plotting.runs.inferred_rewards import rewards_plot
    from rlsp_sb3.plotting.runs.learning_curves import curves_plot
    from rlsp_sb3.plotting.runs.returns import returns_plot
    from rlsp_sb3.plotting.runs.weights import weights_plot
    from rlsp_sb3.plotting.style import check_formats, figure_formats
    from rlsp_sb3.runs.run import read_run

    figures: dict[str, Callable[[list[Group], Path], list[str]]] = {
        "curves.png": curves_plot,
        "weights.png": weights_plot,
        "rewards.png": rewards_plot,
        "returns.png": returns_plot,
    }
    with user_errors(), figure_formats(check_formats(formats)):
        for module in imports or []:
            import_module(module)
        once = {path.resolve(): path for path in runs}.values()
        groups, notes = group_runs([read_run(path) for path in once])
        drawn, unwritten = [], []
        for name, draw in figures.items():
            try:
                notes += [f"{name}: {note}" for note in draw(groups, out / name)]
                drawn.append(name)
            except NotOfferedError as error:
                notes.append(f"{name} is left out: {error}")
                (out / name).unlink(missing_ok=True)  # it would be that of other runs
            except OSError as error:
                unwritten.append(f"{name} cannot be written: {reason(error)}")
    for note in notes:
        say(note, style="yellow")
    if drawn:
        say(f"In {out}: {', '.join(drawn)} of {len(once)} run{'s' if len(once) > 1 else ''}")
    if unwritten:
        with user_errors():
            raise OSError(f"{out}: {'; '.join(unwritten)}: choose another folder by --out")
    if not drawn:
        raise typer.Exit(1)
