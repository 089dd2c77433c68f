"""Contents of a run folder: the names of its files, and the entries of ``config.json``.

What writes a run folder and what reads it take both from here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

from rlsp_sb3.evaluation.returns import Returns

LEARNER_FILE = "learner.zip"
REWARD_FILE = "reward.json"
CONFIG_FILE = "config.json"
LOG_FILE = "progress.csv"  # as SB3's logger calls it
REWARD_FIGURE = "reward.png"
ROBOT_FILM = "robot.gif"
POLICY_FILM = "policy.gif"
FIGURE_FILE = "figure-{name}.png"

CONTENTS = {
    LEARNER_FILE: "the learner, to be loaded again",
    REWARD_FILE: "the inferred reward",
    CONFIG_FILE: "how it was made, and how good it is",
    LOG_FILE: "the log",
    "events.out.tfevents.*": "the log for TensorBoard",
    REWARD_FIGURE: "the inferred reward as a figure",
    FIGURE_FILE.format(name="*"): "a figure that only this learner has",
    ROBOT_FILM: "the robot without and with the inferred reward",
    POLICY_FILM: "the policy for the inferred reward",
}
"""The files of a run, by patterns of their names, and what each is."""

_TYPES: dict[str, type | tuple[type, ...]] = {
    "env": str,
    "learner": str,
    "seed": int,
    "timestep": str,
    "options": Mapping,
    "arguments": Mapping,
    "command": (str, type(None)),
    "versions": Mapping,
    "timesteps": (int, type(None)),
    "wall_time_seconds": (float, int, type(None)),
    "report": Mapping,
    "true_return_fractions": (Mapping, type(None)),
    "true_returns": (Mapping, type(None)),
}


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
        command: The command ``rlsp learn`` that does the same; None if none does, because an
            argument is an object that cannot be written as text.
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
        required = [
            each.name
            for each in fields(cls)
            if each.default is MISSING and each.default_factory is MISSING
        ]
        if lacking := [name for name in required if name not in given]:
            raise ValueError(f"does not say {', '.join(lacking)}")
        if unknown := [str(name) for name in given if name not in _TYPES]:
            raise ValueError(f"has entries that nobody knows: {', '.join(unknown)}")
        for name, value in given.items():
            if not isinstance(value, _TYPES[name]) or isinstance(value, bool):
                raise ValueError(f"has an entry of a wrong type: {name}={value!r}")
        returns = given.get("true_returns")
        return cls(**{**given, "true_returns": returns and Returns.from_dict(returns)})

    @classmethod
    def read(cls, file: Path) -> RunConfig:
        """Read ``config.json``.

        Raises:
            ValueError: If it is spoiled, or of another version.
        """
        try:
            entries = json.loads(file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{file} is not a JSON file: {error}") from error
        try:
            return cls.from_dict(entries)
        except ValueError as error:
            raise ValueError(
                f"{file} {error}: expected one that `rlsp learn` of this version wrote; let it "
                "learn again, with --force"
            ) from error
