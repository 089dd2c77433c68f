"""Figures and films of what was learned."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import rlsp_envs  # noqa: F401 (registers the environments)
import rlsp_sb3.plotting.reward_figure as reward_figure
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.learners.true_return import policies, robots, true_return_fractions
from rlsp_sb3.plotting import plot_reward, save_png
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.video.robot_gif import film, robot_gif

from helpers.corridor import Corridor


@pytest.fixture(scope="module")
def room() -> TabularRLSP:
    return TabularRLSP("RoomDefault-v0", seed=0).learn()


def parts(figure: Any) -> list[Any]:
    """A figure and the figures in it."""
    return [figure, *(each for part in figure.subfigs for each in parts(part))]


def texts(figure: Figure) -> set[str]:
    every = [axes for outer in figure.axes for axes in (outer, *outer.child_axes)]
    found = {text.get_text() for axes in every for text in axes.texts}
    for axes in every:
        labels = axes.get_xticklabels() + axes.get_yticklabels()
        found |= {axes.get_title(), axes.get_xlabel(), axes.get_ylabel()}
        found |= {label.get_text() for label in labels}
    legends = [legend for part in parts(figure) for legend in part.legends]
    found |= {text.get_text() for legend in legends for text in legend.get_texts()}
    return found


def test_heatmap_says_what_it_shows(room, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(reward_figure, "observed_state_image", lambda *_: None)
    figure = plot_reward(room)
    found = texts(figure)
    assert "RoomDefault-v0" in figure.get_suptitle()
    assert {"row", "inferred reward", "weight of each feature"} <= found
    assert {"inferred", "task", "true", *room.feature_names} <= found
    assert {"+0.33", "+0.12", "−0.03", "×", "V", "C", "1", "2"} <= found
    save_png(figure, tmp_path / "reward.png")
    with Image.open(tmp_path / "reward.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 300


def test_heatmap_colors_are_those_of_the_rewards(room) -> None:
    (image,) = plot_reward(room, np.zeros((30, 50, 3), dtype=np.uint8)).axes[1].images
    low, high = image.get_clim()
    assert low == -high  # white is 0
    weight = dict(zip(room.feature_names, room.theta, strict=True))
    expected = np.zeros((3, 5))
    expected[0, 2], expected[1, 0] = weight["on_goal_2"], weight["on_goal_1"]
    expected[1, [1, 3]] = weight["on_carpet"]
    expected[1, 2] = np.nan  # a vase stands there
    np.testing.assert_allclose(np.ma.filled(image.get_array(), np.nan), expected)


def test_heatmap_beside_a_picture(room) -> None:
    picture = np.zeros((30, 50, 3), dtype=np.uint8)
    figure = plot_reward(room, picture)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[0] == "observed state"
    assert "V" not in texts(figure)  # the picture shows it


@pytest.mark.parametrize("env_id", ["TrainDefault-v0", "ApplesDefault-v0", "RoomDefaultPixel-v0"])
def test_heatmap_of_other_environments(env_id) -> None:
    learner = TabularRLSP(env_id, seed=0).learn(2)
    assert set(learner.feature_names) <= texts(plot_reward(learner))


def test_an_environment_that_cannot_be_made_again_has_weights_only() -> None:
    figure = plot_reward(TabularRLSP(Corridor(), seed=0).learn(2))
    assert len(figure.axes) == 1
    assert {"left", "middle", "right", "inferred"} <= texts(figure)
    assert "true" not in texts(figure)


def test_gif_shows_both_robots(room, tmp_path) -> None:
    env = gym.make("RoomDefault-v0", render_mode="rgb_array")
    robot_gif(room, env, tmp_path / "robot.gif")
    env.reset()
    height, width, _ = env.render().shape
    with Image.open(tmp_path / "robot.gif") as gif:
        assert gif.n_frames == 21  # the start and 20 steps
        assert gif.size[0] > 2 * width
        assert gif.size[1] > height
        durations = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            durations.append(gif.info["duration"])
    assert durations[:-1] == [250] * 20
    assert durations[-1] > 1000


def test_film_starts_in_the_observed_state_and_adds_up_the_true_reward(room) -> None:
    env = gym.make("RoomDefault-v0", render_mode="rgb_array")
    before, after = (
        list(film(env, policy, room.observed_states[0], 20)) for policy in policies(room).values()
    )
    env.reset(options={"observation": room.observed_states[0]})
    for frames in (before, after):
        np.testing.assert_array_equal(frames[0].picture, env.render())
        assert frames[0].true_return == 0
    assert before[-1].true_return == -2  # 18 times on the goal, and a broken vase 20 times
    assert after[-1].true_return == 18  # as quick, around the vase


def test_film_of_an_environment_that_starts_elsewhere(room) -> None:
    learner = TabularRLSP(Corridor(), seed=0)
    with pytest.raises(NotOfferedError, match="cannot be started in an observed state"):
        next(film(Corridor(), learner.policy, learner.observed_states[0], 1))


def test_fractions(room) -> None:
    fractions = true_return_fractions(room)
    assert list(fractions) == ["task reward only", "task + inferred reward"]
    np.testing.assert_allclose(list(fractions.values()), [18 / 37, 1])


def test_robots_are_named_by_what_they_plan_with() -> None:
    learner = TabularRLSP("RoomDefault-v0", seed=0, inferred_weight=0.5)
    assert list(robots(learner)) == ["task reward only", "task + 0.5 × inferred reward"]
    learner = TabularRLSP(Corridor(), seed=0)
    assert list(robots(learner)) == list(policies(learner)) == ["inferred reward"]
    with pytest.raises(NotOfferedError, match="true_reward"):
        true_return_fractions(learner)


def test_same_learner_same_files(room, tmp_path: Path) -> None:
    env = gym.make("RoomDefault-v0", render_mode="rgb_array")
    for name in ("a", "b"):
        save_png(plot_reward(room), tmp_path / f"{name}.png")
        robot_gif(room, env, tmp_path / f"{name}.gif", n_steps=3)
    for suffix in ("png", "gif"):
        one, other = (tmp_path / f"{name}.{suffix}" for name in ("a", "b"))
        assert one.read_bytes() == other.read_bytes()
