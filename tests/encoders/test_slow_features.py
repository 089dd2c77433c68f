"""Slow features: of processes whose pace is known, each is found, and is as large as it is slow."""

import gymnasium as gym
import numpy as np
import pytest

from rlsp_sb3.encoders.factory import make_encoder
from rlsp_sb3.encoders.slow_features import NOISE, slow_axes
from rlsp_sb3.encoders.vae import StateVAE
from rlsp_sb3.hyperparameters import FitSettings

from helpers.corridor import Corridor

PERSISTENCE = np.array([0.0, 0.5, 0.95])  # of processes x' = ρ x + √(1 - ρ²) ε, of variance 1
MIXTURE = np.array([[1.0, 0.7, -0.2], [0.3, -1.0, 0.8], [0.5, 0.4, 1.0]])


@pytest.fixture(scope="module")
def steps():
    rng = np.random.default_rng(0)
    now, noise = rng.standard_normal((2, 200_000, 3))
    return now, PERSISTENCE * now + np.sqrt(1 - PERSISTENCE**2) * noise


def test_hidden_processes_are_found_whatever_mixture_shows_them(steps):
    now, after = steps
    features = now @ MIXTURE @ slow_axes(now @ MIXTURE, after @ MIXTURE)
    correlations = np.abs(np.corrcoef(now.T, features.T)[:3, 3:])
    assert (correlations.max(axis=0) > 0.99).all()
    assert sorted(correlations.argmax(axis=0)) == [0, 1, 2]


def test_variances_are_inverse_to_the_change_in_a_step(steps):
    now, after = steps
    variances = (now @ slow_axes(now, after)).var(axis=0)
    assert variances.sum() == pytest.approx(1)
    # Half of the mean squared change in a step is 1 - ρ of the variance.
    expected = 1 / (1 - PERSISTENCE + NOISE)
    np.testing.assert_allclose(sorted(variances), expected / expected.sum(), rtol=0.05)


def test_what_hardly_varies_is_not_magnified(steps):
    now, after = ([1, 1, 1e-4] * each for each in steps)
    variances = (now @ slow_axes(now, after)).var(axis=0)
    assert sorted(variances)[0] < 1e-5


def test_features_that_never_vary_are_no_trouble():
    axes = slow_axes(np.ones((5, 2)), np.ones((5, 2)))
    assert np.isfinite(axes).all()


def make_vae(**kwargs):
    return StateVAE((3,), 4, (16,), fit_settings=FitSettings(300, 100, 1e-2), **kwargs)


def test_vae_turns_its_means_into_slow_features(steps):
    now, after = (each[:5000] @ MIXTURE for each in steps)
    plain, slow = make_vae(), make_vae(slow_features=True)
    for vae in (plain, slow):
        vae.fit(now, np.random.default_rng(0), after)
    np.testing.assert_allclose(slow(now), plain(now) @ slow.axes)
    assert slow(now).var(axis=0).sum() == pytest.approx(1)
    largest = slow(now)[:, slow(now).var(axis=0).argmax()]
    assert abs(np.corrcoef(largest, steps[0][:5000, 2])[0, 1]) > 0.9
    again = make_vae(slow_features=True)
    again.set_arrays(slow.arrays())
    np.testing.assert_array_equal(again(now), slow(now))


def test_vae_has_to_see_what_follows():
    with pytest.raises(ValueError, match="next_observations=None"):
        make_vae(slow_features=True).fit(np.zeros((9, 3)), np.random.default_rng(0))


def test_features_are_slow_where_states_can_be_enumerated():
    assert make_encoder("vae", Corridor()).slow_features
    assert not make_encoder({"name": "vae", "slow_features": False}, Corridor()).slow_features
    assert not make_encoder("vae", gym.make("Pendulum-v1")).slow_features
