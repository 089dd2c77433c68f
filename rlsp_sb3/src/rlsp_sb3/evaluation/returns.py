"""Returns of a policy, with a confidence interval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import gymnasium as gym
import numpy as np
from annotated_types import Ge, Le
from numpy.typing import NDArray

from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.evaluation.seed_statistics import mean_interval
from rlsp_sb3.protocols import Policy
from rlsp_sb3.type_aliases import Seed
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_seed
from rlsp_sb3.utils.progress import show_progress, track
from rlsp_sb3.utils.settings import validated
from rlsp_sb3.utils.type_checks import checks_types


@dataclass(frozen=True)
class _Entries:
    """The types of the entries that are read from a file."""

    confidence_interval_95: tuple[float, float] | None
    returns: list[float]
    lengths: list[Annotated[int, Ge(0), Le(MAX_COUNT)]]
    terminated: list[bool]


@dataclass(frozen=True, eq=False)
class Returns:
    """The returns of N episodes, without a discount.

    Attributes:
        returns: The return of each episode (N,).
        lengths: Its number of steps (N,).
        terminated: Whether the environment ended it, other than by a limit of time (N,).
        interval: The 95 % confidence interval of the mean, bootstrapped; None for fewer than
            5 episodes.
    """

    returns: NDArray[np.float64]
    lengths: NDArray[np.int64]
    terminated: NDArray[np.bool_]
    interval: tuple[float, float] | None

    @property
    def mean(self) -> float:
        """The mean return."""
        return float(self.returns.mean())

    @property
    def std(self) -> float:
        """The standard deviation of the returns, as ``evaluate_policy`` of SB3 has it."""
        return float(self.returns.std())

    def to_dict(self) -> dict[str, Any]:
        """All of it, as JSON can hold it."""
        return {
            "mean": self.mean,
            "std": self.std,
            "confidence_interval_95": self.interval,
            "min": float(self.returns.min()),
            "max": float(self.returns.max()),
            "mean_length": float(self.lengths.mean()),
            "returns": self.returns.tolist(),
            "lengths": self.lengths.tolist(),
            "terminated": self.terminated.tolist(),
        }

    @classmethod
    def from_dict(cls, entries: Mapping[str, Any]) -> Returns:
        """The returns that :meth:`to_dict` returned.

        Raises:
            TypeError: If an entry has another type.
            ValueError: If one is missing, also for an episode, or out of range.
        """
        read = validated(_Entries, entries, "true_returns")
        returns, lengths, terminated = map(np.array, (read.returns, read.lengths, read.terminated))
        if not len(returns) == len(lengths) == len(terminated) > 0:
            raise ValueError(
                f"true_returns.returns are {len(returns)}, lengths {len(lengths)} and terminated "
                f"{len(terminated)}: expected one of each for an episode"
            )
        return cls(returns, lengths, terminated, read.confidence_interval_95)


@checks_types
def measure_returns(
    policy: Policy,
    env: gym.Env[Any, Any] | str,
    n_episodes: int = 100,
    *,
    seed: Seed = None,
    deterministic: bool = True,
    max_steps: int | None = None,
    progress_bar: bool = False,
) -> Returns:
    """Let a policy act and measure the rewards that the environment gives.

    Args:
        policy: What acts, see :func:`~rlsp_sb3.data.rollout_env`.
        env: The environment, or the id of one.
        n_episodes: How many episodes, at least 1.
        seed: Seeds the environment, the policy's actions and the bootstrap.
        deterministic: Whether the policy takes its most probable action.
        max_steps: Cut episodes after so many steps; None for those of the environment only.
        progress_bar: Whether to show a progress bar.

    Raises:
        TypeError: If the policy or the environment is none, or a number is not one.
        ValueError: If a number is out of range.
    """
    check_int("n_episodes", n_episodes, 1, MAX_COUNT)
    rng = check_seed("seed", seed)
    # One at a time: 100 episodes of images would not fit into memory.
    with show_progress(progress_bar):
        ended = [
            (episode.total_reward, len(episode), episode.terminated)
            for _ in track(range(n_episodes), "evaluating")
            for episode in rollout_env(
                policy, env, seed=rng, deterministic=deterministic, max_steps=max_steps
            )
        ]
    returns, lengths, terminated = zip(*ended, strict=True)
    array = np.array(returns)
    return Returns(array, np.array(lengths), np.array(terminated), mean_interval(array, rng))
