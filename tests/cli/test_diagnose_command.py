"""The command ``rlsp diagnose``, and the function that does the same."""

import csv
import json
import shlex

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from stable_baselines3 import SAC

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.data import Episode, load_episodes, rollout_env, save_episodes
from rlsp_sb3.experiments import diagnose
from rlsp_sb3.learners import learner_names
from rlsp_sb3.policies import RandomPolicy

from helpers.command import ok, rlsp

pytestmark = pytest.mark.skipif(
    not learner_names(), reason="learners are found by entry points: pip install -e ./rlsp_sb3"
)
ENV = "DiagnosedPoint-v0"
SETTINGS = ("--set", "horizon=8", "--set", "sampling=backward", "--preset", "smoke")


@pytest.fixture(autouse=True, scope="module")
def point():
    """A point that is quick to simulate, and whose episodes are short."""
    gym.register(ENV, "helpers.point:Point", max_episode_steps=20)
    yield
    del gym.registry[ENV]


@pytest.fixture(scope="module")
def episodes(point, tmp_path_factory):
    path = tmp_path_factory.mktemp("expert") / "episodes.npz"

    env = gym.make(ENV)
    policy = RandomPolicy(env, seed=0)
    save_episodes(path, rollout_env(policy, env, 3, seed=0))
    return path


def rows_of(folder):
    with (folder / "diagnosis.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_command_writes_a_table_and_a_figure(episodes, tmp_path):
    result = ok("diagnose", ENV, "--expert", episodes, "--out", tmp_path / "run", *SETTINGS)
    folder = tmp_path / "run"
    rows = rows_of(folder)
    assert {row["epoch"] for row in rows} == {"1", "2", "3"}
    assert {"2", "3", "5", "8"} <= {row["length"] for row in rows}
    used = [row for row in rows if row["is_used"] == "1"]
    assert [row["length"] for row in used] == ["2", "5", "8"]  # the horizon grows
    assert all(-1 <= float(row["cosine"]) <= 1 for row in rows)
    with (folder / "progress.csv").open(newline="") as file:
        logged = [row["rlsp/oracle_cosine"] for row in csv.DictReader(file)]
    np.testing.assert_allclose(
        [float(each) for each in logged], [float(row["cosine"]) for row in used]
    )
    with Image.open(folder / "diagnosis.png") as image:
        assert image.size > (1_000, 600)
    for row in used:
        assert f"{float(row['cosine']):+.2f}".replace("-", "−") in result.out
    words = shlex.split(json.loads((folder / "config.json").read_text())["command"])
    assert words[:3] == ["rlsp", "diagnose", ENV]
    ok(*words[1:], "--force")
    assert rows_of(folder) == rows


def test_the_function_does_the_same(episodes, tmp_path):
    settings = {"horizon": 8, "sampling": "backward"}
    found = [
        diagnose(ENV, expert, folder=tmp_path / name, preset="smoke", arguments=settings)
        for name, expert in {"file": episodes, "list": load_episodes(episodes)}.items()
    ]
    assert found[0].rows == found[1].rows
    assert rows_of(tmp_path / "file") == rows_of(tmp_path / "list")
    np.testing.assert_array_equal(*(each.run.learner.theta for each in found))


def test_a_policy_acts_first(tmp_path):
    model = SAC("MlpPolicy", ENV, policy_kwargs={"net_arch": [8]}, seed=0)
    model.save(tmp_path / "expert.zip")
    words = ("--preset", "smoke", "--episodes", 2, "--interval", 3, "--out", tmp_path / "run")
    ok("diagnose", ENV, "--expert", tmp_path / "expert.zip", *words)
    assert {row["epoch"] for row in rows_of(tmp_path / "run")} <= {"3"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("RoomDefault-v0",), "TabularRLSP computes the gradient exactly"),
        ((ENV, "--episodes", 2), "n_episodes=2: expected it with a policy"),
        (("Pendulum-v1",), "expected (3,), that of env='Pendulum-v1'"),
    ],
)
def test_what_the_command_cannot_diagnose_is_refused(words, message, episodes, tmp_path):
    result = rlsp("diagnose", *words, "--expert", episodes, "--out", tmp_path / "run")
    assert result.code == 2
    assert message in result.err
    assert not (tmp_path / "run").exists()


def test_states_are_from_the_second_halves_of_episodes(tmp_path):
    states = np.linspace(0, 1, 41, dtype=np.float32)[:, None]
    expert = [Episode(states, np.zeros((40, 1), np.float32), np.zeros(40))]
    settings = {"folder": tmp_path / "run", "preset": "smoke", "arguments": {"horizon": 4}}
    found = diagnose(ENV, expert, n_states=5, timesteps=1, **settings)
    assert found.run.learner.observed_states.min() > 0.5
