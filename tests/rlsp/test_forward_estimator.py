"""Pasts that are sampled forward, and weighed by where they end."""

from dataclasses import replace
from itertools import product

import gymnasium as gym
import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.encoders.base import FunctionEncoder
from rlsp_sb3.presets import FAST
from rlsp_sb3.rlsp.forward_estimator import ForwardEstimator
from rlsp_sb3.rlsp.gradient_estimator import GradientProblem
from rlsp_sb3.rlsp.trajectory_weights import effective_sample_size, kernel_weights
from rlsp_sb3.utils.timer import Timer

from helpers.corridor import Corridor
from helpers.point import Point, distance_from_one
from helpers.walk import CoinTosses, Walk

N_STEPS = 4


def phi(observations):
    x = np.asarray(observations, dtype=np.float64)[:, :1]
    return np.hstack([x, x**2])


def exact_gradient(observed, starts):
    """Σ_t p(s_t = s) E[Σφ - E[Σφ | s_0] | s_t = s] / Σ_t p(s_t = s) per action, by enumeration."""
    steps = np.array(list(product([-1, 1], repeat=N_STEPS)))
    paths = np.array([[start, *(start + row.cumsum())] for start in starts for row in steps])
    gradients = []
    for state in observed:
        gradient, likelihood = np.zeros(2), 0.0
        for time in range(1, N_STEPS + 1):
            counts = np.array([phi(path[: time + 1, None]).sum(axis=0) for path in paths])
            by_start = counts.reshape(len(starts), len(steps), 2)
            counts = (by_start - by_start.mean(axis=1, keepdims=True)).reshape(-1, 2)
            there = paths[:, time] == state
            if there.any():
                share = there.mean()
                gradient += share * counts[there].mean(axis=0)
                likelihood += share
        gradients.append(gradient / likelihood)
    return np.sum(gradients, axis=0) / N_STEPS


def estimate(observed, n, starts=(0,), **forward):
    hyperparameters = replace(FAST, forward=replace(FAST.forward, **forward))
    problem = GradientProblem(
        observed_states=np.array(observed, np.float32)[:, None],
        encoder=FunctionEncoder(phi, ("x", "x²")),
        horizon=N_STEPS + 1,
        n_trajectories=n,
        trajectory_weights="uniform",
        hyperparameters=hyperparameters,
    )
    estimator = ForwardEstimator(problem, Walk(starts), CoinTosses())
    return estimator.estimate(N_STEPS + 1, np.random.default_rng(0), Timer())


@pytest.mark.parametrize("observed", [[2], [-2], [2, -2, 2]], ids=str)
@pytest.mark.parametrize("starts", [(0,), (-2, 0, 1)], ids=str)
@pytest.mark.parametrize("kernel", ["gaussian", "cauchy"])
def test_it_is_exact_for_many_trajectories_and_a_narrow_kernel(observed, starts, kernel):
    exact = exact_gradient(observed, starts)
    errors = []
    for n in (1_000, 64_000):
        found = estimate(observed, n, starts, effective_share=0.2, kernel=kernel)
        errors.append(np.linalg.norm(found.gradient - exact) / len(observed))
    assert np.linalg.norm(exact) > 0.3
    assert errors[1] < 0.03
    assert errors[0] < 0.24  # eight times as much, by the law of large numbers


def test_the_signal_stands_out_of_noise_with_more_trajectories():
    few, many = (estimate([2], n, effective_share=0.2).signal_to_noise for n in (50, 5_000))
    assert many > 5 * few  # ten times as much, as the root of their numbers


@pytest.mark.parametrize("kernel", ["gaussian", "cauchy"])
def test_the_effective_sample_size_is_what_was_asked_for(kernel):
    scores = np.random.default_rng(0).chisquare(1, (400, 3))
    for size in (20, 100, 300):
        weights = kernel_weights(scores, size, kernel)
        assert weights.sum() == pytest.approx(1)
        assert effective_sample_size(weights) == pytest.approx(size, rel=1e-3)
        assert weights.argmax() in scores.sum(axis=1).argsort()[:5]


def test_an_entry_out_of_reach_outvotes_others_in_the_gaussian_kernel_only():
    rng = np.random.default_rng(0)
    near, far = rng.normal(size=(2, 2_000))
    scores = np.stack([near**2, (far - 30) ** 2], axis=1)
    drift = {k: kernel_weights(scores, 600, k) @ far for k in ("gaussian", "cauchy")}
    center = {k: kernel_weights(scores, 600, k) @ near**2 for k in ("gaussian", "cauchy")}
    assert drift["gaussian"] > 0.8
    assert drift["cauchy"] < 0.6
    assert center["cauchy"] < 0.6
    assert center["gaussian"] > 0.8


def test_how_long_ago_the_person_started_is_found():
    for steps, expected in ((1, (1, 3)), (4, 4)):  # an odd number is reached in 1 or 3 steps
        found = estimate([steps], 20_000, effective_share=0.02).diagnostics["past_length"]
        np.testing.assert_allclose(found, {(1, 3): 13 / 7, 4: 4}[expected], atol=0.05)


# The learner.


ENV = "MountainCarContinuous-v0"


def make_learner(env=None, **kwargs):
    arguments = {
        "encoder": "identity" if env else distance_from_one,
        "preset": "smoke",
        "sampling": "forward",
        "horizon": 6,
        "seed": 0,
        **kwargs,
    }
    states = np.array([[0.1, 0.01]] if env else [[1.0], [1.0]], np.float32)
    return RLSP(env or gym.wrappers.TimeLimit(Point(), 10), states, **arguments)


def test_the_learner_finds_where_the_person_went():
    learner = make_learner(n_epochs=12, n_trajectories=200)
    assert type(learner.gradient_estimator.solver.model).__name__ == "FastPPO"
    learner.learn()
    assert learner.theta[0] > 0.1  # how near a point is to where the person was seen
    assert learner.signal_to_noise > 2
    assert learner.gradient_estimator.solver.temperature == 0  # at the end


def test_resumed_from_a_checkpoint_is_never_stopped(tmp_path):
    whole = make_learner(n_epochs=4, checkpoint_dir=tmp_path, checkpoint_interval=2, env=ENV)
    whole.learn()
    resumed = RLSP.load(min(tmp_path.glob("checkpoint_*.zip")), ENV)
    assert resumed.num_timesteps == whole.num_timesteps / 2
    resumed.learn(reset_num_timesteps=False)
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    observations = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    np.testing.assert_array_equal(
        resumed.predict(observations, deterministic=True)[0],
        whole.predict(observations, deterministic=True)[0],
    )


@pytest.mark.parametrize(
    ("env", "kwargs"),
    [(Corridor, {}), (lambda: gym.wrappers.TimeLimit(Point(), 5), {"forward_model": "learned"})],
)
def test_forward_takes_a_simulator_of_states_that_are_not_enumerated(env, kwargs):
    env = env()
    states = None if isinstance(env, Corridor) else np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match='sampling="forward"'):
        RLSP(env, states, sampling="forward", preset="smoke", **kwargs)


def test_pasts_are_sampled_forward_where_that_works():
    assert make_learner(sampling="auto").sampling == "forward"
    for other in (
        *({"solver": "FastSAC"}, {"solver": "PPO"}, {"forward_model": "learned"}),
        {"preset": "paper"},
    ):
        assert make_learner(sampling="auto", **other).sampling == "backward"
    assert RLSP("RoomDefault-v0").sampling == "backward"


def test_a_solver_without_a_temperature_is_refused():
    with pytest.raises(ValueError, match=r'no temperature.*solver="FastPPO"'):
        make_learner(sampling="forward", solver="PPO")


def test_a_past_without_an_action_is_refused():
    with pytest.raises(ValueError, match=r"horizon=1: .*2"):
        make_learner(horizon=1)
    assert make_learner(horizon=1, sampling="backward").horizon == 1


def test_an_unknown_way_to_sample_is_refused():
    with pytest.raises(ValueError, match="sampling"):
        make_learner(sampling="sideways")
