"""Does simulating the past help? Pasts sampled forward, beside the reward without a past.

For the half cheetah in both directions and the inverted pendulum, from one state that an expert
passed through: how far the inferred reward is from the true one (the Pearson distance
√((1 - ρ) / 2) on 4,000 states, half of random actions and half of the expert), and what the
policy at the end of learning, or one that is trained from scratch for the inferred reward, returns
in 1,000 steps. AverageFeatures has the reward that is inferred without a past, the same solver, and
as many steps.

    python benchmarks/forward_sampling.py cheetah EXPERT.zip --env HalfCheetah-FW-v2
    python benchmarks/forward_sampling.py cheetah EXPERT.zip --env HalfCheetah-BW-v2 --backward
    python benchmarks/forward_sampling.py pendulum EXPERT.zip
"""

import argparse
import json
import time

import gymnasium as gym
import numpy as np
import torch

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures
from rlsp_sb3 import RLSP
from rlsp_sb3.policies import load_policy, retrain_policy
from rlsp_sb3.simulators import make_simulator

N_EPISODES, EPISODE_LENGTH = 12, 1000
CHEETAH = {"env": "HalfCheetah-v5", "encoder": "identity"}
PENDULUM = {"env": "InvertedPendulum-v5", "encoder": "fourier"}


def episodes_of(expert, env_id, size):
    """Observations (N_EPISODES, T, size) of an expert, without a clock behind them."""
    env = gym.make(env_id)
    policy = load_policy(expert, env)
    episodes = []
    for seed in range(N_EPISODES):
        observation, _ = env.reset(seed=seed)
        seen = [observation]
        for _ in range(EPISODE_LENGTH):
            action = policy.predict(observation, deterministic=True)[0]
            observation, _, terminated, truncated, _ = env.step(action)
            seen.append(observation)
            if terminated or truncated:
                break
        episodes.append(np.array(seen)[:, :size])
    length = min(map(len, episodes))
    return np.array([episode[:length] for episode in episodes], dtype=np.float32)


def random_states(simulator, seed=7):
    rng = np.random.default_rng(seed)
    states, seen = simulator.states(simulator.reset(50)), []
    space = simulator.action_space
    for _ in range(40):
        actions = rng.uniform(space.low, space.high, (50, *space.shape)).astype(space.dtype)
        states, observations = simulator.advance(states, actions)
        seen.append(observations)
    return np.concatenate(seen)


def true_return(simulator, policy, reward, has_fallen, n=6):
    observations = simulator.reset(n)
    states, total, stands = simulator.states(observations), np.zeros(n), np.ones(n, bool)
    for _ in range(EPISODE_LENGTH):
        actions = policy.predict(observations, deterministic=True)[0]
        states, observations = simulator.advance(states, actions)
        observations = np.nan_to_num(observations)
        stands &= ~has_fallen(observations)
        total += stands * reward(observations)
    return float(total.mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", choices=["cheetah", "pendulum"])
    parser.add_argument("expert")
    parser.add_argument("--env", help="where the expert was trained, if somewhere else")
    parser.add_argument("--backward", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--methods", nargs="+", default=["rlsp", "average-features"])
    parser.add_argument(
        "--retrain", type=int, default=0, help="steps of a policy from scratch for the reward"
    )
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    settings = dict(CHEETAH if chosen.task == "cheetah" else PENDULUM)
    env_id = settings.pop("env")
    sign = -1 if chosen.backward else 1

    def reward(observations):
        if chosen.task == "cheetah":
            return sign * observations[:, 8]
        return (np.abs(observations[:, 1]) < 0.2).astype(float)

    def has_fallen(observations):
        return (np.abs(observations[:, 1]) > 0.2) & (chosen.task == "pendulum")

    simulator = make_simulator(gym.make(env_id), np.random.default_rng(7), n_threads=1)
    size = simulator.observation_space.shape[0]
    episodes = episodes_of(chosen.expert, chosen.env or env_id, size)
    of_expert = episodes.reshape(-1, size)
    common = np.concatenate(
        [
            random_states(simulator),
            of_expert[np.random.default_rng(0).integers(len(of_expert), size=2_000)],
        ]
    )
    for seed in chosen.seeds:
        rng = np.random.default_rng(seed)
        half = episodes.shape[1] // 2
        state = episodes[rng.integers(len(episodes)), rng.integers(half, episodes.shape[1])]
        steps = None
        for method in chosen.methods:
            start = time.process_time()
            if method == "rlsp":
                arguments = {**settings, "sampling": "forward", "eval_interval": 0}
                learner = RLSP(env_id, [state], seed=seed, device="cpu", **arguments)
            else:
                learner = AverageFeatures(
                    env_id,
                    [state],
                    encoder=settings["encoder"],
                    seed=seed,
                    device="cpu",
                )
            learner.learn(steps)
            steps = learner.num_timesteps  # as many for the next
            seconds = time.process_time() - start
            correlation = np.corrcoef(learner.reward.of_states(common), reward(common))[0, 1]
            row = {
                "method": method,
                "seed": seed,
                "steps": steps,
                "cpu_seconds": round(seconds),
                "distance": round(float(np.sqrt((1 - correlation) / 2)), 3),
                "return": round(true_return(simulator, learner.policy, reward, has_fallen)),
            }
            if chosen.retrain:
                start = time.process_time()
                fresh = retrain_policy(learner, chosen.retrain, seed=seed).policy
                row["retrained"] = round(true_return(simulator, fresh, reward, has_fallen))
                row["retrain_cpu_seconds"] = round(time.process_time() - start)
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
