"""The published robot arm that has to reach past a stack of blocks (Lindner et al. 2021).

``FetchReachStack-v1`` is built on the model of the Fetch robot that ``gymnasium-robotics`` brings;
only its files are used, none of its code.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from gymnasium import spaces
from gymnasium.utils import EzPickle
from numpy.typing import ArrayLike, NDArray

from rlsp_envs.extras import MissingExtraError

try:
    from rlsp_envs.mujoco import EntryPoint, HeadlessEnv, quiet
except MissingExtraError as error:
    raise MissingExtraError("FetchReachStack-v1", "robotics", error.__cause__) from error

import mujoco

Array = NDArray[np.float64]

MODEL = Path("envs", "assets", "fetch", "reach.xml")  # within gymnasium-robotics
BLOCKS = ("object0", "object1", "object2")  # from the lowest to the highest
BLOCK_SIZE = 0.05  # m
BLOCK_MASS = 2.0  # kg
_COLORS = ("0.2 0.8 0.2 1", "0.8 0.8 0.2 1", "0.2 0.8 0.8 1")
TABLE_HEIGHT = 0.4  # m
STACK_HEIGHT = 0.525  # m, what observations show as the height of the stack's place
OUT_OF_THE_WAY = (1.1, 1.05)  # m, on the table, where the arm does not come when it is set up

# The joints of the arm, which carry the gripper; everything else of the robot stays where it is.
ARM = (
    "shoulder_pan",
    "shoulder_lift",
    "upperarm_roll",
    "elbow_flex",
    "forearm_roll",
    "wrist_flex",
    "wrist_roll",
)
FINGERS = ("robot0:r_gripper_finger_joint", "robot0:l_gripper_finger_joint")
BASE = {"robot0:slide0": 0.4049, "robot0:slide1": 0.48}  # m, where the robot stands
MOVE_TO_START = np.array([-0.498, 0.005, -0.231])  # m, from where the hand is in the model
POINTING_DOWN = np.array([1.0, 0.0, 1.0, 0.0])
SETUP_STEPS = 10
NEWTON_STEPS = 30
MAX_NEWTON_TURN = 0.3  # rad
SLACK = 0.03  # rad, as MuJoCo lets the joints pass their limits
SINGULAR = 1e-3  # relative to what moves the hand most
DAMPING = 1e-2
MAX_MOVE = 0.05  # m, by which an action can move the hand's target in each direction

CAMERA = {
    "distance": 2.5,
    "lookat": np.array([1.34, 0.75, 0.55]),
    "elevation": -14.0,
    "azimuth": 132.0,
}


class FetchReachStackEnv(HeadlessEnv, EzPickle):
    """Reach a goal with a robot arm; between the two stands a stack of three blocks.

    ## Actions

    A Box (3,) from -1 to 1: by how much of 5 cm to move the target of the hand along x, y and z
    from where the hand is. The hand points down and stays closed.

    ## Observations

    A Box (21,):

    ===== ====================================================================================
    0-2   position of the hand: x, y, z (m)
    3-5   how far it moves in a step of 0.04 s at its current velocity (m)
    6-8   position of the goal (m)
    9-17  positions of the three blocks, from the lowest in the stack to the highest (m)
    18-20 where the stack was at the start, and 0.525 (m)
    ===== ====================================================================================

    ## Rewards

    The task reward is minus the distance of the hand to the goal (m), or 1 if it is less than 5 cm.
    The true reward, which :meth:`step` returns, is that minus the penalty of 2 while the highest
    block is lower than 0.5 m: on the table it should be at 0.525 m. ``info`` has ``task_reward``,
    ``true_reward``, ``is_success`` (whether the hand is at the goal) and ``failed`` (whether the
    stack fell).

    ## Episodes

    The hand starts above the middle of the table, at rest. The goal is 5 cm above the table, from
    15 to 20 cm away along x and along y, on either side. The stack stands on the way, from 40% to
    60% of it. An episode lasts 50 steps.

    ## What differs from the published environment

    Each episode starts with blocks that stand straight and at rest, where the published ones kept
    the rotations and velocities they had while the arm was set up, all three in one place. The
    environment's seed decides where the stack is, too.

    Args:
        penalty: What a fallen stack costs in each step; 0 for the task reward alone.
        **kwargs: Arguments of Gymnasium's ``MujocoEnv``: ``render_mode``, ``width``, ``height``, …

    Raises:
        MissingExtraError: If gymnasium-robotics is not installed.
    """

    metadata = {
        "render_modes": ["human", "rgb_array", "depth_array"],
        "render_fps": 25,
    }

    def __init__(self, penalty: float = 2.0, **kwargs: Any) -> None:
        EzPickle.__init__(self, penalty, **kwargs)
        self.penalty = penalty
        self.goal = self.stack = np.zeros(3)
        space = spaces.Box(-np.inf, np.inf, (21,), np.float64)
        super().__init__(str(_model_path()), frame_skip=20, observation_space=space, **kwargs)
        self.mujoco_renderer.default_cam_config = CAMERA
        self._grip = self.data.site("robot0:grip").id
        self._gripper = self.data.body("robot0:gripper_link").id
        self._arm = [self.model.joint(f"robot0:{name}_joint").id for name in ARM]
        self._arm_q = [self.model.jnt_qposadr[joint] for joint in self._arm]
        self._arm_v = [self.model.jnt_dofadr[joint] for joint in self._arm]
        self._fingers_q = [self.model.joint(name).qposadr[0] for name in FINGERS]
        self._blocks = [self.data.joint(f"{name}:joint") for name in BLOCKS]
        self._move_hand_to_start()

    def step(self, action: ArrayLike) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Move the hand; see the class for what it is rewarded for.

        Raises:
            ValueError: If the action has another shape.
        """
        action = np.clip(np.asarray(action, dtype=np.float64), -1, 1)
        if action.shape != (3,):
            raise ValueError(f"action has shape {action.shape}: expected (3,)")
        self._move_hand(MAX_MOVE * action)
        distance = float(np.linalg.norm(self.hand - self.goal))
        is_success = distance < 0.05
        failed = bool(self._blocks[-1].qpos[2] < 0.5)
        task_reward = 1.0 if is_success else -distance
        true_reward = task_reward - self.penalty * failed
        info = {
            "task_reward": task_reward,
            "true_reward": true_reward,
            "is_success": is_success,
            "failed": failed,
        }
        if self.render_mode == "human":
            self.render()
        return self._get_obs(), true_reward, False, False, info

    def reset_model(self) -> Array:
        """Put the hand to its start, and draw a goal and a place for the stack."""
        way = self.np_random.uniform(0.15, 0.2, size=2) * self.np_random.choice([-1, 1], size=2)
        start = self._start_of_hand
        share = self.np_random.uniform(0.4, 0.6)
        self._set_goal(np.array([*(start[:2] + way), TABLE_HEIGHT + 0.05]))
        self.stack = np.array([*(start[:2] + share * way), STACK_HEIGHT])
        self.data.qpos[:], self.data.qvel[:] = self._start_qpos, self._start_qvel
        for level, block in enumerate(self._blocks):
            block.qpos[:] = [*self.stack[:2], TABLE_HEIGHT + (level + 0.5) * BLOCK_SIZE, 1, 0, 0, 0]
        mujoco.mj_forward(self.model, self.data)
        return self._get_obs()

    def set_state_from_observation(self, observation: ArrayLike) -> None:
        """Put the simulator into a state that shows an observation.

        The angles of the arm's joints follow from where the hand is, by inverse kinematics from
        those at the start. What else the observation does not show is lost: the blocks are at rest
        and straight. So the next position of the hand differs from the original one, by 0.3 mm in
        the median of some episodes and 1.3 mm at most; those of blocks that move or lie turned
        differ by up to 10 cm. The next observations depend on this one and the actions alone. Where
        the arm cannot reach, it gets as near as it comes.

        Raises:
            ValueError: If the observation has another shape, or is not finite.
        """
        observation = np.asarray(observation, dtype=np.float64)
        if observation.shape != self.observation_space.shape:
            raise ValueError(
                f"observation has shape {observation.shape}: expected "
                f"{self.observation_space.shape}"
            )
        if not np.isfinite(observation).all():
            raise ValueError(f"observation={observation}: expected finite numbers")
        hand, move, goal, *blocks, stack = observation.reshape(7, 3)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = self._start_qpos, self._start_qvel
        self._set_goal(goal)
        self.stack = stack.copy()
        for block, position in zip(self._blocks, blocks, strict=True):
            block.qpos[:] = [*position, 1, 0, 0, 0]
        self._put_hand(hand)
        of_arm = move - self._move_of_hand()  # so far that of the torso
        self.data.qvel[self._arm_v] = self._change_of_arm(of_arm, np.zeros(3)) / self.dt
        self._point_target_at_hand()
        mujoco.mj_forward(self.model, self.data)
        # As after a step, the solver starts from the accelerations.
        self.data.qacc_warmstart[:] = self.data.qacc

    @property
    def hand(self) -> Array:
        """The position of the hand (3,), in m."""
        return np.array(self.data.site_xpos[self._grip])

    def _get_obs(self) -> Array:
        blocks = [block.qpos[:3] for block in self._blocks]
        return np.concatenate([self.hand, self._move_of_hand(), self.goal, *blocks, self.stack])

    def _move_of_hand(self) -> Array:
        """Displacement (3,) of the hand in a step at its present velocity, in m."""
        jacobian = np.empty((3, self.model.nv))
        mujoco.mj_jacSite(self.model, self.data, jacobian, None, self._grip)
        return np.asarray(jacobian @ self.data.qvel * self.dt)

    def _move_hand(self, move: Array) -> None:
        """Simulate a step in which the target is some way (3,), in m, from the hand."""
        self._point_target_at_hand()
        self.data.mocap_pos[0] += move
        self.data.mocap_quat[0] += POINTING_DOWN  # MuJoCo normalizes it: halfway there
        self.do_simulation(np.zeros(0), self.frame_skip)
        self.data.qpos[self._fingers_q] = 0
        mujoco.mj_forward(self.model, self.data)

    def _point_target_at_hand(self) -> None:
        self.data.mocap_pos[0] = self.data.xpos[self._gripper]
        self.data.mocap_quat[0] = self.data.xquat[self._gripper]

    def _move_hand_to_start(self) -> None:
        for joint, position in BASE.items():
            self.data.joint(joint).qpos[0] = position
        for level, block in enumerate(self._blocks):
            block.qpos[:2] = OUT_OF_THE_WAY
            block.qpos[2] = TABLE_HEIGHT + (level + 0.5) * BLOCK_SIZE
        mujoco.mj_forward(self.model, self.data)
        self.data.mocap_pos[0] = self.hand + MOVE_TO_START
        self.data.mocap_quat[0] = POINTING_DOWN
        for _ in range(SETUP_STEPS):
            self.do_simulation(np.zeros(0), self.frame_skip)
        self.data.qpos[self._fingers_q] = 0
        mujoco.mj_forward(self.model, self.data)
        self._start_of_hand = self.hand
        self._start_qpos = self.data.qpos.copy()
        # The arm starts at rest. The torso keeps what speed it has: heavily damped, it gives way to
        # the weight of the arm in some seconds, and would resist it at once if it was stopped.
        self._start_qvel = np.zeros(self.model.nv)
        torso = self.model.joint("robot0:torso_lift_joint").dofadr[0]
        self._start_qvel[torso] = self.data.qvel[torso]

    def _set_goal(self, goal: Array) -> None:
        """Set the goal (3,), in m, and move the mark that pictures show."""
        self.goal = goal.copy()
        site = self.model.site("target0")
        site.pos[:] = goal - self.model.body_pos[site.bodyid[0]]

    def _put_hand(self, position: Array) -> None:
        """Turn the arm's joints until the hand is at a position (3,), in m, and points down."""
        down = POINTING_DOWN / np.linalg.norm(POINTING_DOWN)
        low, high = self.model.jnt_range[self._arm].T
        limited = self.model.jnt_limited[self._arm].astype(bool)
        low = np.where(limited, low - SLACK, -np.inf)
        high = np.where(limited, high + SLACK, np.inf)
        for n_steps in range(2 * NEWTON_STEPS):
            mujoco.mj_kinematics(self.model, self.data)
            mujoco.mj_comPos(self.model, self.data)
            turn, quaternion = np.empty(3), self.data.xquat[self._gripper]
            mujoco.mju_subQuat(turn, down, quaternion)
            mujoco.mju_rotVecQuat(turn, turn.copy(), quaternion)  # to the axes of the world
            if n_steps >= NEWTON_STEPS:  # it points down as well as it can
                turn[:] = 0
            change = self._change_of_arm(position - self.hand, turn)
            if np.abs(change).max() < 1e-12:
                break
            change *= min(1.0, MAX_NEWTON_TURN / np.abs(change).max())
            turned = self.data.qpos[self._arm_q] + change
            self.data.qpos[self._arm_q] = np.clip(turned, low, high)

    def _change_of_arm(self, move: Array, turn: Array) -> Array:
        """Inverse kinematics: the turns (7,) of the arm's joints, in rad, that move the hand.

        Args:
            move: The way of the hand (3,), in m, which comes first.
            turn: Its rotation (3,), in rad, for which the arm uses the freedom that remains.
        """
        jacobian = np.empty((6, self.model.nv))
        mujoco.mj_jacSite(self.model, self.data, jacobian[:3], jacobian[3:], self._grip)
        place, pose = np.split(jacobian[:, self._arm_v], 2)
        reach = np.linalg.pinv(place, rcond=SINGULAR)
        change = reach @ move
        free = np.eye(len(ARM)) - reach @ place
        spare = pose @ free
        damped = spare @ spare.T + DAMPING * np.eye(3)
        return np.asarray(change + spare.T @ np.linalg.solve(damped, turn - pose @ change))

    def _set_action_space(self) -> spaces.Space[Any]:
        self.action_space = spaces.Box(-1.0, 1.0, (3,), np.float32)  # the model has no motors
        return self.action_space

    def _get_reset_info(self) -> dict[str, Any]:
        return {}

    def _initialize_simulation(self) -> tuple[Any, Any]:
        with quiet():
            model = mujoco.MjModel.from_xml_string(_model_with_blocks(Path(self.fullpath)))
        # The hand is where its target is, not as far from it as in the file: anchor, relative
        # position and quaternion.
        model.eq_data[0, :10] = [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]
        model.vis.global_.offwidth = self.width  # the size of pictures, for Gymnasium 0.29
        model.vis.global_.offheight = self.height
        return model, mujoco.MjData(model)


def _model_path() -> Path:
    """Path of the robot's model; nothing of gymnasium-robotics is imported for that."""
    spec = find_spec("gymnasium_robotics")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "FetchReachStack-v1", "robotics", "gymnasium-robotics is not installed"
        )
    return Path(spec.submodule_search_locations[0]) / MODEL


def _model_with_blocks(path: Path) -> str:
    """The XML of the robot's model with blocks added, and with paths that hold anywhere."""
    root = ElementTree.parse(path).getroot()
    for compiler in root.iter("compiler"):
        for name in ("meshdir", "texturedir"):
            compiler.set(name, str((path.parent / compiler.get(name, ".")).resolve()))
    for include in root.iter("include"):
        include.set("file", str(path.parent / include.get("file", "")))
    world = root.find("worldbody")
    if world is None:
        raise ValueError(f"{path} has no worldbody: expected the model of gymnasium-robotics")
    for name, color in zip(BLOCKS, _COLORS, strict=True):
        body = ElementTree.SubElement(world, "body", name=name)
        joint = {"name": f"{name}:joint", "type": "free", "damping": "0.01"}
        ElementTree.SubElement(body, "joint", joint)
        geom = {
            "name": name,
            "type": "box",
            "size": " ".join([str(BLOCK_SIZE / 2)] * 3),
            "mass": str(BLOCK_MASS),
            "condim": "3",
            "rgba": color,
        }
        ElementTree.SubElement(body, "geom", geom)
    return ElementTree.tostring(root, encoding="unicode")


make_fetch_reach_stack = EntryPoint(FetchReachStackEnv, camera_id=-1)
