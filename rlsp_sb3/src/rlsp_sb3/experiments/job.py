"""Jobs, the units of an experiment: a method, some states and a seed."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Protocol
from urllib.parse import quote

from rlsp_sb3.experiments.config import Config
from rlsp_sb3.experiments.methods import EXPERT, RLSP_METHODS, label_of

RESULTS_VERSION = 2
"""Version of what methods compute: finished results of another one are not counted.

To be raised with any change of them; what is released without one goes on where it was.
"""


class Result(Protocol):
    """The result of a job."""

    @property
    def learning_seconds(self) -> float:
        """Seconds that something was learned, as far as known."""

    @property
    def measures(self) -> Mapping[str, float | None]:
        """Its numbers by name, in the order of the table; None for one that is missing."""

    @property
    def notes(self) -> tuple[str, ...]:
        """The reasons for numbers that are missing."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""


@dataclass(frozen=True)
class Job(ABC):
    """The unit of an experiment, which has one result.

    Attributes:
        env_id: The id of the environment.
        method: The name of the method, or of what it is compared with.
        n_states: How many observed states it sees; 0 for what sees none.
        seed: Seeds all random numbers.
        config: How the method is run.
    """

    figures_class: ClassVar[Any]
    """The class of the result, whose ``from_dict`` undoes its ``to_dict``."""
    config_entries: ClassVar[Mapping[str, tuple[str, ...]]]
    """The entries of the configuration that matter, by method.

    Those of "rlsp" are for all of :data:`~rlsp_sb3.experiments.RLSP_METHODS`.
    """

    env_id: str
    method: str
    n_states: int
    seed: int
    config: Config

    @property
    @abstractmethod
    def subject(self) -> str:
        """The subject of the job, such as an environment; rows of a table are grouped by it."""

    @property
    @abstractmethod
    def source(self) -> dict[str, str]:
        """The source of the observed states, as JSON can hold it."""

    @property
    def name(self) -> str:
        """The name of the job in files; two jobs of a table have different ones."""
        parts = [quote(self.subject, safe=""), self.method]
        parts += [f"{self.n_states}-states"] if self.n_states else []
        parts += [] if self.method == EXPERT else [f"seed{self.seed}"]  # measured once
        return ".".join(parts)

    @property
    def title(self) -> str:
        """The name of the job on the screen."""
        parts = [f"{label_of(self.method)} on {self.subject}"]
        parts += [count_states(self.n_states)] if self.n_states else []
        parts += [] if self.method == EXPERT else [f"seed {self.seed}"]
        return ", ".join(parts)

    def about(self) -> dict[str, Any]:
        """All that the result depends on, as JSON can hold it; no more of the configuration."""
        config = self.config.to_dict()
        used = self.config_entries["rlsp" if self.method in RLSP_METHODS else self.method]
        return {
            "env": self.env_id,
            "method": self.method,
            "n_states": self.n_states,
            "seed": self.seed,
            "config": {name: config[name] for name in used},
            **self.source,
            "results_version": RESULTS_VERSION,
        }

    @property
    def fingerprint(self) -> str:
        """A text that changes with all that the result depends on."""
        text = json.dumps(self.about(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Outcome(NamedTuple):
    """The outcome of a job: its result and its files.

    Attributes:
        figures: Its result.
        learner: The file of the learner; None if there is none.
        episodes: The file of episodes of the learned policy; None if there is none.
    """

    figures: Result
    learner: bytes | None
    episodes: bytes | None = None


@lru_cache(maxsize=64)
def sha256_of(content: bytes) -> str:
    """The SHA-256 of a file, which thousands of jobs may have in common."""
    return hashlib.sha256(content).hexdigest()


def count_states(n: int) -> str:
    """A number of states in words."""
    return f"{n} state{'s' if n > 1 else ''}"
