"""Speed of the environments: ``pytest benchmarks``."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import rlsp_envs  # noqa: F401 (registers the environments)

THIRTEEN_VASES = "A" + "V" * 9 + "\n" + "V" * 4 + "." * 6 + "\n" + "\n".join(["." * 10] * 8)
CELLS = "A" + 40 * "V" + 59 * "."
FORTY_VASES = "\n".join(CELLS[start : start + 10] for start in range(0, 100, 10))


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


def newest(name: str) -> str:
    """The id of the newest version of an environment."""
    return max(env_id for env_id in gym.registry if env_id.startswith(f"{name}-v"))


def random_steps(env: Any, rng: np.random.Generator) -> None:
    """Step an environment at random, in as many episodes as it takes."""
    step, reset = env.step, env.reset
    reset()
    for action in rng.integers(env.action_space.n, size=2000).tolist():
        _, _, terminated, truncated, _ = step(action)
        if terminated or truncated:
            reset()


IDS = [
    env_id
    for env_id, spec in gym.registry.items()
    if str(spec.entry_point).startswith("rlsp_envs.gridworlds.")
]
SINGLE: dict[str, tuple[str, dict[str, Any]]] = {
    **{env_id: (env_id, {}) for env_id in IDS},
    "room with 40 vases": ("Room-v0", {"layout": FORTY_VASES}),
    "room with 40 vases, pixels": (
        "Room-v0",
        {"layout": FORTY_VASES, "observation": "pixels"},
    ),
}


@pytest.mark.parametrize("name", SINGLE)
def test_single_steps(benchmark: BenchmarkFixture, name: str) -> None:
    """Step one environment, as made, beside Gymnasium's own; reports steps per second of each."""
    env_id, arguments = SINGLE[name]
    env, rng = gym.make(env_id, **arguments), np.random.default_rng(0)
    peers = {peer: gym.make(newest(peer)) for peer in ("Taxi", "FrozenLake", "CliffWalking")}
    seconds: dict[str, list[float]] = {peer: [] for peer in peers}
    for made in (env, *peers.values()):
        made.reset(seed=0)
        for _ in range(10):
            random_steps(made, rng)
    for _ in range(10):
        for peer, made in peers.items():
            start = perf_counter()
            random_steps(made, rng)
            seconds[peer].append(perf_counter() - start)

    benchmark.pedantic(random_steps, (env, rng), rounds=20)
    if benchmark.stats is not None:  # none with --benchmark-disable
        median = benchmark.stats.stats.median
        benchmark.extra_info["steps per second"] = round(2000 / median)
        for peer, each in seconds.items():
            benchmark.extra_info[f"of {peer}"] = round(2000 / float(np.median(each)))
            benchmark.extra_info[f"times as fast as {peer}"] = round(np.median(each) / median, 2)
