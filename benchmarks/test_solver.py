"""Speed of the solver's updates, beside SB3's, in the same run: ``pytest benchmarks``."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from pytest_benchmark.fixture import BenchmarkFixture
from stable_baselines3 import SAC
from stable_baselines3.common.logger import Logger

from rlsp_sb3.solvers import FastSAC

N_STATE, N_ACTION = 17, 6  # of the half cheetah
CALL = 50
"""How many gradient steps in a row."""


class Noise(gym.Env[Any, Any]):
    observation_space = spaces.Box(-np.inf, np.inf, (N_STATE,))
    action_space = spaces.Box(-1, 1, (N_ACTION,))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(algorithm: type[SAC], width: int) -> SAC:
    """A solver whose buffer is full."""
    model = algorithm(
        "MlpPolicy",
        Noise(),
        buffer_size=20_000,
        policy_kwargs={"net_arch": [width, width]},
        seed=0,
        device="cpu",
    )
    model.set_logger(Logger(None, []))
    rng, buffer = np.random.default_rng(0), model.replay_buffer
    assert buffer is not None
    for array in (buffer.observations, buffer.next_observations, buffer.actions, buffer.rewards):
        array[:] = rng.normal(size=array.shape).clip(-1, 1)
    buffer.full = True
    return model


@pytest.mark.parametrize("size", [64, 128, 256], ids="nets 2x{0}, batch {0}".format)
def test_updates(benchmark: BenchmarkFixture, size: int) -> None:
    """Reports updates a second of both, and how many times as fast ours are."""
    slow, fast = make(SAC, size), make(FastSAC, size)
    slow.train(CALL // 5, size)
    seconds = []
    for _ in range(3):
        start = perf_counter()
        slow.train(CALL, size)
        seconds.append((perf_counter() - start) / CALL)

    benchmark.pedantic(fast.train, (CALL, size), rounds=10, warmup_rounds=1)
    assert all(torch.isfinite(value).all() for value in fast.policy.state_dict().values())
    if benchmark.stats is not None:  # none with --benchmark-disable
        fast_seconds = benchmark.stats.stats.min / CALL
        benchmark.extra_info["updates per second"] = round(1 / fast_seconds)
        benchmark.extra_info["of SB3's SAC"] = round(1 / min(seconds))
        benchmark.extra_info["times as fast as SB3's SAC"] = round(min(seconds) / fast_seconds, 1)
