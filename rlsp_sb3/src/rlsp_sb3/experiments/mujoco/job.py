"""Jobs of the table of the MuJoCo environments."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rlsp_sb3.experiments.job import Job, sha256_of
from rlsp_sb3.experiments.methods import EXPERT
from rlsp_sb3.utils.settings import validated

MEASURES = ("in_loop", "retrained", "epic", "seconds", "retrain_seconds")


@dataclass(frozen=True)
class MujocoFigures:
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
    retrained: float | None = None
    epic: float | None = None
    seconds: float | None = None
    retrain_seconds: float | None = None
    notes: tuple[str, ...] = ()
    details: dict[str, Any] | None = None

    @property
    def learning_seconds(self) -> float:
        """Seconds of learning and retraining, as far as they are known."""
        return (self.seconds or 0.0) + (self.retrain_seconds or 0.0)

    @property
    def measures(self) -> dict[str, float | None]:
        """Its numbers by name."""
        return {name: getattr(self, name) for name in MEASURES}

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> MujocoFigures:
        """The result whose dict, by :meth:`to_dict`, this is.

        Raises:
            TypeError: If an entry has another type.
            ValueError: If one is missing.
        """
        return validated(cls, values, "figures")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class MujocoJob(Job):
    """A job of the table of the MuJoCo environments.

    Attributes:
        expert: The file of the policy that leaves the observed states.
        vec_normalize: The file of the statistics by which it normalizes observations; None if it
            does not.
    """

    figures_class = MujocoFigures
    config_entries = {
        "rlsp": ("rlsp", "retrain_timesteps", "episodes", "transitions"),
        "gail": ("gail", "gail_timesteps", "episodes", "transitions"),
        EXPERT: ("episodes",),
    }

    expert: bytes = field(repr=False)
    vec_normalize: bytes | None = field(default=None, repr=False)

    @property
    def subject(self) -> str:
        """The environment."""
        return self.env_id

    @property
    def source(self) -> dict[str, str]:
        """The expert."""
        files = {"expert": self.expert, "vec_normalize": self.vec_normalize}
        return {
            f"{name}_sha256": sha256_of(content)
            for name, content in files.items()
            if content is not None
        }
