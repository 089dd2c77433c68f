"""Progress of long work, where there is a terminal and where there is none."""

from __future__ import annotations

import io
import re
import threading

import gymnasium as gym
import numpy as np
import pytest
from rich.console import Console

from rlsp_sb3.data import collect, rollout_env
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.models.training import fit
from rlsp_sb3.policies import RandomPolicy
from rlsp_sb3.utils import progress
from rlsp_sb3.utils.progress import Stage, show_progress, stage, track

from helpers.waiting import wait_for


@pytest.fixture
def terminal(monkeypatch):
    """The text of a terminal."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    monkeypatch.setattr(progress, "_BRIEF", 0.0)
    return text


@pytest.fixture
def log(monkeypatch):
    """What is written where there is no terminal, more often than every 10 seconds."""
    text = io.StringIO()
    console = Console(file=text, width=100)
    monkeypatch.setattr(progress, "Console", lambda stderr: console)
    monkeypatch.setattr(progress, "LINE_EVERY", 0.01)
    return text


def test_time_left_is_that_of_the_rest_at_the_same_speed():
    shown = Stage("collecting", 100)
    shown.start = 1_000.0
    assert shown.line(1_005.0) == "collecting: 0 of 100, 5 s so far"
    shown.done = 25
    assert shown.line(1_020.0) == "collecting: 25 of 100, 20 s so far, about 60 s to go"
    shown.done, shown.notes = 100, "epoch 3"
    assert shown.line(1_080.0) == "collecting: 100 of 100, 80 s so far, epoch 3"
    slower = Stage("learning", 1_000)
    slower.start = 0.0
    for seconds in range(10, 110, 10):  # 30 steps a second, and then 1
        slower.done = 300 + seconds
        line = slower.line(float(seconds))
    assert line == "learning: 400 of 1,000, 2 min so far, about 10 min to go"
    unknown = Stage("filming", None)
    unknown.start = 0.0
    assert unknown.line(600.0) == "filming: 10 min so far"


def test_nothing_is_shown_unless_somebody_looks(capfd):
    with show_progress(False), stage("working", 3):
        assert list(track(range(3), "acting")) == [0, 1, 2]
    assert capfd.readouterr() == ("", "")


def test_where_there_is_no_terminal_lines_come_while_nothing_happens(log):
    with (
        show_progress(),
        stage("learning", 100) as outer,
        stage("fitting the encoder", 10) as inner,
    ):
        outer.done, inner.done = 50, 5
        wait_for(lambda: log.getvalue().count("\n") >= 2)
    first = log.getvalue().splitlines()[-1]
    assert re.fullmatch(
        r"learning: 50 of 100, 0 s so far, about 0 s to go · "
        r"fitting the encoder: 5 of 10, 0 s so far, about 0 s to go",
        re.sub(r"\d+ s", "0 s", first),
    )
    n_threads = threading.active_count()
    with show_progress():
        assert threading.active_count() == n_threads + 1
    assert threading.active_count() == n_threads


def test_a_terminal_has_a_bar_for_each_stage(terminal):
    with show_progress():
        display = progress._DISPLAY.get()
        with stage("learning", 200) as outer, stage("collecting", None):
            outer.done = 50
            console = Console(file=io.StringIO(), width=100)
            console.print(display.picture())
    drawn = console.file.getvalue().splitlines()
    assert re.match(r"━+\W+learning: 50 of 200, \d+ s so far, about \d+ s to go", drawn[0])
    assert "collecting: " in drawn[1]


def test_an_inner_block_is_shown_by_the_outer(log):
    with show_progress():
        outer = progress._DISPLAY.get()
        with show_progress():
            assert progress._DISPLAY.get() is outer
        assert progress._DISPLAY.get() is outer
    assert progress._DISPLAY.get() is None


def test_it_is_over_when_something_fails(log):
    with pytest.raises(KeyError), show_progress(), stage("working", 3):
        raise KeyError
    assert progress._DISPLAY.get() is None


def test_long_work_says_what_it_does(monkeypatch):
    seen: dict[str, int | None] = {}

    class Spy(Stage):
        def __init__(self, description, total):
            seen[description] = total
            super().__init__(description, total)

    monkeypatch.setattr(progress, "Stage", Spy)
    env = gym.make("CartPole-v1")
    rng = np.random.default_rng(0)
    collect(env, 30, rng)
    rollout_env(RandomPolicy(env, 0), env, 3, seed=0)
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.zeros(1))
    fit([weight], lambda index: (weight - 1).square().sum(), 10, FitSettings(7, 1, 0.1), rng)
    assert seen == {"collecting transitions": 30, "acting": 3, "fitting": 7}
