"""Learners, rewards, policies and states on a Hugging Face Hub of our own."""

from __future__ import annotations

import importlib
import io
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import yaml
from gymnasium.error import DependencyNotInstalled
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

pytest.importorskip("rlsp_envs")

from rlsp_sb3 import LinearReward, TabularRLSP, load_policy, load_reward, sample_observed_states
from rlsp_sb3.data import Episode, load_episodes, save_episodes
from rlsp_sb3.evaluation import Returns
from rlsp_sb3.experiments import learn_into_folder
from rlsp_sb3.hub import from_pretrained, push_to_hub
from rlsp_sb3.hub.model_card import CardFacts, model_card
from rlsp_sb3.io.hub_files import HubAddress, is_hub_address, parse_address

from helpers.command import ok, rlsp
from helpers.fake_hub import FakeHub, fake_hub

ENV = "RoomDefault-v0"


@pytest.fixture(scope="module")
def server() -> Iterator[FakeHub]:
    """One for all tests: huggingface_hub keeps the address that it finds first."""
    constants = pytest.importorskip("huggingface_hub.constants")
    file_download = importlib.import_module("huggingface_hub.file_download")
    with fake_hub() as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.url)
        template = hub.url + "/{repo_id}/resolve/{revision}/{filename}"
        name = "HUGGINGFACE_CO_URL_TEMPLATE"
        patch.setattr(constants, name, template)
        if hasattr(file_download, name):  # older ones have copied it, if anybody imported them
            patch.setattr(file_download, name, template)
        yield hub


@pytest.fixture
def hub(server: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeHub:
    from huggingface_hub import constants

    server.reset()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "key")
    return server


@pytest.fixture(scope="module")
def learner() -> TabularRLSP:
    return TabularRLSP(ENV, seed=0).learn(3)


def test_an_address_has_parts():
    assert parse_address("hf://org/repo/learner.zip") == HubAddress(
        "model", "org/repo", None, "learner.zip"
    )
    assert parse_address(Path("hf://datasets/org/repo@refs%2Fpr%2F1/a/b.npz")) == HubAddress(
        "dataset", "org/repo", "refs/pr/1", "a/b.npz"
    )
    assert not is_hub_address("runs/room/learner.zip")
    assert not is_hub_address("D4RL/door/human-v2")
    for wrong in ("hf://org", "hf://org/repo", "hf://org/repo/", "hf://spaces/org/repo/x"):
        assert is_hub_address(wrong)
        with pytest.raises(ValueError, match="expected hf://ORGANIZATION/REPOSITORY/FILE"):
            parse_address(wrong)


def test_a_learner_comes_back_as_it_was(hub: FakeHub, learner: TabularRLSP):
    url = push_to_hub(learner, "org/room")
    files = hub.repositories["org/room"]["main"]
    assert sorted(files) == ["README.md", "learner.zip", "reward.json", "reward.png"]
    assert url == f"{hub.url}/org/room/commit/{'0' * 40}"
    assert hub.private == set()
    loaded = from_pretrained("org/room", ENV)
    assert isinstance(loaded, TabularRLSP)
    np.testing.assert_array_equal(loaded.reward.weights, learner.reward.weights)
    other = TabularRLSP.load("hf://org/room/learner.zip", env=ENV)
    assert loaded.learn(2).reward.weights.tolist() == other.learn(2).reward.weights.tolist()
    states = learner.observed_states
    np.testing.assert_array_equal(
        load_reward("hf://org/room/reward.json").of_states(states),
        learner.reward.of_states(states),
    )


def test_a_revision_is_that_version(hub: FakeHub, learner: TabularRLSP, tmp_path: Path):
    push_to_hub(learner, "org/room")
    files = hub.repositories["org/room"]
    files["v1"] = dict(files["main"])
    later = TabularRLSP(ENV, seed=1).learn(5)
    push_to_hub(later, "org/room")
    old = from_pretrained("org/room", ENV, revision="v1")
    new = from_pretrained("org/room", ENV)
    assert old.num_timesteps == 3
    assert new.num_timesteps == 5
    assert load_policy("hf://org/room@v1/learner.zip", ENV).num_timesteps == 3


def test_a_run_has_a_card_with_its_results_and_its_command(hub: FakeHub, tmp_path: Path):
    run = learn_into_folder(ENV, folder=tmp_path / "run", timesteps=3)
    push_to_hub(tmp_path / "run", "org/run", private=True)
    assert hub.private == {"org/run"}
    files = hub.repositories["org/run"]["main"]
    assert set(run.folder.files()) | {"README.md"} == set(files)
    assert files["config.json"] == (tmp_path / "run" / "config.json").read_bytes()
    _, metadata, card = files["README.md"].decode().split("---\n", 2)
    assert yaml.safe_load(metadata)["tags"][-1] == ENV
    assert run.config.command is not None
    assert run.config.command in card
    for name, fraction in (run.config.true_return_fractions or {}).items():
        assert f"| fraction of the best true return, {name} | {fraction:.3f} |" in card
    for name, weight in zip(run.learner.reward.feature_names, run.learner.reward.weights, strict=1):
        assert f"| `{name}` | {weight:+.4f} |" in card
    assert "![The inferred reward as a figure](reward.png)" in card
    assert f"| rlsp-sb3 | {run.config.versions['rlsp-sb3']} |" in card


def test_the_card_has_measured_returns_where_the_hub_reads_them():
    returns = Returns(np.array([1.0, 3.0]), np.array([5, 5]), np.array([False, True]), None)
    facts = CardFacts(
        learner="rlsp",
        env="Pendulum-v1",
        timesteps=1_000,
        timestep="environment step",
        reward=LinearReward([1.0, 2.0], ["cosine_0", "cosine_1"]),
        versions={"torch": "2.13", "imitation": None},
        true_returns=returns,
    )
    _, metadata, card = model_card("org/pendulum", facts, ["learner.zip"]).split("---\n", 2)
    (metric,) = yaml.safe_load(metadata)["model-index"][0]["results"][0]["metrics"]
    assert metric == {"type": "mean_reward", "name": "mean_reward", "value": "2.00 +/- 1.00"}
    assert "| true return, mean | 2.0 |" in card
    assert "Linear in 2 learned features, which have no names." in card
    assert "imitation" not in card
    assert "load_reward" not in card  # there is no reward.json


def test_a_run_that_goes_on_is_not_put_there(hub: FakeHub, tmp_path: Path):
    learn_into_folder(ENV, folder=tmp_path, timesteps=1)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"timesteps": 1,', '"timesteps": null,'))
    with pytest.raises(ValueError, match="learning has not ended"):
        push_to_hub(tmp_path, "org/room")
    assert hub.repositories == {}


def test_a_policy_brings_its_statistics(hub: FakeHub, tmp_path: Path):
    venv = VecNormalize(make_vec_env("Pendulum-v1"))
    model = PPO("MlpPolicy", venv, n_steps=8, batch_size=8).learn(8)
    model.save(tmp_path / "policy.zip")
    venv.save(str(tmp_path / "vecnormalize.pkl"))
    hub.add("org/ppo", "best/policy.zip", (tmp_path / "policy.zip").read_bytes())
    with pytest.warns(UserWarning, match="trained with VecNormalize"):
        load_policy("hf://org/ppo/best/policy.zip", "Pendulum-v1")
    statistics = (tmp_path / "vecnormalize.pkl").read_bytes()
    hub.add("org/ppo", "best/Pendulum-v1/vecnormalize.pkl", statistics)  # as the RL Zoo has it
    here = load_policy(tmp_path / "policy.zip", "Pendulum-v1")
    observation = gym.make("Pendulum-v1").reset(seed=0)[0]
    expected, _ = here.predict(observation, deterministic=True)
    there = load_policy("hf://org/ppo/best/policy.zip", "Pendulum-v1")
    np.testing.assert_array_equal(there.predict(observation, deterministic=True)[0], expected)
    hub.add("org/other", "statistics.pkl", statistics)
    named = load_policy(
        "hf://org/ppo/best/policy.zip", "Pendulum-v1", vec_normalize="hf://org/other/statistics.pkl"
    )
    np.testing.assert_array_equal(named.predict(observation, deterministic=True)[0], expected)


def test_states_and_episodes_are_read_from_there(hub: FakeHub, tmp_path: Path):
    states = np.arange(6.0).reshape(3, 2)
    file = io.BytesIO()
    np.save(file, states)
    hub.add("datasets/org/data", "states.npy", file.getvalue())
    np.testing.assert_array_equal(
        sample_observed_states("hf://datasets/org/data/states.npy"), states
    )
    episode = Episode(states, np.zeros(2), np.ones(2), True, False)
    save_episodes(tmp_path / "episodes.npz", [episode])
    hub.add("org/data", "episodes.npz", (tmp_path / "episodes.npz").read_bytes())
    (read,) = load_episodes("hf://org/data/episodes.npz")
    np.testing.assert_array_equal(read.observations, states)
    assert sample_observed_states("hf://org/data/episodes.npz", rng=0)[0] in states[1:]


def test_rlsp_learn_takes_states_from_there(hub: FakeHub, learner: TabularRLSP, tmp_path: Path):
    push_to_hub(learner, "org/room")
    source = "hf://org/room/learner.zip"
    run = learn_into_folder(
        ENV, folder=tmp_path / "run", observed_states=source, n_states=2, arguments={"horizon": 12}
    )
    assert len(run.learner.observed_states) == 2
    assert f"--states {source}" in str(run.config.command)


def test_the_command_puts_a_run_there_and_takes_it_again(hub: FakeHub, tmp_path: Path):
    learn_into_folder(ENV, folder=tmp_path / "run", timesteps=3)
    assert ok("push", tmp_path / "run", "org/room").out.startswith(f"{hub.url}/org/room/commit/")
    here = ok("evaluate", tmp_path / "run/learner.zip", ENV, "--episodes", 2)
    there = ok("evaluate", "hf://org/room/learner.zip", ENV, "--episodes", 2)
    assert there.out == here.out
    result = rlsp("push", tmp_path, "org/room")
    assert (result.code, result.exception.code) == (2, 2)
    assert "is not the folder of a run" in result.err


def test_another_process_finds_the_hub_by_its_environment(hub: FakeHub, tmp_path: Path):
    learn_into_folder(ENV, folder=tmp_path / "run", timesteps=3)
    environment = {"HF_ENDPOINT": hub.url, "HF_TOKEN": "key", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "rlsp_sb3", "push", tmp_path / "run", "org/room"]
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{hub.url}/org/room/commit/{'0' * 40}\n"
    assert "learner.zip" in hub.repositories["org/room"]["main"]


class Bomb:
    def __reduce__(self):
        return Path.touch, (Path("exploded"),)


def test_what_is_there_runs_no_code(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    bomb = pickle.dumps(Bomb())
    for name in ("learner.zip", "reward.json", "states.npy", "episodes.npz", "episodes.pkl"):
        hub.add("org/bomb", name, bomb)
    address = "hf://org/bomb/"
    attempts = [
        lambda: from_pretrained("org/bomb", ENV),
        lambda: TabularRLSP.load(address + "learner.zip", env=ENV),
        lambda: load_reward(address + "reward.json"),
        lambda: sample_observed_states(address + "states.npy"),
        lambda: load_episodes(address + "episodes.npz"),
        lambda: load_episodes(address + "episodes.pkl"),
    ]
    for attempt in attempts:
        with pytest.raises(ValueError):  # noqa: PT011 - the reader's tests have the messages
            attempt()
    assert not Path("exploded").exists()
    pickle.loads(bomb)  # the bomb is a real one
    assert Path("exploded").exists()


def test_what_is_not_there_is_said(hub: FakeHub):
    hub.add("org/repo", "file.zip", b"")
    with pytest.raises(FileNotFoundError, match="the repository has no such file"):
        load_reward("hf://org/repo/reward.json")
    with pytest.raises(FileNotFoundError, match="the repository has no such revision"):
        load_reward("hf://org/repo@v2/reward.json")
    with pytest.raises((FileNotFoundError, PermissionError), match="no such repository"):
        load_reward("hf://org/other/reward.json")


def test_whoever_has_not_logged_in_is_told_how(
    hub: FakeHub, learner: TabularRLSP, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", "wrong")
    with pytest.raises(PermissionError, match=r"repo_id='org/room'.*log in by `hf auth login`"):
        push_to_hub(learner, "org/room")
    with pytest.raises(ValueError, match=r"repo_id='no room'"):
        push_to_hub(learner, "no room")


def test_without_the_hub_the_copy_is_used(hub: FakeHub, learner: TabularRLSP):
    push_to_hub(learner, "org/room")
    first = load_reward("hf://org/room/reward.json")
    hub.is_down = True
    np.testing.assert_array_equal(load_reward("hf://org/room/reward.json").weights, first.weights)
    with pytest.raises(ConnectionError, match=r"learner\.zip.*cannot be reached.*HF_ENDPOINT"):
        from_pretrained("org/room", ENV)
    with pytest.raises(ConnectionError, match=r"org/room.*cannot be reached"):
        push_to_hub(learner, "org/room")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, learner: TabularRLSP):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for attempt in (
        lambda: push_to_hub(learner, "org/room"),
        lambda: load_reward("hf://org/room/reward.json"),
    ):
        with pytest.raises(DependencyNotInstalled, match="pip install huggingface-hub"):
            attempt()
