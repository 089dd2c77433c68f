"""The search of the guide to tuning, run as it stands there."""

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

pytest.importorskip("rlsp_envs")
optuna = pytest.importorskip("optuna")

PAGE = Path(__file__).resolve().parent.parent / "docs" / "guide" / "tuning.md"


def test_the_search_finds_settings_that_do_better_than_the_worst() -> None:
    tokens = MarkdownIt().parse(PAGE.read_text(encoding="utf-8"))
    search, deep = (token.content for token in tokens if token.type == "fence")
    names: dict[str, Any] = {}
    exec(compile(search, str(PAGE), "exec"), names)
    values = [trial.value for trial in names["study"].trials]
    assert len(values) == 8
    assert names["study"].best_value == max(values) <= 1 + 1e-9
    assert min(values) < max(values)  # the settings matter, or there is nothing to search
    again = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    again.optimize(names["objective"], n_trials=2)
    assert [trial.value for trial in again.trials] == values[:2]
    compile(deep, str(PAGE), "exec")
