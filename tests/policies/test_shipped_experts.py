"""Experts that the package brings, and files of actors."""

import json
import zipfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env

from rlsp_sb3 import load_policy
from rlsp_sb3.data import load_episodes
from rlsp_sb3.data.state_files import load_states
from rlsp_sb3.env_util import make_env
from rlsp_sb3.experiments.mujoco.plan import plan_mujoco_table
from rlsp_sb3.experiments.table_plan import TableOptions
from rlsp_sb3.policies import find_expert_hyperparameters
from rlsp_sb3.policies.actor_file import write_actor
from rlsp_sb3.policies.shipped_experts import EXPERTS, find_shipped_expert, folder, shipped_experts
from rlsp_sb3.solvers import FastPPO

from helpers.command import ok, rlsp

PENDULUM = "InvertedPendulum-v5" if "InvertedPendulum-v5" in gym.registry else "InvertedPendulum-v4"


@pytest.fixture(scope="module")
def model() -> FastPPO:
    """An actor that has seen some observations, so that its normalization matters."""
    venv = make_vec_env("Pendulum-v1", 4, seed=0)
    kwargs = {"net_arch": [16, 8]}
    made = FastPPO(
        "MlpPolicy", venv, n_steps=64, batch_size=64, policy_kwargs=kwargs, seed=0, device="cpu"
    )
    return made.learn(768)


@pytest.fixture(scope="module")
def shown() -> Any:
    return np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)


def test_an_actor_acts_as_the_policy_that_it_is_of(
    model: FastPPO, shown: Any, tmp_path: Path
) -> None:
    write_actor(tmp_path / "actor.npz", model.policy.state_dict())
    model.save(tmp_path / "whole.zip")
    expected = model.predict(shown, deterministic=True)[0]
    assert np.ptp(expected) > 0.01
    for name in ("actor.npz", "whole.zip"):
        policy = load_policy(tmp_path / name, "Pendulum-v1")
        assert np.allclose(policy.predict(shown, deterministic=True)[0], expected, atol=1e-5)
    # There is nothing of the critic in it.
    with zipfile.ZipFile(tmp_path / "actor.npz") as archive:
        assert not any("value" in name for name in archive.namelist())


def test_what_is_no_actor_is_refused(model: FastPPO, tmp_path: Path) -> None:
    plain = PPO("MlpPolicy", "Pendulum-v1", n_steps=8, batch_size=8)
    with pytest.raises(ValueError, match=r"state has no features_extractor.mean: expected that of"):
        write_actor(tmp_path / "actor.npz", plain.policy.state_dict())
    write_actor(tmp_path / "actor.npz", model.policy.state_dict())
    with pytest.raises(ValueError, match="does not fit to env, with the observations"):
        load_policy(tmp_path / "actor.npz", "MountainCarContinuous-v0")
    with pytest.raises(ValueError, match=r"vec_normalize='v\.pkl': expected None"):
        load_policy(tmp_path / "actor.npz", "Pendulum-v1", vec_normalize="v.pkl")
    state = {name: value * np.nan for name, value in model.policy.state_dict().items()}
    write_actor(tmp_path / "nan.npz", state)
    with pytest.raises(ValueError, match="is not made of finite numbers"):
        load_policy(tmp_path / "nan.npz", "Pendulum-v1")


@pytest.mark.parametrize("name", shipped_experts())
def test_a_shipped_expert_earns_what_is_said(name: str) -> None:
    expert = shipped_experts()[name]
    env_id = name if name in gym.registry else next(iter(expert.also), name)
    env = make_env(env_id)
    policy = load_policy(expert.actor, env)
    observation, _ = env.reset(seed=7)
    earned, is_over = 0.0, False
    while not is_over:
        action, _ = policy.predict(observation, deterministic=True)
        observation, reward, terminated, truncated, _ = env.step(action)
        earned += float(reward)
        is_over = terminated or truncated
    tolerance = max(5 * expert.return_std, 0.02 * abs(expert.return_mean))
    assert earned == pytest.approx(expert.return_mean, abs=tolerance)
    states = load_states(expert.states)
    assert states.shape == (50, *(env.observation_space.shape or ()))
    assert len(np.unique(states, axis=0)) == 50
    episodes = load_episodes(expert.demonstrations)
    assert len(episodes) == 3
    for episode in episodes:
        chosen = policy.predict(episode.observations[:-1], deterministic=True)[0]
        assert np.allclose(chosen, episode.actions, atol=1e-3)


def test_shipped_files_are_small_and_of_the_list_alone() -> None:
    files = {path.name for path in folder().iterdir()} - {EXPERTS}
    listed = {
        path.name
        for each in shipped_experts().values()
        for path in (each.actor, each.states, each.demonstrations)
    }
    assert files == listed
    assert sum(path.stat().st_size for path in folder().iterdir()) < 500_000
    assert json.loads((folder() / EXPERTS).read_text("utf-8"))


def test_the_command_lists_and_fetches(tmp_path: Path) -> None:
    listed = ok("experts").out
    assert all(name in listed for name in shipped_experts())
    files = {name: tmp_path / "new" / f"{name}.npz" for name in ("a", "s", "d")}
    options = ("--out", files["a"], "--states", files["s"], "--demonstrations", files["d"])
    said = ok("experts", PENDULUM, *options).out
    assert "Return 1,000.0 ± 0.0 in 20 episodes" in said
    assert "rlsp expert InvertedPendulum-v5 --solver FastPPO --timesteps" in said
    expert = find_shipped_expert(f"gymnasium:{PENDULUM}")
    assert files["a"].read_bytes() == expert.actor.read_bytes()
    assert load_states(files["s"]).shape == (50, 4)
    assert len(load_episodes(files["d"])) == 3
    assert "ENV is missing" in rlsp("experts", "--out", files["a"]).err
    refused = rlsp("experts", "InvertedPendulun-v5").err
    assert "did you mean 'InvertedPendulum-v5'" in refused
    assert "train one by `rlsp expert" in refused


def test_networks_of_fast_ppo_can_be_set() -> None:
    found = find_expert_hyperparameters(FastPPO, "Swimmer-FW-v2", ["policy_kwargs={net_arch: [8]}"])
    assert found.pop("policy_kwargs") == {"net_arch": [8]}
    assert found == {"batch_size": 512, "n_steps": 64, "gamma": 0.9999}
    with pytest.raises(ValueError, match=r"log_std_rang.*did you mean"):
        find_expert_hyperparameters(FastPPO, "Ant-FW-v2", ["policy_kwargs={log_std_rang: 1}"])


def test_a_table_takes_shipped_experts() -> None:
    options = TableOptions(methods=["rlsp"], preset="smoke", n_states=[1], n_seeds=1)
    plan = plan_mujoco_table(None, [PENDULUM], options)
    expert = find_shipped_expert(PENDULUM)
    assert {job.expert for job in plan.jobs} == {expert.actor.read_bytes()}
    assert "--experts" not in plan.command
    with pytest.raises(ValueError, match="no expert is shipped for it"):
        plan_mujoco_table(None, ["Reacher-v5"], options)
