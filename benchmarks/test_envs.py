"""Speed of the environments: ``pytest benchmarks``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import rlsp_envs  # noqa: F401 (registers the environments)

THIRTEEN_VASES = "A" + "V" * 9 + "\n" + "V" * 4 + "." * 6 + "\n" + "\n".join(["." * 10] * 8)


def make_vec(env_id: str, num_envs: int) -> Any:
    if gym.__version__.startswith("0."):
        return gym.make_vec(env_id, num_envs=num_envs, vectorization_mode="custom")
    return gym.make_vec(env_id, num_envs=num_envs)


def report_rate(benchmark: BenchmarkFixture, env_steps: int) -> None:
    if benchmark.stats is not None:  # none with --benchmark-disable
        benchmark.extra_info["env_steps_per_second"] = env_steps / benchmark.stats.stats.median


@pytest.mark.parametrize(
    ("env_id", "kwargs", "n_states"),
    [
        ("RoomDefault-v0", {}, 29),
        ("ApplesDefault-v0", {}, 7744),
        ("BatteriesDefault-v0", {}, 7840),
        ("Room-v0", {"layout": THIRTEEN_VASES}, 765_952),
    ],
    ids=["RoomDefault", "ApplesDefault", "BatteriesDefault", "room with 13 vases"],
)
def test_tabulate(
    benchmark: BenchmarkFixture, env_id: str, kwargs: dict[str, Any], n_states: int
) -> None:
    """Build the MDP, states included, of a new environment."""

    def fresh() -> tuple[tuple[Any], dict[str, Any]]:
        return (gym.make(env_id, **kwargs).unwrapped,), {}

    rounds = 3 if n_states > 100_000 else 20
    mdp = benchmark.pedantic(lambda env: env.mdp, setup=fresh, rounds=rounds, warmup_rounds=1)
    assert mdp.n_states == n_states


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "RoomDefaultPixel-v0", "ApplesDefault-v0"])
@pytest.mark.parametrize("num_envs", [1, 64, 4096])
def test_vector_steps(benchmark: BenchmarkFixture, env_id: str, num_envs: int) -> None:
    """Step environments at random; reports env steps per second."""
    env = make_vec(env_id, num_envs)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(env.single_action_space.n, size=(40, num_envs))

    def run() -> None:
        for action in actions:
            env.step(action)

    benchmark(run)
    report_rate(benchmark, actions.size)


@pytest.mark.parametrize("wrapped", [False, True], ids=["unwrapped", "as made"])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "ApplesDefault-v0"])
def test_single_steps(benchmark: BenchmarkFixture, env_id: str, wrapped: bool) -> None:
    """Step one environment at random through one episode; reports steps per second."""
    env = gym.make(env_id) if wrapped else gym.make(env_id).unwrapped
    actions = np.random.default_rng(0).integers(env.action_space.n, size=20).tolist()
    env.reset(seed=0)

    def run() -> None:
        env.reset()
        for action in actions:
            env.step(action)

    benchmark(run)
    report_rate(benchmark, len(actions))
