"""Jobs of the table of skills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rlsp_sb3.data.episodes import Episode, load_episodes, save_episodes
from rlsp_sb3.experiments.job import Job, sha256_of
from rlsp_sb3.experiments.methods import RANDOM
from rlsp_sb3.utils.settings import validated


@dataclass(frozen=True)
class SkillFigures:
    """The result of a job: how well a classifier tells the learned policy from the skill.

    Attributes:
        steps: After how many gradient steps of the classifier it was tested (K,); empty if there
            are too few states to test it.
        cross_entropy: Its cross-entropy on states that were held out (K,), in nats; see
            :func:`~rlsp_sb3.evaluation.held_out_cross_entropy`.
        seconds: How long it took to learn; None if that was interrupted and resumed, or if nothing
            was learned.
        notes: Why a figure is missing.
    """

    steps: tuple[int, ...]
    cross_entropy: tuple[float, ...]
    seconds: float | None
    notes: tuple[str, ...] = ()

    @property
    def at_the_end(self) -> float | None:
        """The cross-entropy when the classifier is trained; None if there is none."""
        return self.cross_entropy[-1] if self.cross_entropy else None

    @property
    def measures(self) -> dict[str, float | None]:
        """Its numbers by name."""
        return {"cross_entropy": self.at_the_end, "seconds": self.seconds}

    @property
    def learning_seconds(self) -> float:
        """Seconds that the method learned, as far as known."""
        return self.seconds or 0.0

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SkillFigures:
        """The result whose dict, by :meth:`to_dict`, this is.

        Raises:
            TypeError: If an entry has another type.
            ValueError: If one is missing.
        """
        return validated(cls, values, "figures")  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Skill:
    """A rollout of a skill.

    Attributes:
        name: What it is called.
        file: The file of its episodes.
        suffix: The suffix of the name of that, which says of what kind it is.
    """

    name: str
    file: bytes = field(repr=False)
    suffix: str

    def episodes(self) -> list[Episode]:
        """The episodes."""
        with TemporaryDirectory() as folder:
            path = Path(folder, "rollout").with_suffix(self.suffix)
            path.write_bytes(self.file)
            return load_episodes(path)


@dataclass(frozen=True)
class SkillJob(Job):
    """A job of the table of skills.

    Attributes:
        skill: The skill that leaves the observed states.
    """

    figures_class = SkillFigures
    config_entries = {"rlsp": ("rlsp",), "gail": ("gail", "gail_timesteps"), RANDOM: ()}

    skill: Skill

    @property
    def subject(self) -> str:
        """The name of the skill."""
        return self.skill.name

    @property
    def source(self) -> dict[str, str]:
        """The rollout of the skill."""
        return {"rollout_sha256": sha256_of(self.skill.file)}


def npz_of(episodes: Sequence[Episode]) -> bytes:
    """The file of some episodes."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "episodes.npz")
        save_episodes(path, episodes)
        return path.read_bytes()
