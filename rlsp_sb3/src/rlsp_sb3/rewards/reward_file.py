"""Files of linear rewards: JSON with weights by name and what features are made of again.

Arrays are safetensors in Base64, so that a reward is one text file in which no code can be.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlsp_sb3.encoders.base import Encoder
from rlsp_sb3.encoders.encoder_entries import encoder_from_entries
from rlsp_sb3.encoders.factory import OWN
from rlsp_sb3.io.archive import read_text_file
from rlsp_sb3.io.json_file import parse_json, write_json
from rlsp_sb3.type_aliases import Arrays
from rlsp_sb3.utils.checks import check_vector
from rlsp_sb3.utils.errors import FeaturesNotSavedError

_FORMAT = "rlsp-reward-2"
_ENTRIES = {"format", "weights", "features", "arrays", "checksum"}


class UnsavedFeatures:
    """Stands for features that are not in the file of a reward, until somebody asks for them.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, observations: ArrayLike) -> NDArray[np.float64]:
        """Raise a FeaturesNotSavedError."""
        self.refuse()

    def refuse(self) -> NoReturn:
        """Raise a FeaturesNotSavedError that says what to do."""
        raise FeaturesNotSavedError(
            f"path={str(self.path)!r} holds the weights of a reward only, and not what maps "
            "observations to its features: pass that, load_reward(path, features=...), such as "
            "env.unwrapped.features if the environment offers them"
        )


class SavedReward(NamedTuple):
    """Contents of the file of a reward.

    Attributes:
        weights: The weights by the names of the features.
        features: What maps observations to features; None for the identity.
        is_complete: Whether the file says what the features are.
    """

    weights: dict[str, float]
    features: Encoder | UnsavedFeatures | None
    is_complete: bool


def write_reward_file(
    path: Path, weights: Mapping[str, float], features: Mapping[str, Any] | None, arrays: Arrays
) -> None:
    """Write the file of a reward, whole or not at all.

    Args:
        path: Where to.
        weights: The weights by name.
        features: The settings of the features' encoder; None for the identity.
        arrays: Its arrays.
    """
    content = {"format": _FORMAT, "weights": dict(weights), "features": features}
    if arrays:
        contiguous = {name: np.array(array, order="C", ndmin=0) for name, array in arrays.items()}
        content["arrays"] = base64.b64encode(save(contiguous)).decode("ascii")
    write_json(path, {**content, "checksum": _checksum(content)})


def read_reward_file(path: Path) -> SavedReward:
    """Read the file of a reward.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of a reward, or was changed since.
    """
    try:
        return _parse(path, parse_json(read_text_file(path)))
    except KeyError as error:
        reason = f"it has no entry {error}"
    except (TypeError, AttributeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = str(error)
    raise ValueError(f"path={str(path)!r} is not the file of a LinearReward: {reason}")


def _parse(path: Path, content: Any) -> SavedReward:
    if not isinstance(content, dict) or "weights" not in content:
        raise ValueError("expected 'weights' by name and their 'checksum', as save() writes")
    weights = content["weights"]
    is_older = "format" not in content  # weights, and in the oldest not even a checksum
    if not {*content} <= ({"weights", "checksum"} if is_older else _ENTRIES):
        raise ValueError(f"it has the entries {sorted(content)}")
    if not is_older and content["format"] != _FORMAT:
        raise ValueError(
            f"format={content['format']!r}: expected {_FORMAT!r}; a newer version of rlsp-sb3 may "
            "have written it"
        )
    if not is_older or "checksum" in content:
        checked = {name: value for name, value in content.items() if name != "checksum"}
        if content["checksum"] != _checksum(weights if is_older else checked):
            raise ValueError(
                f"the checksum {content['checksum']!r} is not that of the weights: the file is "
                "damaged, or was edited; write it again by save()"
            )
    check_vector("weights", list(weights.values()), len(weights))
    if is_older:
        return SavedReward(weights, None, is_complete=False)
    settings = content["features"]
    if settings is None:
        return SavedReward(weights, None, is_complete=True)
    if settings == OWN:
        return SavedReward(weights, UnsavedFeatures(path), is_complete=False)
    arrays = load(base64.b64decode(content["arrays"], validate=True))
    encoder = encoder_from_entries(settings, arrays)
    if len(encoder.feature_names) != len(weights):
        raise ValueError(
            f"there are {len(weights)} weights and {len(encoder.feature_names)} features"
        )
    return SavedReward(weights, encoder, is_complete=True)


def _checksum(content: Any) -> str:
    """Checksum of entries, in the order in which they are."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
