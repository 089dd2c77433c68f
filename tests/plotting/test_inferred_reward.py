"""Figures of what an inferred reward means, in any environment."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import LinearReward
from rlsp_sb3.plotting import (
    plot_reward,
    plot_reward_filmstrip,
    plot_reward_map,
    plot_reward_profiles,
    plot_reward_scatter,
    sample_rewards,
)
from rlsp_sb3.plotting.inferred.filmstrip import strip
from rlsp_sb3.plotting.inferred.heat_map import reward_surface
from rlsp_sb3.plotting.inferred.observation_names import observation_names
from rlsp_sb3.plotting.inferred.profiles import profiles
from rlsp_sb3.utils.errors import NotOfferedError

from helpers.deep_learner import make_learner
from helpers.plane import Plane


class Camera(gym.Env[np.ndarray, np.int64]):
    """Shows a gray image that is as bright as its last action said, one of four."""

    observation_space = spaces.Box(0, 255, (36, 36, 1), np.uint8)
    action_space = spaces.Discrete(4)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        return np.zeros((36, 36, 1), np.uint8), {}

    def step(self, action: Any) -> Any:
        return np.full((36, 36, 1), 60 * (action + 1), np.uint8), 1.0, False, False, {}


def mujoco(name: str) -> gym.Env[Any, Any]:
    pytest.importorskip("mujoco")
    version = "v5" if f"{name}-v5" in gym.registry else "v4"
    return gym.make(f"{name}-{version}")


# Names of entries.


def test_entries_of_mujoco_are_called_by_joints() -> None:
    """Moving one joint changes the entry that is called by it, and no other position."""
    env: Any = mujoco("HalfCheetah").unwrapped
    names = observation_names(env)
    assert names[8] == "rootx velocity (m/s)"
    env.reset(seed=0)
    for joint in ("rooty", "bthigh", "ffoot"):
        before, qpos = env._get_obs(), env.data.qpos.copy()
        qpos[env.model.joint(joint).qposadr[0]] += 0.25
        env.set_state(qpos, env.data.qvel.copy())
        (changed,) = np.nonzero(env._get_obs() - before)
        assert [names[i] for i in changed] == [f"{joint} (rad)"]


def test_entries_that_are_sines_or_no_coordinates() -> None:
    names = observation_names(mujoco("InvertedDoublePendulum"))
    assert names[:3] == ("slider (m)", "sin of hinge", "sin of hinge2")
    assert names[8] == "entry 8"


def test_wrappers_add_the_name_of_their_entry() -> None:
    pytest.importorskip("mujoco")
    names = observation_names(gym.make("HalfCheetahFuel-v0"))
    assert names[-2:] == ("ffoot velocity (rad/s)", "fuel")


def test_a_wrapper_that_changes_observations_hides_names() -> None:
    env = gym.wrappers.FlattenObservation(gym.make("CartPole-v1"))
    assert observation_names(env)[2] == "pole angle (rad)"  # nothing is changed

    class Twice(gym.ObservationWrapper[Any, Any, Any]):
        observation_space = spaces.Box(-9, 9, (8,), np.float32)

        def observation(self, observation: Any) -> Any:
            return np.concatenate([observation] * 2)

    assert observation_names(Twice(env)) == tuple(f"entry {i}" for i in range(8))


def test_an_environment_says_what_entries_are() -> None:
    assert observation_names(gym.make("PointVase-v0")) == ("x", "y", "broken vase")
    env = Plane()
    env.observation_names = ("x",)  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="Plane has 1 observation_names: expected 2"):
        observation_names(env)


def test_categories_are_states() -> None:
    assert observation_names(gym.make("FrozenLake-v1")) == ("state",)


# Profiles and the map.


def hill(observations: Any) -> Any:
    """Reward of a point on the plane, highest at x = .5, and more with y."""
    x, y = np.asarray(observations, dtype=float).T
    return -((x - 0.5) ** 2) + 0.001 * y


OBSERVED = [[0.5, 0.2], [0.2, 0.2]]


def samples_of(reward: Any = hill, env: Any = None, observed: Any = OBSERVED, **kwargs: Any) -> Any:
    return sample_rewards(reward, Plane() if env is None else env, observed, **kwargs)


def test_a_profile_is_the_reward_with_one_entry_changed() -> None:
    samples = samples_of()
    first, second = profiles(samples)
    assert [first.entry, second.entry] == [0, 1]  # x matters most
    np.testing.assert_allclose(first.rewards[0], -((first.values - 0.5) ** 2) + 0.0002)
    np.testing.assert_allclose(second.rewards[1], -0.09 + 0.001 * second.values)
    assert first.values[0] < 0.2  # as far as random behavior goes ...
    assert first.values[-1] >= 0.5  # ... and the observed states are


def test_profiles_show_observed_states_and_names() -> None:
    figure = plot_reward_profiles(samples_of())
    assert [axes.get_xlabel() for axes in figure.axes] == ["entry 0", "entry 1"]
    *lines, stars = figure.axes[0].lines
    assert len(lines) == 2
    np.testing.assert_allclose(stars.get_xdata(), [0.5, 0.2])
    np.testing.assert_allclose(stars.get_ydata(), hill(OBSERVED))


def test_profiles_of_categories_are_points() -> None:
    weights = np.arange(16.0)
    reward = LinearReward(weights, features=lambda states: np.eye(16)[states])
    (profile,) = profiles(samples_of(reward, gym.make("FrozenLake-v1"), [3]))
    np.testing.assert_array_equal(profile.values, np.arange(16))
    np.testing.assert_array_equal(profile.rewards[0], weights)


def test_an_entry_that_never_varies_has_no_profile() -> None:
    env: Any = Plane()
    env.reset = lambda **kwargs: (np.zeros(2), {})
    env.step = lambda action: (np.zeros(2), 0.0, False, False, {})
    with pytest.raises(NotOfferedError, match="no entry of the observations varies"):
        plot_reward_profiles(samples_of(env=env, observed=[[0.0, 0.0]]))


def test_the_map_has_the_second_entry_upward() -> None:
    x, y, rewards = reward_surface(samples_of(), 0, 1)
    assert rewards.shape == (len(y), len(x))
    expected = -((x[None, :] - 0.5) ** 2) + 0.001 * y[:, None]
    np.testing.assert_allclose(rewards, expected)
    axes = plot_reward_map(samples_of()).axes[0]
    assert [axes.get_xlabel(), axes.get_ylabel()] == ["entry 0", "entry 1"]
    np.testing.assert_allclose(axes.lines[-1].get_xdata(), [0.5, 0.2])


def test_one_entry_is_no_map() -> None:
    with pytest.raises(NotOfferedError, match="fewer than two entries"):
        plot_reward_map(samples_of(lambda s: s * 1.0, gym.make("FrozenLake-v1"), [3]))


# The true reward.


def test_scatter_of_the_true_reward_itself_is_a_line() -> None:
    env: Any = gym.make("PointVase-v0")
    bare = env.unwrapped
    reward = LinearReward(2 * bare.true_reward, bare.feature_names, bare.features)
    samples = samples_of(reward, env, [[1.0, 0.0, 0.0]])
    (random,) = samples.visited.values()
    np.testing.assert_allclose(random.inferred, 2 * random.true)
    (axes,) = plot_reward_scatter(samples).axes
    assert "correlation 1.00" in axes.get_title()


def test_a_reward_that_never_varies_is_not_drawn() -> None:
    with pytest.raises(NotOfferedError, match="environment's reward is 0 in every state"):
        plot_reward_scatter(samples_of())


# Pictures.


def test_the_strip_has_the_best_and_the_worst_states() -> None:
    samples = samples_of()
    rows = strip(samples)
    rewards = hill(samples.visited["random behavior"].states)
    highest, lowest = rows["highest reward"], rows["lowest reward"]
    assert highest[1][0] == rewards.max()
    assert lowest[1][0] == rewards.min()
    np.testing.assert_allclose(hill(highest[0]), highest[1])
    assert (np.diff(highest[1]) <= 0).all()
    assert len(np.unique(highest[0], axis=0)) == 5


def test_pictures_are_those_of_the_states() -> None:
    pytest.importorskip("pygame")
    env = gym.make("CartPole-v1", render_mode="rgb_array")
    observed = np.array([[1.0, 0.0, 0.1, 0.0]], dtype=np.float32)
    samples = samples_of(lambda states: states[:, 0], env, observed, n_steps=200)
    figure = plot_reward_filmstrip(samples, env)
    bare: Any = env.unwrapped
    bare.state = observed[0]
    shown = figure.axes[0].images[0].get_array()
    np.testing.assert_array_equal(shown, env.render())
    assert figure.axes[0].get_title() == "1"


def test_images_are_their_own_pictures() -> None:
    samples = samples_of(
        lambda states: -states.mean(axis=(1, 2, 3)), Camera(), [np.zeros((36, 36, 1), np.uint8)]
    )
    figure = plot_reward_filmstrip(samples)
    shown = [axes.images[0].get_array().flat[0] for axes in figure.axes if axes.images]
    assert shown == [0, 60, 120, 180, 240, 240, 180, 120, 60]  # observed, highest, lowest
    with pytest.raises(NotOfferedError, match="pixels mean nothing one by one"):
        plot_reward_profiles(samples)


def test_states_that_cannot_be_set_are_not_drawn() -> None:
    samples = samples_of()
    with pytest.raises(NotOfferedError, match="render mode None"):
        plot_reward_filmstrip(samples, Plane())
    with pytest.raises(NotOfferedError, match="no environment to be rendered"):
        plot_reward_filmstrip(samples)


# Arguments.


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"observed": [[0.0]]}, ValueError, r"observed_states have shape \(1, 1\)"),
        ({"observed": [0.0, 0.0]}, ValueError, "observed_states have shape"),
        ({"n_steps": 0}, ValueError, "n_steps=0"),
        ({"seed": -1}, ValueError, "seed=-1"),
        ({"reward": lambda s, a, n, d: 0}, TypeError, "expected a reward of states"),
        ({"reward": lambda s: np.full(len(s), np.nan)}, ValueError, "finite numbers"),
    ],
)
def test_wrong_arguments(arguments: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        samples_of(**arguments)


# Learners.


def test_drawing_changes_nothing_of_a_learner() -> None:
    """One that goes on after a figure learns the same to the bit, and states are of the seed."""
    drawn, other = make_learner(), make_learner()
    for learner in (drawn, other):
        learner.learn(200)
    figure = plot_reward(drawn)
    for learner in (drawn, other):
        learner.learn(200, reset_num_timesteps=False)
    np.testing.assert_array_equal(drawn.theta, other.theta)
    titles = [axes.get_title() for axes in figure.axes]
    assert "Reward over the two that matter most" in titles
    assert any(title.startswith("Inferred and true reward") for title in titles)
    assert "position" in [axes.get_xlabel() for axes in figure.axes]
