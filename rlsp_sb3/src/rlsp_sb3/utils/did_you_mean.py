"""Suggestions for mistyped names."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A hint to be put behind a mistyped word: " (did you mean 'x'?)", or nothing."""
    originals = {candidate.lower(): candidate for candidate in words}
    close = get_close_matches(word.lower(), originals, 1)
    return f" (did you mean {originals[close[0]]!r}?)" if close else ""
