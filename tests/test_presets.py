"""Presets and hyperparameters are found by name, changed in part, checked, and kept in JSON."""

import json
import math
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from rlsp_sb3.hyperparameters import FitSettings, RLSPHyperparameters
from rlsp_sb3.presets import FAST, HYPERPARAMETERS, PAPER, PRESETS, TABULAR, find_preset

ALL = {**HYPERPARAMETERS, **{f"tabular {name}": each for name, each in TABULAR.items()}}


@pytest.mark.parametrize("name", ALL)
def test_hyperparameters_come_back_from_json(name):
    hyperparameters = ALL[name]
    restored = find_preset("fast", json.loads(json.dumps(asdict(hyperparameters)))).hyperparameters
    assert restored == hyperparameters
    assert isinstance(restored.dynamics.fit, FitSettings)
    assert restored.solver.hidden == hyperparameters.solver.hidden  # a tuple again


def test_hyperparameters_of_ones_own_are_used_as_they_are():
    mine = replace(FAST, n_epochs=3)
    assert find_preset("fast", mine, is_tabular=True).hyperparameters is mine
    assert find_preset("paper", asdict(mine), is_tabular=True).hyperparameters == mine


@pytest.mark.parametrize("name", PRESETS)
def test_names_mean_different_hyperparameters_where_states_can_be_enumerated(name):
    assert find_preset(name).hyperparameters is HYPERPARAMETERS[name]
    assert find_preset(name, is_tabular=True).hyperparameters is TABULAR[name]
    assert HYPERPARAMETERS[name] != TABULAR[name]


def test_the_paper_s_hyperparameters_are_those_of_its_appendix():
    assert PAPER.n_transitions == 100_000
    assert PAPER.solver.n_steps == 10_000
    assert PAPER.dynamics.hidden == (1024,) * 5
    assert PAPER.encoder.fit.learning_rate == PAPER.dynamics.fit.learning_rate == 1e-5
    assert PAPER.n_trajectories == 200
    assert PAPER.solver.past_start_fraction == 0.2
    assert (PAPER.learning_rate, PAPER.anneal, PAPER.gradient_threshold) == (0.01, False, 2.0)
    assert not PAPER.inverse_policy.warm_start
    # One hundred epochs of batches of 500 over the buffer.
    for settings in (PAPER.encoder.fit, PAPER.dynamics.fit):
        assert settings.n_updates * settings.batch_size == 100 * PAPER.n_transitions


def test_a_preset_is_complete():
    paper, fast = find_preset("paper"), find_preset("fast")
    assert paper.encoder == {"name": "vae", "scale_latents": False}
    assert paper.trajectory_weights == "cosine"
    assert (fast.encoder, fast.trajectory_weights) == ("fourier", "initial")
    for preset in (paper, fast, find_preset("smoke")):
        assert (preset.prior, preset.prior_std) == ("gaussian", 0.5)


@pytest.mark.parametrize(
    ("preset", "hyperparameters", "error", "message"),
    [
        ("fats", None, ValueError, "preset='fats'.*did you mean 'fast'"),
        (3, None, TypeError, "preset=3"),
        ("fast", 3, TypeError, "hyperparameters=3: expected a mapping"),
        ("fast", "paper", TypeError, "hyperparameters='paper': expected a mapping"),
        ("fast", {**asdict(FAST), "n_epoch": 3}, ValueError, "'n_epoch'.*did you mean 'n_epochs'"),
    ],
)
def test_errors_name_what_is_wrong(preset, hyperparameters, error, message):
    with pytest.raises(error, match=message):
        find_preset(preset, hyperparameters)


def test_hyperparameters_may_differ_from_a_preset_in_some_entries():
    changes = {
        "encoder": {"fit": {"n_updates": 7, "learning_rate": 1}},
        "solver": {"kwargs": {"batch_size": 128, "train_freq": [1, "episode"]}},
        "n_transitions": np.int64(99),
    }
    found = FAST.updated(changes)
    assert found.encoder.fit == FitSettings(7, 500, 1.0)
    assert isinstance(found.encoder.fit.learning_rate, float)
    assert found.solver.kwargs == {
        **FAST.solver.kwargs,
        "batch_size": 128,
        "train_freq": (1, "episode"),
    }
    assert found.n_transitions == 99
    assert (
        replace(found, encoder=FAST.encoder, solver=FAST.solver, n_transitions=FAST.n_transitions)
        == FAST
    )
    assert find_preset("paper", {}, is_tabular=True).hyperparameters == TABULAR["paper"]
    assert FAST.updated({"dynamics": {"refit": None}}).dynamics.refit is None


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"n_epochs": 3.5}, TypeError, "n_epochs=3.5: expected an int of at least 1"),
        ({"n_epochs": True}, TypeError, "n_epochs=True: expected an int"),
        ({"n_epochs": -1}, ValueError, "n_epochs=-1: expected an int of at least 1"),
        ({"n_epochs": object()}, TypeError, "n_epochs=<object"),
        ({"anneal": 1}, TypeError, "anneal=1: expected True or False"),
        ({"learning_rate": "fast"}, TypeError, "learning_rate='fast': expected a number above 0"),
        ({"learning_rate": math.nan}, ValueError, "learning_rate=nan: expected a number above 0"),
        ({"learning_rate": math.inf}, ValueError, "learning_rate=inf: expected a number above 0"),
        ({"learning_rate": True}, TypeError, "learning_rate=True: expected a number above 0"),
        ({"encoder": {"fit": [1, 2]}}, TypeError, "encoder.fit=.*n_updates, batch_size, learning"),
        ({"encoder": {"hidden": 64}}, TypeError, "encoder.hidden=64: expected a list"),
        ({"encoder": {"hidden": [64, "x"]}}, TypeError, "encoder.hidden.1='x': expected an int"),
        ({"solver": {"kwargs": [1]}}, TypeError, r"solver.kwargs=\[1\]: expected a mapping"),
        ({"solver": {"kwargs": {"tau": {}}}}, TypeError, r"solver.kwargs.tau={}: expected True or"),
        ({"solver": {"past_start_fraction": 2}}, ValueError, "fraction=2: .* 0 and of at most 1"),
        ({"solver": {"n_step": 9}}, ValueError, "hyperparameters.solver has no .*mean 'n_steps'"),
        ({"dynamics": {"refit": 3}}, TypeError, "dynamics.refit=3: expected a mapping of .* None"),
        ({3: 4}, ValueError, "hyperparameters has no setting '3'"),
    ],
)
def test_entries_that_are_wrong_are_named(changes, error, message):
    with pytest.raises(error, match=message):
        FAST.updated(changes)


def test_a_missing_entry_is_named():
    changes = {"dynamics": {"refit": {"n_updates": 3}}}
    with pytest.raises(ValueError, match=r"dynamics\.refit has no batch_size, learning_rate: exp"):
        PAPER.updated(changes)  # which has no refit to differ from


def test_checking_is_imported_when_something_is_checked():
    code = "import sys, rlsp_sb3.presets; assert 'pydantic' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hyperparameters_have_an_owner():
    owners = {"encoder", "dynamics", "inverse_policy", "solver"}
    assert owners <= set(RLSPHyperparameters.__dataclass_fields__)


def test_hyperparameters_out_of_range_cannot_be_made():
    with pytest.raises(ValueError, match="n_epochs=0: expected an int of at least 1"):
        replace(FAST, n_epochs=0)
