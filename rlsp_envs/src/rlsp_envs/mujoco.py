"""The published MuJoCo environments (Lindner et al. 2021), made from Gymnasium's.

The classes are Gymnasium's v5, or v4 where Gymnasium is 0.29, brought to agree: an id has the same
dynamics, observations and rewards with both. Besides, they restore the state of an observation.

======================== ==== ==================================================================
id                       size what it is
======================== ==== ==================================================================
``HalfCheetah-FW-v2``    18   run forward
``HalfCheetah-BW-v2``    18   run backward
``HalfCheetah-QPOS-v2``  19   run forward, and observe the x-position too
``HalfCheetah-Plot-v2``  17   run forward, seen by a fixed camera from the side; no time feature
``Hopper-FW-v2``         12   hop forward
``Hopper-FW-Penalty-v2`` 12   hop forward; falling costs 1 and does not end the episode
``Ant-FW-v2``            28   walk forward; contact forces are neither observed nor costly
``Swimmer-FW-v2``        9    swim forward
======================== ==== ==================================================================

An observation is the positions ``qpos`` (m, rad, and the ant's quaternion) without the horizontal
ones of the root, the velocities ``qvel`` (m/s, rad/s; the hopper's clipped to ±10), and the
remaining time 1 - t/1000. The reward is the sum of its terms in ``info``: ``reward_forward`` (the
x-velocity in m/s times its weight), ``reward_ctrl``, and where there are such ``reward_survive``
(1 in each step, the last one included) and ``reward_termination``. Episodes last 1000 steps.

Arguments of Gymnasium's classes go through ``gym.make``. MuJoCo's warnings go to the logger of this
module, at level INFO, instead of the terminal and a file.
"""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ctypes.util import find_library
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.error import DependencyNotInstalled
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.extras import MissingExtraError
from rlsp_envs.wrappers import TerminationPenalty, TimeFeature

OLD_GYMNASIUM = gym.__version__.startswith("0.")
HOW_TO_RENDER = (
    "rendering without a display needs EGL or OSMesa: install one (on Debian and Ubuntu with "
    "`apt-get install libegl1` or `apt-get install libosmesa6`) and, to choose between them, set "
    "the environment variable MUJOCO_GL to egl or osmesa"
)

try:
    import mujoco
    from gymnasium.envs.mujoco import MujocoEnv
    from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer  # noqa: F401

    if OLD_GYMNASIUM:
        from gymnasium.envs.mujoco import ant_v4 as ant
        from gymnasium.envs.mujoco import half_cheetah_v4 as half_cheetah
        from gymnasium.envs.mujoco import hopper_v4 as hopper
        from gymnasium.envs.mujoco import inverted_pendulum_v4 as inverted_pendulum
        from gymnasium.envs.mujoco import swimmer_v4 as swimmer
    else:
        from gymnasium.envs.mujoco import ant_v5 as ant
        from gymnasium.envs.mujoco import half_cheetah_v5 as half_cheetah
        from gymnasium.envs.mujoco import hopper_v5 as hopper
        from gymnasium.envs.mujoco import inverted_pendulum_v5 as inverted_pendulum
        from gymnasium.envs.mujoco import swimmer_v5 as swimmer
except (ImportError, DependencyNotInstalled) as error:
    raise MissingExtraError("an environment of MuJoCo", "mujoco", error) from error
except AttributeError as error:  # PyOpenGL does not find the library that MUJOCO_GL asks for
    raise DependencyNotInstalled(f"{HOW_TO_RENDER} ({error})") from error

logger = logging.getLogger(__name__)

# Where the published camera stands; its distance is 0.4 times the extent of the published model.
SIDE_CAMERA = {
    "distance": 4.8,
    "lookat": np.array([0.0, 1.1, 0.38]),
    "elevation": -20.0,
    "azimuth": 90.0,
}


@contextmanager
def quiet() -> Iterator[None]:
    """Log MuJoCo's warnings, which else go to the terminal and to MUJOCO_LOG.TXT."""
    handler = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(logger.info)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(handler)


class HeadlessEnv(MujocoEnv):
    """An environment of MuJoCo that draws without a display and leaves the terminal alone.

    Goes before Gymnasium's class as a base. A subclass offers ``set_state_from_observation``.
    """

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float64], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: Seeds the environment's random numbers.
            options: ``{"observation": …}`` starts in the state of an observation.

        Raises:
            ValueError: If there is another option, or the observation has another shape.
        """
        if unknown := sorted(set(options or {}) - {"observation"}):
            raise ValueError(f"options has {unknown}: expected nothing but 'observation'")
        observation, info = super().reset(seed=seed)
        if options:
            self.set_state_from_observation(options["observation"])
            observation, info = self._get_obs(), self._get_reset_info()
        return observation, info

    def render(self) -> Any:
        """Draw the current state.

        Raises:
            DependencyNotInstalled: If there is neither a display nor a way to do without.
        """
        if self.render_mode is None:
            gym.logger.warn(
                "render was called without a render mode: pass render_mode to gym.make, for "
                'example render_mode="rgb_array"'
            )
            return None
        if self.render_mode == "human":
            check_display()
            return super().render()
        choose_gl_backend()
        try:
            return super().render()
        except (ImportError, RuntimeError, mujoco.FatalError) as error:
            raise DependencyNotInstalled(f"{HOW_TO_RENDER} ({error})") from error

    def _initialize_simulation(self) -> Any:
        with quiet():
            return super()._initialize_simulation()

    def _step_mujoco_simulation(self, ctrl: NDArray[Any], n_frames: int) -> None:
        with quiet():
            super()._step_mujoco_simulation(ctrl, n_frames)


class RestorableEnv(HeadlessEnv):
    """Base class of environments whose observation is their positions and velocities.

    A copy, by ``copy.deepcopy`` or ``pickle``, goes on as the original does, where Gymnasium's
    begins anew.
    """

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "data": self.data, "generator": self._np_random}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # makes it anew from the arguments of the constructor
        mujoco.mj_copyData(self.data, self.model, state["data"])
        self._np_random = state["generator"]

    def set_state_from_observation(self, observation: ArrayLike) -> None:
        """Put the simulator into the state of an observation.

        The positions that observations leave out become 0. The next observations depend on this one
        and the actions alone, and are those of the original episode up to rounding errors, unless
        the velocities were clipped. The ant's first reward may differ: Gymnasium measures how far
        it got from a point within the previous step.

        Raises:
            ValueError: If the observation has another shape.
        """
        observation = np.asarray(observation, dtype=np.float64)
        if observation.shape != self.observation_space.shape:
            raise ValueError(
                f"observation has shape {observation.shape}: expected "
                f"{self.observation_space.shape}"
            )
        qpos_left_out = self.model.nq + self.model.nv - len(observation)
        state = np.append(np.zeros(qpos_left_out), observation)
        mujoco.mj_resetData(self.model, self.data)
        self.set_state(state[: self.model.nq], state[self.model.nq :])
        # As after a step, the solver starts from the accelerations.
        self.data.qacc_warmstart[:] = self.data.qacc


class LocomotionEnv(RestorableEnv):
    """Base class of robots that are rewarded for how fast they go."""

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Take an action; ``info`` has the terms of the reward, named as in v5."""
        observation, reward, terminated, truncated, info = super().step(action)
        weight = getattr(self, "_forward_reward_weight", 1.0)  # the ant of v4 has none
        info = {name: value for name, value in info.items() if "reward" not in name}
        info["reward_forward"] = float(weight * info["x_velocity"])
        info["reward_ctrl"] = -float(self.control_cost(action))
        if hasattr(self, "healthy_reward"):
            info["reward_survive"] = self.healthy_reward
        return observation, float(reward), bool(terminated), truncated, info


def check_display() -> None:
    """Raise an error where there is no display, before a window on none ends the interpreter.

    Raises:
        DependencyNotInstalled: If no window can be opened.
    """
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GLFW's own, which the error below replaces
        is_there = glfw.init()
    if not is_there:
        raise DependencyNotInstalled(
            'render_mode="human" opens a window, and there is no display for it: use '
            'render_mode="rgb_array", or set the environment variable DISPLAY'
        )


def choose_gl_backend() -> None:
    """Set MUJOCO_GL where there is no display; Gymnasium would try one and fail.

    Raises:
        DependencyNotInstalled: If there is nothing to choose.
    """
    displays = {"DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"}
    if not sys.platform.startswith("linux") or displays & set(os.environ):
        return
    for backend, library in {"egl": "EGL", "osmesa": "OSMesa"}.items():
        if find_library(library):
            os.environ["MUJOCO_GL"] = backend
            return
    raise DependencyNotInstalled(HOW_TO_RENDER)


class RewardedForSurvival(LocomotionEnv):
    """Mixin that rewards the step that ends an episode: as published and in v4, not in v5."""

    @property
    def healthy_reward(self) -> float:
        """The reward for the last step."""
        rewarded = self._terminate_when_unhealthy or self.is_healthy
        return float(self._healthy_reward) if rewarded else 0.0


class HalfCheetahEnv(LocomotionEnv, half_cheetah.HalfCheetahEnv):
    """Gymnasium's half cheetah."""


class HalfCheetahPlotEnv(HalfCheetahEnv):
    """A half cheetah seen by a fixed camera from the side."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mujoco_renderer.default_cam_config = SIDE_CAMERA


class HopperEnv(RewardedForSurvival, hopper.HopperEnv):
    """Gymnasium's hopper."""


class AntEnv(RewardedForSurvival, ant.AntEnv):
    """Gymnasium's ant."""


class SwimmerEnv(LocomotionEnv, swimmer.SwimmerEnv):
    """Gymnasium's swimmer."""

    def _initialize_simulation(self) -> Any:
        # Gymnasium 0.29 turns collisions off by an attribute that MuJoCo no longer knows.
        xml, attribute = Path(self.fullpath).read_text(encoding="utf-8"), 'collision="predefined"'
        if attribute not in xml:
            return super()._initialize_simulation()
        model = mujoco.MjModel.from_xml_string(xml.replace(attribute, ""))
        model.geom_contype[:] = 0
        model.geom_conaffinity[:] = 0
        model.vis.global_.offwidth = self.width
        model.vis.global_.offheight = self.height
        return model, mujoco.MjData(model)


class InvertedPendulumEnv(RestorableEnv, inverted_pendulum.InvertedPendulumEnv):
    """Gymnasium's inverted pendulum, with a reward of 1 while the pole stands."""

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], float, bool, bool, dict[str, Any]]:
        """Take an action."""
        observation, _, terminated, truncated, _ = super().step(action)
        reward = float(not terminated)  # the fall is rewarded in v4, not in v5
        return observation, reward, terminated, truncated, {"reward_survive": reward}


class EntryPoint:
    """Makes an environment and wraps it.

    Args:
        env_class: The environment.
        *wrappers: What to put around it, the innermost first.
        **defaults: Arguments of the environment that ``gym.make`` can replace.
    """

    def __init__(
        self,
        env_class: type[HeadlessEnv],
        *wrappers: Callable[[gym.Env[Any, Any]], gym.Env[Any, Any]],
        **defaults: Any,
    ) -> None:
        self.env_class = env_class
        self.wrappers = wrappers
        self.defaults = defaults
        self.metadata = dict(env_class.metadata)
        if OLD_GYMNASIUM:  # its window does not work with MuJoCo 3, Gymnasium's for images does
            self.metadata["render_modes"] = ["rgb_array", "depth_array"]

    def __call__(self, **kwargs: Any) -> gym.Env[Any, Any]:
        """The environment."""
        kwargs = {**self.defaults, **kwargs}
        if not {"camera_id", "camera_name"} & set(kwargs):
            kwargs["camera_name"] = "track"
        env: gym.Env[Any, Any] = self.env_class(**kwargs)
        for wrapper in self.wrappers:
            env = wrapper(env)
        return env


NO_CONTACT_FORCES: dict[str, Any] = (  # the default in v4
    {} if OLD_GYMNASIUM else {"include_cfrc_ext_in_observation": False, "contact_cost_weight": 0.0}
)

make_half_cheetah = EntryPoint(HalfCheetahEnv, TimeFeature)
make_half_cheetah_plot = EntryPoint(HalfCheetahPlotEnv, camera_id=-1)
make_hopper = EntryPoint(HopperEnv, TimeFeature)
make_hopper_penalty = EntryPoint(HopperEnv, TimeFeature, TerminationPenalty)
make_ant = EntryPoint(AntEnv, TimeFeature, **NO_CONTACT_FORCES)
make_swimmer = EntryPoint(SwimmerEnv, TimeFeature)
