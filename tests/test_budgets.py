"""Budgets are found by name, and come back from JSON."""

import json
from dataclasses import asdict, replace

import pytest

from rlsp_sb3.budgets import BUDGETS, FAST, PAPER, TABULAR, find_budget
from rlsp_sb3.fitting import Schedule

ALL = {**BUDGETS, **{f"tabular {name}": budget for name, budget in TABULAR.items()}}


@pytest.mark.parametrize("name", ALL)
def test_a_budget_comes_back_from_json(name):
    budget = ALL[name]
    restored = find_budget(json.loads(json.dumps(asdict(budget))), is_tabular=False)
    assert restored == budget
    assert isinstance(restored.dynamics, Schedule)
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
