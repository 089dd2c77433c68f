"""Deep RLSP with pasts sampled backward, as published, on states of the balanced inverted pendulum.

    python benchmarks/pendulum.py EXPERT --n-states 1 10 50 --seeds 5 --out pendulum.csv
    python benchmarks/pendulum.py EXPERT --ablations --seeds 5 --out ablations.csv

EXPERT is the file of a policy that balances the pendulum, of Stable-Baselines3 or as published with
Lindner et al. 2021. For each run: the true returns (at most 1,000) of the in-loop policy and of
one retrained on the reward at the end, the EPIC distance between that reward and the
distance of the pole from upright, and seconds. Runs that are in the file already are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from stable_baselines3.common.buffers import ReplayBuffer

from rlsp_sb3 import RLSP, load_policy, retrain_policy, sample_observed_states
from rlsp_sb3.data import collect, concatenate
from rlsp_sb3.evaluation import epic_distance, measure_returns
from rlsp_sb3.policies import import_sb2_sac

ENV = "InvertedPendulum-v5"
LIMIT = 0.2  # rad, where the pole counts as fallen
VAE = {"name": "vae"}
PUBLISHED = {"sampling": "backward", "solver": "FastSAC"}
ABLATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "weights: uniform": {"trajectory_weights": "uniform"},
    "weights: cosine": {"trajectory_weights": "cosine"},
    "rewards not relabeled": {"solver_kwargs": {"replay_buffer_class": ReplayBuffer}},
    "no standardized rewards": {"hyperparameters": {"solver": {"standardize_rewards": False}}},
    "inverse policy from scratch": {"hyperparameters": {"inverse_policy": {"warm_start": False}}},
    "inverse dynamics fitted once": {"hyperparameters": {"dynamics": {"refit": None}}},
    "step size stays": {"hyperparameters": {"anneal": False}},
    "episodes of 1,000 steps": {"hyperparameters": {"episode_length": 1_000}},
    "no prior": {"prior": "uniform"},
    "VAE": {"encoder": VAE},
    "VAE, latents not scaled": {"encoder": {**VAE, "scale_latents": False}},
    "identity": {"encoder": "identity"},
}
COLUMNS = (
    "setting",
    "states",
    "seed",
    "in_loop",
    "retrained",
    "epic",
    "seconds",
    "retrain_seconds",
)


def true_reward(state: Any, action: Any, next_state: Any, done: Any) -> np.ndarray:
    """1 while the pole stands, as the environment has it."""
    return (np.abs(next_state[:, 1]) <= LIMIT).astype(np.float64)


def run(setting: str, arguments: dict[str, Any], expert: Any, n: int, seed: int) -> dict[str, Any]:
    """One run."""
    observed = sample_observed_states(expert, n, seed, env=ENV)
    start = time.perf_counter()
    learner = RLSP(ENV, observed, seed=seed, eval_interval=0, **PUBLISHED, **arguments).learn()
    seconds = time.perf_counter() - start
    in_loop = measure_returns(learner, ENV, 20, seed=seed)
    start = time.perf_counter()
    retrained = retrain_policy(learner, seed=seed)
    retrain_seconds = time.perf_counter() - start
    retrained_returns = measure_returns(retrained, ENV, 100, seed=seed)
    env, rng = gym.make(ENV), np.random.default_rng(seed)
    # States of random, expert and learned policies, a third each; actions from the same.
    parts = [collect(env, 1_000, rng, policy=policy) for policy in (None, expert, learner)]
    compared = concatenate(*parts)._replace(dones=None)
    distance = epic_distance(learner.reward, true_reward, compared, seed=seed)
    return {
        "setting": setting,
        "states": n,
        "seed": seed,
        "in_loop": round(in_loop.mean, 1),
        "retrained": round(retrained_returns.mean, 1),
        "epic": round(distance, 3),
        "seconds": round(seconds, 1),
        "retrain_seconds": round(retrain_seconds, 1),
    }


def load_expert(path: str) -> Any:
    """A policy of Stable-Baselines3, or one of Stable-Baselines 2."""
    try:
        return load_policy(path, gym.make(ENV))
    except (ValueError, KeyError):
        return import_sb2_sac(path, gym.make(ENV))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("expert", help="the file of a policy that balances the pendulum")
    parser.add_argument("--n-states", type=int, nargs="+", default=[1, 10, 50])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--ablations", action="store_true", help="all settings, from 1 state")
    parser.add_argument("--settings", nargs="+", choices=ABLATIONS, help="only these settings")
    parser.add_argument("--out", type=Path, default=Path("pendulum.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    expert = load_expert(options.expert)
    settings = options.settings or (list(ABLATIONS) if options.ablations else ["default"])
    known = set()
    if options.out.exists():
        with options.out.open(newline="") as file:
            known = {(row["setting"], row["states"], row["seed"]) for row in csv.DictReader(file)}
    else:
        options.out.write_text(",".join(COLUMNS) + "\n")
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    jobs = [
        (setting, n, seed)
        for setting in settings
        for n in ([1] if options.ablations else options.states)
        for seed in seeds
    ]
    for setting, n, seed in jobs:
        if (setting, str(n), str(seed)) in known:
            continue
        row = run(setting, ABLATIONS[setting], expert, n, seed)
        print(row, flush=True)
        with options.out.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)


if __name__ == "__main__":
    main()
