"""Speed of simulating many transitions at once, beside one at a time: ``pytest benchmarks``."""

from __future__ import annotations

from time import perf_counter, process_time
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.simulators import ResetSimulator, make_simulator, rollout_simulator

N = 100_000


def transitions(env: Any, simulator: Any) -> tuple[Any, Any]:
    """N arbitrary states: what random actions lead to in up to 50 steps; and actions there."""
    space, rng = env.action_space, np.random.default_rng(0)

    def draw(n: int) -> Any:
        if isinstance(space, gym.spaces.Discrete):
            return rng.integers(space.n, size=n)
        return rng.uniform(space.low, space.high, (n, *space.shape)).astype(space.dtype)

    starts = simulator.reset(N // 50)
    trajectories = rollout_simulator(
        simulator, lambda observations, t: draw(len(starts)), starts, 50
    )
    observations = trajectories.observations[:-1].reshape(N, *starts.shape[1:])
    return observations[rng.permutation(N)], draw(N)


@pytest.mark.parametrize(
    "env_id",
    ["HalfCheetah-FW-v2", "Hopper-FW-v2", "RoomDefault-v0", "TrainDefault-v0", "ApplesDefault-v0"],
)
def test_transitions(benchmark: BenchmarkFixture, env_id: str) -> None:
    """100,000 in one call; reports how many times as fast as one at a time, in the same run."""
    if "-FW-" in env_id:
        pytest.importorskip("mujoco")
    env = gym.make(env_id)
    simulator = make_simulator(env, np.random.default_rng(0))
    slow = ResetSimulator(gym.make(env_id), np.random.default_rng(0))
    observations, actions = transitions(env, simulator)

    start = process_time()
    assert np.isfinite(simulator.step(observations, actions)).all()
    benchmark.extra_info["seconds of all cores together"] = round(process_time() - start, 2)
    few = slice(5000)
    slow_seconds = []
    for _ in range(3):
        start = perf_counter()
        slow.step(observations[few], actions[few])
        slow_seconds.append((perf_counter() - start) / 5000)

    benchmark.pedantic(simulator.step, (observations, actions), rounds=3)
    if benchmark.stats is not None:  # none with --benchmark-disable
        seconds = benchmark.stats.stats.min / N
        benchmark.extra_info["transitions per second"] = round(1 / seconds)
        benchmark.extra_info["one at a time, seconds for 100,000"] = round(min(slow_seconds) * N, 1)
        benchmark.extra_info["times as fast as one at a time"] = round(
            min(slow_seconds) / seconds, 1
        )
