"""Where simulated pasts say nothing of the reward, learning warns."""

import warnings

import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3 import RLSP
from rlsp_sb3.rlsp.gradient import weighted_mean

from helpers.point import TINY, Point


class Scaled(Point):
    """A point whose place is shown in another unit; in units of 0 it is not shown at all."""

    def __init__(self, unit=1.0):
        super().__init__()
        self.observation_space = spaces.Box(-np.inf, np.inf, (1,), np.float32)
        self.unit = unit

    def reset(self, **kwargs):
        observation, info = super().reset(**kwargs)
        return self._shown(observation), info

    def step(self, action):
        observation, *rest = super().step(action)
        return self._shown(observation), *rest

    def _shown(self, observation):
        return (observation * self.unit).astype(np.float32)

    def set_state_from_observation(self, observation):
        self.x = np.array(observation, np.float32) / (self.unit or 1)


def learner(env, state):
    return RLSP(
        env,
        np.array([[state]], np.float32),
        hyperparameters=TINY,
        n_trajectories=40,
        n_epochs=3,
        horizon=3,
        seed=0,
        eval_interval=0,
    )


@pytest.mark.parametrize(
    ("unit", "state"), [(1.0, 1e8), (0.0, 0.0), (1e-8, 1e-8)], ids=["far", "constant", "tiny"]
)
def test_nothing_to_infer_is_told(unit, state):
    made = learner(Scaled(unit), state)
    with pytest.warns(UserWarning, match="the simulated pasts say nothing of the reward") as caught:
        made.learn()
    assert caught[-1].filename == __file__
    assert made.signal_to_noise < 2
    assert made.logger.name_to_value == {}  # written out; the metric is tested below


def test_what_is_said_is_not_warned_about():
    made = learner(Scaled(), 1.0)
    with warnings.catch_warnings():
        # That three epochs do not explain the state is another thing to say.
        warnings.filterwarnings("error", message="the simulated pasts say nothing")
        made.learn()
    assert made.signal_to_noise >= 2


def test_signal_to_noise_is_logged(monkeypatch):
    made, seen = learner(Scaled(), 1.0), []
    record = made._record
    monkeypatch.setattr(made, "_record", lambda *given: (seen.append(given), record(*given)))
    made.learn()
    logged = [values["signal_to_noise"] for group, values in seen if group == "rlsp"]
    assert len(logged) == 2  # the last epoch trains the policy alone
    assert max(logged) == made.signal_to_noise


def test_signal_to_noise_goes_on_after_loading(tmp_path):
    made = learner(Scaled(), 1.0).learn()
    made.save(tmp_path / "learner.zip")
    assert RLSP.load(tmp_path / "learner.zip", Scaled()).signal_to_noise == made.signal_to_noise


def test_noise_is_the_standard_error_of_the_mean():
    values = np.random.default_rng(0).normal(3, 2, (50, 4))
    mean = weighted_mean(np.full(50, 1 / 50), values)
    errors = values.std(axis=0, ddof=1) / np.sqrt(50)
    assert mean.noise == pytest.approx(np.linalg.norm(errors))
    assert mean.signal_to_noise == pytest.approx(
        np.linalg.norm(values.mean(axis=0)) / np.linalg.norm(errors)
    )


@pytest.mark.parametrize(
    ("weights", "values"),
    [([1.0, 0.0], [[3.0], [4.0]]), ([0.5, 0.5], [[0.0], [0.0]])],
    ids=["one trajectory", "no difference"],
)
def test_nothing_is_known_of_the_noise(weights, values):
    assert weighted_mean(np.array(weights), np.array(values)).signal_to_noise == 0
