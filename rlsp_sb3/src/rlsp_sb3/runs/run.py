"""Runs of ``rlsp learn``, read from their folders, finished or not."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run_config import (
    CONFIG_FILE,
    LEARNER_FILE,
    LOG_FILE,
    REWARD_FILE,
    RunConfig,
)
from rlsp_sb3.utils.arguments import PER_RUN
from rlsp_sb3.utils.settings import flatten_mapping
from rlsp_sb3.utils.type_checks import checks_types

_TIMESTEPS = "time/total_timesteps"
RETURN = "true return of an episode"
FRACTION = "fraction of the best true return"


class LearningCurve(NamedTuple):
    """Learning curve: a logged quantity over timesteps.

    Attributes:
        timesteps: When it was logged (N,), ascending.
        values: What it was (N,), finite.
    """

    timesteps: NDArray[np.float64]
    values: NDArray[np.float64]


class TrueReturn(NamedTuple):
    """True return of a policy after learning.

    Attributes:
        measure: What was measured: :data:`RETURN` or :data:`FRACTION`.
        value: The mean over episodes, or the fraction.
        interval: The 95 % confidence interval of the mean over episodes; None if there is none.
        task_only: The fraction of a robot that plans with the task reward only; None if unknown.
    """

    measure: str
    value: float
    interval: tuple[float, float] | None = None
    task_only: float | None = None


@dataclass(frozen=True, eq=False)
class Run:
    """A run of ``rlsp learn``, over or still going on.

    Attributes:
        path: Its folder.
        env: The environment, as ``gym.make`` takes it.
        learner: The name of the learner.
        seed: The seed.
        timestep: What the learner counts, such as "gradient step".
        options: What was chosen on the command line, by name; entries of a mapping go by names with
            a dot, such as "hyperparameters.n_epochs".
        settings: All that decides about the result but the environment, the learner and the seed,
            likewise.
        log: What was logged, by name.
        reward: The inferred reward; None if there is none.
        true_return: What the policy is worth; None if that is not known.
        missing: Why the log, the reward or the true_return is not there, by that name.
    """

    path: Path
    env: str
    learner: str
    seed: int
    timestep: str
    options: Mapping[str, Any]
    settings: Mapping[str, Any]
    log: Mapping[str, LearningCurve]
    reward: LinearReward | None
    true_return: TrueReturn | None
    missing: Mapping[str, str]

    @property
    def env_id(self) -> str:
        """The id of the environment, without the module that registers it."""
        return self.env.rpartition(":")[2]


@checks_types
def read_run(path: Path) -> Run:
    """Read what ``rlsp learn`` has left in a folder.

    Args:
        path: The folder.

    Raises:
        FileNotFoundError: If there is no such folder, or it is not that of a run.
        ValueError: If a file in it is spoiled.
    """
    config = _read_config(path)
    missing = {}
    # One that failed or was interrupted has a learner too, but not the time that it learned for.
    is_over = (path / LEARNER_FILE).exists() and config.timesteps is not None
    not_yet = "learning has not ended" if not is_over else ""
    log = read_log(path / LOG_FILE)
    if not log:
        missing["log"] = f"{LOG_FILE} has no rows" + (" yet" if not is_over else "")
    reward = None
    if is_over and (path / REWARD_FILE).exists():
        reward = LinearReward.load(path / REWARD_FILE)
    else:
        missing["reward"] = not_yet or "the reward is not linear"
    true_return = _true_return(config)
    if true_return is None:
        missing["true_return"] = not_yet or "it was not measured"
    options = {name: x for name, x in flatten_mapping(config.options).items() if x is not None}
    arguments = {name: x for name, x in config.arguments.items() if name not in PER_RUN}
    # The states are an array, which is no setting: where they come from stands for them.
    asked = {name: options.get(name) for name in ("timesteps", "states", "n_states")}
    return Run(
        path=path,
        env=config.env,
        learner=config.learner,
        seed=config.seed,
        timestep=config.timestep,
        options=options,
        settings={**asked, **flatten_mapping(arguments)},
        log=log,
        reward=reward,
        true_return=true_return,
        missing=missing,
    )


def read_log(path: Path) -> dict[str, LearningCurve]:
    """Read the CSV file of SB3's logger, which may be growing.

    Args:
        path: The file; one that is not there is taken for an empty one.

    Returns:
        Each column as a curve, without the rows in which it is empty or not finite.

    Raises:
        ValueError: If it is no CSV file.
    """
    if not path.exists():
        return {}
    try:
        text = read_text_file(path).decode()
        whole = text[: text.rfind("\n") + 1]  # the last line may not have been written to its end
        rows = list(csv.DictReader(whole.splitlines()))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path} is not a log as CSV: {error}") from error
    found: dict[str, dict[float, float]] = {}
    for row in rows:
        numbers = {name: _number(cell) for name, cell in row.items() if isinstance(cell, str)}
        timestep = numbers.pop(_TIMESTEPS, np.nan)
        if np.isfinite(timestep):
            for name, value in numbers.items():
                if np.isfinite(value):
                    found.setdefault(name, {})[timestep] = value  # the last one of a timestep
    return {
        name: LearningCurve(np.array(sorted(points)), np.array([points[t] for t in sorted(points)]))
        for name, points in found.items()
    }


def _read_config(path: Path) -> RunConfig:
    """The configuration of a run."""
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not there: expected a folder that `rlsp learn` left")
    file = path / CONFIG_FILE
    if not file.exists():
        within = [*path.glob(f"*/{CONFIG_FILE}"), *path.glob(f"*/*/{CONFIG_FILE}")]
        hint = f"; {within[0].parent} is one" if within else ""
        raise FileNotFoundError(
            f"{path} is not the folder of a run, it has no {CONFIG_FILE}: expected one that `rlsp "
            f"learn` left{hint}"
        )
    return RunConfig.read(file)


def _true_return(config: RunConfig) -> TrueReturn | None:
    """True return of the policy: the fraction where that is exact, or the return of episodes."""
    if config.true_return_fractions:
        *others, value = config.true_return_fractions.values()
        return TrueReturn(FRACTION, value, task_only=others[0] if others else None)
    if config.true_returns:
        return TrueReturn(RETURN, config.true_returns.mean, config.true_returns.interval)
    return None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
