"""Error of an environment whose optional dependency is not installed."""

from __future__ import annotations

from gymnasium.error import DependencyNotInstalled

EXTRAS = {
    "mujoco": '"gymnasium[mujoco]"',
    "robotics": '"gymnasium[mujoco]" gymnasium-robotics',
}
"""Packages of each extra, on the package index: this distribution is not there yet."""


class MissingExtraError(DependencyNotInstalled, ImportError):
    """An extra of this distribution is missing: Gymnasium's error for it, and Python's.

    Args:
        what: What needs the extra.
        extra: Its name.
        reason: What went wrong without it.
    """

    def __init__(self, what: str, extra: str, reason: object) -> None:
        super().__init__(f"{what} needs `pip install {EXTRAS[extra]}` ({reason})")
