"""Speed of exact RLSP, beside the published code and beside the textbook."""

import resource
from time import perf_counter

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.planning import true_return_fraction

from helpers.textbook import log_likelihood_and_gradient

assert rlsp_envs.__version__  # imported to register the environments
PUBLISHED_SECONDS = {"ApplesDefault-v0": 6.4, "BatteriesDefault-v0": 3.0}  # on one core

FORTY_VASES = """
    A...V.VVVV
    V.V.V.VVVV
    V.V...VVVV
    V.VVVV.VVV
    1.VVV..V.V
    V.VVVV....
    V......VVV
    ..........
    ..........
    ..........
"""


def observed_index(learner):
    return int(learner.unwrapped_env.state_indices(learner.observed_states)[0])


@pytest.mark.parametrize("env_id", PUBLISHED_SECONDS)
def test_fifty_epochs(benchmark, env_id):
    """From the environment's id to the inferred reward; the goal is 20 times the published."""

    def learn():
        return TabularRLSP(env_id, seed=0, optimizer="ascent").learn(50)

    learner = benchmark(learn)
    assert learner.num_timesteps == 50
    ratio = PUBLISHED_SECONDS[env_id] / benchmark.stats.stats.min
    benchmark.extra_info["times as fast as the published code"] = round(ratio, 1)
    assert ratio > 20


@pytest.mark.parametrize("env_id", PUBLISHED_SECONDS)
def test_one_gradient(benchmark, env_id):
    """Beside the forward recursion of the paper on all states, in the same run."""
    learner = TabularRLSP(env_id, seed=0)
    mdp, theta, observed = learner.mdp, learner.theta, observed_index(learner)
    textbook_seconds = []
    for _ in range(3):
        start = perf_counter()
        _, expected = log_likelihood_and_gradient(
            mdp, theta, observed, mdp.initial_distribution, learner.horizon
        )
        textbook_seconds.append(perf_counter() - start)
    gradient = benchmark(learner.log_likelihood_gradient, theta)
    np.testing.assert_allclose(gradient, expected, rtol=1e-8, atol=1e-10)
    ratio = min(textbook_seconds) / benchmark.stats.stats.min
    benchmark.extra_info["times as fast as the textbook"] = round(ratio, 1)


@pytest.mark.parametrize("env_id", PUBLISHED_SECONDS)
def test_evaluation(benchmark, env_id):
    learner = TabularRLSP(env_id, seed=0).learn()
    env, mdp = learner.unwrapped_env, learner.mdp
    planned = mdp.features @ (env.task_reward + learner.theta)
    true = mdp.features @ env.true_reward
    assert benchmark(true_return_fraction, mdp, planned, true, observed_index(learner)) > 0.998


@pytest.mark.parametrize("horizon", [11, 14])
def test_room_with_40_vases(benchmark, horizon):
    """From ``gym.make`` to the inferred reward, of 10^14 combinations those within reach."""

    def learn():
        env = gym.make(
            "Room-v0", layout=FORTY_VASES, observed_state={"agent": (4, 0)}, horizon=horizon
        )
        return TabularRLSP(env, seed=0).learn()

    learner = benchmark.pedantic(learn, rounds=3)
    assert learner.has_converged
    benchmark.extra_info["states"] = learner.unwrapped_env.reachable(horizon).mdp.n_states
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    benchmark.extra_info["MB of the process, imports included"] = round(memory / 1024)
