"""Observations of few values as codes, and the networks that draw them."""

import numpy as np
import pytest
import torch

from rlsp_sb3.models.networks import draw
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec, StateIndexCodec
from rlsp_sb3.rlsp.inverse_dynamics import DiscreteInverseDynamics
from rlsp_sb3.rlsp.inverse_models import InverseModels, draw_evenly
from rlsp_sb3.rlsp.inverse_policy import CategoricalInversePolicy
from rlsp_sb3.simulators.rollout import Trajectories

SEEN = np.array([[0, 5, 1], [1, 5, 4], [0, 5, 9]], dtype=np.float32)


def test_codes_round_trip():
    codec = CategoricalCodec(SEEN)
    assert codec.n_symbols == 2 + 3  # the entry that never varies has none
    np.testing.assert_array_equal(codec.decode(codec.encode(SEEN)), SEEN)
    assert codec.decode(codec.encode(SEEN)).dtype == SEEN.dtype


def test_values_not_seen_count_as_the_nearest():
    codec = CategoricalCodec(SEEN)
    codes = codec.encode(np.array([[0.4, 7, 2.4], [3, 0, 100]]))
    np.testing.assert_array_equal(codec.decode(codes), [[0, 5, 1], [1, 5, 9]])


def test_continuous_observations_are_an_error():
    with pytest.raises(ValueError, match=r"takes 100 values or more: expected .* discrete"):
        CategoricalCodec(np.linspace(0, 1, 100)[:, None])


def test_draws_have_the_probabilities():
    probabilities = np.array([0.5, 0.2, 0.3])
    logits = torch.log(torch.as_tensor(probabilities, dtype=torch.float32)).expand(20_000, 3)
    drawn = draw(logits, np.random.default_rng(0)).numpy()
    shares = np.bincount(drawn) / len(drawn)
    assert np.abs(shares - probabilities).max() < 4 * np.sqrt(0.25 / 20_000)


def test_loss_is_the_negative_log_probability_of_all_observations():
    """Summed over everything that could have been before, probabilities are 1."""
    codec = CategoricalCodec(SEEN)
    torch.manual_seed(0)
    model = DiscreteInverseDynamics(codec, n_times=2, n_actions=3)
    everything = np.array([[a, 5, b] for a in (0, 1) for b in (1, 4, 9)], dtype=np.float32)
    after, actions, times = SEEN[:1], np.array([2]), np.array([1])
    total = sum(
        np.exp(-model.loss(before[None], actions, after, times).item()) for before in everything
    )
    assert total == pytest.approx(1, rel=1e-5)


def world(n, rng):
    """Trajectories of one action: action 1 adds 1 to a counter of 0 to 3, action 0 does not."""
    before = rng.integers(0, 3, size=(n, 1)).astype(np.float32)
    actions = rng.integers(0, 2, size=n)
    return Trajectories(np.stack([before, before + actions[:, None]]), actions[None])


def test_models_learn_what_was_before():
    rng = np.random.default_rng(0)
    codec = CategoricalCodec(np.arange(4, dtype=np.float32)[:, None])
    models = InverseModels(codec, 1, 2, rng)
    rollouts = world(2000, rng)
    features = rollouts.observations.astype(float)
    models.fit(rollouts, features, None, 100, rng)
    losses = models.fit(rollouts, features, np.full((2, 10, 1), 3.0), 100, rng)
    assert losses["inverse_dynamics_loss"] < 0.05  # it is certain
    after, times = np.repeat([[0.0], [1.0], [3.0]], 500, axis=0), np.zeros(1500, dtype=int)
    actions = models.policy.sample(after, times, rng)
    # 0 was left alone, 3 was added to, 1 can be both alike.
    assert actions[:500].mean() < 0.05
    assert 0.35 < actions[500:1000].mean() < 0.65
    assert actions[1000:].mean() > 0.95
    before = models.dynamics.sample(after, actions, times, rng)
    assert (before == after - actions[:, None]).mean() > 0.98


def test_batches_have_what_is_expected():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(40))
    drawn = draw_evenly(probabilities, 4000, 32, rng)
    assert drawn.shape == (4000, 32)
    counts = np.stack([np.bincount(batch, minlength=40) for batch in drawn])
    assert (np.abs(counts - 32 * probabilities) < 1).all()
    np.testing.assert_allclose(counts.mean(axis=0), 32 * probabilities, atol=4 * 0.5 / 4000**0.5)
    blocks = counts.reshape(4000, 4, 10).sum(axis=2)  # what comes after one another
    assert (np.abs(blocks - 32 * probabilities.reshape(4, 10).sum(axis=1)) < 1).all()


def test_models_are_saved_with_their_optimizer():
    rng = np.random.default_rng(0)
    codec = CategoricalCodec(np.arange(4, dtype=np.float32)[:, None])
    rollouts = world(100, rng)
    features = rollouts.observations.astype(float)
    first, second = (InverseModels(codec, 1, 2, np.random.default_rng(i)) for i in (1, 2))
    first.fit(rollouts, features, None, 2, rng)
    second.set_arrays(first.arrays())
    for models in (first, second):
        models.fit(rollouts, features, None, 2, np.random.default_rng(5))
    for name, array in first.arrays().items():
        np.testing.assert_array_equal(array, second.arrays()[name])


def test_inverse_policy_is_a_distribution():
    policy = CategoricalInversePolicy(CategoricalCodec(SEEN), n_times=2, n_actions=4)
    losses = [policy.loss(np.array([a]), SEEN[:1], np.array([0])).item() for a in range(4)]
    assert np.exp(-np.array(losses)).sum() == pytest.approx(1, rel=1e-5)


def test_numbered_states_have_the_codes_of_their_observations():
    observations = np.array([[a, 5, b] for a in (0, 1) for b in (1, 4, 9)], dtype=np.float32)

    def nearest(given):
        return np.abs(given[:, None] - observations).sum(axis=2).argmin(axis=1)

    explored = np.array([3, 0, 0, 5, 1])
    codec = StateIndexCodec(explored, 6, observations.__getitem__, nearest)
    plain = CategoricalCodec(observations[explored])
    for states in ([2, 5, 2], [4, 5], [0, 1, 2, 3, 4, 5]):  # old and new ones
        shown = observations[states]
        np.testing.assert_array_equal(codec.encode(np.array(states)), plain.encode(shown))
        np.testing.assert_array_equal(codec.inputs(np.array(states)), plain.inputs(shown))
        np.testing.assert_array_equal(codec.decode(plain.encode(shown)), states)
