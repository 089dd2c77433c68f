"""Contents of a run folder: the names of its files, and the entries of ``config.json``.

What writes a run folder and what reads it take both from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from rlsp_sb3.evaluation.returns import Returns
from rlsp_sb3.io.json_file import read_json
from rlsp_sb3.utils.settings import validated

LEARNER_FILE = "learner.zip"
REWARD_FILE = "reward.json"
CONFIG_FILE = "config.json"
LOG_FILE = "progress.csv"  # as SB3's logger calls it
REWARD_FIGURE = "reward.png"
ROBOT_FILM = "robot.gif"
POLICY_FILM = "policy.gif"
FIGURE_FILE = "figure-{name}.png"
DIAGNOSIS_FILE = "diagnosis.csv"
DIAGNOSIS_FIGURE = "diagnosis.png"

CONTENTS = {
    LEARNER_FILE: "the learner, to be loaded again",
    REWARD_FILE: "the inferred reward",
    CONFIG_FILE: "how it was made, and how good it is",
    LOG_FILE: "the log",
    "events.out.tfevents.*": "the log for TensorBoard",
    REWARD_FIGURE: "the inferred reward as a figure",
    "reward.pdf": "the same as PDF",
    "reward.svg": "the same as SVG",
    "figure-*.*": "a figure that only this learner has",
    DIAGNOSIS_FILE: "the gradient beside that of the expert's real pasts, by epoch and length",
    DIAGNOSIS_FIGURE: "the same as a figure",
    ROBOT_FILM: "the robot without and with the inferred reward",
    POLICY_FILM: "the policy for the inferred reward",
}
"""The files of a run, by patterns of their names, and what each is."""


@dataclass(frozen=True)
class _Entries:
    """The types of entries in the file."""

    env: str
    learner: str
    seed: int
    timestep: str
    options: dict[str, Any]
    arguments: dict[str, Any]
    command: str | None = None
    versions: dict[str, str | None] = field(default_factory=dict)
    timesteps: int | None = None
    wall_time_seconds: float | None = None
    report: dict[str, float] = field(default_factory=dict)
    true_return_fractions: dict[str, float] | None = None
    true_returns: dict[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Entries of ``config.json``: how a run is made and, when it is over, how good its result is.

    Attributes:
        env: The environment, as ``gym.make`` takes it.
        learner: The name of the learner.
        seed: The seed.
        timestep: What the learner counts, such as "gradient step".
        options: What was chosen, by name; the rest are defaults. The preset is among them.
        arguments: The arguments of the learner's constructor, arrays excepted.
        command: The command that does the same; None if none does, because an argument is an object
            that cannot be written as text.
        versions: The versions of Python and packages.
        timesteps: How many timesteps the learner took; None until learning is over, and if it
            failed or was interrupted.
        wall_time_seconds: How long it learned.
        report: What a :class:`~rlsp_sb3.protocols.ReportingLearner` reports, by name.
        true_return_fractions: The fraction of the best true return of each robot by its name, that
            of the learner last; None if they cannot be computed.
        true_returns: The true returns of the learner's policy; None if they were not measured.
    """

    env: str
    learner: str
    seed: int
    timestep: str
    options: Mapping[str, Any]
    arguments: Mapping[str, Any]
    command: str | None = None
    versions: Mapping[str, str | None] = field(default_factory=dict)
    timesteps: int | None = None
    wall_time_seconds: float | None = None
    report: Mapping[str, float] = field(default_factory=dict)
    true_return_fractions: Mapping[str, float] | None = None
    true_returns: Returns | None = None

    def to_dict(self) -> dict[str, Any]:
        """All entries, as JSON can hold them."""
        entries = {each.name: getattr(self, each.name) for each in fields(self)}
        return {**entries, "true_returns": self.true_returns and self.true_returns.to_dict()}

    @classmethod
    def from_dict(cls, entries: Any) -> RunConfig:
        """The configuration that :meth:`to_dict` returned.

        Raises:
            ValueError: If an entry is missing, unknown, or of another type.
        """
        given = entries if isinstance(entries, Mapping) else {}
        names = [each.name for each in fields(cls)]
        required = [
            each.name
            for each in fields(cls)
            if each.default is MISSING and each.default_factory is MISSING
        ]
        if lacking := [name for name in required if name not in given]:
            raise ValueError(f"does not say {', '.join(lacking)}")
        if unknown := [str(name) for name in given if name not in names]:
            raise ValueError(f"has entries that nobody knows: {', '.join(unknown)}")
        try:
            read = vars(validated(_Entries, given))
            returns = read["true_returns"] and Returns.from_dict(read["true_returns"])
        except (TypeError, ValueError) as error:
            raise ValueError(f"has an entry that is spoiled: {error}") from error
        return cls(**{**read, "true_returns": returns})

    @classmethod
    def read(cls, file: Path) -> RunConfig:
        """Read ``config.json``.

        Raises:
            ValueError: If it is spoiled, or of another version.
        """
        entries = read_json(file)
        try:
            return cls.from_dict(entries)
        except ValueError as error:
            raise ValueError(
                f"{file} {error}: expected one that `rlsp learn` of this version wrote; let it "
                "learn again, with --force"
            ) from error
