"""Encoders: features are what their formulas say, and come back from their arrays to the bit."""

import json

import gymnasium as gym
import numpy as np
import pytest
import torch

from rlsp_sb3.encoders.base import FunctionEncoder, IdentityEncoder
from rlsp_sb3.encoders.factory import ENCODERS, encoder_settings, make_encoder
from rlsp_sb3.encoders.fourier_features import RandomFourierFeatures
from rlsp_sb3.encoders.vae import StateVAE
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.models.normalization import find_clock_entries

from helpers.corridor import Corridor

SHAPE = (2, 3)
QUICK = FitSettings(300, 100, 1e-2)


def observations(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(loc=[5, 0, -2], scale=[1, 20, 0.1], size=(n, *SHAPE)).astype(np.float32)


def standardized(fitted_to, values):
    flat, other = (np.float64(each.reshape(len(each), -1)) for each in (values, fitted_to))
    return (flat - other.mean(axis=0)) / other.std(axis=0)


def low_dimensional(n=2000, seed=0):
    """Six numbers that tell two, in a curve."""
    rng = np.random.default_rng(seed)
    u, v = rng.uniform(-1, 1, size=(2, n))
    return np.stack([u, v, u + v, u - 2 * v, np.sin(2 * u), u * v], axis=1) + 3


@pytest.fixture(scope="module")
def vae():
    vae = StateVAE(
        (6,), n_latents=4, hidden=(32, 32), fit_settings=FitSettings(500, 100, 5e-3), seed=1
    )
    vae.fit(low_dimensional(), np.random.default_rng(0))
    return vae


def make_fitted(name):
    encoder_class = ENCODERS[name]
    settings = {"vae": {"n_latents": 3, "hidden": (8,), "fit_settings": FitSettings(20, 50, 1e-3)}}
    encoder = encoder_class(SHAPE, **settings.get(name, {}))
    encoder.fit(observations(), np.random.default_rng(0))
    return encoder


def test_identity_standardizes_each_entry():
    encoder = IdentityEncoder(SHAPE)
    assert not encoder.is_fitted
    encoder.fit(observations(), np.random.default_rng(0))
    assert encoder.is_fitted
    others = observations(50, seed=1)
    np.testing.assert_allclose(encoder(others), standardized(observations(), others), atol=1e-5)
    assert encoder.feature_names == tuple(f"observation_{i}" for i in range(6))


@pytest.mark.parametrize("name", ENCODERS)
def test_clocks_do_not_count(name):
    settings = {"vae": {"n_latents": 3, "hidden": (8,), "fit_settings": FitSettings(20, 50, 1e-3)}}
    before = observations()
    after = observations(seed=1)
    before[:, 1, 0] = np.linspace(1, 0.9, len(before))
    after[:, 1, 0] = before[:, 1, 0] - 0.001
    encoder = ENCODERS[name](SHAPE, **settings.get(name, {}))
    encoder.fit(before, np.random.default_rng(0), after)
    earlier, other = before[:5].copy(), before[:5].copy()
    earlier[:, 1, 0] = 0.2
    other[:, 0, 0] += 1
    np.testing.assert_array_equal(encoder(earlier), encoder(before[:5]))
    assert (encoder(other) != encoder(before[:5])).any()
    again = ENCODERS[name](SHAPE, **settings.get(name, {}))
    again.set_arrays(encoder.arrays())
    np.testing.assert_array_equal(again(earlier), encoder(earlier))


def test_what_only_sometimes_changes_alike_is_no_clock():
    before = np.zeros((4, 3), np.float32)
    after = np.array([[0, 1, 1], [0, 1, 1], [0, 1, 1], [0, 1, 0]], np.float32)
    np.testing.assert_array_equal(find_clock_entries(before, after), [False, True, False])


@pytest.mark.parametrize("bandwidth", [0.5, 1.0, 2.0])
def test_products_of_fourier_features_approximate_the_gaussian_kernel(bandwidth):
    n_features = 40_000
    encoder = RandomFourierFeatures(SHAPE, n_features, bandwidth)
    encoder.fit(observations(), np.random.default_rng(0))
    some = observations(30, seed=1)
    features = encoder(some)
    scaled = standardized(observations(), some)
    squared_distances = ((scaled[:, None] - scaled) ** 2).sum(axis=2)
    # The bandwidth counts in standard deviations times the square root of the number of entries.
    kernel = np.exp(-squared_distances / (2 * bandwidth**2 * scaled.shape[1]))
    assert np.abs(features @ features.T - kernel).max() < 5 / np.sqrt(n_features)
    assert features.shape == (30, n_features)
    assert len(encoder.feature_names) == n_features


def test_fourier_features_depend_on_their_seed_alone():
    first, same, other = (RandomFourierFeatures(SHAPE, 8, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.frequencies, same.frequencies)
    assert (first.frequencies != other.frequencies).all()


def test_vae_reconstructs_low_dimensional_data(vae):
    fresh = low_dimensional(500, seed=1)
    scaled = vae.normalizer.scale(fresh)
    with torch.no_grad():
        decoded = vae.decoder(vae.encoder(scaled)[:, : vae.n_latents])
    assert ((decoded - scaled) ** 2).mean() < 0.05  # of a variance of 1


def test_vae_features_are_means_with_standard_deviation_1_if_in_use(vae):
    fresh = low_dimensional(1000, seed=1)
    features = vae(fresh)
    np.testing.assert_array_equal(features, vae(fresh))  # nothing is sampled
    std = features.std(axis=0)
    assert (std < 1.3).all()
    assert (std > 0.7).sum() >= 2  # two numbers have to be told
    assert np.abs(features.mean(axis=0)).max() < 0.2


def test_vae_loss_is_the_negative_evidence_bound():
    # A network that ignores everything: mean 0 and variance 1, reconstruction 0.
    vae = StateVAE(
        (3,), n_latents=2, hidden=(4,), fit_settings=FitSettings(1, 10, 1e-12), kl_weight=0.5
    )
    for network in (vae.encoder, vae.decoder):
        for parameter in network.parameters():
            parameter.data.zero_()
    values = np.random.default_rng(0).normal(size=(20_000, 3))
    loss = vae.fit(values, np.random.default_rng(0))["encoder_loss"]
    assert loss == pytest.approx(3 / 2, rel=0.05)  # half the squared length, of a variance of 1
    # The same with mean 2 and variance e: their divergence from the prior is (4 + e - 2) / 2 each.
    vae = StateVAE(
        (3,), n_latents=2, hidden=(4,), fit_settings=FitSettings(1, 10, 1e-12), kl_weight=0.5
    )
    for network in (vae.encoder, vae.decoder):
        for parameter in network.parameters():
            parameter.data.zero_()
    vae.encoder[-1].bias.data[:] = torch.tensor([2.0, 2.0, 1.0, 1.0])
    loss = vae.fit(values, np.random.default_rng(0))["encoder_loss"]
    assert loss == pytest.approx(3 / 2 + 0.5 * (2 + np.e), rel=0.05)


def test_vae_scales_latents_only_if_asked():
    plain, scaled = (
        StateVAE((6,), 3, (8,), scale_latents=scale, fit_settings=QUICK) for scale in (False, True)
    )
    for vae in (plain, scaled):
        vae.fit(low_dimensional(), np.random.default_rng(0))
    fresh = low_dimensional(50, seed=1)
    expected = plain.encoder(plain.normalizer.scale(fresh))[:, :3].detach().numpy()
    np.testing.assert_allclose(plain(fresh), expected, atol=1e-6)
    latent_normalizer = scaled.latent_normalizer
    expected = (
        expected - latent_normalizer.mean
    ) / latent_normalizer.std  # the networks are the same
    np.testing.assert_allclose(scaled(fresh), expected, atol=1e-5)


def test_vae_does_not_magnify_latents_that_are_not_in_use():
    values = np.random.default_rng(0).normal(size=(1000, 1))
    vae = StateVAE((1,), 6, (16,), kl_weight=0.5, fit_settings=FitSettings(400, 100, 1e-2))
    vae.fit(values, np.random.default_rng(0))
    std = vae(values).std(axis=0)
    assert (std < 0.9).sum() >= 3  # as small as they are, or they would be noise


@pytest.mark.parametrize("name", ENCODERS)
def test_arrays_restore_an_encoder_to_the_bit(name):
    encoder = make_fitted(name)
    others = observations(20, seed=1)
    another_seed = {} if name == "identity" else {"seed": 7}
    restored = type(encoder)(SHAPE, **{**encoder.settings(), **another_seed})
    restored.set_arrays(encoder.arrays())
    assert restored.is_fitted
    np.testing.assert_array_equal(restored(others), encoder(others))


@pytest.mark.parametrize("name", ENCODERS)
def test_an_encoder_that_is_not_fitted_has_no_arrays(name):
    encoder = ENCODERS[name](SHAPE)
    assert encoder.arrays() == {}
    encoder.set_arrays({})
    assert not encoder.is_fitted


@pytest.mark.parametrize("name", ENCODERS)
def test_same_rng_fits_the_same_bits_whatever_the_global_generator(name):
    first = make_fitted(name)
    torch.manual_seed(123)
    state = torch.random.get_rng_state()
    second = make_fitted(name)
    assert torch.equal(torch.random.get_rng_state(), state)
    others = observations(20, seed=1)
    np.testing.assert_array_equal(first(others), second(others))


@pytest.mark.parametrize("name", ENCODERS)
def test_settings_make_the_same_encoder_again(name):
    env = gym.make("Pendulum-v1")
    encoder = make_encoder(name, env)
    again = make_encoder(encoder_settings(encoder), env)
    assert type(again) is type(encoder)
    assert again.settings() == encoder.settings()
    assert again.feature_names == encoder.feature_names


def test_settings_are_json_that_keeps_them():
    given = {"name": "vae", "n_latents": 5, "hidden": [7, 8], "kl_weight": 0.1, "seed": 3}
    given["fit_settings"] = {"n_updates": 10, "batch_size": 20, "learning_rate": 0.5}
    encoder = make_encoder(given, gym.make("Pendulum-v1"))
    again = make_encoder(json.loads(json.dumps(encoder_settings(encoder))), gym.make("Pendulum-v1"))
    assert again.settings() == encoder.settings()
    assert (again.n_latents, again.hidden, again.fit_settings) == (
        5,
        (7, 8),
        FitSettings(10, 20, 0.5),
    )


def test_somebodys_own_function_or_class_has_to_be_given_again():
    settings = encoder_settings(FunctionEncoder(np.asarray, ["a"]))
    with pytest.raises(ValueError, match=r"load\(..., encoder=...\)"):
        make_encoder(json.loads(json.dumps(settings)), Corridor())

    class Mine(IdentityEncoder):
        pass

    assert encoder_settings(Mine((2,))) == settings
    assert encoder_settings(make_encoder("auto", Corridor())) == "features"


def test_the_default_is_what_the_environment_offers_or_else_fourier_features():
    own = make_encoder("auto", Corridor())
    assert own.feature_names == Corridor.feature_names
    np.testing.assert_array_equal(own(np.eye(3)), np.eye(3))
    assert own.is_fitted
    assert isinstance(make_encoder("auto", gym.make("Pendulum-v1")), RandomFourierFeatures)
    for meant in ("features", {"name": "features"}):
        assert make_encoder(meant, Corridor()).feature_names == Corridor.feature_names


def test_an_encoder_is_used_as_it_is():
    encoder = IdentityEncoder((3,))
    assert make_encoder(encoder, Corridor()) is encoder


def test_a_function_becomes_an_encoder():
    encoder = make_encoder(lambda obs: obs[:, :2], gym.make("Pendulum-v1"), np.ones((4, 3)))
    assert encoder.feature_names == ("feature_0", "feature_1")
    assert encoder(np.ones((5, 3), np.float32)).dtype == np.float64
    assert encoder.fit(np.ones((5, 3)), np.random.default_rng(0)) == {}
    assert encoder.arrays() == {}


@pytest.mark.parametrize(
    ("encoder", "error", "message"),
    [
        ("features", TypeError, "offers no features"),
        ({"name": "features"}, TypeError, "offers no features"),
        ("furier", ValueError, "fourier"),
        ({"bandwidth": 1.0}, ValueError, "encoder=None"),
        ({"name": "fourier", "bandwith": 1.0}, ValueError, "bandwith.*bandwidth"),
        ({"name": "fourier", "bandwidth": 0.0}, ValueError, "bandwidth=0.0"),
        ({"name": "fourier", "n_features": 0}, ValueError, "n_features=0"),
        ({"name": "vae", "n_latents": 0}, ValueError, "n_latents=0"),
        ({"name": "vae", "kl_weight": -1.0}, ValueError, "kl_weight=-1.0"),
        (3, TypeError, "encoder=3"),
        (None, TypeError, "encoder=None.*auto"),
        (
            {"name": "vae", "fit_settings": {"n_updates": 3}},
            ValueError,
            "fit_settings has no batch_size",
        ),
        (lambda obs: obs.sum(axis=1), ValueError, r"shape \(4,\) for 4 observations"),
    ],
)
def test_errors_name_what_is_wrong(encoder, error, message):
    with pytest.raises(error, match=message):
        make_encoder(encoder, gym.make("Pendulum-v1"), np.ones((4, 3)))


def test_arrays_of_another_network_are_refused():
    vae = make_fitted("vae")
    other = StateVAE(SHAPE, n_latents=3, hidden=(9,))
    with pytest.raises(ValueError, match=r"encoder\..* has shape"):
        other.set_arrays(vae.arrays())
