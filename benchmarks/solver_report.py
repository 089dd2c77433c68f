"""Figure and tables of the study of solvers."""

import json
from collections import defaultdict

import matplotlib.pyplot as plt
import numpy as np
from solver_problems import PROBLEMS

FILE = "returns.jsonl"
FIGURE = "returns.png"
TABLES = "tables.md"

COLORS = {
    "FastPPO": "#0072b2",
    "PPO": "#56b4e9",
    "FastSAC": "#d55e00",
    "SAC": "#e69f00",
    "DQN": "#e69f00",
    "sb3_contrib:TQC": "#009e73",
    "sb3_contrib:QRDQN": "#009e73",
    "sbx:SAC": "#cc79a7",
    "sbx:DQN": "#cc79a7",
    "A2C": "#000000",
}
MARKERS = dict(zip(COLORS, "osD^^vvPPx", strict=True))


def read(folder, problem=None, algorithm=None, seed=None):
    """The rows of a study; of a cell that was run again, those of the last time."""
    path = folder / FILE
    rows = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row = json.loads(line)
        wanted = {"problem": problem, "algorithm": algorithm, "seed": seed}
        if all(value in (None, row[key]) for key, value in wanted.items()):
            rows[row["problem"], row["algorithm"], row["seed"], row["mark"]] = row
    return list(rows.values())


def by_problem(rows):
    """Returns of seeds, by problem, algorithm and seconds."""
    found = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows:
        found[row["problem"]][row["algorithm"]][row["mark"]].append(row["return"])
    return {name: found[name] for name in PROBLEMS if name in found}


def report(folder):
    """Draw returns against CPU seconds, and write them as tables; medians and ranges of seeds."""
    found = by_problem(read(folder))
    draw(found).savefig(folder / FIGURE, dpi=110)
    (folder / TABLES).write_text("\n".join(tables(found)), encoding="utf-8")


def draw(found):
    columns = 4
    rows = -(-(len(found) + 1) // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(3.4 * columns, 2.9 * rows), layout="constrained"
    )
    handles = {}
    for axes, (name, algorithms) in zip(grid.flat, found.items(), strict=False):
        for algorithm, at in algorithms.items():
            marks = sorted(at)
            values = [np.median(at[mark]) for mark in marks]
            style = {"color": COLORS[algorithm], "marker": MARKERS[algorithm], "markersize": 4}
            (handles[algorithm],) = axes.plot(marks, values, linewidth=1.3, **style)
            low, high = ([end(at[mark]) for mark in marks] for end in (min, max))
            axes.fill_between(marks, low, high, color=COLORS[algorithm], alpha=0.15, linewidth=0)
        axes.set_xscale("log")
        ticks = sorted({mark for at in algorithms.values() for mark in at})
        axes.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
        axes.minorticks_off()
        axes.set_title(PROBLEMS[name].title, size=10)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in list(grid.flat)[len(found) :]:
        axes.set_axis_off()
    names = [name for name in COLORS if name in handles]
    list(grid.flat)[-1].legend([handles[name] for name in names], names, loc="center", fontsize=9)
    figure.supxlabel("CPU seconds of one core", size=10)
    figure.supylabel("true return of the deterministic policy", size=10)
    return figure


def tables(found):
    """Lines of a table for each problem, in Markdown."""
    for name, algorithms in found.items():
        marks = sorted({mark for at in algorithms.values() for mark in at})
        yield f"**{PROBLEMS[name].title}**\n"
        yield "| | " + " | ".join(f"{mark} s" for mark in marks) + " |"
        yield "|---" * (len(marks) + 1) + "|"
        for algorithm, at in algorithms.items():
            cells = [cell(at.get(mark, [])) for mark in marks]
            yield f"| {algorithm} | " + " | ".join(cells) + " |"
        yield ""


def cell(values):
    """The median, and of several seeds the range."""
    if not values:
        return ""
    median, low, high = (
        f"{round(each):,}" for each in (np.median(values), min(values), max(values))
    )
    text = median
    if len(values) > 1:
        text += f" ({low} to {high})"
    return text
