"""Environments and arguments that do not fit are errors, and nothing changes."""

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP, UnreachableStateError

from helpers.corridor import Corridor

WALLED_IN = """
    1.2..
    #####
    ..A..
"""


class Spoiled(Corridor):
    """A corridor with an MDP that has one attribute replaced."""

    def __init__(self, name, value):
        super().__init__()
        self.change = name, value

    @property
    def mdp(self):
        mdp = super().mdp
        setattr(mdp, *self.change)
        return mdp


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("features", np.eye(4), r"mdp\.features has shape \(4, 4\): expected \(3, 3\)"),
        ("features", np.eye(3)[:, :2], r"expected \(3, 3\)"),
        ("initial_distribution", np.ones(2) / 2, r"has shape \(2,\): expected \(3,\)"),
        ("initial_distribution", np.ones(3), r"initial_distribution must sum to 1: one .* 3\.0"),
        ("transitions", Corridor().mdp.transitions[:5], r"shape \(5, 3\): expected \(S·A, S\)"),
        (
            "transitions",
            Corridor().mdp.transitions * 0.9,
            r"each row .* sum to 1: one sums to 0\.9",
        ),
    ],
)
def test_arrays_of_an_mdp_that_do_not_fit_are_errors(name, value, message):
    with pytest.raises(ValueError, match=message):
        TabularRLSP(Spoiled(name, value))


def test_states_that_the_mdp_does_not_have_are_errors(monkeypatch):
    monkeypatch.setattr(Corridor, "state_indices", lambda self, obs: np.full(len(obs), -1))
    with pytest.raises(ValueError, match=r"states \[-1\] of the environment.* from 0 to 2"):
        TabularRLSP(Corridor())


def test_environment_that_does_not_fit_changes_nothing():
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(5)
    before, env = learner.log_likelihood(learner.theta), learner.get_env()
    walled_in = gym.make("Room-v0", layout=WALLED_IN)
    no_goals = gym.make("Room-v0", layout="AVC..\n.....\n.....")
    for other, error in [
        (walled_in, UnreachableStateError),
        (no_goals, ValueError),
        ("RoomBig-v0", ValueError),
        ("CartPole-v1", ValueError),
        (3, TypeError),
    ]:
        with pytest.raises(error):
            learner.set_env(other)
        assert learner.get_env() is env
        assert learner.log_likelihood(learner.theta) == before
    reward = repr(learner.reward)
    learner.set_env(gym.make("RoomDefault-v0"))
    assert repr(learner.reward) == reward


@pytest.mark.parametrize(("device", "error"), [("nonsense", ValueError), (3.5, TypeError)])
def test_unknown_device_is_an_error(device, error):
    with pytest.raises(error, match=f"device={device!r}: expected"):
        TabularRLSP("RoomDefault-v0", device=device)


def test_tensorboard_log_is_a_folder():
    with pytest.raises(TypeError, match="tensorboard_log=5: expected text or a path or None"):
        TabularRLSP("RoomDefault-v0", tensorboard_log=5)


@pytest.mark.parametrize("callback", [3.5, "nonsense", [None]])
def test_callbacks_are_those_of_sb3(callback):
    learner = TabularRLSP("RoomDefault-v0", seed=0)
    with pytest.raises(TypeError, match=r"callback=.*: expected a callback of SB3"):
        learner.learn(1, callback)


def test_logger_is_one_of_sb3():
    learner = TabularRLSP("RoomDefault-v0", seed=0)
    with pytest.raises(TypeError, match=r"logger=None: expected Logger"):
        learner.set_logger(None)
