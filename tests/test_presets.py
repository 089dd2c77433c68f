"""Budgets are found by name, and come back from JSON."""

import json
from dataclasses import asdict, replace

import pytest

from rlsp_sb3.models.training import FitSettings
from rlsp_sb3.presets import BUDGETS, FAST, PAPER, TABULAR, find_budget

ALL = {**BUDGETS, **{f"tabular {name}": budget for name, budget in TABULAR.items()}}


@pytest.mark.parametrize("name", ALL)
def test_a_budget_comes_back_from_json(name):
    budget = ALL[name]
    restored = find_budget(json.loads(json.dumps(asdict(budget))), is_tabular=False)
    assert restored == budget
    assert isinstance(restored.dynamics, FitSettings)
    assert restored.dynamics.n_updates == budget.dynamics.n_updates


def test_a_budget_of_ones_own_is_used_as_it_is():
    mine = replace(FAST, n_epochs=3)
    assert find_budget(mine, is_tabular=True) is mine
    assert find_budget(asdict(mine), is_tabular=True) == mine


@pytest.mark.parametrize("name", BUDGETS)
def test_names_mean_different_budgets_where_states_can_be_enumerated(name):
    assert find_budget(name, is_tabular=False) is BUDGETS[name]
    assert find_budget(name, is_tabular=True) is TABULAR[name]


def test_the_paper_s_budget_is_that_of_its_appendix():
    assert PAPER.n_transitions == 100_000
    assert PAPER.solver_steps == 10_000
    assert PAPER.dynamics_hidden == (1024,) * 5
    assert PAPER.encoder.learning_rate == PAPER.dynamics.learning_rate == 1e-5
    assert PAPER.n_trajectories == 200
    assert PAPER.share_of_starts == 0.2
    assert (PAPER.learning_rate, PAPER.anneal, PAPER.gradient_threshold) == (0.01, False, 2.0)
    assert not PAPER.keep_inverse_policy
    # One hundred epochs of batches of 500 over the buffer.
    for schedule in (PAPER.encoder, PAPER.dynamics):
        assert schedule.n_updates * schedule.batch_size == 100 * PAPER.n_transitions


@pytest.mark.parametrize(
    ("budget", "error", "message"),
    [
        ("fats", ValueError, "budget='fats'.*fast"),
        (3, TypeError, "budget=3"),
        (None, TypeError, "budget=None"),
        ({**asdict(FAST), "n_epoch": 3}, ValueError, "n_epoch'.*n_epochs"),
        ({"n_epochs": 3}, ValueError, "n_transitions"),
    ],
)
def test_errors_name_what_is_wrong(budget, error, message):
    with pytest.raises(error, match=message):
        find_budget(budget, is_tabular=False)


def test_a_budget_may_differ_from_another_in_some_entries():
    changed = {"base": "fast", "encoder": [7, 8, 0.1], "solver_kwargs": {"batch_size": 128}}
    budget = find_budget(changed, is_tabular=False)
    assert budget.encoder == FitSettings(7, 8, 0.1)
    assert budget.solver_kwargs == {**FAST.solver_kwargs, "batch_size": 128}
    assert replace(budget, encoder=FAST.encoder, solver_kwargs=FAST.solver_kwargs) == FAST
    assert find_budget({"base": "paper"}, is_tabular=True) == TABULAR["paper"]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"n_epochs": 3.5}, "n_epochs=3.5: expected a whole number"),
        ({"n_epochs": True}, "n_epochs=True"),
        ({"anneal": 1}, "anneal=1: expected true or false"),
        ({"learning_rate": "fast"}, "learning_rate='fast': expected a number"),
        ({"encoder": [1, 2]}, "encoder=.*n_updates, batch_size, learning_rate"),
        ({"encoder_hidden": 64}, "encoder_hidden=64: expected a list"),
        ({"solver_kwargs": [1]}, "solver_kwargs=.*expected a mapping"),
    ],
)
def test_entries_of_a_wrong_type_are_named(entry, message):
    with pytest.raises(TypeError, match=message):
        find_budget({"base": "fast", **entry}, is_tabular=False)
