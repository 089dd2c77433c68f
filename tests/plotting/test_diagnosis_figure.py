"""Figure of a diagnosis."""

import numpy as np
import pytest
from PIL import Image

from rlsp_sb3.diagnosis import DiagnosisRow
from rlsp_sb3.learners import NotOfferedError
from rlsp_sb3.plotting.diagnosis_figure import diagnosis_figure


def row(epoch, length, *, cosine=0.5, error=0.1):
    return DiagnosisRow(
        epoch=epoch,
        timesteps=100 * epoch,
        length=length,
        is_used=int(length == 1 + epoch),
        cosine=cosine,
        simulated_norm=1.0,
        real_norm=2.0,
        real_signal=9.0,
        start_distance=0.3 * length,
        support=0.5,
        error_expert=error,
        error_in_loop=error,
        error_random=error,
    )


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


@pytest.mark.parametrize("n_epochs", [1, 2, 12])
@pytest.mark.parametrize("error", [0.1, np.nan])
def test_it_is_drawn_with_and_without_inverse_dynamics(n_epochs, error, tmp_path):
    rows = [row(e, n, error=error) for e in range(1, n_epochs + 1) for n in (2, 3, 5, 8)]
    diagnosis_figure(rows, tmp_path / "figure.png", "Point-v0")
    assert pixels(tmp_path / "figure.png").std() > 10


def test_a_right_gradient_is_blue_and_a_reversed_one_red(tmp_path):
    for cosine, sign in ((1, 1), (-1, -1)):
        rows = [row(e, n, cosine=cosine) for e in (1, 2, 3) for n in (2, 3, 5)]
        diagnosis_figure(rows, tmp_path / "figure.png", "Point-v0")
        lower_left = pixels(tmp_path / "figure.png")[450:650, 150:350]
        assert sign * (lower_left[..., 2] - lower_left[..., 0]).mean() > 20


def test_nothing_is_no_figure(tmp_path):
    with pytest.raises(NotOfferedError, match="no gradient has been diagnosed"):
        diagnosis_figure([], tmp_path / "figure.png", "Point-v0")
