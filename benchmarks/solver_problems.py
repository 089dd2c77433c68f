"""Problems of the study of solvers: environments with their true rewards, and the algorithms.

Rewards are those of Gymnasium as far as observations show them: without the costs of actions.
Episodes terminate where the environment's do, unless problems are endless, as for RLSP, where the
end would leak the reward: then rewards are 0 from there on. Returns count until there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
from stable_baselines3 import A2C, DQN, PPO, SAC
from stable_baselines3.common.vec_env import VecNormalize

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.presets import FAST
from rlsp_sb3.simulators import SimulatorVecEnv, make_simulator
from rlsp_sb3.solvers import FastPPO, FastSAC, find_solver

ENDLESS = 10**9  # steps: CPU time ends the training


def always(observations):
    return np.ones(len(observations), dtype=bool)


def cheetah(env, observations):
    return observations[:, 8]


def hops(observations):
    return (observations[:, 0] > 0.7) & (np.abs(observations[:, 1]) < 0.2)


def hopper(env, observations):
    return hops(observations) * (1 + observations[:, 5])


def stands(observations):
    return np.abs(observations[:, 1]) < 0.2


def pendulum(env, observations):
    return stands(observations).astype(float)


def balances(observations):
    return (np.abs(observations[:, 0]) < 2.4) & (np.abs(observations[:, 2]) < np.pi / 15)


def cart_pole(env, observations):
    return balances(observations).astype(float)


def swimmer(env, observations):
    return observations[:, 3]


def walks(observations):
    return (observations[:, 0] > 0.2) & (observations[:, 0] < 1)


def ant(env, observations):
    return walks(observations) * (1 + observations[:, 13])


def room(env, observations):
    return (env.mdp.features @ env.true_reward)[env.state_indices(observations)]


@dataclass(frozen=True)
class Problem:
    """An environment with its true reward.

    Attributes:
        title: What it is called in the figure.
        env_id: The environment.
        reward: Maps the environment and observations to rewards (N,).
        seconds: For how many seconds of CPU time solvers are trained.
        alive: Maps observations to whether the episode goes on (N,).
        episode_length: The number of steps of an episode in training.
        evaluation_length: The number of steps of an episode that is evaluated.
        copies: The number of copies of on-policy algorithms.
        buffer_size: How many transitions off-policy algorithms keep.
        env_kwargs: Arguments of the environment.
        endless: Whether episodes in training go on where they would terminate.
    """

    title: str
    env_id: str
    reward: Callable[[Any, np.ndarray], np.ndarray]
    seconds: float
    alive: Callable[[np.ndarray], np.ndarray] = always
    episode_length: int = 400
    evaluation_length: int = 1_000
    copies: int = 128
    buffer_size: int = FAST.solver.kwargs["buffer_size"]
    env_kwargs: dict[str, Any] = field(default_factory=dict)
    endless: bool = False

    def make(self):
        return gym.make(self.env_id, **self.env_kwargs)

    @property
    def is_discrete(self):
        return isinstance(self.make().action_space, gym.spaces.Discrete)


PROBLEMS = {
    "cheetah": Problem("Half cheetah, speed", "HalfCheetah-v5", cheetah, 120),
    "hopper": Problem("Hopper", "Hopper-v5", hopper, 60, hops),
    "pendulum": Problem("Inverted pendulum", "InvertedPendulum-v5", pendulum, 30, stands),
    "cartpole": Problem("CartPole", "CartPole-v1", cart_pole, 30, balances, evaluation_length=500),
    "swimmer": Problem("Swimmer", "Swimmer-v5", swimmer, 60),
    "ant": Problem(
        "Ant",
        "Ant-v5",
        ant,
        120,
        walks,
        env_kwargs={"include_cfrc_ext_in_observation": False},
    ),
    "room": Problem(
        "Room in pixels",
        "RoomDefaultPixel-v0",
        room,
        60,
        episode_length=20,
        evaluation_length=20,
        copies=16,
        buffer_size=5_000,
    ),
}


def on_policy(algorithm, normalized=True, **arguments):
    """Algorithms in as many copies as the problem has, as SB3 has them or with VecNormalize."""

    def make(problem, seed):
        venv = make_venv(problem, seed, problem.copies)
        is_image = len(venv.observation_space.shape) == 3
        if normalized:
            venv = VecNormalize(venv, norm_obs=not is_image)
        policy = "CnnPolicy" if is_image and normalized else "MlpPolicy"
        given = dict(arguments)
        if problem.is_discrete and "policy_kwargs" in given:
            del given["policy_kwargs"]  # a standard deviation
        return algorithm(policy, venv, seed=seed, device="cpu", **given)

    return make


def off_policy(algorithm, **arguments):
    """Algorithms with the arguments of the preset "fast", in its number of copies."""

    def make(problem, seed):
        venv = make_venv(problem, seed, FAST.solver.n_envs)
        is_image = len(venv.observation_space.shape) == 3
        given = {**FAST.solver.kwargs, "buffer_size": problem.buffer_size, **arguments}
        if not is_image:
            given["policy_kwargs"] = {"net_arch": list(FAST.solver.hidden)}
        policy = "CnnPolicy" if is_image else "MlpPolicy"
        found = find_solver(algorithm, venv.observation_space, venv.action_space, can_plan=False)
        return found(policy, venv, seed=seed, device="cpu", **given)

    return make


def make_venv(problem, seed, copies):
    env, rng = problem.make(), np.random.default_rng(seed)
    return SimulatorVecEnv(
        make_simulator(env, rng, n_threads=1),
        copies,
        problem.episode_length,
        lambda observations: problem.reward(env.unwrapped, observations),
        rng,
        share_of_starts=0,
        terminated=None if problem.endless else lambda observations: ~problem.alive(observations),
    )


# Exploration falls during the first 20,000 steps; targets follow each step of the copies.
Q_LEARNING = {
    "exploration_fraction": 20_000 / ENDLESS,
    "exploration_final_eps": 0.05,
    "target_update_interval": 1,
}
SB3_PPO = {"n_steps": 64, "batch_size": 1024, "n_epochs": 5}
BOTH = {
    "FastPPO": on_policy(FastPPO, normalized=False),
    "PPO": on_policy(PPO, **SB3_PPO, policy_kwargs={"log_std_init": -1.0}),
}
CONTINUOUS = {
    **BOTH,
    "FastSAC": off_policy(FastSAC),
    "SAC": off_policy(SAC),
    "sb3_contrib:TQC": off_policy("sb3_contrib:TQC"),
    "sbx:SAC": off_policy("sbx:SAC"),
}
DISCRETE = {
    **BOTH,
    "A2C": on_policy(A2C),
    "DQN": off_policy(DQN, **Q_LEARNING),
    "sb3_contrib:QRDQN": off_policy("sb3_contrib:QRDQN", **Q_LEARNING),
    "sbx:DQN": off_policy("sbx:DQN", **Q_LEARNING),
}


def algorithms(problem):
    """The algorithms that take the actions of a problem, by name."""
    return DISCRETE if problem.is_discrete else CONTINUOUS
