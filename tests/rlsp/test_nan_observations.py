"""Environments that show NaN: learning stops with an error that says where, or goes on finite."""

from contextlib import suppress

import numpy as np
import pytest

from rlsp_sb3 import RLSP

from helpers.point import TINY, Point


class Spoiled(Point):
    """Shows NaN once, after so many steps of all episodes together."""

    def __init__(self, when):
        super().__init__()
        self.when = when
        self.n_steps = 0

    def step(self, action):
        observation, *rest = super().step(action)
        self.n_steps += 1
        if self.n_steps == self.when:
            observation = np.full_like(observation, np.nan)
        return observation, *rest


@pytest.mark.parametrize("when", [20, 230, 300, 450, 600, 800])
@pytest.mark.parametrize("forward_model", ["simulator", "learned"])
def test_what_is_learned_is_finite_and_can_be_saved(when, forward_model, tmp_path):
    arguments = {"forward_model": forward_model, "eval_interval": 0}
    learner = RLSP(
        Spoiled(when),
        [[1.0]],
        hyperparameters=TINY,
        n_epochs=4,
        horizon=4,
        seed=0,
        **arguments,
    )
    with suppress(ValueError):  # what it says is tested below
        learner.learn()
    assert np.isfinite(learner.theta).all()
    learner.save(tmp_path / "learner.zip")
    loaded = RLSP.load(tmp_path / "learner.zip", Point(), **arguments)
    np.testing.assert_array_equal(loaded.theta, learner.theta)


@pytest.mark.parametrize(
    ("when", "forward_model"),
    [(230, "simulator"), (450, "learned"), (600, "learned")],
)
def test_the_first_spoiled_step_is_named(when, forward_model):
    learner = RLSP(
        Spoiled(when),
        [[1.0]],
        hyperparameters=TINY,
        n_epochs=4,
        horizon=4,
        seed=0,
        forward_model=forward_model,
        sampling="backward",  # which looks at the environment step by step
        eval_interval=0,
    )
    with pytest.raises(ValueError, match=r"env=Spoiled shows .*nan.* after step \d+ of") as caught:
        learner.learn()
    assert len(str(caught.value)) < 300
