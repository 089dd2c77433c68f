"""Which pasts count, how they are simulated and clipped, and what their features add up to."""

import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.rlsp.gradient import feature_counts, simulate_forward
from rlsp_sb3.rlsp.past_trajectories import PastTrajectories, simulate_past
from rlsp_sb3.rlsp.trajectory_weights import (
    cosine_weights,
    effective_sample_size,
    initial_weights,
    tempered_weights,
    uniform_weights,
    without_outside,
)
from rlsp_sb3.simulators.rollout import make_simulator

from helpers.corridor import Corridor
from helpers.point import STEP, Point


def gaussian_log_density(x, mean, std):
    return (-0.5 * ((x - mean) / std) ** 2).sum(axis=1)


def test_weights_are_the_density_where_enough_pasts_count():
    rng = np.random.default_rng(0)
    expected = rng.normal([3, -5], [0.5, 20], size=(5000, 2))
    reached = rng.normal([3, -5], [0.5, 20], size=(200, 2))
    normalizer = Normalizer((2,))
    normalizer.fit(expected)  # any scale gives the same
    weights = initial_weights(reached, expected, normalizer, min_effective_size=10)
    density = np.exp(gaussian_log_density(reached, expected.mean(axis=0), expected.std(axis=0)))
    np.testing.assert_allclose(weights, density / density.sum(), rtol=1e-3)
    other = initial_weights(reached, expected, Normalizer((2,)), min_effective_size=10)
    np.testing.assert_allclose(weights, other, rtol=1e-3)


@pytest.mark.parametrize("min_effective_size", [2, 20, 99])
def test_the_effective_sample_size_is_at_the_floor_where_too_few_count(min_effective_size):
    rng = np.random.default_rng(0)
    reached = rng.normal(20, 5, size=(100, 3))  # far from where anybody can have been
    weights = initial_weights(
        reached, rng.normal(size=(50, 3)), Normalizer((3,)), min_effective_size
    )
    assert weights.sum() == pytest.approx(1)
    assert effective_sample_size(weights) == pytest.approx(min_effective_size, rel=1e-3)


def test_weights_fall_with_the_distance_from_the_start():
    reached = np.linspace(-4, 4, 41)[:, None]
    weights = initial_weights(
        reached, np.random.default_rng(0).normal(size=(999, 1)), Normalizer((1,)), 20
    )
    order = np.argsort(np.abs(reached[:, 0] - 0.0))
    assert (np.diff(weights[order][::2]) < 0).all()
    assert weights.argmax() == 20


def test_starts_that_never_vary_do_not_divide_by_zero():
    reached = np.array([[0.0], [1.0], [2.0]])
    weights = initial_weights(reached, np.zeros((5, 1)), Normalizer((1,)), min_effective_size=1)
    np.testing.assert_allclose(weights, [1, 0, 0], atol=1e-12)


def test_nowhere_to_have_been_is_an_error_and_no_weight_of_nan():
    with pytest.raises(ValueError, match="expected"):
        initial_weights(np.zeros((3, 1)), np.empty((0, 1)), Normalizer((1,)), 1)


def test_tempered_takes_the_largest_power():
    log_weights = np.log([0.7, 0.2, 0.1])
    np.testing.assert_allclose(tempered_weights(log_weights + 5, 1), [0.7, 0.2, 0.1])
    weights = tempered_weights(log_weights, 2.5)
    power = np.log(weights[0] / weights[1]) / (log_weights[0] - log_weights[1])
    assert 0 < power < 1
    np.testing.assert_allclose(np.log(weights[1] / weights[2]), power * np.log(2))
    assert effective_sample_size(weights) == pytest.approx(2.5, rel=1e-6)
    np.testing.assert_allclose(tempered_weights(log_weights, 3), 1 / 3, rtol=1e-4)
    np.testing.assert_allclose(tempered_weights(log_weights, 4), 1 / 3)  # there are no more than 3


def test_tempered_weights_may_be_zero():
    np.testing.assert_allclose(tempered_weights(np.array([-np.inf, 0, 0]), 2), [0, 0.5, 0.5])
    np.testing.assert_allclose(tempered_weights(np.array([-np.inf, 0.0]), 2), [0.5, 0.5])


def test_uniform_weights_and_their_sample_size():
    np.testing.assert_allclose(uniform_weights(4), 0.25)
    assert effective_sample_size(uniform_weights(7)) == pytest.approx(7)
    assert effective_sample_size(np.array([1.0, 0, 0])) == 1


def test_cosine_weights_are_the_published_formula():
    reached = np.array([[1.0, 0], [1, 1], [-2, 0], [0, 3]])
    cosines = np.array([1, np.sqrt(0.5), -1, 0])
    expected = cosines / np.abs(cosines).sum()
    np.testing.assert_allclose(cosine_weights(reached, np.array([5.0, 0])), expected, atol=1e-12)
    images = reached.reshape(4, 2, 1).astype(np.uint8)
    assert cosine_weights(images, np.ones((2, 1), np.uint8)).shape == (4,)
    np.testing.assert_array_equal(cosine_weights(np.zeros((2, 3)), np.ones(3)), [0, 0])


# Simulating the past.


class Recorded:
    """Actions count down in steps of their time, and each step back adds what it is told."""

    def __init__(self, shift=0.0):
        self.shift, self.times = shift, []

    def sample(self, after, *rest):
        if len(rest) == 2:  # an inverse policy
            self.times.append(rest[0].copy())
            return rest[0].copy()
        return after + self.shift


def simulate(observed, inverse_policy, inverse_dynamics, horizon, n, bounds=None, tolerance=0.0):
    return simulate_past(
        observed,
        inverse_policy,
        inverse_dynamics,
        horizon=horizon,
        n_trajectories=n,
        rng=np.random.default_rng(0),
        bounds=bounds,
        tolerance=tolerance,
    )


def test_pasts_end_in_observed_states_and_are_told_the_time():
    observed = np.array([[0.0], [10.0]], np.float32)
    model = Recorded(shift=1)
    past = simulate(observed, model, model, 4, 1000)
    assert past.observations.shape == (4, 1000, 1)
    assert set(past.observations[-1].ravel()) == {0, 10}
    assert np.mean(past.observations[-1] == 0) == pytest.approx(0.5, abs=0.06)
    np.testing.assert_array_equal(np.diff(past.observations, axis=0), -1)
    np.testing.assert_array_equal(past.actions[:, 0], [0, 1, 2])
    assert [set(times) for times in model.times] == [{2}, {1}, {0}]
    assert past.n_clipped is None
    np.testing.assert_array_equal(past.states[:1000], past.observations[0])


def test_a_past_of_one_state_has_no_actions():
    model = Recorded()
    past = simulate(np.ones((1, 2)), model, model, 1, 5)
    assert past.observations.shape == (1, 5, 2)
    assert len(past.actions) == 0


class Given(Recorded):
    """Returns observations one after the other."""

    def __init__(self, *befores):
        super().__init__()
        self.befores = [np.array(before, dtype=np.float64) for before in befores]

    def sample(self, after, *rest):
        return super().sample(after, *rest) if len(rest) == 2 else self.befores.pop(0)


def test_what_leaves_the_limits_is_clipped_and_counted():
    limits = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
    first = [[0.5, 0.5], [5, -9], [np.nan, 1], [np.inf, -np.inf]]
    second = [[1, 2], [1.01, 0], [0, 0], [np.nan, np.nan]]
    observed = np.zeros((1, 2), np.float32)
    past = simulate(observed, Recorded(), Given(first, second), 3, 4, limits)
    np.testing.assert_array_equal(past.observations[1], [[0.5, 0.5], [1, -2], [-1, 1], [1, -2]])
    np.testing.assert_array_equal(past.observations[0], [[1, 2], [1, 0], [0, 0], [-1, -2]])
    np.testing.assert_array_equal(past.n_clipped, [0, 2, 1, 2])
    np.testing.assert_array_equal(past.n_outside, past.n_clipped)
    assert past.observations.dtype == np.float32


def test_what_is_near_the_limits_is_clipped_and_keeps_its_weight():
    limits = np.array([-1.0, -2.0]), np.array([1.0, 2.0])
    first = [[1.00017, 0], [0, -2.04], [-1.02, 0], [np.nan, 0], [0.5, 1]]
    second = [[-1.009, 2.03], [0, 0], [0, 0], [0, 0], [0, 0]]
    observed = np.zeros((1, 2), np.float32)
    tolerance = np.array([0.01, 0.05])
    past = simulate(observed, Recorded(), Given(first, second), 3, 5, limits, tolerance)
    np.testing.assert_array_equal(
        past.observations[1], [[1, 0], [0, -2], [-1, 0], [-1, 0], [0.5, 1]]
    )
    np.testing.assert_array_equal(past.n_clipped, [2, 1, 1, 1, 0])
    np.testing.assert_array_equal(past.n_outside, [0, 0, 1, 1, 0])
    np.testing.assert_array_equal(without_outside(uniform_weights(5), past), [0.2, 0.2, 0, 0, 0.2])
    assert past.diagnostics == {
        "clipped_observations": pytest.approx(5 / 10),
        "outside_observations": pytest.approx(2 / 10),
    }


def test_pasts_that_all_are_far_outside_are_an_error():
    limits = np.full(1, -1.0), np.full(1, 1.0)
    past = simulate(np.zeros((1, 1)), Recorded(), Given([[9], [np.nan]]), 2, 2, limits, 0.1)
    with pytest.raises(
        FloatingPointError, match="all 2 simulated pasts with a weight left the ran"
    ):
        without_outside(uniform_weights(2), past)


def test_pasts_that_are_far_outside_are_an_error_if_no_other_has_a_weight():
    limits = np.full(1, -1.0), np.full(1, 1.0)
    past = simulate(np.zeros((1, 1)), Recorded(), Given([[9], [0]]), 2, 2, limits, 0.1)
    with pytest.raises(FloatingPointError, match="all 1 simulated pasts with a weight left"):
        without_outside(np.array([1.0, 0.0]), past)
    np.testing.assert_array_equal(without_outside(np.array([0.5, 0.5]), past), [0, 0.5])


def test_pasts_without_any_weight_are_an_error():
    past = simulate(np.zeros((1, 1)), Recorded(), Given([[0], [0]]), 2, 2)
    with pytest.raises(FloatingPointError, match="all 2 simulated pasts have the weight 0"):
        without_outside(np.zeros(2), past)


def test_pasts_of_integers_are_rounded():
    limits = np.zeros(1), np.full(1, 255.0)
    said = [[3.9], [259.5], [-0.4]]
    past = simulate(np.zeros((1, 1), np.uint8), Recorded(), Given(said), 2, 3, limits, 2.55)
    assert past.observations.dtype == np.uint8
    np.testing.assert_array_equal(past.observations[0], [[4], [255], [0]])
    np.testing.assert_array_equal(past.n_outside, [0, 1, 0])


def test_within_the_limits_nothing_is_changed():
    limits = np.full(1, -100.0), np.full(1, 100.0)
    pasts = [
        simulate(np.ones((1, 1)), Recorded(), Recorded(3), 5, 6, each) for each in (None, limits)
    ]
    np.testing.assert_array_equal(pasts[0].observations, pasts[1].observations)
    np.testing.assert_array_equal(pasts[1].n_clipped, 0)


# Simulating forward, and features.


def test_forward_starts_where_pasts_begin_and_takes_as_many_steps():
    rng = np.random.default_rng(0)
    simulator = make_simulator(Point(), rng)
    observations = rng.normal(size=(4, 7, 1)).astype(np.float32)
    past = PastTrajectories(observations, np.zeros((3, 7, 1), np.float32))
    times = []

    def policy(shown, time):
        times.append(time)
        return np.full((len(shown), 1), 0.5, np.float32)

    ahead = simulate_forward(past, policy, simulator)
    assert ahead.shape == observations.shape
    assert times == [0, 1, 2]
    expected = observations[0] + STEP * 0.5 * np.arange(4)[:, None, None]
    np.testing.assert_allclose(ahead, expected, atol=1e-5)


def test_forward_is_nan_where_it_becomes_unstable_and_others_go_on():
    simulator = make_simulator(Point(edge=1.0), np.random.default_rng(0))
    observations = np.zeros((4, 2, 1), np.float32)
    observations[0, 1] = 0.8
    past = PastTrajectories(observations, np.zeros((3, 2, 1), np.float32))
    ahead = simulate_forward(past, lambda shown, time: np.full((2, 1), 0.5), simulator)
    np.testing.assert_allclose(ahead[:, 0, 0], [0, 0.25, 0.5, 0.75], atol=1e-6)
    np.testing.assert_array_equal(np.isnan(ahead[:, 1, 0]), [False, True, True, True])
    counts = feature_counts(lambda each: np.concatenate([each, each**2], axis=1), ahead)
    np.testing.assert_allclose(counts[0], [1.5, 0.875], atol=1e-6)
    assert np.isnan(counts[1]).all()


def test_feature_counts_are_sums_over_time():
    observations = np.random.default_rng(0).normal(size=(5, 3, 2, 2))
    observations[2, 1, 0, 1] = np.nan
    observations[0, 2, 1, 1] = np.inf

    def features(each):
        assert each.shape == (15, 2, 2)
        assert np.isfinite(each).all()  # a network may refuse others
        return each.reshape(len(each), 4)[:, :3]

    counts = feature_counts(features, observations)
    np.testing.assert_allclose(counts[0], observations[:, 0].reshape(5, 4)[:, :3].sum(axis=0))
    assert np.isnan(counts[1:]).all()


def test_feature_counts_of_integers():
    observations = np.arange(12, dtype=np.uint8).reshape(3, 4, 1)
    np.testing.assert_array_equal(
        feature_counts(lambda each: each.astype(float), observations)[:, 0], [12, 15, 18, 21]
    )


def test_a_rare_start_is_possible():
    """Whether an episode can start somewhere is told by the tables, and not by trying."""

    class Rare(Corridor):
        observed_states = np.array([[0.0, 1.0, 0.0]], dtype=np.float32)

        @property
        def mdp(self):
            mdp = super().mdp
            mdp.initial_distribution = np.array([1 - 1e-6, 1e-6, 0.0])
            return mdp

        def observations(self, indices):
            return np.eye(3, dtype=np.float32)[indices]

    learner = RLSP(Rare(), horizon=1, n_epochs=1, seed=0)
    past = PastTrajectories(np.array([[0, 1, 2]]), np.empty((0, 3), np.int64))
    weighting = learner.gradient_estimator.trajectory_weights(past)
    np.testing.assert_allclose(weighting.weights, [0.5, 0.5, 0], atol=1e-9)
