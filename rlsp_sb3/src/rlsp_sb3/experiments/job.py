"""Jobs of experiments: a method on some observed states, with a seed."""

from __future__ import annotations

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol
from urllib.parse import quote

import rlsp_sb3
from rlsp_sb3.experiments.config import Config
from rlsp_sb3.experiments.methods import EXPERT, LABELS, RLSP_METHODS


class Result(Protocol):
    """The result of a job."""

    @property
    def learning_seconds(self) -> float:
        """Seconds that something was learned, as far as known."""

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""


@dataclass(frozen=True)
class MethodJob(ABC):
    """Base class of jobs: a method with one seed, which has one result.

    Attributes:
        env_id: The id of the environment.
        method: The name of the learner, one of :data:`METHODS`, or of what it is compared with.
        n_states: How many observed states it sees; 0 for what sees none.
        seed: Seeds all random numbers.
        config: How the method is run.
    """

    figures_class: ClassVar[Any]  # has from_dict, which undoes its to_dict

    env_id: str
    method: str
    n_states: int
    seed: int
    config: Config

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in files; two jobs of a table have different names."""

    @property
    @abstractmethod
    def title(self) -> str:
        """Title on the screen."""

    @abstractmethod
    def about(self) -> dict[str, Any]:
        """All that the result depends on, as JSON can hold it; no more of the configuration."""

    @property
    def fingerprint(self) -> str:
        """A text that changes with all that the result depends on."""
        text = json.dumps(self.about(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


class Outcome(NamedTuple):
    """Outcome of a job: its result and files.

    Attributes:
        figures: Its result.
        learner: The file of the learner; None if there is none.
        episodes: The file of episodes of the learned policy; None if there is none.
    """

    figures: Result
    learner: bytes | None
    episodes: bytes | None = None


@dataclass(frozen=True)
class Figures:
    """The result of a job.

    Attributes:
        in_loop: The mean true return of the policy that was trained along with the reward; of the
            expert itself for :data:`EXPERT`.
        retrained: The mean true return of a retrained policy; None if none is trained.
        epic: The EPIC distance of the inferred reward from the true one; None if there is none.
        seconds: How long it took to infer the reward; None if that was interrupted and resumed, or
            if there is none.
        retrain_seconds: How long it took to train the retrained policy; None if there is none.
        notes: Why a figure is missing.
        details: More of the returns, by what they are of.
    """

    in_loop: float
    retrained: float | None
    epic: float | None
    seconds: float | None
    retrain_seconds: float | None
    notes: tuple[str, ...] = ()
    details: dict[str, Any] | None = None

    @property
    def learning_seconds(self) -> float:
        """Seconds of learning and retraining, as far as they are known."""
        return (self.seconds or 0.0) + (self.retrain_seconds or 0.0)

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Figures:
        """Make the figures that :meth:`to_dict` wrote."""
        return cls(**{**values, "notes": tuple(values["notes"])})


@dataclass(frozen=True)
class Job(MethodJob):
    """A job of the table of the MuJoCo environments.

    Attributes:
        expert: The file of the policy that leaves the observed states.
    """

    figures_class = Figures

    expert: bytes = field(repr=False)

    @property
    def name(self) -> str:
        """Name in files; two jobs of a table have different names."""
        place = f"{quote(self.env_id, safe='')}.{self.method}"
        return f"{place}.{self.n_states}-states.seed{self.seed}" if self.n_states else place

    @property
    def title(self) -> str:
        """Title on the screen."""
        if not self.n_states:
            return f"{LABELS[self.method]} on {self.env_id}"
        states = f"{self.n_states} state{'s' if self.n_states > 1 else ''}"
        return f"{LABELS[self.method]} on {self.env_id}, {states}, seed {self.seed}"

    def about(self) -> dict[str, Any]:
        """All that the result depends on, as JSON can hold it; no more of the configuration."""
        config = self.config.to_dict()
        used = {
            "rlsp": ("rlsp", "retrain_timesteps", "episodes", "transitions"),
            "gail": ("gail", "gail_timesteps", "episodes", "transitions"),
            EXPERT: ("episodes",),
        }["rlsp" if self.method in RLSP_METHODS else self.method]
        return {
            "env": self.env_id,
            "method": self.method,
            "n_states": self.n_states,
            "seed": self.seed,
            "config": {name: config[name] for name in used},
            "expert_sha256": hashlib.sha256(self.expert).hexdigest(),
            "version": rlsp_sb3.__version__,
        }
