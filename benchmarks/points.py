"""Points with known answers: luck that is no choice, and features that overlap.

``wind``: a point goes by its action and the wind; the wind alone moves a second entry, the gust.
The person was seen where both are large. Right: a weight of the gust of 0. ``--plain`` takes
dynamics for deterministic, as a control.

``flowers``: a point on a plane was seen at a goal, whose feature overlaps with that of a flower bed
on the way. ``--exact`` computes the maximum a posteriori weights on a grid, by soft value iteration
and finite differences, for a person who knows when they are seen, and for one who acts as if
forever with a discount of .99, as the solver does.

    python benchmarks/points.py wind --seeds 0 1 2
    python benchmarks/points.py flowers --exact
    python benchmarks/points.py flowers --n-trajectories 500 --prior-std 2
"""

import argparse
import json
import time

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from scipy.optimize import minimize
from scipy.special import logsumexp

from rlsp_sb3 import RLSP

GOAL, BED = np.array([2.0, 0.0]), np.array([1.0, 0.0])
HORIZONS = {"wind": 30, "flowers": 12}
STATES = {"wind": [2.5, 2.0], "flowers": GOAL}


class WindyPoint(gym.Env):
    def __init__(self):
        self.observation_space = spaces.Box(-np.inf, np.inf, (2,))
        self.action_space = spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.np_random.uniform(-0.5, 0.5, 2)
        return self.at.astype(np.float32), {}

    def step(self, action):
        wind, (place, gust) = self.np_random.normal(size=2), self.at
        place = np.clip(place + 0.3 * np.clip(action[0], -1, 1) + 0.15 * wind[0], -4, 4)
        self.at = np.array([place, 0.97 * gust + 0.3 * wind[1]])
        return self.at.astype(np.float32), 0.0, False, False, {}

    def set_state_from_observation(self, observation):
        self.at = np.array(observation, np.float64)


class PointAmongFlowers(gym.Env):
    def __init__(self):
        self.observation_space = spaces.Box(-3, 3, (2,))
        self.action_space = spaces.Box(-1, 1, (2,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = self.np_random.uniform(-0.05, 0.05, 2).astype(np.float32)
        return self.at.copy(), {}

    def step(self, action):
        (self.at,) = self.next_observations(self.at[None], np.asarray(action)[None])
        return self.at.copy(), 0.0, False, False, {}

    def next_observations(self, observations, actions):
        return np.clip(observations + 0.5 * np.clip(actions, -1, 1), -3, 3).astype(np.float32)

    def set_state_from_observation(self, observation):
        self.at = np.array(observation, np.float32)


def place_and_gust(observations):
    return np.asarray(observations, dtype=np.float64) / 2


def goal_and_bed(observations):
    places = np.asarray(observations, dtype=np.float64)
    goal, bed = (((places - center) ** 2).sum(axis=-1) for center in (GOAL, BED))
    return np.stack([np.exp(-goal), np.exp(-2 * bed)], axis=-1)


class Grid:
    """The plane in steps of a quarter; actions are uniform in each direction where θ = 0."""

    def __init__(self):
        axis = np.linspace(-3, 3, 25)
        places = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        self.features = goal_and_bed(places)
        beside = np.clip(np.arange(25)[:, None] + np.arange(-2, 3), 0, 24)
        self.following = (beside[:, None, :, None] * 25 + beside[None, :, None, :]).reshape(625, 25)
        share = np.array([0.125, 0.25, 0.25, 0.25, 0.125])
        self.log_shares = np.log(np.outer(share, share)).ravel()
        self.start, self.goal = (
            int(((places - at) ** 2).sum(axis=1).argmin()) for at in (np.zeros(2), GOAL)
        )

    def log_likelihood(self, theta, forever):
        """The log of the mean over t of p(s_t = goal)."""
        rewards, n = self.features @ theta, HORIZONS["flowers"] - 1
        value, policies = np.zeros(625), []  # the more steps to go, the later
        for _ in range(400 if forever else n):
            q = self.log_shares + (rewards + (0.99 if forever else 1) * value)[self.following]
            value = logsumexp(q, axis=1)
            policies.append(np.exp(q - value[:, None]))
        likelihood = 0.0
        for last in range(1, n + 1):
            there = np.eye(625)[self.start]
            for to_go in range(last, 0, -1):
                moved = there[:, None] * policies[-1 if forever else to_go - 1]
                there = np.bincount(self.following.ravel(), moved.ravel(), 625)
            likelihood += there[self.goal] / n
        return np.log(likelihood)

    def most_probable(self, prior_std, forever):
        def loss(theta):
            return theta @ theta / 2 / prior_std**2 - self.log_likelihood(theta, forever)

        return minimize(loss, np.zeros(2), method="L-BFGS-B", options={"maxiter": 30}).x


def infer(chosen, seed):
    is_wind = chosen.task == "wind"
    start = time.process_time()
    hyperparameters = {
        "episode_length": HORIZONS[chosen.task],
        "forward": {"effective_share": chosen.effective_share},
    }
    learner = RLSP(
        gym.wrappers.TimeLimit(WindyPoint() if is_wind else PointAmongFlowers(), 50),
        [STATES[chosen.task]],
        encoder=place_and_gust if is_wind else goal_and_bed,
        horizon=HORIZONS[chosen.task],
        n_epochs=chosen.n_epochs,
        n_trajectories=chosen.n_trajectories,
        prior_std=chosen.prior_std,
        hyperparameters=hyperparameters,
        eval_interval=0,
        seed=seed,
    )
    if chosen.plain:
        learner.gradient_estimator.is_random = False
    learner.learn()
    return {
        "seed": seed,
        "theta": learner.theta.round(3).tolist(),
        "log_likelihood_gain": round(learner.log_likelihood_gain, 2),
        "error": round(learner.log_likelihood_gain_error, 2),
        "cpu_seconds": round(time.process_time() - start),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", choices=["wind", "flowers"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--plain", action="store_true", help="take luck for a choice")
    parser.add_argument("--exact", action="store_true", help="the answer on a grid, of flowers")
    parser.add_argument("--prior-std", type=float, default=0.5)
    parser.add_argument("--effective-share", type=float, default=1.0)
    parser.add_argument("--n-trajectories", type=int, default=300)
    parser.add_argument("--n-epochs", type=int, default=30)
    chosen = parser.parse_args()
    if chosen.exact:
        for forever in (False, True):
            found = Grid().most_probable(chosen.prior_std, forever)
            print(json.dumps({"forever": forever, "theta": found.round(3).tolist()}), flush=True)
        return
    for seed in chosen.seeds:
        print(json.dumps(infer(chosen, seed)), flush=True)


if __name__ == "__main__":
    main()
