"""Table of all methods on all gridworld problems whose true reward is known."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium.envs.registration import EnvSpec

import rlsp_sb3
from rlsp_sb3 import env_util
from rlsp_sb3.io.atomic_write import write_csv
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.true_return import fraction_of
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.errors import NotOfferedError, PluginError


class Method(NamedTuple):
    """A learner with settings.

    Attributes:
        name: What it goes by in options and files.
        label: What it is called in tables and figures.
        learner: The name of the learner, as its entry point has it.
        settings: Arguments of the learner's constructor.
        is_random: Whether the result depends on the seed.
        is_slow: Whether it is left out unless it is asked for.
    """

    name: str
    label: str
    learner: str
    settings: Mapping[str, Any] = {}
    is_random: bool = True
    is_slow: bool = False


GRIDWORLD_METHODS = (
    Method("task-reward", "task only", "task-reward", is_random=False),
    Method(
        "deviation",
        "deviation",
        "deviation",
        {"inferred_weight": 0.5},
        is_random=False,
    ),
    Method(
        "relative-reachability",
        "relative reachability",
        "relative-reachability",
        is_random=False,
    ),
    Method("tabular-rlsp", "exact RLSP", "tabular-rlsp", {"initial_states": "known"}),
    Method(
        "tabular-rlsp-uniform",
        "exact RLSP, start unknown",
        "tabular-rlsp",
        {"initial_states": "uniform"},
    ),
    Method(
        "reward-sampling",
        "reward sampling",
        "reward-sampling",
        {"n_samples": 2000, "burn_in": 500},
    ),
    Method("rlsp", "RLSP, simulated pasts", "rlsp", {"eval_interval": 0}, is_slow=True),
)


class Problem(NamedTuple):
    """An environment in which methods can be compared.

    Attributes:
        env_id: What ``gym.make`` makes it of.
        digest: Differs from that of any other problem.
    """

    env_id: str
    digest: str


class Cell(NamedTuple):
    """The result of a method on a problem with a seed.

    Attributes:
        problem: The id of the environment.
        method: The name of the method.
        seed: The seed of the learner.
        fraction: How much of the best true return its robot gets.
        seconds: How long it took to infer the reward.
        fingerprint: Of all that the result depends on.
    """

    problem: str
    method: str
    seed: int
    fraction: float
    seconds: float
    fingerprint: str


class FractionSummary(NamedTuple):
    """The results of a method on a problem.

    Attributes:
        mean: Of the true-return fractions.
        low: The lowest of them.
        high: The highest of them.
        n_seeds: How many there are.
        seconds: How long one took, on average.
    """

    mean: float
    low: float
    high: float
    n_seeds: int
    seconds: float


class CellFile:
    """A CSV file of cells, written anew whenever one is added.

    Args:
        path: The file; it need not exist.

    Raises:
        ValueError: If it is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._cells: dict[str, Cell] = {}
        if path.exists():
            try:
                with path.open(encoding="utf-8", newline="") as file:
                    cells = [_read_cell(row) for row in csv.DictReader(file)]
            except (KeyError, TypeError, ValueError) as error:
                raise ValueError(
                    f"{path} holds no results of this command ({error!r}): choose another folder "
                    "by --out, or remove it"
                ) from error
            self._cells = {cell.fingerprint: cell for cell in cells}

    def find(self, fingerprint: str) -> Cell | None:
        """The cell with a fingerprint, if there is one."""
        return self._cells.get(fingerprint)

    def add(self, cell: Cell) -> None:
        """Keep a cell, in place of one that the same problem, method and seed had before."""
        place = cell[:3]
        others = {key: other for key, other in self._cells.items() if other[:3] != place}
        self._cells = {**others, cell.fingerprint: cell}
        write_csv(self.path, Cell._fields, self._cells.values())


def find_gridworld_methods(
    names: Sequence[str] | None, deep: bool
) -> tuple[list[Method], list[Method]]:
    """The methods to be compared.

    Args:
        names: The names of methods or of installed learners; None for all methods of
            :data:`GRIDWORLD_METHODS` that are not slow.
        deep: Whether to add the slow ones.

    Returns:
        Those whose learners are installed, and the others.

    Raises:
        ValueError: If a name is unknown or given twice, or names a learner that is not installed.
    """
    installed = registry.learner_names()
    known = {method.name: method for method in GRIDWORLD_METHODS}
    if names is None:
        wanted = [method for method in GRIDWORLD_METHODS if not method.is_slow]
    else:
        # A learner of somebody else's is a method as it is.
        every = {name: Method(name, name, name) for name in installed} | known
        for name in names:
            if name not in every:
                raise ValueError(
                    f"--methods: there is no method {name!r}{did_you_mean(name, every)}: expected "
                    f"some of {', '.join(every)}"
                )
            if names.count(name) > 1:
                raise ValueError(f"--methods: {name} is given twice")
            if every[name].learner not in installed:
                raise ValueError(
                    f"--methods: {name} needs the learner {every[name].learner!r}, which no "
                    "installed package brings: run `pip install rlsp-baselines`"
                )
        wanted = [every[name] for name in names]
    if deep:
        wanted += [
            method for method in GRIDWORLD_METHODS if method.is_slow and method not in wanted
        ]
    found = [method for method in wanted if method.learner in installed]
    return found, [method for method in wanted if method not in found]


def find_problems(specs: Iterable[EnvSpec]) -> tuple[list[Problem], list[str]]:
    """The problems among registered environments.

    Those are tabular and offer observed states, a horizon and a true reward. Of environments that
    differ in nothing but their observations, the first counts.

    Returns:
        The problems, and the ids of environments that could not be made.
    """
    problems: dict[str, Problem] = {}
    failed = []
    for spec in specs:
        try:
            with env_util.open_env(spec) as env:
                offers = [
                    getattr(env, name, None)
                    for name in ("observed_states", "horizon", "true_reward")
                ]
                if all(offer is not None for offer in offers) and isinstance(env, TabularEnv):
                    digest = _digest(env)
                    problems.setdefault(digest, Problem(spec.id, digest))
        except PluginError:  # a broken package must not stop the others
            failed.append(spec.id)
    return list(problems.values()), failed


def fingerprint(problem: Problem, method: Method, seed: int) -> str:
    """A text that changes with all that a result depends on."""
    about = [
        *(rlsp_sb3.__version__, problem.digest, seed),
        *(method.name, method.learner, dict(method.settings)),
    ]
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


def compute_cell(problem: Problem, method: Method, seed: int) -> Cell:
    """Let a method infer the reward of a problem, and see how good a robot is that plans with it.

    Raises:
        NotOfferedError: If the learner plans no policy.
        PluginError: If it cannot be loaded.
        TypeError: If it cannot learn in the environment.
        ValueError: If the problem has no solution.
    """
    learner_class = registry.load_learner(method.learner)
    made = env_util.make_env(problem.env_id)
    env: Any = made.unwrapped
    _ = env.mdp  # built at first use: that is not the method's time
    try:
        start = time.perf_counter()
        learner = learner_class(made, seed=seed, **method.settings).learn()
        if not plans_policy(learner):
            raise NotOfferedError(f"{type(learner).__name__} plans no policy")
        rewards = learner.planned_rewards
        seconds = time.perf_counter() - start
        fraction = fraction_of(learner, rewards)
    finally:
        made.close()
    identity = fingerprint(problem, method, seed)
    return Cell(problem.env_id, method.name, seed, fraction, seconds, identity)


def compute_cells(
    todo: Iterable[tuple[Problem, Method, int]],
    file: CellFile,
    force: bool = False,
    on_start: Callable[[str], None] = lambda text: None,
    on_result: Callable[[str], None] = lambda text: None,
) -> tuple[list[Cell], dict[str, str]]:
    """Compute the cells that a file does not have yet, and write each at once.

    Args:
        todo: Problems, methods and seeds.
        file: Where results are kept.
        force: Whether to compute those that the file has, too.
        on_start: Is told what comes next.
        on_result: Is told what has been computed.

    Returns:
        The cells, and why the others could not be computed, by what they are.
    """
    cells, failed = [], {}
    for problem, method, seed in todo:
        what = cell_name(problem.env_id, method.name, seed)
        on_start(what)
        cell = None if force else file.find(fingerprint(problem, method, seed))
        if cell is None:
            try:
                cell = compute_cell(problem, method, seed)
            except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
                failed[what] = str(error)  # it must not cost all the others
                continue
            file.add(cell)
            on_result(what)
        cells.append(cell)
    return cells, failed


def cell_name(problem: str, method: str, seed: int) -> str:
    """Name of a cell of the table on the screen."""
    return f"{method} on {problem}, seed {seed}"


def summarize_cells(cells: Iterable[Cell]) -> dict[tuple[str, str], FractionSummary]:
    """The results over seeds, by the id of the environment and the name of the method."""
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.problem, cell.method), []).append(cell)
    summaries = {}
    for place, group in groups.items():
        fractions = [cell.fraction for cell in group]
        summaries[place] = FractionSummary(
            float(np.mean(fractions)),
            min(fractions),
            max(fractions),
            len(group),
            float(np.mean([cell.seconds for cell in group])),
        )
    return summaries


def _read_cell(row: dict[str, str]) -> Cell:
    numbers = int(row["seed"]), float(row["fraction"]), float(row["seconds"])
    return Cell(row["problem"], row["method"], *numbers, row["fingerprint"])


def _digest(env: Any) -> str:
    """A text that is the same for problems that differ in nothing but their observations."""
    transitions = env.mdp.transitions
    arrays = [
        *(transitions.data, transitions.indices, transitions.indptr),
        *(env.mdp.features, env.mdp.initial_distribution),
        env.state_indices(env.observed_states),
        *(env.true_reward, getattr(env, "task_reward", ()), env.horizon),
    ]
    digest = hashlib.sha256()
    for array in arrays:
        numbers = np.asarray(array, dtype=np.float64)
        digest.update(repr(numbers.shape).encode() + numbers.tobytes())
    return digest.hexdigest()
