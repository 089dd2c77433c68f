"""A file of some kilobytes does not become gigabytes, whatever it says and whatever it holds."""

import io
import json
import pickle
import struct
import tracemalloc
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import safetensors.numpy
import torch

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.data import load_episodes
from rlsp_sb3.data.state_files import load_states
from rlsp_sb3.experiments.gridworlds.cells import CellFile
from rlsp_sb3.experiments.report.table_run import read_table_run
from rlsp_sb3.io import archive, npz, save_util
from rlsp_sb3.io.restricted_pickle import parse_pickle, read_pickle
from rlsp_sb3.policies import import_sb2_sac, load_policy
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run import read_log, read_run

assert rlsp_envs.__version__  # imported to register the environments

LIMIT = 2**20
ZEROS = bytes(3 * LIMIT)
TOO_LARGE = r"path='.*bomb\.\w+'.* would be 3,[\d,]+ bytes unpacked: expected at most 1,048,576"


@pytest.fixture(autouse=True)
def limit(monkeypatch):
    monkeypatch.setattr(archive, "MAX_UNPACKED_BYTES", LIMIT)
    for module in (npz, save_util):
        monkeypatch.setattr(module, "MAX_UNPACKED_BYTES", LIMIT)


def test_limit_is_a_quarter_of_a_gibibyte(monkeypatch):
    monkeypatch.undo()
    assert archive.MAX_UNPACKED_BYTES == 2**28 == archive.unpacked_limit(1000)
    assert archive.unpacked_limit(2**30) == 2**30


def zipped(method=zipfile.ZIP_DEFLATED, **members):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", method) as file:
        for name, member in members.items():
            file.writestr(name.replace("__", "."), member)
    return content.getvalue()


def understated(content, name, size):
    """A zip whose member says that it is smaller than it is."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        actual = struct.pack("<L", file.getinfo(name).file_size)
    return content.replace(actual, struct.pack("<L", size))


def npy(array):
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def learner_file(arrays):
    data = {"format": "rlsp-learner-1", "class": "TabularRLSP"}
    return zipped(data__json=json.dumps(data), arrays__safetensors=arrays)


def torch_file():
    content = io.BytesIO()
    torch.save({"weight": torch.zeros(3 * LIMIT // 4)}, content)
    with zipfile.ZipFile(content) as file:
        return zipped(**{name.replace(".", "__"): file.read(name) for name in file.namelist()})


BOMBS = {
    "npz": (lambda: zipped(observations__npy=npy(np.frombuffer(ZEROS))), load_episodes, "bomb.npz"),
    "learner": (
        lambda: learner_file(safetensors.numpy.save({"theta": np.frombuffer(ZEROS)})),
        lambda path: TabularRLSP.load(path, "RoomDefault-v0"),
        "bomb.zip",
    ),
    "SB2": (
        lambda: zipped(data="{}", parameters=ZEROS, parameter_list="[]"),
        lambda path: import_sb2_sac(path, gym.make("Pendulum-v1")),
        "bomb.zip",
    ),
    "npz in SB2": (
        lambda: zipped(data="{}", parameters=zipped(a__npy=ZEROS), parameter_list="[]"),
        lambda path: import_sb2_sac(path, gym.make("Pendulum-v1")),
        "bomb.zip",
    ),
    "SB3": (
        lambda: zipped(data="{}", policy__pth=ZEROS),
        lambda path: load_policy(path, gym.make("CartPole-v1")),
        "bomb.zip",
    ),
    "tensors in SB3": (
        lambda: zipped(data="{}", policy__pth=torch_file()),
        lambda path: load_policy(path, gym.make("CartPole-v1")),
        "bomb.zip",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_says_that_it_is_too_large_is_refused(tmp_path, name):
    make, read, file_name = BOMBS[name]
    content = make()
    assert len(content) < LIMIT / 50
    path = tmp_path / file_name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=TOO_LARGE):
        read(path)


@pytest.mark.parametrize("name", ["npz", "learner", "SB2", "SB3"])
def test_what_is_too_large_and_does_not_say_so_is_refused(tmp_path, name):
    make, read, file_name = BOMBS[name]
    content = make()
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        largest = max(file.infolist(), key=lambda member: member.file_size)
    path = tmp_path / file_name
    path.write_bytes(understated(content, largest.filename, 1000))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"path='.*bomb\.\w+'"):
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


# What is in a file without compression takes no more memory than the file, but text does.


def npy_2(array):
    content = io.BytesIO()
    np.lib.format.write_array(content, array, version=(2, 0))
    return content.getvalue()


SAYS_TOO_MUCH = {
    "npy": (lambda: grown(npy(np.zeros(1000))), load_states, "bomb.npy"),
    "npy 2.0": (lambda: grown(npy_2(np.zeros(1000))), load_states, "bomb.npy"),
    "npz": (lambda: zipped(a__npy=grown(npy(np.zeros(1000)))), load_states, "bomb.npz"),
    "npz of episodes": (
        lambda: zipped(format__npy=grown(npy(np.zeros(1000)))),
        load_episodes,
        "bomb.npz",
    ),
}


def grown(content):
    """An npy file of 1,000 numbers that says that it has a thousand million."""
    return content.replace(b"(1000,), }      ", b"(1000000000,), }")


@pytest.mark.parametrize("name", SAYS_TOO_MUCH)
def test_arrays_have_what_they_say(tmp_path, name):
    make, read, file_name = SAYS_TOO_MUCH[name]
    path = tmp_path / file_name
    path.write_bytes(make())
    tracemalloc.start()
    with pytest.raises(ValueError, match="the array would be 8,000,000,000 bytes unpacked"):
        read(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * LIMIT


TEXTS = {
    "states": ("states.csv", load_states),
    "reward": ("reward.json", LinearReward.load),
    "run": ("config.json", lambda path: read_run(path.parent)),
    "log": ("progress.csv", read_log),
    "table": ("config.json", lambda path: read_table_run(path.parent)),
    "cells": ("cells.csv", CellFile),
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_that_is_too_large_is_refused(tmp_path, name):
    file_name, read = TEXTS[name]
    path = tmp_path / file_name
    path.write_bytes(b"1\n" * (LIMIT // 2 + 1))
    reason = "is not the folder of a table" if name == "table" else "larger than 1,048,576 bytes"
    with pytest.raises(ValueError, match=f"{tmp_path.name}.*{reason}"):
        read(path)


def test_members_are_counted_together():
    content = zipped(**{f"part_{i}": ZEROS[: LIMIT // 2] for i in range(3)})
    with pytest.raises(ValueError, match="all that is in it would be 1,572,864 bytes unpacked"):
        archive.open_archive(content)


def test_what_is_larger_than_it_says_is_not_unpacked():
    content = understated(zipped(part=bytes(50 * LIMIT)), "part", 1000)
    with archive.open_archive(content) as file:
        tracemalloc.start()
        with pytest.raises(zipfile.BadZipFile):
            archive.read_member(file, "part")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 4 * LIMIT


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_of_compression_are_refused(method):
    with pytest.raises(ValueError, match=rf"part is compressed by the method {method}: expected"):
        archive.open_archive(zipped(method, part=b"hello"))


def test_files_that_are_large_themselves_are_read(tmp_path):
    array = np.random.default_rng(0).random(LIMIT // 4)  # 2 MiB
    npz.write_npz(tmp_path / "large.npz", {"array": array})
    read = npz.read_npz((tmp_path / "large.npz").read_bytes())
    np.testing.assert_array_equal(read["array"], array)
    save_util.write_archive(tmp_path / "large.zip", {}, {"array": 0 * array})
    _, arrays = save_util.read_archive(tmp_path / "large.zip")
    np.testing.assert_array_equal(arrays["array"], 0 * array)


def test_small_files_are_compressed(tmp_path):
    npz.write_npz(tmp_path / "small.npz", {"array": np.zeros(LIMIT // 16)})
    save_util.write_archive(tmp_path / "small.zip", {}, {"array": np.zeros(LIMIT // 16)})
    assert all(path.stat().st_size < LIMIT // 50 for path in tmp_path.iterdir())


def test_npz_of_one_array_or_of_objects_is_refused():
    for content in (npy(np.zeros(3)), zipped(a__npy=npy(np.zeros(3))[:-1]), zipped(a=b"text")):
        with pytest.raises(ValueError, match="it is damaged, or not an npz file of plain arrays"):
            npz.read_npz(content)


def pickle_bomb(n, protocol):
    """A pickle that makes many arrays of the same bytes."""
    one = np.frombuffer(ZEROS[: LIMIT // 4], np.uint8)
    if protocol < 5:
        _, _, state = one.__reduce__()
        return pickle.dumps([Rebuilt(state) for _ in range(n)], protocol)
    reduced = one.__reduce_ex__(5)
    return pickle.dumps([Rebuilt(reduced) for _ in range(n)], protocol)


class Rebuilt:
    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        if len(self.state) == 2:
            function, (_, *others) = self.state
            return function, (DATA, *others)
        return np.zeros(0).__reduce__()[0], (np.ndarray, (0,), b"b"), (*self.state[:4], DATA)


DATA = ZEROS[: LIMIT // 4]


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pickles_do_not_make_many_arrays_of_one(tmp_path, protocol):
    assert len(parse_pickle(pickle_bomb(3, protocol))) == 3
    path = tmp_path / "bomb.pkl"
    path.write_bytes(pickle_bomb(500, protocol))
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"path='.*bomb\.pkl'.* bytes unpacked: expected at most"):
        read_pickle(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * LIMIT
