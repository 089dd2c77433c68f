"""Cells of the gridworld table: the result of a method on a problem with a seed."""

from __future__ import annotations

import csv
import hashlib
import json
import time
from collections.abc import Callable, Iterable
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from gymnasium.envs.registration import EnvSpec

from rlsp_sb3 import env_util
from rlsp_sb3.experiments.job import RESULTS_VERSION
from rlsp_sb3.experiments.methods import Method
from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.io.atomic_write import write_csv
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.true_return import fraction_of
from rlsp_sb3.protocols import TabularEnv
from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.errors import NotOfferedError, PluginError

LAYOUT_SEED = "layout_seed"
"""The argument that tells the environments of a family apart: it is registered with a default."""


class Problem(NamedTuple):
    """An environment in which methods can be compared.

    Attributes:
        env_id: What ``gym.make`` makes it of.
        digest: Differs from that of any other problem.
        layout_seed: Which one it is of a family; None if it is of none.
    """

    env_id: str
    digest: str
    layout_seed: int | None = None

    @property
    def name(self) -> str:
        """The name of the problem in files."""
        return self.env_id if self.layout_seed is None else f"{self.env_id} {self.layout_seed}"

    @property
    def kwargs(self) -> dict[str, Any]:
        """Arguments for making it."""
        return {} if self.layout_seed is None else {LAYOUT_SEED: self.layout_seed}


class Cell(NamedTuple):
    """The result of a method on a problem with a seed.

    Attributes:
        problem: The name of the problem.
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
                text = read_text_file(path).decode()
                cells = [_read_cell(row) for row in csv.DictReader(StringIO(text, newline=""))]
            except (KeyError, TypeError, ValueError, csv.Error) as error:
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


def find_problems(specs: Iterable[EnvSpec]) -> tuple[list[Problem], list[str]]:
    """The problems among registered environments.

    Those are tabular and offer observed states, a horizon and a true reward. Of environments that
    differ in nothing but their observations, the first counts, and of families none.

    Returns:
        The problems, and the ids of environments that could not be made.
    """
    problems: dict[str, Problem] = {}
    failed = []
    for spec in specs:
        if LAYOUT_SEED in spec.kwargs:
            continue
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


def family_problems(env_id: str, layout_seeds: Iterable[int]) -> list[Problem]:
    """Problems of a family.

    Args:
        env_id: The id of an environment that is registered with the argument ``layout_seed``.
        layout_seeds: Which ones.

    Raises:
        ValueError: If there is no such family.
    """
    families = {spec.id for spec in env_util.plugin_specs() if LAYOUT_SEED in spec.kwargs}
    if env_id not in families:
        raise ValueError(
            f"--family: there is no family {env_id!r}{did_you_mean(env_id, families)}: expected "
            f"some of {', '.join(sorted(families))}"
        )
    problems = []
    for seed in layout_seeds:
        env = env_util.make_env(env_id, layout_seed=seed)
        problems.append(Problem(env_id, _digest(env.unwrapped), seed))
        env.close()
    return problems


def cell_fingerprint(problem: Problem, method: Method, seed: int) -> str:
    """A text that changes with all that a result depends on."""
    about = [
        *(RESULTS_VERSION, problem.digest, seed),
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
    made = env_util.make_env(problem.env_id, **problem.kwargs)
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
    identity = cell_fingerprint(problem, method, seed)
    return Cell(
        problem=problem.name,
        method=method.name,
        seed=seed,
        fraction=fraction,
        seconds=seconds,
        fingerprint=identity,
    )


def compute_cells(
    todo: Iterable[tuple[Problem, Method, int]],
    file: CellFile,
    force: bool = False,
    *,
    on_start: Callable[[str], None] = lambda text: None,
    on_result: Callable[[str], None] = lambda text: None,
) -> tuple[list[Cell], dict[str, Exception]]:
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
    cells: list[Cell] = []
    failed: dict[str, Exception] = {}
    for problem, method, seed in todo:
        what = cell_name(problem.name, method.name, seed)
        on_start(what)
        cell = None if force else file.find(cell_fingerprint(problem, method, seed))
        if cell is None:
            try:
                cell = compute_cell(problem, method, seed)
            except (ArithmeticError, RuntimeError, TypeError, ValueError) as error:
                failed[what] = error  # it must not cost all the others
                continue
            file.add(cell)
            on_result(what)
        cells.append(cell)
    return cells, failed


def cell_name(problem: str, method: str, seed: int) -> str:
    """The name of a cell."""
    return f"{method} on {problem}, seed {seed}"


def _read_cell(row: dict[str, str]) -> Cell:
    return Cell(
        problem=row["problem"],
        method=row["method"],
        seed=int(row["seed"]),
        fraction=float(row["fraction"]),
        seconds=float(row["seconds"]),
        fingerprint=row["fingerprint"],
    )


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
