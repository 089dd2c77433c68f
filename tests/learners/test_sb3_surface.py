"""What SB3's algorithms take, learners take in the same places."""

import io
import sys

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.learners import learner_names, load_learner


def make_learner():
    return TabularRLSP("RoomDefault-v0", seed=0)


def test_files_that_are_open(tmp_path):
    learner, buffer = make_learner().learn(3), io.BytesIO()
    learner.save(buffer)
    buffer.seek(0)
    loaded = TabularRLSP.load(buffer, "RoomDefault-v0")
    np.testing.assert_array_equal(loaded.theta, learner.theta)
    assert loaded.loaded_from is None
    with (tmp_path / "learner").open("wb") as file:
        learner.save(file)
    with (tmp_path / "learner").open("rb") as file:
        assert TabularRLSP.load(file, "RoomDefault-v0").num_timesteps == 3
    buffer = io.BytesIO(b"PK no learner")
    with pytest.raises(ValueError, match="is not the file of a learner"):
        TabularRLSP.load(buffer, "RoomDefault-v0")


def test_no_log_at_all(capsys):
    TabularRLSP("RoomDefault-v0", seed=0, verbose=1).learn(3, log_interval=None)
    assert capsys.readouterr().out == ""


def test_versions_are_printed(tmp_path, capsys):
    make_learner().save(tmp_path / "learner")
    TabularRLSP.load(tmp_path / "learner", "RoomDefault-v0", print_system_info=True)
    assert sys.version.split()[0] in capsys.readouterr().out


def test_environments_are_set_as_in_sb3():
    learner = make_learner()
    learner.set_env(gym.make("RoomDefault-v0"), force_reset=False)
    for name in learner_names():
        assert "force_reset" in load_learner(name).set_env.__annotations__


def test_what_reset_returns_is_no_observation():
    learner = make_learner().learn(3)
    env = gym.make("RoomDefault-v0")
    with pytest.raises(ValueError, match=r"observation, info = env\.reset"):
        learner.predict(env.reset())
    assert env.action_space.contains(int(learner.predict(env.reset()[0])[0]))


def test_notebooks_show_what_was_learned() -> None:
    learner = TabularRLSP("RoomDefault-v0", seed=0)
    before = learner._repr_html_()
    assert "RoomDefault-v0" in before
    assert "broken_vases" not in before
    assert "broken_vases" in learner.learn(2)._repr_html_()
