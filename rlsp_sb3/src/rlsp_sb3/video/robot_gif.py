"""Films of robots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import NDArray
from PIL import Image

from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import TabularLearner, plans_policy
from rlsp_sb3.learners.true_return import policies
from rlsp_sb3.protocols import Policy
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.video.side_by_side import side_by_side

_FRAME_MS, _LAST_FRAME_MS = 250, 2500


class Frame(NamedTuple):
    """One moment of an episode.

    Attributes:
        picture: What it looks like (height, width, 3), uint8.
        true_return: The true rewards so far, without that of the start; None if unknown.
    """

    picture: NDArray[np.uint8]
    true_return: float | None


def film(
    env: gym.Env[Any, Any], policy: Policy, start: NDArray[Any], n_steps: int, seed: int = 0
) -> Iterator[Frame]:
    """Act in an environment and look.

    Args:
        env: A tabular environment with the render mode "rgb_array".
        policy: What acts, without randomness.
        start: The observation of the state to start in; the environment's ``reset`` must take
            ``options={"observation": …}``.
        n_steps: For how many steps.
        seed: Seeds the environment.

    Yields:
        The start and what follows each step, up to the end of the episode.

    Raises:
        NotOfferedError: If the environment does not start where it should, or gives no pictures.
    """
    unwrapped: Any = env.unwrapped
    observation, _ = env.reset(seed=seed, options={"observation": start})
    expected, reached = unwrapped.state_indices(np.stack([start, observation]))
    if expected != reached:
        raise NotOfferedError(
            'the environment cannot be started in an observed state by options={"observation": …}'
        )
    true_reward = getattr(unwrapped, "true_reward", None)
    true_return = None if true_reward is None else 0.0
    state = None
    done = False
    for step in range(n_steps + 1):
        picture = env.render()
        if not isinstance(picture, np.ndarray):
            raise NotOfferedError("the environment renders no arrays")
        yield Frame(picture, true_return)
        if done or step == n_steps:
            return
        action, state = policy.predict(observation, state, deterministic=True)
        observation, _, terminated, truncated, _ = env.step(action)
        done = terminated or truncated
        if true_return is not None:
            true_return += float(unwrapped.features(observation) @ true_reward)


def robot_gif(
    learner: TabularLearner, env: gym.Env[Any, Any], path: str | Path, n_steps: int = 20
) -> None:
    """Film robots with and without the inferred reward, from the observed state on.

    Args:
        learner: The learner.
        env: Its environment once more, with the render mode "rgb_array".
        path: Where to write the GIF.
        n_steps: For how many steps.

    Raises:
        NotOfferedError: If the environment cannot be filmed from the observed state.
    """
    start = learner.observed_states[0]
    films = {
        name: list(film(env, policy, start, n_steps)) for name, policy in policies(learner).items()
    }
    n_frames = max(map(len, films.values()))
    frames = [_frame(films, step) for step in range(n_frames)]
    with atomic_write(Path(path)) as unfinished:
        frames[0].save(
            unfinished,
            format="GIF",
            save_all=True,
            append_images=frames[1:],
            duration=[_FRAME_MS] * (n_frames - 1) + [_LAST_FRAME_MS],
            loop=0,
        )


def _frame(films: Mapping[str, list[Frame]], step: int) -> Image.Image:
    """One frame: the name of each robot, its picture, and how far it got."""
    reached = {name: min(step, len(frames) - 1) for name, frames in films.items()}
    frames = {name: films[name][step] for name, step in reached.items()}
    return side_by_side(
        {name: frame.picture for name, frame in frames.items()},
        [_status(frame, reached[name]) for name, frame in frames.items()],
        "step 00   true return −00.00",
    )


def _status(frame: Frame, step: int) -> str:
    if frame.true_return is None:
        return f"step {step}"
    return f"step {step}   true return {frame.true_return:g}".replace("-", "−")


@contextmanager
def open_env_to_film(
    learner: RewardLearner, env_id: str
) -> Iterator[tuple[TabularLearner, gym.Env[Any, Any]]]:
    """The learner, and its environment once more, to be filmed.

    Raises:
        NotOfferedError: If the learner plans no policy, or the environment cannot be filmed.
    """
    if not plans_policy(learner):
        raise NotOfferedError(f"{type(learner).__name__} plans no policy to be compared")
    if "rgb_array" not in learner.unwrapped_env.metadata.get("render_modes", ()):
        raise NotOfferedError('the environment has no render mode "rgb_array"')
    env = gym.make(env_id, render_mode="rgb_array")
    try:
        yield learner, env
    finally:
        env.close()


def observed_state_image(learner: RewardLearner, env_id: str) -> Any:
    """Image of the observed state; None if that cannot be seen."""
    try:
        with open_env_to_film(learner, env_id) as (tabular, env):
            return next(film(env, tabular.policy, tabular.observed_states[0], n_steps=0)).picture
    except (NotOfferedError, DependencyNotInstalled):
        return None
