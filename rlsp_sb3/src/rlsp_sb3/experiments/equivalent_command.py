"""The command that does the same as a call from Python."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.utils.arguments import ARRAYS
from rlsp_sb3.utils.settings import plain


def source_of(observed_states: str | Path | ArrayLike | None) -> str | None:
    """Name of the source of observed states; of an array, its shape and a digest."""
    if observed_states is None or isinstance(observed_states, (str, Path)):
        return None if observed_states is None else str(observed_states)
    array: NDArray[Any] = np.ascontiguousarray(observed_states)
    return f"array {array.shape} of SHA-256 {hashlib.sha256(array.tobytes()).hexdigest()[:16]}"


def equivalent_command(
    env: str, options: Mapping[str, Any], chosen: Mapping[str, Any], command: str = "learn"
) -> str | None:
    """The command that does the same; None if an argument cannot be written as text."""
    words = ["rlsp", command, env]
    for name, value in options.items():
        words += [] if value is None else [f"--{name}", str(value)]
    for name, value in chosen.items():
        text = _as_text(value)
        if text is None or (name in ARRAYS and not isinstance(value, str)):
            return None
        words += ["--set", f"{name}={text}"]
    return shlex.join(words)


def _as_text(value: Any) -> str | None:
    """The value of an argument as ``--set`` takes it; None for an object."""
    value = plain(value)
    if value is None or isinstance(value, (str, bool, int, float)):
        return str(value)
    if not isinstance(value, Mapping):
        return None
    try:
        text: str = yaml.safe_dump(
            dict(value), default_flow_style=True, sort_keys=False, width=float("inf")
        )
    except yaml.representer.RepresenterError:
        return None
    return text.strip()


def as_json_value(value: Any) -> Any:
    """The value of an argument; of an object, its class, which is the same in every run."""
    return plain(value) if _as_text(value) is not None else type(value).__name__
