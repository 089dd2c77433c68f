"""Configurations of experiments: shipped, changed by a user, and wrong."""

import json
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP
from rlsp_sb3.experiments import config as module
from rlsp_sb3.experiments.config import PRESET_NAMES, load_config
from rlsp_sb3.presets import FAST, PAPER, find_budget

from helpers.command import ok, rlsp
from helpers.small_table import ENV, make_expert

ENVS = [ENV, "HalfCheetah-FW-v2", "HalfCheetah-BW-v2", "Hopper-FW-v2", "Hopper-FW-Penalty-v2"]


def budget_of(config):
    return find_budget(config.rlsp["budget"], is_tabular=False)


@pytest.mark.parametrize("budget", PRESET_NAMES)
@pytest.mark.parametrize("env_id", [*ENVS, "Pendulum-v1"])
def test_shipped_configurations_fit_to_their_environments(env_id, budget):
    config = load_config(env_id, budget)
    env = gym.make(env_id)
    learner = RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)
    assert learner.budget == budget_of(config)
    assert json.loads(json.dumps(config.to_dict())) == config.to_dict()


def test_the_environments_of_files_are_registered():
    named = {env_id for content in module._shipped().values() for env_id in content["envs"]}
    assert set(ENVS) <= named
    known = {name.replace("InvertedPendulum-v4", ENV).replace("-v5", ENV[-3:]) for name in named}
    assert known <= set(gym.registry)


def test_published_settings():
    for env_id in ENVS:
        config = load_config(env_id, "paper")
        budget = budget_of(config)
        assert config.episodes == 100
        assert config.rlsp["trajectory_weights"] == "cosine"
        assert config.rlsp["encoder"] == {"name": "vae", "scale_latents": False}
        assert replace(budget, solver_steps=0, solver_kwargs={}) == replace(
            PAPER, solver_steps=0, solver_kwargs={}
        )
        steps, retrained = {
            "Inve": (50_000, 60_000),
            "Half": (10_000, 2_000_000),
            "Hopp": (20_000, 2_000_000),
        }[env_id[:4]]
        assert (budget.solver_steps, config.retrain_timesteps) == (steps, retrained)
    assert load_config(ENV).rlsp == {"budget": "fast"}


def test_a_user_s_changes_come_last_and_deep_in():
    config = load_config(
        "HalfCheetah-BW-v2",
        "fast",
        [
            "rlsp.horizon=7",
            "rlsp.budget.n_epochs=3",
            "rlsp.budget.solver_kwargs={gamma: 0.9}",
            "rlsp.budget.learning-rate=1e-2",
            "rlsp.encoder=vae",
            "rlsp.encoder.kl_weight=0.5",
            "retrain_timesteps=11",
        ],
    )
    shipped = load_config("HalfCheetah-BW-v2", "fast")
    assert config.rlsp["horizon"] == 7
    assert config.rlsp["encoder"] == {"name": "vae", "kl_weight": 0.5}
    assert config.retrain_timesteps == 11
    before, after = budget_of(shipped), budget_of(config)
    assert after == replace(
        before,
        n_epochs=3,
        learning_rate=0.01,
        solver_kwargs={**before.solver_kwargs, "gamma": 0.9},
    )
    shipped.rlsp["budget"]["n_epochs"] = 1
    assert load_config("HalfCheetah-BW-v2", "fast") != shipped  # what is shipped stays as it is


def test_a_name_replaces_a_mapping():
    config = load_config("HalfCheetah-FW-v2", "fast", ["rlsp.budget=fast", "rlsp.encoder=none"])
    assert budget_of(config) == FAST
    assert config.rlsp["encoder"] is None


@pytest.mark.parametrize(
    ("assignment", "error", "message"),
    [
        ("rlsp.horzon=3", ValueError, r"rlsp.horzon: RLSP takes no such .*did you mean 'horizon'"),
        ("rslp.horizon=3", ValueError, r"no entry 'rslp' \(did you mean 'rlsp'\?\)"),
        ("rlsp.horizon=ten", TypeError, "rlsp.horizon='ten': expected NoneType or int"),
        ("rlsp.horizon=true", TypeError, "rlsp.horizon=True"),
        ("rlsp.budget.n_epoch=3", ValueError, "no 'n_epoch' .*did you mean 'n_epochs'"),
        ("rlsp.budget.n_epochs=x", TypeError, "n_epochs='x': expected a whole number"),
        ("rlsp.budget=fats", ValueError, "'fats' .*did you mean 'fast'"),
        ("rlsp.seed=3", ValueError, "rlsp.seed: RLSP takes no such argument from a configuration"),
        ("rlsp=3", TypeError, "rlsp=3: expected a mapping"),
        ("episodes=0", ValueError, "episodes=0: expected at least 1"),
        ("transitions=many", TypeError, "transitions='many'"),
        ("horizon", ValueError, "expected NAME=VALUE"),
        ("rlsp.encoder={", ValueError, "expected a value in YAML"),
    ],
)
def test_mistakes_are_named(assignment, error, message):
    with pytest.raises(error, match=f"--set .*{message}"):
        load_config(ENV, "fast", [assignment])


def test_a_wrong_budget_is_named():
    with pytest.raises(ValueError, match=r"preset='fsat' .*did you mean 'fast'"):
        load_config(ENV, "fsat")


@pytest.mark.parametrize("text", ["[1]", "envs: []\nfast: {}", "a: 1"])
def test_a_file_with_other_entries_is_refused(text):
    with pytest.raises(ValueError, match=r"mine\.yaml has"):
        module._read("mine.yaml", text)


def test_learn_takes_them_and_what_is_set_comes_before(tmp_path):
    expert = make_expert(tmp_path / "experts") / f"{ENV}.zip"
    arguments = ("--learner", "rlsp", "--preset", "smoke", "--states", expert)
    out = tmp_path / "run"
    ok("learn", ENV, *arguments, "--out", out, "--set", "n_epochs=1", "--set", "eval_interval=0")
    config = json.loads((out / "config.json").read_text())
    smoke = budget_of(load_config(ENV, "smoke"))
    assert config["timesteps"] == smoke.solver_steps
    assert config["arguments"]["n_epochs"] == 1
    assert config["arguments"]["budget"]["n_transitions"] == smoke.n_transitions
    assert " --preset smoke " in config["command"]


def test_learn_has_none_for_other_learners(tmp_path):
    result = rlsp("learn", "RoomDefault-v0", "--preset", "smoke", "--out", tmp_path / "run")
    assert result.code == 2
    assert "preset='smoke': expected it with the learner rlsp only (--preset and" in result.err
    assert not (tmp_path / "run").exists()
