"""Error of an environment whose optional dependency is not installed."""

from __future__ import annotations

from gymnasium.error import DependencyNotInstalled


class MissingExtraError(DependencyNotInstalled, ImportError):
    """An extra of this distribution is missing: Gymnasium's error for it, and Python's.

    Args:
        what: What needs the extra.
        extra: Its name.
        reason: What went wrong without it.
    """

    def __init__(self, what: str, extra: str, reason: object) -> None:
        super().__init__(f'{what} needs `pip install "rlsp-envs[{extra}]"` ({reason})')
