"""The discriminator test: known distributions have a known cross-entropy."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from scipy import integrate, stats

from rlsp_sb3.evaluation.policy_discriminator import (
    MEASURE_EVERY,
    N_UPDATES,
    held_out_cross_entropy,
    segments,
)

GUESS = np.log(2)


def gaussian(n, size, seed, shift=0.0):
    """Segments of independent states whose first entry has another mean."""
    states = np.random.default_rng(seed).normal(size=(n, size))
    states[:, 0] += shift
    return segments(states)


def at_the_end(first, second, seed=0):
    return held_out_cross_entropy(first, second, seed).cross_entropy[-1]


def bayes(shift):
    """The cross-entropy of the best classifier of two unit Gaussians that far apart."""

    def loss(x):  # of a state of the first kind; that of the second is the same, mirrored
        return stats.norm.pdf(x) * np.logaddexp(0, shift * x - shift**2 / 2)

    return integrate.quad(loss, -12, 12)[0]


def test_what_has_one_distribution_is_guessed():
    assert at_the_end(gaussian(1_000, 2, 0), gaussian(1_000, 2, 1)) == pytest.approx(
        GUESS, abs=0.02
    )


def test_what_is_separable_is_told_apart():
    curve = held_out_cross_entropy(gaussian(100, 17, 0), gaussian(100, 17, 1, shift=20))
    assert curve.cross_entropy[0] == pytest.approx(GUESS, abs=0.1)
    assert 0 < curve.cross_entropy[-1] < 0.1


@pytest.mark.parametrize("shift", [1.0, 2.0])
def test_gaussians_have_the_cross_entropy_of_the_best_classifier(shift):
    found = at_the_end(gaussian(2_000, 2, 0), gaussian(2_000, 2, 1, shift))
    assert found == pytest.approx(bayes(shift), abs=0.025)


def test_the_more_alike_the_higher():
    first = gaussian(200, 4, 0)
    found = [at_the_end(first, gaussian(200, 4, 1, shift)) for shift in (0, 1, 3)]
    assert found == sorted(found, reverse=True)


def test_neighbors_do_not_give_states_away():
    # States stay the same for ten steps, and all come from one distribution.
    first, second = np.repeat(np.random.default_rng(0).normal(size=(2, 10, 17)), 10, axis=1)
    by_heart = at_the_end(segments(first, 1, 0), segments(second, 1, 0))
    assert by_heart < 0.3
    assert at_the_end(segments(first), segments(second)) > GUESS - 0.05


def test_kinds_count_the_same_however_many_states_they_have():
    found = at_the_end(gaussian(1_000, 2, 0), gaussian(100, 2, 1))
    assert found == pytest.approx(GUESS, abs=0.03)  # the entropy of the kinds is .30


def test_the_same_seed_gives_the_same_bits():
    first, second = gaussian(20, 3, 0), gaussian(20, 3, 1, 1.0)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    curve = held_out_cross_entropy(first, second, 3)
    assert torch.equal(torch.get_rng_state(), before)
    again = held_out_cross_entropy(first, second, 3)
    np.testing.assert_array_equal(again.cross_entropy, curve.cross_entropy)
    other = held_out_cross_entropy(first, second, 4)
    assert not np.array_equal(other.cross_entropy, curve.cross_entropy)
    assert curve.steps.tolist() == list(range(0, N_UPDATES + 1, MEASURE_EVERY))
    assert curve.cross_entropy.shape == curve.steps.shape


def test_observations_of_any_shape():
    rng = np.random.default_rng(0)
    dark, bright = rng.integers(0, 100, (2, 60, 4, 4, 3))
    assert at_the_end(segments(dark), segments(bright + 150)) < 0.1


@pytest.mark.parametrize(
    ("space", "least"), [(spaces.Discrete(9, start=3), 3), (spaces.MultiDiscrete([9, 9]), 0)]
)
def test_categories_are_told_apart_whatever_their_numbers(space, least):
    def drawn(categories, seed):
        shape = (400, *space.shape)
        return segments(np.random.default_rng(seed).choice(categories, shape) + least)

    # Every other number: no sum of weighed numbers separates them, one-hot codes do.
    even, odd = drawn([0, 2, 4, 6, 8], 0), drawn([1, 3, 5, 7], 1)
    found = held_out_cross_entropy(even, odd, observation_space=space)
    assert found.cross_entropy[-1] < 0.1
    same = held_out_cross_entropy(even, drawn([0, 2, 4, 6, 8], 2), observation_space=space)
    assert same.cross_entropy[-1] == pytest.approx(GUESS, abs=0.05)


def test_segments_lie_apart():
    found = segments(np.arange(27)[:, None], length=5, gap=3)
    assert [segment[:, 0].tolist() for segment in found] == [
        [0, 1, 2, 3, 4],
        [8, 9, 10, 11, 12],
        [16, 17, 18, 19, 20],
    ]
    assert segments(np.zeros((4, 2)), length=5) == []
    with pytest.raises(ValueError, match="length=0"):
        segments(np.zeros((4, 2)), length=0)


def test_mistakes_are_explained():
    good = gaussian(40, 3, 0)
    with pytest.raises(ValueError, match="second has 1 segments: expected at least 2"):
        held_out_cross_entropy(good, good[:1])
    with pytest.raises(ValueError, match=r"shape \(3,\) and second of \(2,\)"):
        held_out_cross_entropy(good, gaussian(40, 2, 0))
    with pytest.raises(ValueError, match="first has segments of the shapes"):
        held_out_cross_entropy([*good, np.zeros((0, 3))], good)
    with pytest.raises(ValueError, match="first has observations that are not finite"):
        held_out_cross_entropy([*good, np.full((8, 3), np.nan)], good)
    with pytest.raises(ValueError, match="seed"):
        held_out_cross_entropy(good, good, -1)
    with pytest.raises(
        ValueError, match=r"first has observations of shape \(3,\): expected \(2,\)"
    ):
        held_out_cross_entropy(good, good, observation_space=spaces.Box(-9, 9, (2,)))
    for wrong in (4, 2.5, -1):
        with pytest.raises(ValueError, match="second has observations that are not in obs"):
            held_out_cross_entropy(
                [np.arange(4)] * 2, [[0], [wrong]], observation_space=spaces.Discrete(4)
            )
