"""Pickles that would run code, in every place of every kind of file: none of it is run."""

import base64
import functools
import hashlib
import io
import json
import pickle
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.data import load_episodes
from rlsp_sb3.data.state_files import load_states
from rlsp_sb3.policies import import_sb2_sac, load_policy
from rlsp_sb3.policies.vec_normalize import read_vec_normalize
from rlsp_sb3.rewards.reward import LinearReward, load_reward

from helpers.policy_files import Touch, rewrite, sac_parameters, settings, write_zip

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
GRID = "RoomDefault-v0"


class Evaluates(Touch):
    """A pickle that evaluates text."""

    def __reduce__(self):
        return eval, (f"open({str(self.path)!r}, 'w')",)


class Nested(Touch):
    """A pickle that runs code for the state of what is harmless."""

    def __reduce__(self):
        return np.dtype, ("f8",), Touch(self.path)


PAYLOADS = (Touch, Evaluates, Nested)


def objects(pickled: bytes) -> bytes:
    """An npy file of Python objects, which NumPy pickles."""
    content = io.BytesIO()
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    np.lib.format.write_array_header_1_0(content, header)
    return content.getvalue() + pickled


def zipped(**members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, member in members.items():
            file.writestr(name.replace("__", "."), member)
    return content.getvalue()


@functools.cache
def saved_model() -> bytes:
    """The file of an algorithm of SB3."""
    content = io.BytesIO()
    A2C("MlpPolicy", "CartPole-v1", device="cpu").save(content)
    return content.getvalue()


@functools.cache
def saved_learner() -> bytes:
    content = io.BytesIO()
    TabularRLSP(GRID, seed=0).save(content)
    return content.getvalue()


def with_members(whole: bytes, path: Path, **members: Any) -> bytes:
    path.write_bytes(whole)
    return rewrite(path, **members).read_bytes()


def tensors(pickled: bytes) -> bytes:
    """A file of PyTorch in which the pickle is another one."""
    content = io.BytesIO()
    torch.save({"weight": torch.zeros(2)}, content)
    with zipfile.ZipFile(content) as file:
        members = {name: file.read(name) for name in file.namelist()}
    return zipped(
        **{
            name.replace(".", "__"): pickled if name.endswith("data.pkl") else member
            for name, member in members.items()
        }
    )


def serialized(pickled: bytes) -> dict[str, str]:
    return {":type:": "<class 'dict'>", ":serialized:": base64.b64encode(pickled).decode()}


def in_all_settings(pickled: bytes) -> Callable[[bytes], str]:
    def change(data: bytes) -> str:
        return json.dumps(dict.fromkeys(json.loads(data), serialized(pickled)))

    return change


def load_learner(path: Path) -> Any:
    return TabularRLSP.load(path, GRID)


def load_sb3(path: Path) -> Any:
    return load_policy(path, gym.make("CartPole-v1"))


def load_sb2(path: Path) -> Any:
    return import_sb2_sac(path, gym.make("Pendulum-v1"))


def sb2(pickled: bytes, path: Path, **members: Any) -> bytes:
    write_zip(path, sac_parameters(3, 1), action_space=serialized(pickled))
    return rewrite(path, **members).read_bytes() if members else path.read_bytes()


def changed_reward(path: Path, **entries: Any) -> bytes:
    """The file of a reward with other entries, and a checksum that is right."""
    TabularRLSP(GRID, seed=0).reward.save(path)
    content = {**json.loads(path.read_text()), **entries}
    del content["checksum"]
    checksum = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    return json.dumps({**content, "checksum": checksum}).encode()


# What is made of a pickle, given a path to write to; the name of the file; and what reads it.
PLACES: dict[str, tuple[Callable[[bytes, Path], bytes], str, Callable[[Path], Any]]] = {
    "learner": (lambda p, _: p, "learner.zip", load_learner),
    "learner, data": (
        lambda p, path: with_members(saved_learner(), path, data__json=p),
        "learner.zip",
        load_learner,
    ),
    "learner, arrays": (
        lambda p, path: with_members(saved_learner(), path, arrays__safetensors=p),
        "learner.zip",
        load_learner,
    ),
    "learner, another member": (
        lambda p, path: with_members(saved_learner(), path, data__pkl=p),
        "learner.zip",
        load_learner,
    ),
    "learner, an argument": (
        lambda p, path: with_members(
            saved_learner(), path, data__json=settings(arguments=serialized(p))
        ),
        "learner.zip",
        load_learner,
    ),
    "SB3": (lambda p, _: p, "model.zip", load_sb3),
    "SB3, settings": (
        lambda p, path: with_members(saved_model(), path, data=in_all_settings(p)),
        "model.zip",
        load_sb3,
    ),
    "SB3, observations": (
        lambda p, path: with_members(
            saved_model(), path, data=settings(_last_obs=serialized(p), unknown=serialized(p))
        ),
        "model.zip",
        load_sb3,
    ),
    **{
        f"SB3, {member}{how}": (
            lambda p, path, member=member, make=make: with_members(
                saved_model(), path, **{member: make(p)}
            ),
            "model.zip",
            load_sb3,
        )
        for member in ("policy.pth", "policy.optimizer.pth", "pytorch_variables.pth")
        for how, make in (("", bytes), (" as tensors", tensors))
    },
    "SB2": (lambda p, _: p, "model.zip", load_sb2),
    "SB2, settings": (sb2, "model.zip", load_sb2),
    "SB2, parameters": (lambda p, path: sb2(p, path, parameters=p), "model.zip", load_sb2),
    "SB2, objects": (
        lambda p, path: sb2(p, path, parameters=zipped(a__npy=objects(p))),
        "model.zip",
        load_sb2,
    ),
    "SB2, names": (lambda p, path: sb2(p, path, parameter_list=p), "model.zip", load_sb2),
    "npz": (lambda p, _: p, "episodes.npz", load_episodes),
    "npz, objects": (
        lambda p, _: zipped(format__npy=objects(p)),
        "episodes.npz",
        load_episodes,
    ),
    "states, npz": (lambda p, _: zipped(a__npy=objects(p)), "states.npz", load_states),
    "states, npy": (lambda p, _: p, "states.npy", load_states),
    "states, npy, objects": (lambda p, _: objects(p), "states.npy", load_states),
    "states, csv": (lambda p, _: p, "states.csv", load_states),
    "reward": (lambda p, _: p, "reward.json", LinearReward.load),
    "reward, arrays": (
        lambda p, path: changed_reward(path, arrays=base64.b64encode(p).decode()),
        "reward.json",
        load_reward,
    ),
    "reward, features": (
        lambda p, path: changed_reward(path, features=serialized(p)),
        "reward.json",
        load_reward,
    ),
    "demonstrations": (lambda p, _: p, "demonstrations.pkl", load_episodes),
    "VecNormalize": (lambda p, _: p, "vecnormalize.pkl", read_vec_normalize),
}


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("place", PLACES)
def test_no_code_is_run(place: str, tmp_path: Path) -> None:
    make, name, read = PLACES[place]
    trace = tmp_path / "run"
    for payload in PAYLOADS:
        for protocol in PROTOCOLS:
            for content in (payload(trace), [{"obs": payload(trace)}]):
                path = tmp_path / name
                path.write_bytes(make(pickle.dumps(content, protocol), path))
                try:
                    read(path)
                except ValueError as error:
                    message = str(error)
                    assert name in message, message
                assert not trace.exists(), (payload, protocol)


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_pickles_do_run_code(payload: Any, protocol: int, tmp_path: Path) -> None:
    with suppress(AttributeError, TypeError):  # of what becomes of it
        pickle.loads(pickle.dumps(payload(tmp_path / "run"), protocol)).close()
    assert (tmp_path / "run").exists()
