"""The log likelihood of observed states by kernel density estimation."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3 import RLSP
from rlsp_sb3.rlsp.kernel_likelihood import KernelLikelihood

from helpers.point import Point, distance_from_one

N_STEPS = 6


def walks(probability_up, n, seed=0, length=N_STEPS):
    """Walks on the integers from 0 on (T, n, 1)."""
    steps = np.where(np.random.default_rng(seed).random((length, n)) < probability_up, 1, -1)
    return np.concatenate([np.zeros((1, n)), steps.cumsum(axis=0)])[:, :, None]


def exact(probability_up, place):
    """The mean over t = 1, …, N_STEPS of p(s_t = place), by convolution."""
    distribution, total = np.ones(1), 0.0
    for t in range(1, N_STEPS + 1):
        distribution = np.convolve(distribution, [1 - probability_up, 0, probability_up])
        total += distribution[place + t] if abs(place) <= t else 0.0
    return total / N_STEPS


@pytest.mark.parametrize("kernel", ["gaussian", "cauchy"])
def test_it_is_exact_for_a_narrow_kernel(kernel):
    observed = np.array([[2.0], [3.0]])
    made = KernelLikelihood.of_random_behavior(walks(0.5, 20_000), observed, kernel, 20)
    for probability in (0.5, 0.7):
        found = made.estimate(walks(probability, 20_000, seed=1), observed)
        expected = np.mean([np.log(exact(probability, place)) for place in (2, 3)])
        assert found.error < 0.02
        assert abs(found.value - expected) < 3 * found.error
    gain = made.gain(found)
    expected -= np.mean([np.log(exact(0.5, place)) for place in (2, 3)])
    assert abs(gain.value - expected) < 3 * gain.error


def test_the_error_is_that_of_repeated_estimates():
    observed = np.array([[2.0], [3.0]])
    made = KernelLikelihood.of_random_behavior(walks(0.5, 400), observed, "gaussian", 20)
    found = [made.estimate(walks(0.6, 400, seed), observed) for seed in range(100)]
    spread = np.std([each.value for each in found], ddof=1)
    assert np.mean([each.error for each in found]) == pytest.approx(spread, rel=0.2)


def test_pure_noise_gains_nothing():
    gains = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        observed = rng.normal(size=(1, 3))
        made = KernelLikelihood.of_random_behavior(
            rng.normal(size=(10, 200, 3)), observed, "gaussian", 200
        )
        gains.append(made.gain(made.estimate(rng.normal(size=(10, 200, 3)), observed)))
    scores = np.array([gain.value / gain.error for gain in gains])
    assert np.mean(scores > 2) < 0.1
    assert np.std(scores) == pytest.approx(1, abs=0.25)


class Noise(gym.Env):
    """Shows noise, whatever is done."""

    observation_space = spaces.Box(-np.inf, np.inf, (1,))
    action_space = spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._noise(), {}

    def step(self, action):
        return self._noise(), 0.0, False, False, {}

    def set_state_from_observation(self, observation):
        pass

    def _noise(self):
        return self.np_random.normal(size=1).astype(np.float32)


def learner(env, state, encoder=distance_from_one, **kwargs):
    return RLSP(
        gym.wrappers.TimeLimit(env, 10),
        np.array([[state]], np.float32),
        encoder=encoder,
        horizon=6,
        seed=0,
        eval_interval=0,
        hyperparameters={
            "n_transitions": 500,
            "episode_length": 6,
            "solver": {"n_steps": 1024, "n_envs": 16},
        },
        **kwargs,
    )


def test_what_random_behavior_leaves_as_well_is_told():
    made = learner(Noise(), 0.3, "identity", n_epochs=2, n_trajectories=50)
    made.signal_to_noise = 10.0  # another warning, which comes first
    with pytest.warns(UserWarning, match="nothing can be inferred"):
        made.learn()
    assert made.log_likelihood_gain < 2 * made.log_likelihood_gain_error


def test_what_the_reward_explains_is_not_warned_about():
    made = learner(Point(), 1.8, n_epochs=16, n_trajectories=200)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        made.learn()
    assert made.log_likelihood_gain > 2 * made.log_likelihood_gain_error > 0


def test_it_is_logged_and_goes_on_after_loading(tmp_path, monkeypatch):
    made, seen = learner(Point(), 1.8, "identity", n_epochs=4, n_trajectories=50), []
    record = made._record
    monkeypatch.setattr(made, "_record", lambda *given: (seen.append(given), record(*given)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # four epochs are too few
        made.learn()
    logged = [values for group, values in seen if group == "rlsp" and "log_likelihood" in values]
    assert len(logged) == 2  # the second half of the epochs trains the policy alone
    assert logged[-1]["log_likelihood_gain"] == made.log_likelihood_gain
    random = [each["log_likelihood"] - each["log_likelihood_gain"] for each in logged]
    np.testing.assert_allclose(random, random[0])  # found once
    made.save(tmp_path / "learner.zip")
    loaded = RLSP.load(tmp_path / "learner.zip", gym.wrappers.TimeLimit(Point(), 10))
    assert loaded.log_likelihood_gain == made.log_likelihood_gain
    ours, theirs = (each.gradient_estimator.arrays() for each in (made, loaded))
    for name in ("std", "powers", "random_value", "random_error"):
        np.testing.assert_array_equal(ours[f"likelihood.{name}"], theirs[f"likelihood.{name}"])
