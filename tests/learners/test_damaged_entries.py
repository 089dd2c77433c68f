"""Every entry of a learner's file is checked: it is missed, and has a type and a shape."""

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import (
    AverageFeatures,
    Deviation,
    RelativeReachability,
    RewardSampling,
    TaskReward,
    Waypoints,
)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.io.save_util import read_archive, write_archive

from helpers.deep_learner import ENV, STATES, TINY, make_learner

GRID = "RoomDefault-v0"
LEARNED: dict[str, Callable[[], Any]] = {
    "TabularRLSP": lambda: TabularRLSP(GRID, seed=0).learn(3),
    "TaskReward": lambda: TaskReward(GRID, seed=0).learn(),
    "Deviation": lambda: Deviation(GRID, seed=0).learn(),
    "RelativeReachability": lambda: RelativeReachability(GRID, seed=0).learn(),
    "RewardSampling": lambda: RewardSampling(GRID, n_samples=5, burn_in=5, seed=0).learn(),
    "RLSP, FastPPO": lambda: make_learner().learn(200),
    "RLSP, FastSAC": lambda: make_learner(sampling="backward", solver="FastSAC").learn(200),
    "AverageFeatures, FastPPO": lambda: AverageFeatures(
        ENV, STATES, hyperparameters=TINY, seed=0
    ).learn(200),
    "Waypoints, FastSAC": lambda: Waypoints(
        ENV, STATES, hyperparameters=TINY, solver="FastSAC", seed=0
    ).learn(200),
}
MANY = 20  # arrays in a file, so that not every change of each is tried
SPOILERS: list[Any] = [None, "text", -1, [[1]], {"a": [1]}]


@pytest.fixture(scope="module", params=LEARNED)
def saved(request: Any, tmp_path_factory: Any) -> Any:
    """The class of a learner, its environment, and the file that it wrote."""
    learner = LEARNED[request.param]()
    path = tmp_path_factory.mktemp("saved") / "learner.zip"
    learner.save(path, include_replay=True)
    return type(learner), learner.env, path


def changed_arrays(name: str, array: Any) -> dict[str, Any]:
    """Arrays that are not to be taken for one; None for none at all."""
    other = np.float32 if array.dtype == np.float64 else np.float64
    found = {
        "missing": None,
        "another type": array.astype(other),
        "another kind": array.astype(np.int8),
        "another shape": array[None],
        "another length": np.stack([array.ravel()] * 3).ravel(),
    }
    if name == "observed_states":  # there may be any number of them
        del found["another length"]
    return {
        how: changed
        for how, changed in found.items()
        if changed is None or (changed.shape, changed.dtype) != (array.shape, array.dtype)
    }


def some(changes: Iterable[Any], arrays: Any, number: int) -> list[Any]:
    """All changes of an entry, or two, in turn, in files of many: the first, and one other."""
    first, *others = changes
    return [first, *(others if len(arrays) < MANY else others[number % len(others) :][:1])]


def refusal(saved: Any, tmp_path: Path, data: Any, arrays: Any) -> str:
    """Why a file with other entries is refused; "" if it is not."""
    learner_class, env, _ = saved
    path = tmp_path / "changed.zip"
    write_archive(path, data, arrays)
    try:
        learner_class.load(path, env)
    except (TypeError, ValueError) as error:
        return str(error)
    return ""


def test_every_array(saved: Any, tmp_path: Path) -> None:
    data, arrays = read_archive(saved[2])
    assert not refusal(saved, tmp_path, data, arrays)
    unclear = []
    for i, (name, array) in enumerate(arrays.items()):
        for how, changed in some(changed_arrays(name, array).items(), arrays, i):
            others = {each: kept for each, kept in arrays.items() if each != name}
            others |= {} if changed is None else {name: changed}
            message = refusal(saved, tmp_path, data, others)
            if "changed.zip" not in message or name.rpartition(".")[2] not in message:
                unclear.append((name, how, message))
    assert not unclear


def paths(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    parts = content.items() if isinstance(content, dict) else enumerate(content)
    found = []
    for name, part in parts:
        found.append((*path, name))
        if isinstance(part, (dict, list)):
            found += paths(part, (*path, name))
    return found


def test_every_other_entry(saved: Any, tmp_path: Path) -> None:
    data, arrays = read_archive(saved[2])
    for i, path in enumerate(paths(data)):
        for value in some((Ellipsis, *SPOILERS), arrays, i):
            spoiled = copy.deepcopy(data)
            *way, last = path
            place = spoiled
            for name in way:
                place = place[name]
            if value is Ellipsis:
                del place[last]
            else:
                place[last] = value
            message = refusal(saved, tmp_path, spoiled, arrays)
            assert not message or "changed.zip" in message, (path, value, message)
