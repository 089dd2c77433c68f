"""Transitions that were collected are those of the environment, and stay within an episode."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import TimeLimit

import rlsp_envs  # noqa: F401
from rlsp_sb3.data.transitions import Transitions, collect, concatenate

from helpers.point import STEP, Counting, Point

OLD_GYMNASIUM = gym.__version__.startswith("0.")
PENDULUM = f"InvertedPendulum-{'v4' if OLD_GYMNASIUM else 'v5'}"

# Gymnasium says that v4 is out of date.
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date.*")


def rng(seed=0):
    return np.random.default_rng(seed)


class Numbered(gym.Env):
    """Observations are the number of the episode and the step; episodes have lengths 3, 1, 3, ….

    Every observation is shown in the same array.
    """

    observation_space = spaces.Box(0, 1e6, (2,), np.float64)
    action_space = spaces.Discrete(2, start=3)

    def __init__(self):
        self.shown = np.array([-1.0, 0.0])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.shown[:] = self.shown[0] + 1, 0
        return self.shown, {}

    def step(self, action):
        self.shown[1] += 1
        is_odd = self.shown[0] % 2
        last = self.shown[1] == (1 if is_odd else 3)
        return self.shown, 7.0, bool(last and is_odd), bool(last and not is_odd), {}


def test_no_transition_crosses_the_end_of_an_episode():
    before, actions, after, dones = collect(Numbered(), 10, rng())
    np.testing.assert_array_equal(before[:, 0], [0, 0, 0, 1, 2, 2, 2, 3, 4, 4])
    np.testing.assert_array_equal(before[:, 1], [0, 1, 2, 0, 0, 1, 2, 0, 0, 1])
    np.testing.assert_array_equal(after, before + np.array([0, 1]))
    assert set(actions) == {3, 4}
    np.testing.assert_array_equal(dones, before[:, 0] % 2 == 1)  # the others were cut


def test_episodes_are_no_longer_than_they_may_be():
    before, *_ = collect(Numbered(), 10, rng(), max_length=2)
    np.testing.assert_array_equal(before[:, 1], [0, 1, 0, 0, 1, 0, 0, 1, 0, 0])


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1", PENDULUM])
def test_shapes_and_types_are_those_of_the_environment(env_id):
    env = gym.make(env_id)
    seen = collect(env, 57, rng(), max_length=9)
    observation, action = env.observation_space, env.action_space
    assert seen.observations.shape == seen.next_observations.shape == (57, *observation.shape)
    assert seen.observations.dtype == seen.next_observations.dtype == observation.dtype
    assert seen.actions.shape == (57, *action.shape)
    assert seen.dones.shape == (57,)
    assert seen.dones.dtype == bool
    assert all(action.contains(each) for each in seen.actions)


def test_every_other_episode_starts_at_given_states():
    starts = np.array([[40.0], [60.0]], np.float32)
    seen = collect(TimeLimit(Point(), 1000), 4000, rng(), starts=starts, max_length=2)
    first = seen.observations[::2, 0]
    assert (np.abs(first[::2]) <= 0.1).all()
    assert set(first[1::2]) == {40, 60}
    assert np.mean(first[1::2] == 40) == pytest.approx(0.5, abs=0.06)
    np.testing.assert_allclose(
        seen.next_observations, seen.observations + STEP * seen.actions, atol=1e-4
    )


def test_a_policy_chooses_actions_by_what_is_seen():
    class Back:
        def predict(self, observation, state=None, episode_start=None, deterministic=False):
            assert deterministic
            return np.clip(-observation, -1, 1), None

    starts = np.array([[0.8]], np.float32)
    seen = collect(Point(), 40, rng(), starts=starts, policy=Back(), max_length=5)
    np.testing.assert_array_equal(
        seen.actions, Back().predict(seen.observations, None, None, True)[0]
    )
    assert seen.observations[5] == pytest.approx(0.8)  # the policy sees the start, too


def test_a_policy_remembers_its_episode_and_no_other():
    seen = collect(Point(), 11, rng(), policy=Counting(), max_length=4)
    counted = np.array([0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2]) / 10
    np.testing.assert_allclose(seen.actions[:, 0], counted)


def test_an_environment_that_cannot_be_put_into_states_needs_no_starts():
    assert len(collect(Numbered(), 5, rng()).actions) == 5
    with pytest.raises(TypeError, match="set_state_from_observation"):
        collect(Numbered(), 5, rng(), starts=np.zeros((1, 2)))


def test_same_rng_same_bits():
    runs = [
        collect(gym.make("Pendulum-v1"), 30, rng(seed), max_length=7, starts=np.eye(3))
        for seed in (0, 0, 1)
    ]
    assert all(np.array_equal(*pair) for pair in zip(runs[0], runs[1], strict=True))
    assert not np.array_equal(runs[0].actions, runs[2].actions)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_steps": 0}, "n_steps=0"),
        ({"max_length": 0}, "max_length=0"),
        (
            {"starts": np.empty((0, 1), np.float32)},
            r"starts has shape \(0, 1\): expected",
        ),
    ],
)
def test_numbers_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        collect(Point(), **{"n_steps": 5, "rng": rng(), **arguments})


def test_concatenated_are_all_of_both():
    first, second = collect(Point(), 3, rng()), collect(Point(), 4, rng(1))
    both = concatenate(first, second)
    assert isinstance(both, Transitions)
    np.testing.assert_array_equal(both.actions[:3], first.actions)
    np.testing.assert_array_equal(both.next_observations[3:], second.next_observations)
    assert len(both.dones) == 7


def test_concatenated_do_not_say_what_one_of_them_does_not_say():
    first, second = collect(Point(), 3, rng()), collect(Point(), 4, rng(1))
    assert concatenate(first, second._replace(dones=None)).dones is None
    three = concatenate(first, second, first)
    np.testing.assert_array_equal(three.observations[7:], first.observations)


def test_what_is_saved_gives_the_same_again():
    env = Point()
    env_spaces = env.observation_space, env.action_space
    seen = collect(env, 3, rng())
    for transitions in (seen, seen._replace(dones=None)):
        again = Transitions.from_arrays(transitions.arrays(), *env_spaces)
        assert all(map(np.array_equal, transitions, again))
    arrays = seen.arrays()
    with pytest.raises(KeyError, match="dones"):
        Transitions.from_arrays({k: v for k, v in arrays.items() if k != "dones"}, *env_spaces)
    with pytest.raises(ValueError, match="actions has shape"):
        Transitions.from_arrays({**arrays, "actions": arrays["actions"][1:]}, *env_spaces)
