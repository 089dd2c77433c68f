"""Files of SB3's algorithms, read without running what is in them.

SB3's own ``load`` unpickles parts of a file, and a pickle is a program. Here a pickle is never
loaded: of the settings (``data``) only what is plain JSON is taken, and a few arrays by our own
unpickler of arrays; tensors are read by PyTorch's reader for tensors alone.
"""

from __future__ import annotations

import base64
import json
import pickle
import re
import zipfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from rlsp_sb3.io.archive import open_archive, read_member
from rlsp_sb3.io.npz import DAMAGED_ARCHIVE_ERRORS
from rlsp_sb3.io.restricted_pickle import RefusedPickleError, parse_pickle

PICKLED = ":serialized:"
_ARRAYS = ("_last_obs", "_last_original_obs")


class SavedModel(NamedTuple):
    """Contents of a file of an SB3 algorithm.

    Attributes:
        settings: The attributes of the algorithm that are plain JSON. One that SB3 pickled is a
            dictionary of what SB3 wrote beside the pickle: plain values and texts.
        states: State dictionaries by name: "policy", "policy.optimizer", …
        variables: Tensors that belong to no network, by name.
        arrays: The last observations of the training, by the names of the attributes: what the
            policy saw, and what the environment had shown before VecNormalize. Those that are not
            there, or are no arrays, are left out.
    """

    settings: dict[str, Any]
    states: dict[str, dict[str, Any]]
    variables: dict[str, torch.Tensor]
    arrays: dict[str, NDArray[Any]]


def member_names(path: str | Path) -> set[str]:
    """The names of what is in a zip file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no zip file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return set(archive.namelist())
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(f"path={str(path)!r} is not a zip file: {error}") from error


def read_sb3(path: str | Path, device: torch.device | str = "cpu") -> SavedModel:
    """Read the file of an algorithm, without running code from it.

    Args:
        path: The file, which an algorithm's ``save`` wrote.
        device: Where tensors are put.

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedPickleError: If something is said to be tensors and is not.
        ValueError: If it is no such file.
    """
    content = Path(path).read_bytes()
    try:
        with open_archive(content) as archive:
            settings = json.loads(read_member(archive, "data"))
            tensors = {
                name.removesuffix(".pth"): _read_tensors(name, read_member(archive, name), device)
                for name in archive.namelist()
                if name.endswith(".pth")
            }
        if not isinstance(settings, dict):
            raise ValueError("data are not those of an algorithm")
        variables = tensors.pop("pytorch_variables", {})
        if not all(isinstance(value, torch.Tensor) for value in variables.values()):
            raise ValueError("pytorch_variables.pth does not hold tensors")
        _check_parameters(tensors["policy"])
    except RefusedPickleError as error:
        raise RefusedPickleError(f"path={str(path)!r} is refused: {error}") from error
    except DAMAGED_ARCHIVE_ERRORS as error:
        raise ValueError(f"path={str(path)!r} is not a file of SB3: {error}") from error
    arrays = {name: array for name in _ARRAYS if (array := _array(settings.get(name))) is not None}
    plain = {name: _plain(value) for name, value in settings.items()}
    return SavedModel(plain, tensors, variables, arrays)


def text_of(settings: Any, name: str) -> str:
    """The text of some name that SB3 wrote beside a pickle; "" if there is none."""
    value = settings.get(name) if isinstance(settings, dict) else None
    return value if isinstance(value, str) else ""


def _plain(value: Any) -> Any:
    """A setting without its pickle."""
    if isinstance(value, dict):
        return {name: part for name, part in value.items() if name != PICKLED}
    return value


def _array(value: Any) -> NDArray[Any] | None:
    """The array in a pickle; None if there is no pickle, or anything else in it."""
    if isinstance(value, dict) and isinstance(value.get(PICKLED), str):
        with suppress(ValueError):
            found = parse_pickle(base64.b64decode(value[PICKLED]))
            return found if isinstance(found, np.ndarray) else None
    return None


def _read_tensors(name: str, content: bytes, device: torch.device | str) -> dict[str, Any]:
    """Read tensors that PyTorch stored, in a dictionary with plain values."""
    with open_archive(content) as archive:
        # PyTorch before 2.6 ran a TorchScript program even if asked for tensors only.
        if any(member.endswith("constants.pkl") for member in archive.namelist()):
            raise RefusedPickleError(f"{name} is a program (TorchScript)")
    try:
        loaded = torch.load(BytesIO(content), map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        # PyTorch's message advises to load it all the same.
        asked = re.search(r"GLOBAL ([\w.]+)", str(error))
        raise RefusedPickleError(
            f"{name} asks for {asked[1] if asked else 'something'}, and only tensors are allowed: "
            "pickles can run code, so do not load it by other means unless you trust its source"
        ) from None
    if loaded is None:  # no tensors
        return {}
    if not isinstance(loaded, dict) or not all(isinstance(key, str) for key in loaded):
        raise ValueError(f"{name} does not hold tensors by name")
    return loaded


def _check_parameters(parameters: dict[str, Any]) -> None:
    for name, tensor in parameters.items():
        # A tensor that is not contiguous can be larger than what is stored of it.
        if not isinstance(tensor, torch.Tensor) or not tensor.is_contiguous():
            raise ValueError(f"policy.pth: {name} is not a plain tensor")
