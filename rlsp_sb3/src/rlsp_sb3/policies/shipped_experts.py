"""Experts that the package brings: actors, the states they leave behind, and demonstrations."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path

from rlsp_sb3.utils.did_you_mean import did_you_mean
from rlsp_sb3.utils.settings import validated

EXPERTS = "experts.json"


@dataclass(frozen=True)
class ShippedExpert:
    """An expert that the package brings, and what is known of it.

    Attributes:
        env_id: The id of the environment that it was trained in.
        return_mean: Its mean return, when it takes its most probable actions.
        return_std: The standard deviation of the return over episodes.
        episodes: Of how many episodes.
        length_mean: Their mean number of steps.
        command: The command that trained it.
        timesteps: For how many environment steps it was trained.
        also: Other environments that it is an expert of.
    """

    env_id: str
    return_mean: float
    return_std: float
    episodes: int
    length_mean: float
    command: str
    timesteps: int
    also: list[str] = field(default_factory=list)

    @property
    def actor(self) -> Path:
        """The file of the policy, which :func:`~rlsp_sb3.load_policy` reads."""
        return folder() / f"{self.env_id}.npz"

    @property
    def states(self) -> Path:
        """A file of observed states (n, *observation_shape), each of an episode of its own."""
        return folder() / f"{self.env_id}.states.npz"

    @property
    def demonstrations(self) -> Path:
        """A file of episodes, cut after some steps."""
        return folder() / f"{self.env_id}.episodes.npz"


def folder() -> Path:
    """The folder of the package with the files."""
    return Path(str(resources.files("rlsp_sb3.policies").joinpath("shipped")))


@cache
def shipped_experts() -> dict[str, ShippedExpert]:
    """The experts that the package brings, by the id of the environment."""
    content = json.loads((folder() / EXPERTS).read_text(encoding="utf-8"))
    experts: list[ShippedExpert] = validated(list[ShippedExpert], content, EXPERTS)
    return {expert.env_id: expert for expert in experts}


def find_shipped_expert(env_id: str) -> ShippedExpert:
    """The expert of an environment, with or without its package.

    Raises:
        ValueError: If the package brings none.
    """
    name, served = env_id.rpartition(":")[2], _by_environment()
    if name not in served:
        raise ValueError(
            f"env={env_id!r}{did_you_mean(name, served)}: no expert is shipped for it, only for "
            f"{', '.join(served)}; train one by `rlsp expert {env_id} --timesteps N --out "
            "expert.zip`"
        )
    return served[name]


def serves(env_id: str) -> bool:
    """Return whether the package brings an expert of an environment."""
    return env_id.rpartition(":")[2] in _by_environment()


def _by_environment() -> dict[str, ShippedExpert]:
    """The experts by all environments that they are one of."""
    experts = shipped_experts().values()
    return {other: each for each in experts for other in (each.env_id, *each.also)}
