"""The evidence of prior widths in random gridworlds, and how good a robot is with each.

python benchmarks/prior_width.py --layouts 12
"""

import argparse
import warnings

import gymnasium as gym
import numpy as np

import rlsp_envs  # noqa: F401
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.planning import true_return_fraction

FAMILIES = ("RandomRoom-v0", "RandomTrain-v0", "RandomApples-v0", "RandomBatteries-v0")
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def measure(env: gym.Env, width: float) -> tuple[float, float, float]:
    """The log evidence, and the fractions of the robots that plan for the mode and the mean."""
    learner = TabularRLSP(env, prior_std=width, seed=0).learn()
    posterior = learner.sample_posterior()
    mdp, world = learner.mdp, learner.unwrapped_env
    true_rewards = mdp.features @ world.true_reward
    start = int(world.state_indices(learner.observed_states)[0])
    mode, mean = (
        true_return_fraction(mdp, mdp.features @ (learner.task_reward + theta), true_rewards, start)
        for theta in (learner.theta, posterior.mean)
    )
    return posterior.log_evidence, mode, mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", nargs="+", default=FAMILIES)
    parser.add_argument("--layouts", type=int, default=12)
    parser.add_argument("--first-layout", type=int, default=1000)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    for family in arguments.family:
        first = arguments.first_layout
        worlds = [
            gym.make(family, layout_seed=seed) for seed in range(first, first + arguments.layouts)
        ]
        found = np.array([[measure(env, width) for width in WIDTHS] for env in worlds])
        best = found[:, :, 0].argmax(axis=1)
        print(family, flush=True)
        for k, width in enumerate(WIDTHS):
            evidence, mode, mean = found[:, k].mean(axis=0)
            print(
                f"  width {width:g}: log evidence {evidence:.2f}, the largest in "
                f"{(best == k).sum()} of {len(found)}; mode {mode:.3f}, mean {mean:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
