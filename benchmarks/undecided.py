"""How often a robot is undecided in random gridworlds, and how much harm that would prevent.

Exact RLSP is not told the horizon; the width of its prior, .5, and its weight, 1, are the published
ones. Its robot plans for the posterior mean. It asks if, on its way, an action may be worse than
another with a probability of more than 1 - CONFIDENCE.

    python benchmarks/undecided.py --family RandomRoom-v0 --layouts 25
"""

import argparse
import warnings

import gymnasium as gym
import numpy as np

import rlsp_envs  # noqa: F401
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.planning import true_return_fraction
from rlsp_sb3.tabular_rlsp import decide

FAMILIES = ("RandomRoom-v0", "RandomTrain-v0", "RandomApples-v0", "RandomBatteries-v0")
CONFIDENCE = 0.9
N_SAMPLES = 100
N_ACTIONS = 19  # of the 20 states that count


def measure(family: str, layout_seed: int) -> tuple[float, float, bool]:
    """The fractions of the task alone and of the robot, and whether it asks."""
    env = gym.make(family, layout_seed=layout_seed)
    learner = TabularRLSP(env, horizon="auto", seed=0).learn()
    posterior = learner.sample_posterior()
    mdp = learner.mdp
    true_rewards = mdp.features @ learner.unwrapped_env.true_reward
    start = int(learner.unwrapped_env.state_indices(learner.observed_states)[0])
    task, robot = (
        true_return_fraction(mdp, mdp.features @ weights, true_rewards, start)
        for weights in (learner.task_reward, learner.task_reward + posterior.mean)
    )
    observation, _ = env.reset(seed=0)
    asks = False
    for time in range(N_ACTIONS):
        decision = decide(learner, posterior.samples[:N_SAMPLES], observation, N_ACTIONS - time)
        asks = decision.is_undecided(CONFIDENCE)
        if asks:
            break
        observation, *_ = env.step(decision.action)
    return task, robot, asks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", nargs="+", default=FAMILIES)
    parser.add_argument("--layouts", type=int, default=25)
    parser.add_argument("--first-layout", type=int, default=0)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    layouts = range(arguments.first_layout, arguments.first_layout + arguments.layouts)
    for family in arguments.family:
        found = np.array([measure(family, layout) for layout in layouts])
        task, robot, asks = found[:, 0], found[:, 1], found[:, 2] > 0
        worse, unsolved = robot < task - 1e-6, robot < 0.99
        print(
            f"{family}: mean {robot.mean():.3f}, solved {(~unsolved).sum()}, worse than the task "
            f"alone {worse.sum()}, of {len(found)}; asks in {asks.sum()}: in "
            f"{(asks & worse).sum()} of those that are worse, {(asks & unsolved).sum()} of "
            f"{unsolved.sum()} not solved, {(asks & ~unsolved).sum()} of "
            f"{(~unsolved).sum()} solved",
            flush=True,
        )


if __name__ == "__main__":
    main()
