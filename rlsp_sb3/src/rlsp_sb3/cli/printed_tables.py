"""Tables that the command prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from rlsp_sb3 import env_util
from rlsp_sb3.diagnosis.gradient_diagnosis import DiagnosisRow
from rlsp_sb3.evaluation.returns import Returns
from rlsp_sb3.experiments.table_cells import NOTHING
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.simulators.rollout import make_simulator
from rlsp_sb3.utils.errors import PluginError

_MAX_ROWS = 20


def reward_table(reward: LinearReward, env: Any) -> Table:
    """The weights of an inferred reward beside those of the rewards that the environment offers."""
    columns = {"inferred": reward.weights}
    for name in ("task", "true"):
        weights = getattr(env, f"{name}_reward", None)
        if weights is not None and np.shape(weights) == reward.weights.shape:
            columns[name] = weights
    table = Table(box=SIMPLE_HEAD)
    table.add_column("feature", overflow="fold")
    for name in columns:
        table.add_column(name, justify="right")
    n_features = len(reward.weights)
    largest = np.argsort(-np.abs(reward.weights), kind="stable")[:_MAX_ROWS]
    for i in sorted(largest) if n_features > _MAX_ROWS else range(n_features):
        cells = (_weight(weights[i]) for weights in columns.values())
        table.add_row(Text(reward.feature_names[i]), *cells)
    if n_features > _MAX_ROWS:
        table.caption = f"the {_MAX_ROWS} largest of {n_features} weights"
    return table


def fractions_table(fractions: Mapping[str, float]) -> Table:
    """A table of the fraction that each robot gets of the best true return."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("robot that plans with")
    table.add_column("fraction of the best true return", justify="right")
    for name, fraction in fractions.items():
        table.add_row(Text(name), Text(f"{fraction:.3f}", "bold"))
    return table


def figures_table(figures: Mapping[str, float]) -> Table:
    """Figures that a learner reports."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("of this learner")
    table.add_column("", justify="right")
    for name, figure in figures.items():
        table.add_row(Text(name), Text(f"{figure:,.4g}".replace("-", "−"), "bold"))
    return table


def diagnosis_table(rows: Iterable[DiagnosisRow]) -> Table:
    """A table of the gradient of each epoch beside that of real pasts."""
    table = Table(box=SIMPLE_HEAD)
    for name in ("epoch", "states of\nthe past", "cosine"):
        table.add_column(name, justify="right")
    for name in ("norm,\nsimulated", "norm,\nreal", "distance\nof starts", "in the\nsupport"):
        table.add_column(name, justify="right")
    for row in rows:
        figures = (row.simulated_norm, row.real_norm, row.start_distance)
        table.add_row(
            str(row.epoch),
            str(row.length),
            Text(f"{row.cosine:+.2f}".replace("-", "−"), "bold"),
            *(f"{figure:.3g}" for figure in figures),
            f"{row.support:.0%}",
        )
    return table


def returns_table(returns: Returns) -> Table:
    """A table of the returns of a policy."""
    low_high = [returns.returns.min(), returns.returns.max()]
    rows = {
        "mean return": f"{returns.mean:,.2f}",
        "95 % confidence interval": _range(returns.interval),
        "standard deviation": f"{returns.std:,.2f}",
        "lowest and highest": _range(low_high),
        "mean length": f"{returns.lengths.mean():,.1f}",
        "shortest and longest": _range([returns.lengths.min(), returns.lengths.max()], 0),
        "ended by the environment": f"{returns.terminated.mean():.0%}",
    }
    n = len(returns.returns)
    table = Table(box=SIMPLE_HEAD)
    table.add_column(f"{n:,} episode{'s' if n > 1 else ''}")
    table.add_column("", justify="right")
    for i, (name, value) in enumerate(rows.items()):
        table.add_row(name, Text(value.replace("-", "−"), "" if i else "bold"))
    return table


def _range(ends: Sequence[float] | None, digits: int = 2) -> str:
    return NOTHING if ends is None else " … ".join(f"{end:,.{digits}f}" for end in ends)


def env_table(specs: Iterable[EnvSpec]) -> tuple[Table, dict[str, str], dict[str, str]]:
    """A table of environments.

    Returns:
        The table; for each environment that could not be made, by its id, what to do; and for each
        that is not simulated many transitions at once, why.
    """
    table = Table(box=SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    table.add_column("id", min_width=20, overflow="fold")
    for name in ("states", "actions", "fea-\ntures", "hori-\nzon", "time\nlimit"):
        table.add_column(name, justify="right", overflow="fold")
    table.add_column("observed\nstate")
    table.add_column("simu-\nlated", min_width=5)
    failed, slow = {}, {}
    for spec in sorted(specs, key=lambda spec: spec.id):
        try:
            with env_util.open_env(spec) as env:
                how, why = _simulation(env)
                cells = [*_about(env, spec), how]
                if why:
                    slow[spec.id] = why
        except PluginError as error:  # one that is broken must not hide the others
            cells = ["?"] * 7
            failed[spec.id] = str(error)
        table.add_row(Text(spec.id, "dim" if spec.id in failed else "bold"), *map(Text, cells))
    return table, failed, slow


def _weight(weight: float) -> Text:
    text = f"{weight:+.4f}"
    if float(text) == 0:
        return Text("0.0000", "dim")
    return Text(text.replace("-", "−"), "bold")


def _about(env: Any, spec: EnvSpec) -> list[str]:
    mdp = getattr(env, "mdp", None)
    states = env.observation_space if mdp is None else len(mdp.features)
    actions = getattr(env.action_space, "n", env.action_space)
    names = getattr(env, "feature_names", None)
    observed = getattr(env, "observed_states", None)
    return [
        _size(states),
        _size(actions),
        NOTHING if names is None else str(len(names)),
        str(getattr(env, "horizon", None) or NOTHING),
        str(spec.max_episode_steps or NOTHING),
        "no" if observed is None else "yes",
    ]


def _simulation(env: Any) -> tuple[str, str | None]:
    """Number of steps that are simulated at once, "many", "one" or "no"; and why no more."""
    try:
        simulator = make_simulator(env, np.random.default_rng(0), n_threads=1)
    except (TypeError, ValueError) as error:
        return "no", str(error)
    return "many" if simulator.serial_reason is None else "one", simulator.serial_reason


def _size(size: Any) -> str:
    """A number, or the shape of a space."""
    if isinstance(size, gym.Space):
        return f"{type(size).__name__}{size.shape or ''}"
    return f"{size:,}"
