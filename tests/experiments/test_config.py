"""Configurations of experiments: shipped, changed by a user, and wrong."""

import json
import re
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP
from rlsp_sb3.cli.tables.mujoco import MUJOCO_EXAMPLES
from rlsp_sb3.cli.tables.skills import SKILLS_EXAMPLES
from rlsp_sb3.encoders.vae import StateVAE
from rlsp_sb3.experiments import config as module
from rlsp_sb3.experiments.config import lineage, load_config
from rlsp_sb3.presets import FAST, ON_POLICY, PAPER, PRESETS, find_preset

from helpers.command import ok, rlsp
from helpers.small_table import ENV, make_expert

ENVS = [ENV, "HalfCheetah-FW-v2", "HalfCheetah-BW-v2", "Hopper-FW-v2", "Hopper-FW-Penalty-v2"]


def hyperparameters_of(config):
    """The hyperparameters where there is a simulator, as in all of these environments."""
    preset = config.rlsp["preset"]
    on_policy = preset != "paper" and config.rlsp.get("solver") != "FastSAC"
    changes = config.rlsp.get("hyperparameters")
    return find_preset(preset, changes, on_policy=on_policy).hyperparameters


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("env_id", [*ENVS, "HalfCheetah-Plot-v2", "Pendulum-v1"])
def test_shipped_configurations_fit_to_their_environments(env_id, preset):
    config = load_config(env_id, preset)
    env = gym.make(env_id)
    learner = RLSP(env, np.array([env.reset(seed=0)[0]]), seed=0, **config.rlsp)
    assert learner.hyperparameters == hyperparameters_of(config)
    assert json.loads(json.dumps(config.to_dict())) == config.to_dict()


def test_the_environments_of_files_are_registered():
    named = {env_id for content in module._shipped().values() for env_id in content.get("envs", ())}
    assert set(ENVS) <= named
    known = {name.replace("InvertedPendulum-v4", ENV).replace("-v5", ENV[-3:]) for name in named}
    assert known <= set(gym.registry)


def test_published_settings():
    for env_id in ENVS:
        config = load_config(env_id, "paper")
        hyperparameters = hyperparameters_of(config)
        assert config.episodes == 100
        env = gym.make(env_id)
        states = np.array([env.reset(seed=0)[0]])
        learner = RLSP(env, states, seed=0, **config.rlsp)
        assert learner.trajectory_weights == "cosine"
        assert isinstance(learner.encoder, StateVAE)
        assert not learner.encoder.scale_latents
        assert learner.encoder.hidden == PAPER.encoder.hidden
        assert replace(hyperparameters, solver=PAPER.solver) == PAPER
        steps, retrained = {
            "Inve": (50_000, 60_000),
            "Half": (10_000, 2_000_000),
            "Hopp": (20_000, 2_000_000),
        }[env_id[:4]]
        assert (hyperparameters.solver.n_steps, config.retrain_timesteps) == (steps, retrained)
        others = replace(hyperparameters.solver, n_steps=1, kwargs={})
        assert others == replace(PAPER.solver, n_steps=1, kwargs={})
    assert load_config(ENV).rlsp == {"preset": "fast"}


def test_python_s_preset_and_the_configuration_of_that_name_are_the_same():
    env = gym.make("HalfCheetah-FW-v2")
    states = np.array([env.reset(seed=0)[0]])
    python = RLSP("HalfCheetah-FW-v2", states, seed=0, preset="paper")
    shipped = RLSP(
        "HalfCheetah-FW-v2", states, seed=0, **load_config("HalfCheetah-FW-v2", "paper").rlsp
    )
    assert python.saved_arguments() == shipped.saved_arguments()


def test_a_skill_is_learned_as_published_from_a_kernel():
    skill = load_config("HalfCheetah-Plot-v2", "fast").rlsp
    assert skill["encoder"] == {"name": "fourier", "bandwidth": 2.0}
    assert (skill["sampling"], skill["solver"]) == ("backward", "FastSAC")


def test_configurations_inherit_from_each_other():
    files = {"default": {}, "a": {}, "b": {"inherits": "a"}, "c": {"inherits": "b"}}
    assert lineage("c", files) == ["default", "a", "b", "c"]
    assert lineage("default", files) == ["default"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"c": {"inherits": "cheeta"}, "cheetah": {}}, "cheeta.*did you mean 'cheetah'"),
        ({"c": {"inherits": "b"}, "b": {"inherits": "c"}}, "c from b from c is a circle"),
        ({"c": {"inherits": "c"}}, "c from c is a circle"),
        ({"c": {"inherits": ["b"]}}, "inherits="),
    ],
)
def test_a_wrong_parent_is_an_error(files, message):
    with pytest.raises(ValueError, match=message):
        lineage("c", {"default": {}, **files})


def test_a_user_s_changes_come_last_and_deep_in():
    config = load_config(
        "HalfCheetah-BW-v2",
        "fast",
        [
            "rlsp.horizon=7",
            "rlsp.hyperparameters.n_epochs=3",
            "rlsp.hyperparameters.solver.kwargs={gamma: 0.9}",
            "rlsp.hyperparameters.learning-rate=1e-2",
            "rlsp.encoder=vae",
            "rlsp.encoder.kl_weight=0.5",
            "retrain_timesteps=11",
        ],
    )
    shipped = load_config("HalfCheetah-BW-v2", "fast")
    assert config.rlsp["horizon"] == 7
    assert config.rlsp["encoder"] == {"name": "vae", "kl_weight": 0.5}
    assert config.retrain_timesteps == 11
    before, after = hyperparameters_of(shipped), hyperparameters_of(config)
    assert after == replace(
        before,
        n_epochs=3,
        learning_rate=0.01,
        solver=replace(before.solver, kwargs={**before.solver.kwargs, "gamma": 0.9}),
    )
    shipped.rlsp["hyperparameters"]["n_epochs"] = 1
    assert load_config("HalfCheetah-BW-v2", "fast") != shipped  # what is shipped stays as it is


def test_a_name_replaces_a_mapping():
    config = load_config(
        "HalfCheetah-FW-v2", "fast", ["rlsp.hyperparameters=none", "rlsp.encoder=auto"]
    )
    assert hyperparameters_of(config) == replace(FAST, solver=ON_POLICY, n_epochs=50)
    assert config.rlsp["encoder"] == "auto"


@pytest.mark.parametrize(
    ("assignment", "error", "message"),
    [
        (
            "rlsp.horzon=3",
            ValueError,
            "RLSP .* no argument 'horzon' .*did you mean 'horizon'",
        ),
        ("rslp.horizon=3", ValueError, r"no setting 'rslp' \(did you mean 'rlsp'\?\)"),
        ("rlsp.horizon=ten", TypeError, "rlsp.horizon='ten': expected an int or None"),
        ("rlsp.horizon=true", TypeError, "rlsp.horizon=True"),
        (
            "rlsp.hyperparameters.n_epoch=3",
            ValueError,
            "rlsp.hyperparameters has no setting 'n_epoch' .*did you mean 'n_epochs'",
        ),
        (
            "rlsp.hyperparameters.solver.n_steps=x",
            TypeError,
            "rlsp.hyperparameters.solver.n_steps='x': expected an int of at least 1",
        ),
        ("rlsp.hyperparameters=fast", TypeError, "rlsp.hyperparameters='fast': expected a mapping"),
        ("rlsp.preset=fats", ValueError, "rlsp.preset='fats' .*did you mean 'fast'"),
        ("rlsp.learning_rate=.nan", ValueError, "rlsp.learning_rate=nan"),
        ("rlsp.seed=3", ValueError, "rlsp: RLSP in a configuration has no argument 'seed'"),
        ("rlsp=3", TypeError, "rlsp=3: expected a mapping"),
        ("episodes=0", ValueError, "episodes=0: expected an int of at least 1"),
        ("transitions=many", TypeError, "transitions='many'"),
        ("horizon", ValueError, "expected NAME=VALUE"),
        ("rlsp.encoder={", ValueError, "expected a value in YAML"),
    ],
)
def test_mistakes_are_named(assignment, error, message):
    with pytest.raises(error, match=f"--set .*{message}"):
        load_config(ENV, "fast", [assignment])


def test_settings_in_the_help_of_tables_can_be_made():
    pattern = r"--set ([^\s`]+)"
    found = [
        each for text in (MUJOCO_EXAMPLES, SKILLS_EXAMPLES) for each in re.findall(pattern, text)
    ]
    assert len(found) >= 2
    changed = load_config(ENV, "fast", found).to_dict()
    assert changed != load_config(ENV, "fast").to_dict()


def test_a_wrong_preset_is_named():
    with pytest.raises(ValueError, match=r"preset='fsat' .*did you mean 'fast'"):
        load_config(ENV, "fsat")


@pytest.mark.parametrize("text", ["[1]", "envs: []\nfsat: {}", "a: 1", "fast"])
def test_a_file_with_other_entries_is_refused(text):
    with pytest.raises(ValueError, match=r"mine\.yaml has"):
        module._read("mine.yaml", text)


def test_learn_takes_them_and_what_is_set_comes_before(tmp_path):
    expert = make_expert(tmp_path / "experts") / f"{ENV}.zip"
    arguments = ("--learner", "rlsp", "--preset", "smoke", "--states", expert)
    out = tmp_path / "run"
    ok(
        "learn",
        ENV,
        *arguments,
        "--out",
        out,
        "--set",
        "n_epochs=1",
        "--set",
        "eval_interval=0",
        "--set",
        "hyperparameters.solver.n_steps=300",
        "--set",
        "hyperparameters.solver.hidden=[8]",
    )
    config = json.loads((out / "config.json").read_text())
    smoke = hyperparameters_of(load_config(ENV, "smoke"))
    assert config["timesteps"] == 300 != smoke.solver.n_steps
    assert config["arguments"]["hyperparameters"]["solver"]["hidden"] == [8]
    assert config["arguments"]["hyperparameters"]["solver"]["n_envs"] == smoke.solver.n_envs
    assert config["arguments"]["n_epochs"] == 1
    assert config["arguments"]["hyperparameters"]["n_transitions"] == smoke.n_transitions
    assert " --preset smoke " in config["command"]


def test_learn_has_none_for_other_learners(tmp_path):
    result = rlsp("learn", "RoomDefault-v0", "--preset", "smoke", "--out", tmp_path / "run")
    assert result.code == 2
    assert "preset='smoke': expected it with the learner rlsp only (--preset and" in result.err
    assert not (tmp_path / "run").exists()
