"""What is saved comes back whole, and nothing else is believed to be a learner."""

import functools
import inspect
import json
import os
import pickle
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import safetensors.numpy
import torch
from stable_baselines3.common.callbacks import CheckpointCallback, ConvertCallback

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.io import save_util

from helpers.textbook import LineEnv

assert rlsp_envs.__version__  # imported to register the environments

OTHER_THAN_DEFAULT = {
    "horizon": 8,
    "temperature": 0.7,
    "prior": "laplace",
    "prior_std": 0.3,
    "learning_rate": 0.05,
    "n_epochs": 12,
    "initial_states": "uniform",
    "inferred_weight": 2.5,
    "combination": "bayesian",
    "optimizer": "ascent",
    "seed": 11,
    "verbose": 2,
    "tensorboard_log": "events",
    "device": "cpu",
}
PARAMETERS = inspect.signature(TabularRLSP).parameters


def room():
    return gym.make("RoomDefault-v0")


@pytest.fixture
def observed_states():
    return np.repeat(room().unwrapped.observed_states, 3, axis=0)


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "learner.zip"
    TabularRLSP(room(), seed=0).learn(3).save(path)
    return path


def test_every_argument_is_tested_with_another_value_than_its_default():
    assert set(OTHER_THAN_DEFAULT) == set(PARAMETERS) - {"env", "observed_states"}
    for name, value in OTHER_THAN_DEFAULT.items():
        assert value != PARAMETERS[name].default


@pytest.mark.parametrize("left_out", ["inferred_weight", "combination"])  # they exclude each other
def test_every_argument_comes_back(tmp_path, observed_states, left_out):
    arguments = {name: OTHER_THAN_DEFAULT[name] for name in OTHER_THAN_DEFAULT if name != left_out}
    learner = TabularRLSP(room(), observed_states, **arguments)
    learner.save(tmp_path / "learner")
    loaded = TabularRLSP.load(tmp_path / "learner", room())
    assert loaded.tensorboard_log is None
    arguments.pop("tensorboard_log")
    for name, value in arguments.items():
        assert str(getattr(loaded, name)) == str(getattr(learner, name)) == str(value), name
    np.testing.assert_array_equal(loaded.observed_states, observed_states)
    assert loaded.observed_states.dtype == observed_states.dtype
    theta = np.array([0.3, -0.1, 0.2, 0.4])
    assert loaded.log_likelihood(theta) == learner.log_likelihood(theta)


@pytest.mark.parametrize("name", sorted(set(OTHER_THAN_DEFAULT) - {"device", "tensorboard_log"}))
def test_each_argument_comes_back_alone(tmp_path, name):
    value = OTHER_THAN_DEFAULT[name]
    needed = {"optimizer": "ascent"} if name == "learning_rate" else {}
    TabularRLSP(room(), **{name: value}, **needed).save(tmp_path / "learner")
    loaded = TabularRLSP.load(tmp_path / "learner", room())
    assert getattr(loaded, name) == value
    others = set(OTHER_THAN_DEFAULT) - {name, "device", "horizon", *needed}
    for other in others:
        assert getattr(loaded, other) == PARAMETERS[other].default


def test_what_was_learned_comes_back(tmp_path):
    learner = TabularRLSP(room(), seed=4, optimizer="ascent").learn(17)
    learner.rng.random(5)
    learner.save(tmp_path / "learner")
    loaded = TabularRLSP.load(tmp_path / "learner", room())
    np.testing.assert_array_equal(loaded.theta, learner.theta)
    assert loaded.num_timesteps == 17
    np.testing.assert_array_equal(loaded.rng.random(10), learner.rng.random(10))
    assert str(loaded.reward) == str(learner.reward)
    np.testing.assert_array_equal(loaded.policy.table, learner.policy.table)


def test_arguments_can_be_replaced_when_loading(saved, observed_states):
    replaced = {"optimizer": "ascent", "learning_rate": 0.01, "verbose": 0}
    loaded = TabularRLSP.load(saved, room(), device="cpu", **replaced)
    assert (loaded.optimizer, loaded.learning_rate) == ("ascent", 0.01)
    loaded = TabularRLSP.load(saved, room(), observed_states=observed_states)
    np.testing.assert_array_equal(loaded.observed_states, observed_states)


def test_arguments_of_numpy_are_saved_too(tmp_path):
    learner = TabularRLSP(
        room(),
        horizon=np.int64(7),
        temperature=np.float32(0.5),
        learning_rate=np.float64(0.1),
    )
    learner.save(tmp_path / "learner")
    loaded = TabularRLSP.load(tmp_path / "learner", room())
    assert (loaded.horizon, loaded.temperature, loaded.learning_rate) == (7, 0.5, 0.1)


def test_learner_of_somebody_elses_environment_is_saved(tmp_path):
    learner = TabularRLSP(LineEnv(), observed_states=[4], horizon=4, seed=0).learn(5)
    learner.save(tmp_path / "learner")
    loaded = TabularRLSP.load(tmp_path / "learner", LineEnv())
    np.testing.assert_array_equal(loaded.learn(5).theta, learner.learn(5).theta)


def test_environment_to_load_into_may_be_an_id(saved):
    assert TabularRLSP.load(saved, "RoomDefault-v0").num_timesteps == 3


def test_environment_with_other_spaces_is_refused(saved):
    with pytest.raises(ValueError, match=r"shape \(1, 75\): expected \(n, 175\)"):
        TabularRLSP.load(saved, "TrainDefault-v0")


# Killed and resumed.


class KilledError(Exception):
    pass


@pytest.mark.parametrize(
    ("optimizer", "kept", "killed", "total"), [("ascent", 10, 17, 30), ("lbfgs", 3, 5, 8)]
)
def test_killed_and_resumed_is_never_stopped(tmp_path, optimizer, kept, killed, total):
    make = functools.partial(TabularRLSP, room(), seed=9, optimizer=optimizer)
    never_stopped = make().learn(total)

    def kill(local_variables, global_variables):
        if local_variables["self"].num_timesteps == killed:
            raise KilledError
        return True

    with pytest.raises(KilledError):
        make().learn(total, [CheckpointCallback(kept, tmp_path), ConvertCallback(kill)])
    assert os.listdir(tmp_path) == [f"rl_model_{kept}_steps.zip"]
    resumed = TabularRLSP.load(tmp_path / f"rl_model_{kept}_steps", room())
    resumed.learn(total - kept, reset_num_timesteps=False)
    assert resumed.num_timesteps == never_stopped.num_timesteps == total
    np.testing.assert_array_equal(resumed.theta, never_stopped.theta)
    assert resumed.rng.bit_generator.state == never_stopped.rng.bit_generator.state


@pytest.mark.parametrize("prior", ["gaussian", "laplace"])
def test_resumed_from_every_iteration_it_comes_to_the_same_maximum(tmp_path, prior):
    env, arguments = "ApplesDefault-v0", {"prior": prior, "seed": 2}
    never_stopped = TabularRLSP(env, **arguments).learn()
    assert never_stopped.has_converged
    assert 5 < never_stopped.num_timesteps < 50
    TabularRLSP(env, **arguments).learn(callback=CheckpointCallback(1, tmp_path))
    for steps in range(1, never_stopped.num_timesteps + 1):
        resumed = TabularRLSP.load(tmp_path / f"rl_model_{steps}_steps", env)
        resumed.learn(reset_num_timesteps=False)
        assert resumed.num_timesteps == never_stopped.num_timesteps
        np.testing.assert_array_equal(resumed.theta, never_stopped.theta)


# The file.


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("model", "model.zip"),
        ("model.zip", "model.zip"),
        ("model.bin", "model.bin"),
        ("model_0.5", "model_0.5"),
        ("new/folders/model", "new/folders/model.zip"),
    ],
)
def test_suffix_is_added_as_by_sb3(tmp_path, given, written):
    learner = TabularRLSP(room(), seed=0)
    learner.save(str(tmp_path / given))
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files == [tmp_path / written]
    loaded = TabularRLSP.load(str(tmp_path / given), room())
    np.testing.assert_array_equal(loaded.theta, learner.theta)


def test_file_holds_json_and_safetensors_and_no_code(saved):
    with zipfile.ZipFile(saved) as file:
        assert sorted(file.namelist()) == ["arrays.safetensors", "data.json"]
        data = json.loads(file.read("data.json"))
        arrays = safetensors.numpy.load(file.read("arrays.safetensors"))
    assert data["class"] == "TabularRLSP"
    assert set(arrays) == {"observed_states", "theta", "start", "n_iterations"}


def test_nothing_is_unpickled(saved, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a pickle was loaded")

    env = room()
    for module, name in [
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "Unpickler"),
        (torch, "load"),
        (np, "load"),
    ]:
        monkeypatch.setattr(module, name, refuse)
    assert TabularRLSP.load(saved, env).num_timesteps == 3


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_interrupted_save_leaves_the_old_file_and_nothing_else(saved, monkeypatch, error):
    old = saved.read_bytes()

    def interrupt(arrays):
        raise error

    monkeypatch.setattr(save_util, "save", interrupt)
    learner = TabularRLSP(room(), seed=1)
    for path in (saved, saved.with_name("another.zip")):
        with pytest.raises(error):
            learner.save(path)
    assert saved.read_bytes() == old
    assert os.listdir(saved.parent) == [saved.name]


def test_same_learner_gives_the_same_file(saved, tmp_path):
    TabularRLSP.load(saved, room()).save(tmp_path / "again")
    assert (tmp_path / "again.zip").read_bytes() == saved.read_bytes()


def test_saving_again_replaces_the_file(saved):
    TabularRLSP(room(), seed=1).learn(5).save(saved)
    assert TabularRLSP.load(saved, room()).num_timesteps == 5
    assert os.listdir(saved.parent) == [saved.name]


# Files that hold something else than what is written.


def test_folders_in_a_file_are_not_written_to(saved, tmp_path):
    foreign = tmp_path / "foreign"
    with zipfile.ZipFile(saved) as file:
        arguments = json.loads(file.read("data.json"))["arguments"]
    assert arguments["tensorboard_log"] is None
    rewrite(saved, arguments={**arguments, "tensorboard_log": str(foreign)})
    loaded = TabularRLSP.load(saved, room())
    assert loaded.tensorboard_log is None
    loaded.learn(1)
    assert not foreign.exists()
    loaded = TabularRLSP.load(saved, room(), tensorboard_log=str(tmp_path / "own"))
    assert loaded.tensorboard_log == str(tmp_path / "own")
    loaded.save(tmp_path / "again")
    assert str(tmp_path).encode() not in zipfile.ZipFile(tmp_path / "again.zip").read("data.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arguments": None}, "no entry 'arguments'"),
        ({"num_timesteps": None}, "no entry 'num_timesteps'"),
        ({"target": None}, "no entry 'target'"),
        ({"rng": None}, "no entry 'rng'"),
        ({"arguments": [1]}, r"arguments=\[1\]: expected dict"),
        ({"num_timesteps": "3"}, "num_timesteps='3': expected int"),
        ({"num_timesteps": -3}, "num_timesteps=-3: expected at least 0"),
        ({"num_timesteps": True}, "num_timesteps=True: expected int"),
        ({"target": 2.5}, "target=2.5: expected int or NoneType"),
        ({"rng": {}}, "'bit_generator'|state must be for a"),
        ({"arguments.temperature": None}, "no entry 'arguments.temperature'"),
        ({"arguments.temprature": 3}, "arguments.temprature: expected one of"),
    ],
)
def test_entries_are_those_that_are_written(saved, change, message):
    with zipfile.ZipFile(saved) as file:
        data, arrays = json.loads(file.read("data.json")), file.read("arrays.safetensors")
    for name, value in change.items():
        group, name = (data["arguments"], name[10:]) if "." in name else (data, name)
        group.pop(name, None)
        if value is not None:
            group[name] = value
    write_zip(saved, data_json=json.dumps(data), arrays_safetensors=arrays)
    with pytest.raises(ValueError, match=rf"path='.*learner\.zip'.*({message})"):
        TabularRLSP.load(saved, room())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": None}, "no entry 'theta'"),
        (
            {"theta": np.zeros(4, np.int8)},
            r"theta has shape \(4,\) and type int8: expected .*float64",
        ),
        ({"theta": np.zeros(4, np.float32)}, r"theta has .* type float32: expected .*float64"),
        ({"theta": np.zeros(3)}, "theta has shape|theta.*4"),
        ({"theta": np.full(4, np.nan)}, "theta"),
        ({"observed_states": None}, "no entry 'observed_states'"),
        ({"fantasy": np.zeros(3)}, "fantasy is no array of this learner"),
    ],
)
def test_arrays_are_those_that_are_written(saved, change, message):
    with zipfile.ZipFile(saved) as file:
        data, arrays = file.read("data.json"), file.read("arrays.safetensors")
    changed = {**safetensors.numpy.load(arrays), **change}
    changed = {name: array for name, array in changed.items() if array is not None}
    write_zip(saved, data_json=data, arrays_safetensors=safetensors.numpy.save(changed))
    with pytest.raises(ValueError, match=rf"path='.*learner\.zip'.*({message})"):
        TabularRLSP.load(saved, room())


# Other files.


def rewrite(path, **changes):
    """Change the data of a learner's file."""
    with zipfile.ZipFile(path) as file:
        data, arrays = json.loads(file.read("data.json")), file.read("arrays.safetensors")
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("data.json", json.dumps({**data, **changes}))
        file.writestr("arrays.safetensors", arrays)


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "."), content)


SPOILERS = {
    "pickle": lambda path: path.write_bytes(pickle.dumps({"theta": [1, 2]})),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("theta = 3"),
    "truncated": lambda path: path.write_bytes(path.read_bytes()[:-100]),
    "half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "another zip": lambda path: write_zip(path, readme_txt="hello"),
    "no arrays": lambda path: write_zip(path, data_json="{}"),
    "no JSON": lambda path: write_zip(path, data_json="{", arrays_safetensors=b""),
    "no object": lambda path: write_zip(
        path, data_json="[]", arrays_safetensors=safetensors.numpy.save({})
    ),
    "no safetensors": lambda path: write_zip(path, data_json="{}", arrays_safetensors=b"abc"),
    "newer format": lambda path: rewrite(path, format="rlsp-learner-2"),
    "another class": lambda path: rewrite(path, **{"class": "RelativeReachability"}),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_other_files_are_refused(saved, name):
    SPOILERS[name](saved)
    with pytest.raises(ValueError, match=r"path=.*learner\.zip") as raised:
        TabularRLSP.load(saved, room())
    if name == "newer format":
        assert "'rlsp-learner-1': a newer version of rlsp-sb3" in str(raised.value)
    if name == "another class":
        assert "use RelativeReachability.load" in str(raised.value)


def test_file_of_an_sb3_algorithm_is_refused(tmp_path):
    from stable_baselines3 import A2C

    A2C("MlpPolicy", "CartPole-v1", device="cpu").save(tmp_path / "a2c")
    with pytest.raises(ValueError, match=r"a2c.* is not the file of a learner"):
        TabularRLSP.load(tmp_path / "a2c", room())


def test_spoiled_byte_is_noticed_or_harmless(saved):
    content = saved.read_bytes()
    data, arrays = save_util.read_archive(saved)
    noticed = 0
    for position in range(0, len(content), 3):
        spoiled = bytearray(content)
        spoiled[position] ^= 0xFF
        saved.write_bytes(spoiled)
        try:
            same, same_arrays = save_util.read_archive(saved)
        except ValueError:
            noticed += 1
        else:
            assert same == data
            np.testing.assert_equal(same_arrays, arrays)
    assert noticed > len(content) / 6


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.zip"):
        TabularRLSP.load(tmp_path / "nothing", room())


def test_folder_is_an_error(tmp_path):
    folder = tmp_path / "folder.zip"
    folder.mkdir()
    with pytest.raises((OSError, ValueError), match=r"folder\.zip"):
        TabularRLSP.load(folder, room())
    with pytest.raises(OSError, match=r"folder\.zip"):
        TabularRLSP(room()).save(folder)
    assert os.listdir(tmp_path) == ["folder.zip"]
