"""Results of ``rlsp learn``: the files that are kept of a learner."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import gymnasium as gym

from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.true_return import true_return_fractions
from rlsp_sb3.plotting.reward_figure import reward_heatmap
from rlsp_sb3.protocols import ReportingLearner
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run_folder import RunFolder
from rlsp_sb3.utils.arguments import ARRAYS
from rlsp_sb3.utils.errors import NotOfferedError, PluginError
from rlsp_sb3.video.recording import make_for_film, record
from rlsp_sb3.video.robot_gif import _camera, observed_state_image, robot_gif

FILM_STEPS = 300


def write_results(learner: RewardLearner, env_id: str, folder: RunFolder) -> None:
    """Write the learner, its reward and pictures of both, as far as there are any.

    Args:
        learner: The learner.
        env_id: What ``gym.make`` makes its environment of.
        folder: Where to.
    """

    def write_reward(path: Path) -> None:
        if not isinstance(learner.reward, LinearReward):
            raise NotOfferedError(f"the reward is a {type(learner.reward).__name__}, not linear")
        learner.reward.save(path)

    def write_gif(path: Path) -> None:
        with _camera(learner, env_id) as (tabular, env):
            robot_gif(tabular, env, path)

    folder.add("learner.zip", learner.save)
    folder.add("reward.json", write_reward)
    folder.add(
        "reward.png",
        lambda path: reward_heatmap(learner, path, observed_state_image(learner, env_id)),
    )
    if isinstance(learner, ReportingLearner):
        for name, write in learner.figures().items():
            folder.add(f"figure-{name}.png", write)
    if plans_policy(learner):
        folder.add("robot.gif", write_gif)
    else:
        folder.add("policy.gif", lambda path: _film_policy(learner, env_id, path))


def has_policy(learner: RewardLearner) -> bool:
    """Return whether a learner has a policy; one of another package may infer a reward only."""
    return hasattr(learner.policy, "predict")


def _film_policy(learner: RewardLearner, env_id: str, path: Path) -> None:
    """Film the policy of a learner."""
    if not has_policy(learner):
        raise NotOfferedError(f"{type(learner).__name__} has no policy")
    try:
        env = make_for_film(env_id)
    except (gym.error.Error, PluginError, TypeError, ValueError) as error:
        raise NotOfferedError(f"the environment cannot be filmed: {error}") from error
    mujoco = sys.modules.get("mujoco")  # if the environment is one of MuJoCo, it is imported
    without_display = (RuntimeError, *([] if mujoco is None else [mujoco.FatalError]))
    try:
        record(learner, env, path, seed=learner.seed, max_steps=FILM_STEPS)
    except without_display as error:
        raise NotOfferedError(
            f"the environment cannot be filmed: {error}; where there is no display, set "
            "MUJOCO_GL=egl or MUJOCO_GL=osmesa"
        ) from error
    finally:
        env.close()


def fractions_of(learner: RewardLearner) -> dict[str, float]:
    """The true-return fractions of the learner's robots.

    Raises:
        NotOfferedError: If they cannot be computed exactly.
    """
    if not plans_policy(learner):
        raise NotOfferedError(f"{type(learner).__name__} plans no policy")
    return true_return_fractions(learner)


def arguments_used(learner: RewardLearner) -> dict[str, Any]:
    """The values of all arguments of the learner's constructor, but for arrays.

    They are those that its file has, the same for the same arguments: no object is among them.
    """
    saved = learner.saved_arguments()
    return {name: value for name, value in saved.items() if name not in ARRAYS}
