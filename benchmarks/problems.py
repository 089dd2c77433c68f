"""What methods infer where the right answers differ: the weight in question beside the main one.

Each problem says in its docstring what should come out. Experts are trained first, for a fixed
number of steps; from one state that an expert passed through, each method infers a reward.

    python benchmarks/problems.py room-far drift point --seeds 0 1 2
    python benchmarks/problems.py fuel --seeds 0 --methods rlsp average-features

``share`` is the weight in question divided by the main weight: of a broken vase beside the goal
(room-far, point: negative is right), of the drift beside a pole that stands, and of the fuel gauge
beside speed (0 is right).
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures, Contrast
from rlsp_sb3 import RLSP, TabularRLSP
from rlsp_sb3.simulators import SimulatorVecEnv, make_simulator
from rlsp_sb3.solvers import FastPPO

N_COPIES = 128


@dataclass(frozen=True)
class Problem:
    """A continuous problem.

    Attributes:
        env_id: The environment.
        reward: Maps observations (N, D) to the rewards (N,) of the expert.
        encoder: The features, as learners take them.
        main: The index of the feature that the expert is rewarded for.
        side: The index of the feature in question.
        expert_steps: For how many steps the expert is trained.
        training_length: How long the expert's episodes are while it is trained: short enough to be
            mostly about what is rewarded.
        episode_length: How long an episode is in which the state is observed, in its second half.
        forward: What is told to RLSP that samples forward; "rlsp" is told nothing.
        backward: What is told to RLSP that simulates backward.
        expert_env_id: Where the expert is trained, if not there: without an entry that changes by
            itself, which shows in long episodes what no short one has shown.
    """

    env_id: str
    reward: Callable[[np.ndarray], np.ndarray]
    encoder: Any
    main: int
    side: int
    expert_steps: int
    training_length: int
    episode_length: int
    forward: dict[str, Any] = field(default_factory=dict)
    backward: dict[str, Any] = field(default_factory=dict)
    expert_env_id: str | None = None


def speed(observations):
    return observations[:, 8]


def near_goal_and_whole(observations):
    env = gym.make("PointVase-v0").unwrapped
    return env.features(observations) @ env.true_reward


def pendulum_features(observations):
    """How upright the pole is, how central the cart, and the drift, each from 0 to 1."""
    return np.stack([*upright_and_central(observations), observations[:, 4]], axis=1)


def upright_and_central(observations):
    observations = np.asarray(observations, dtype=np.float64)
    position, angle = observations[:, 0], observations[:, 1]
    return np.exp(-((angle / 0.1) ** 2)), np.exp(-(position**2))


def stands_in_the_middle(observations):
    """Standing alone lets the cart run to the end of the rail, where the pole falls."""
    return np.prod(upright_and_central(observations), axis=0)


PROBLEMS = {
    "drift": Problem(
        "InvertedPendulumDrift-v0",
        stands_in_the_middle,
        pendulum_features,
        main=0,
        side=2,
        expert_steps=300_000,
        training_length=60,
        episode_length=1_000,
        forward={
            "horizon": 60,
            "hyperparameters": {"forward": {"n_trajectories": 1_000, "kernel": "cauchy"}},
        },
        expert_env_id="InvertedPendulum-v5",
    ),
    "point": Problem(
        "PointVase-v0",
        near_goal_and_whole,
        "features",
        main=0,
        side=1,
        expert_steps=300_000,
        training_length=100,
        episode_length=100,
        forward={
            "horizon": 40,
            "hyperparameters": {"forward": {"n_trajectories": 1_000, "kernel": "cauchy"}},
        },
    ),
    "fuel": Problem(
        "HalfCheetahFuel-v0",
        speed,
        "identity",
        main=8,
        side=17,
        expert_steps=2_000_000,
        training_length=400,
        episode_length=1_000,
    ),
}


def train_expert(problem, seed):
    rng = np.random.default_rng(seed)
    env_id = problem.expert_env_id or problem.env_id
    simulator = make_simulator(gym.make(env_id), rng, n_threads=1)
    venv = SimulatorVecEnv(
        simulator, N_COPIES, problem.training_length, problem.reward, rng, share_of_starts=0
    )
    model = FastPPO("MlpPolicy", venv, seed=seed, device="cpu")
    return model.learn(problem.expert_steps, log_interval=None)


def observe(problem, expert, seed):
    """A state that the expert passed through, and the mean reward on the way there."""
    rng = np.random.default_rng(seed)
    simulator = make_simulator(gym.make(problem.env_id), rng, n_threads=1)
    observations = simulator.reset(1)
    states, rewards = simulator.states(observations), []
    for _ in range(rng.integers(problem.episode_length // 2, problem.episode_length)):
        shown = observations[:, : expert.observation_space.shape[0]]
        actions = expert.predict(shown, deterministic=True)[0]
        states, observations = simulator.advance(states, actions)
        rewards.append(problem.reward(observations)[0])
    return observations[0], float(np.mean(rewards))


def infer(problem, method, state, seed):
    """Weights that a method infers, and the steps that it took."""
    arguments = {"encoder": problem.encoder, "solver": "FastPPO", "seed": seed, "device": "cpu"}
    if method == "average-features":  # its reward needs no policy, nor does that of Contrast
        learner = AverageFeatures(problem.env_id, [state], **arguments).learn(1)
    elif method == "contrast":
        horizon = problem.forward.get("horizon", 100)
        learner = Contrast(problem.env_id, [state], horizon=horizon, **arguments).learn(1)
    elif method in ("rlsp", "rlsp-forward"):
        settings = {"eval_interval": 0, **(problem.forward if method == "rlsp-forward" else {})}
        learner = RLSP(problem.env_id, [state], sampling="forward", **settings, **arguments).learn()
    else:
        settings = {"eval_interval": 0, **problem.backward}
        learner = RLSP(problem.env_id, [state], **settings, **arguments).learn()
    return learner.reward.weights, learner.num_timesteps


def show(**row):
    print(json.dumps(row), flush=True)


def shares(weights, main, side):
    return {
        "main": round(float(weights[main]), 4),
        "side": round(float(weights[side]), 4),
        "share": round(float(weights[side] / weights[main]), 4),
        "weights": np.round(weights, 3).tolist(),
    }


def run_far_room(seeds):
    for seed in seeds:
        for prior_std in (0.5, 2):
            learner = TabularRLSP("RoomFar-v0", prior_std=prior_std, seed=seed).learn()
            method = f"exact RLSP, prior_std={prior_std}"
            show(problem="room-far", method=method, seed=seed, **shares(learner.theta, 2, 0))
        for method, baseline in (("average-features", AverageFeatures), ("contrast", Contrast)):
            weights = baseline("RoomFar-v0", seed=seed).learn().reward.weights
            show(problem="room-far", method=method, seed=seed, **shares(weights, 2, 0))


def run(name, seeds, methods):
    problem = PROBLEMS[name]
    for seed in seeds:
        start = time.process_time()
        state, mean_reward = observe(problem, train_expert(problem, seed), seed)
        seconds = round(time.process_time() - start)
        show(
            problem=name,
            seed=seed,
            expert_reward=round(mean_reward, 3),
            state=np.round(state, 3).tolist(),
            cpu_seconds=seconds,
        )
        for method in methods:
            start = time.process_time()
            weights, steps = infer(problem, method, state, seed)
            show(
                problem=name,
                method=method,
                seed=seed,
                steps=steps,
                cpu_seconds=round(time.process_time() - start),
                **shares(weights, problem.main, problem.side),
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("problems", nargs="+", choices=["room-far", *PROBLEMS])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    methods = ["average-features", "contrast", "rlsp", "rlsp-forward", "rlsp-backward"]
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    for name in chosen.problems:
        if name == "room-far":
            run_far_room(chosen.seeds)
        else:
            run(name, chosen.seeds, chosen.methods)


if __name__ == "__main__":
    main()
