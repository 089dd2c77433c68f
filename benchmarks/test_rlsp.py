"""Seconds of one gradient step of RLSP: ``pytest benchmarks``."""

from time import perf_counter

import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP, TabularRLSP


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "BatteriesDefault-v0"])
def test_one_epoch(benchmark, env_id):
    """All but the first, which fits the inverse models five times; beside a step of exact RLSP."""
    learner = RLSP(env_id, seed=0).learn(1)
    exact = TabularRLSP(env_id, seed=0).learn(1)
    exact_seconds = []
    for _ in range(5):
        start = perf_counter()
        exact.learn(1, reset_num_timesteps=False)
        exact_seconds.append(perf_counter() - start)

    def epoch():
        learner.learn(1, reset_num_timesteps=False)

    benchmark.pedantic(epoch, rounds=5, warmup_rounds=1)
    if benchmark.stats is not None:  # none with --benchmark-disable
        ratio = benchmark.stats.stats.min / min(exact_seconds)
        benchmark.extra_info["times as long as a step of exact RLSP"] = round(ratio, 1)
