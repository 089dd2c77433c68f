"""Which part of Deep RLSP is to blame? The truth in the place of one part at a time.

Pasts are sampled backward unless it says otherwise. From states that an expert passed in the second
halves of its episodes: what the policy at the end of learning returns in 20 episodes, how far the
inferred reward is from the true one (the Pearson distance √((1 - ρ) / 2) on 4,000 states, half of
random actions and half of the expert), and the mean cosine of the gradient with that of the
expert's real pasts, where they are simulated.

    rlsp rollout EXPERT.zip InvertedPendulum-v5 --episodes 10 --out episodes.npz
    python benchmarks/diagnosis.py pendulum episodes.npz
    python benchmarks/diagnosis.py cheetah episodes.npz
"""

import argparse
import json
import time

import gymnasium as gym
import numpy as np
import torch
from forward_sampling import random_states

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AverageFeatures
from rlsp_sb3 import RLSP, sample_observed_states
from rlsp_sb3.data import Episode, load_episodes
from rlsp_sb3.diagnosis import DiagnosisCallback, RealPastEstimator, RealPasts
from rlsp_sb3.evaluation import measure_returns
from rlsp_sb3.simulators import make_simulator

ENVS = {"pendulum": "InvertedPendulum-v5", "cheetah": "HalfCheetah-v5"}
ROWS = ("as shipped", "θ from 0", "real pasts", "real pasts, θ from 0", "exact dynamics", "no past")
EPSILON, N_ITERATIONS = 1e-5, 4


def exact_inverse_dynamics(learned, simulator):
    """Solve step(s, a) = s' for s, by Newton's method from what was learned; without contacts."""

    def error(before, actions, after):
        return (simulator.step(before, actions) - after).astype(np.float64)

    def sample(after, actions, times, rng):
        before = learned(after, actions, times, rng).astype(np.float64)
        n, size = before.shape
        off = error(before, actions, after)
        for _ in range(N_ITERATIONS):
            moved = before[:, None] + EPSILON * np.eye(size)
            many = [np.repeat(each, size, axis=0) for each in (actions, after)]
            slopes = error(moved.reshape(-1, size), *many).reshape(n, size, size) - off[:, None]
            jacobians = slopes.swapaxes(1, 2) / EPSILON
            jacobians = np.where(np.isfinite(jacobians), jacobians, np.eye(size))
            trial = before - (np.linalg.pinv(jacobians) @ off[..., None])[..., 0]
            off_then = error(trial, actions, after)
            better = (off_then**2).sum(axis=1) < (off**2).sum(axis=1)
            before, off = (
                np.where(better[:, None], new, old)
                for new, old in ((trial, before), (off_then, off))
            )
        return before

    return sample


def start_at_zero(estimator):
    estimator.initial_theta = lambda theta: theta  # what a learner begins with is near 0


def make_learner(row, task, observed, episodes, **settings):
    """A learner, and the callback that diagnoses it, if its pasts are simulated."""
    env = ENVS[task]
    encoder = "identity" if task == "cheetah" else "fourier"
    settings |= {"eval_interval": 0, "device": "cpu"}
    if row == "no past":
        return AverageFeatures(env, observed, encoder=encoder, **settings), None
    sampling = "forward" if row == "forward" else "backward"
    learner = RLSP(env, observed, sampling=sampling, encoder=encoder, **settings)
    estimator = learner.gradient_estimator
    callback = DiagnosisCallback(episodes, interval=4)
    if row.endswith("θ from 0"):
        start_at_zero(estimator)
    if row.startswith("real pasts"):
        pasts = RealPasts(episodes, observed)
        learner.gradient_estimator = RealPastEstimator(estimator, estimator.simulator, pasts)
        callback = None
    if row == "exact dynamics":
        if task == "cheetah":
            raise SystemExit("a cheetah on the ground does not tell from where it came")
        learned = estimator.inverse_dynamics.sample
        estimator.inverse_dynamics.sample = exact_inverse_dynamics(learned, estimator.simulator)
    return learner, callback


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", choices=ENVS)
    parser.add_argument("episodes", help="those of an expert, as `rlsp rollout` writes them")
    parser.add_argument("--rows", nargs="+", choices=(*ROWS, "forward"), default=None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--n-states", type=int, default=1)
    parser.add_argument("--n-epochs", type=int, help="otherwise as shipped")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    task, episodes = chosen.task, load_episodes(chosen.episodes)
    late = []
    for each in episodes:
        half = len(each) // 2
        late.append(Episode(each.observations[half:], each.actions[half:], each.rewards[half:]))
    simulator = make_simulator(gym.make(ENVS[task]), np.random.default_rng(7), n_threads=1)
    of_expert = np.concatenate([each.observations for each in episodes])
    few = of_expert[np.random.default_rng(0).integers(len(of_expert), size=2_000)]
    common = np.concatenate([random_states(simulator), few])
    truth = common[:, 8] if task == "cheetah" else (np.abs(common[:, 1]) < 0.2).astype(float)
    rows = chosen.rows or [row for row in ROWS if task == "pendulum" or row != "exact dynamics"]
    for seed in chosen.seeds:
        observed = sample_observed_states(late, chosen.n_states, seed)
        for row in rows:
            start = time.process_time()
            learner, callback = make_learner(
                row, task, observed, episodes, seed=seed, n_epochs=chosen.n_epochs
            )
            learner.learn(callback=callback)
            seconds = time.process_time() - start
            used = [each.cosine for each in callback.rows if each.is_used] if callback else []
            correlation = np.corrcoef(learner.reward.of_states(common), truth)[0, 1]
            figures = {
                "row": row,
                "seed": seed,
                "return": round(measure_returns(learner, ENVS[task], 20, seed=seed).mean, 1),
                "distance": round(float(np.sqrt((1 - correlation) / 2)), 3),
                "cosine": round(float(np.nanmean(used)), 2) if used else None,
                "cpu_seconds": round(seconds),
            }
            print(json.dumps(figures, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
