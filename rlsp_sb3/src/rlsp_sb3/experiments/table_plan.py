"""Plans of tables: what is compared, by which jobs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, Generic, NamedTuple

from rich.table import Table

from rlsp_sb3.experiments.config import Config
from rlsp_sb3.experiments.job import Outcome
from rlsp_sb3.experiments.methods import CONTINUOUS_METHODS, Method, find_methods
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.runner import AnyJob
from rlsp_sb3.utils.checks import check_int


@dataclass(frozen=True)
class TableOptions:
    """The options that all tables of jobs have.

    Args:
        n_states: From how many observed states to learn, each at least 1.
        methods: The names of some of :data:`~rlsp_sb3.experiments.CONTINUOUS_METHODS`; None
            for all that are installed.
        n_seeds: How many seeds, from 0 on, at least 1.
        preset: The name of a preset in the configurations.
        assignments: Changes of the configurations, such as "rlsp.horizon=10".

    Raises:
        TypeError: If a number is not one.
        ValueError: If a number is out of range.
    """

    n_states: Sequence[int] = (1, 10, 50)
    methods: Sequence[str] | None = None
    n_seeds: int = 5
    preset: str = "fast"
    assignments: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check the numbers."""
        check_int("--seeds", self.n_seeds, 1)
        for n in self.n_states:
            check_int("--n-states", n, 1)

    @property
    def different_states(self) -> list[int]:
        """The numbers of observed states, each once."""
        return list(dict.fromkeys(self.n_states))

    def find_methods(self) -> tuple[list[Method], dict[str, str]]:
        """The methods that are installed, and why others are left out, by their names."""
        return find_methods(self.methods, CONTINUOUS_METHODS)

    def words(self, methods: Sequence[Method]) -> list[str]:
        """The words of a command that chooses so, with some methods."""
        words = ["--n-states", *map(str, self.different_states)]
        words += ["--methods", *(method.name for method in methods)]
        words += ["--seeds", str(self.n_seeds), "--preset", self.preset]
        return words + [word for each in self.assignments for word in ("--set", each)]


class WrittenTable(NamedTuple):
    """The tables to print and the files, made of the results of jobs.

    Attributes:
        tables: What there is to print, by title.
        files: The names of the files of numbers.
        figures: What draws each figure, by the name of its file; called with where to.
    """

    tables: dict[str, Table]
    files: list[str]
    figures: dict[str, Callable[[Path], None]]


@dataclass(frozen=True)
class TablePlan(ABC, Generic[AnyJob]):
    """The plan of a table: methods, configurations and jobs.

    Attributes:
        methods: The methods.
        options: What was chosen.
        configs: How methods are run, by environment.
        jobs: All jobs: those of the first seed, then those of the second, and so on.
        left_out: Why something is not part of it, by what it is.
    """

    kind: ClassVar[str]
    """The word of the command for such tables."""

    methods: list[Method]
    options: TableOptions
    configs: dict[str, Config]
    jobs: list[AnyJob]
    left_out: dict[str, str]

    @property
    def n_states(self) -> list[int]:
        """The numbers of observed states."""
        return self.options.different_states

    @property
    def command(self) -> list[str]:
        """The words of the command that computes it, but for the folder."""
        return ["rlsp", "table", self.kind, *self.own_words(), *self.options.words(self.methods)]

    @abstractmethod
    def own_words(self) -> list[str]:
        """The options of the command that only such tables have."""

    @property
    @abstractmethod
    def run_job(self) -> Callable[..., Outcome]:
        """The function that computes a job, see :func:`~rlsp_sb3.experiments.run_jobs`."""

    @abstractmethod
    def write(self, folder: Path, done: Sequence[tuple[AnyJob, Any]]) -> WrittenTable | None:
        """Write the numbers of what is done, and prepare the tables and figures of them.

        Args:
            folder: Where to.
            done: The jobs that have a result, with it.

        Returns:
            What has been made of them; None if that is nothing.
        """

    def make_films(
        self, folder: ResultFolder, done: Sequence[tuple[AnyJob, Any]]
    ) -> tuple[list[str], list[str]]:
        """Film what is done and has not been filmed.

        Args:
            folder: Where results are kept.
            done: The jobs that have a result, with it.

        Returns:
            The names of all films, and why some are missing.
        """
        return [], []


def make_jobs(
    make_job: Callable[[Any, str, int, int], AnyJob],
    options: TableOptions,
    subjects: Sequence[Any],
    methods: Sequence[Method],
    references: Iterable[AnyJob],
) -> list[AnyJob]:
    """The jobs of a table, by seed, and those of each seed by subject and number of states.

    Args:
        make_job: Makes one from a subject, the name of a method, a number of states, and a seed.
        options: How many states and seeds there are.
        subjects: What is learned from, such as environments.
        methods: The methods.
        references: The jobs of what methods are compared with; they come first of their seed.
    """
    jobs = [
        make_job(subject, method.name, n, seed)
        for seed, subject, n, method in product(
            range(options.n_seeds), subjects, options.different_states, methods
        )
    ]
    return sorted([*references, *jobs], key=lambda job: job.seed)
