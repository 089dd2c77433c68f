"""The learned simulator says what the environment could show."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.simulators.learned import LearnedSimulator


class Shows(gym.Env):
    """Shows the least observation of a space; there is no more of it that a simulator needs."""

    def __init__(self, space):
        self.observation_space = space
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(self.observation_space.shape).tolist(), {}  # whatever its type


class Says(DeltaModel):
    """A model that has nothing learned."""

    def __init__(self, space, values):
        super().__init__(space.shape, spaces.Discrete(2), hidden=(2,))
        self.values = values

    def __call__(self, origins, actions):
        return np.tile(np.array(self.values, dtype=np.float64), (len(origins), 1))


@pytest.mark.parametrize(
    ("space", "said", "shown"),
    [
        (spaces.Box(0, 255, (4,), np.uint8), [259.5, -0.6, 3.9, 254.4], [255, 0, 4, 254]),
        (spaces.Box(-5, 10, (3,), np.int64), [1e30, -7.0, -4.6], [10, -5, -5]),
        (spaces.MultiDiscrete([3, 5]), [2.6, 3.5], [2, 4]),
        (spaces.MultiBinary(3), [-4.0, 0.7, 1.6], [0, 1, 1]),
        (spaces.Box(-1, 1, (2,), np.float32), [1.5, -0.25], [1.5, -0.25]),
    ],
    ids=str,
)
def test_what_the_model_says_is_rounded_into_a_space_of_integers(space, said, shown):
    simulator = LearnedSimulator(Shows(space), np.random.default_rng(0), Says(space, said), 3)
    starts = simulator.reset(2)
    assert starts.dtype == space.dtype
    after = simulator.step(starts, [0, 1])
    assert after.dtype == space.dtype
    np.testing.assert_array_equal(after, [shown, shown])


def test_a_model_that_says_nan_of_integers_is_an_error_and_no_zero():
    space = spaces.Box(0, 9, (1,), np.int32)
    simulator = LearnedSimulator(Shows(space), np.random.default_rng(0), Says(space, [np.nan]), 1)
    with pytest.raises(FloatingPointError, match="NaN"):
        simulator.step(np.zeros((1, 1)), [0])
