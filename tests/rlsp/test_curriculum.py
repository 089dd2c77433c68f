"""Horizons grow over the epochs, or sooner where the gradient has become small."""

import numpy as np
import pytest

from rlsp_sb3.rlsp.curriculum import N_GRADIENTS, Curriculum

LARGE, SMALL = np.array([3.0, 0.0]), np.array([0.01, 0.0])


def horizons(curriculum, n, gradient=LARGE):
    seen = []
    for _ in range(n):
        seen.append(curriculum.horizon)
        curriculum.advance(gradient)
    return seen


def test_horizons_grow_evenly_to_the_full_one_and_stay_there():
    curriculum = Curriculum(2, 8, 7)
    assert horizons(curriculum, 9) == [2, 3, 4, 5, 6, 7, 8, 8, 8]
    assert horizons(Curriculum(2, 10, 20), 20)[-1] == 10
    assert not np.any(np.diff(horizons(Curriculum(2, 10, 20), 20)) < 0)


@pytest.mark.parametrize("n_epochs", [1, 5])
def test_a_first_horizon_that_is_the_full_one_stays(n_epochs):
    assert horizons(Curriculum(7, 7, n_epochs), 6) == [7] * 6


def test_without_a_threshold_small_gradients_change_nothing():
    curriculum = Curriculum(1, 2, 40)
    assert horizons(curriculum, 40, np.zeros(2)) == [1] * 20 + [2] * 20
    assert not curriculum.has_converged


def test_small_gradients_bring_the_next_horizon_early():
    curriculum = Curriculum(1, 3, 90, gradient_threshold=1.0)
    seen = horizons(curriculum, 2 * N_GRADIENTS + 1, SMALL)
    changes = np.flatnonzero(np.diff(seen)) + 1
    np.testing.assert_array_equal(changes, [N_GRADIENTS, 2 * N_GRADIENTS])
    assert seen[-1] == 3
    assert not curriculum.has_converged


def test_gradients_of_another_horizon_do_not_count():
    curriculum = Curriculum(1, 2, 10, gradient_threshold=1.0)  # 5 epochs each
    horizons(curriculum, 5, SMALL)
    assert curriculum.horizon == 2
    assert not any(curriculum.has_converged for _ in horizons(curriculum, 9, SMALL))
    curriculum.advance(SMALL)
    assert curriculum.has_converged


def test_it_is_the_mean_that_has_to_be_small():
    curriculum = Curriculum(1, 2, 40, gradient_threshold=1.0)
    for i in range(N_GRADIENTS):
        curriculum.advance(LARGE if i % 2 else -LARGE)
    assert curriculum.horizon == 2


def test_only_the_last_ten_gradients_count():
    curriculum = Curriculum(1, 2, 100, gradient_threshold=1.0)
    horizons(curriculum, 10, 100 * LARGE)
    seen = horizons(curriculum, 11, SMALL)
    assert seen == [1] * 10 + [2]


def test_it_converges_at_the_full_horizon_only():
    curriculum = Curriculum(1, 2, 40, gradient_threshold=1.0)
    horizons(curriculum, N_GRADIENTS, SMALL)
    assert (curriculum.horizon, curriculum.has_converged) == (2, False)
    horizons(curriculum, N_GRADIENTS, SMALL)
    assert curriculum.has_converged


@pytest.mark.parametrize("n_before", [0, 3, 12, 20, 25])
def test_arrays_restore_it(n_before):
    rng = np.random.default_rng(0)
    gradients = rng.normal(scale=0.1, size=(50, 2))
    whole, restored = (Curriculum(1, 2, 40, gradient_threshold=0.5) for _ in range(2))
    for gradient in gradients[:n_before]:
        whole.advance(gradient)
    restored.set_arrays(whole.arrays(), 2)
    for gradient in gradients[n_before:]:
        assert (restored.horizon, restored.epoch) == (whole.horizon, whole.epoch)
        assert restored.has_converged == whole.has_converged
        whole.advance(gradient)
        restored.advance(gradient)
    assert whole.has_converged


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0, 3, 5), "first=0"), ((4, 3, 5), "horizon=3"), ((1, 3, 0), "n_epochs=0")],
)
def test_numbers_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        Curriculum(*arguments)
