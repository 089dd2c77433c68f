"""What a solver reaches on the true speed of the half cheetah, by environment steps and CPU time.

    python benchmarks/true_speed.py --seed 100 --steps 2000000
    python benchmarks/true_speed.py --solver PPO --set n_epochs=5

Rewards are observed velocities, in 128 simulated copies with episodes of 400 steps; returns are
those of the deterministic policy in 1,000 steps.
"""

import argparse
import json
import time

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3 import PPO

from rlsp_sb3.simulators import SimulatorVecEnv, make_simulator
from rlsp_sb3.solvers import FastPPO

ENV = "HalfCheetah-v5"
VELOCITY = 8
SOLVERS = {"FastPPO": (FastPPO, {}), "PPO": (PPO, {"n_steps": 64, "batch_size": 1024})}


def speed(observations):
    return observations[:, VELOCITY]


def true_return(simulator, model, n=4):
    observations = simulator.reset(n)
    states, total = simulator.states(observations), np.zeros(n)
    for _ in range(1000):
        actions = model.predict(observations, deterministic=True)[0]
        states, observations = simulator.advance(states, actions)
        total += speed(observations)
    return float(total.mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--solver", choices=SOLVERS, default="FastPPO")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=4_000_000)
    parser.add_argument("--every", type=int, default=400_000)
    parser.add_argument("--copies", type=int, default=128)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=JSON")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(chosen.seed)
    simulator = make_simulator(gym.make(ENV), rng, n_threads=1)
    venv = SimulatorVecEnv(simulator, chosen.copies, 400, speed, rng, share_of_starts=0)
    algorithm, arguments = SOLVERS[chosen.solver]
    given = {name: json.loads(value) for name, value in (each.split("=") for each in chosen.set)}
    model = algorithm("MlpPolicy", venv, seed=chosen.seed, device="cpu", **{**arguments, **given})
    judge = make_simulator(gym.make(ENV), np.random.default_rng(7), n_threads=1)
    seconds = 0.0
    while model.num_timesteps < chosen.steps:
        start = time.process_time()
        model.learn(chosen.every, reset_num_timesteps=False, log_interval=None)
        seconds += time.process_time() - start
        row = {
            "solver": chosen.solver,
            "seed": chosen.seed,
            "steps": model.num_timesteps,
            "cpu_seconds": round(seconds),
            "return": round(true_return(judge, model)),
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
