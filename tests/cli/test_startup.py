"""The command starts without the libraries that take seconds to import."""

import os
import signal
import subprocess
import sys
from importlib import import_module

import pytest
from typer.main import get_command, get_group
from typer.testing import CliRunner

from rlsp_sb3.cli import experts, main
from rlsp_sb3.solvers.sb3_arguments import SOLVERS

HEAVY = {
    *("PIL", "gymnasium", "matplotlib", "numpy", "pandas", "safetensors", "scipy"),
    *("stable_baselines3", "tensorboard", "torch", "tqdm"),
}
# What Typer needs as well, when it parses or prints.
PACKAGE = {*HEAVY, "pydantic", "rich", "typer", "yaml"}
MODULES = [*main.Commands.modules, "rlsp_sb3.cli.tables.mujoco", "rlsp_sb3.cli.tables.skills"]


def run(*arguments: str, **environment: str) -> tuple[str, set[str]]:
    """What a Python process prints, and the packages that it imports."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert done.returncode == 0, done.stderr
    return done.stdout, {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_importing_the_package_is_cheap():
    _, imported = run("-c", "import rlsp_sb3, rlsp_baselines, rlsp_sb3.learners, rlsp_sb3.rlsp")
    assert "rlsp_baselines" in imported
    assert imported.isdisjoint(PACKAGE)


def test_modules_of_commands_are_cheap():
    _, imported = run("-c", f"import {', '.join(MODULES)}")
    assert imported.isdisjoint({*HEAVY, "pydantic"})


@pytest.mark.parametrize("arguments", [[], ["learn"], ["table", "mujoco"]])
def test_help_is_cheap(arguments):
    text, imported = run("-m", "rlsp_sb3", *arguments, "--help")
    assert "Usage: rlsp" in text
    assert imported.isdisjoint(HEAVY)


def test_version_is_cheap():
    text, imported = run("-m", "rlsp_sb3", "--version")
    assert text.startswith("rlsp-sb3 ")
    assert imported.isdisjoint({*HEAVY, "rich"})


def test_completion_is_cheap():
    text, imported = run(
        *("-m", "rlsp_sb3"), _RLSP_COMPLETE="complete_bash", COMP_WORDS="rlsp ", COMP_CWORD="1"
    )
    assert {"learn", "import-expert", "table"} <= set(text.split())
    assert imported.isdisjoint(HEAVY)


def test_completion_knows_the_options_of_a_command():
    text, _ = run(
        *("-m", "rlsp_sb3"),
        _RLSP_COMPLETE="complete_bash",
        COMP_WORDS="rlsp table mujoco --n-",
        COMP_CWORD="3",
    )
    assert text.split() == ["--n-states"]


def test_lists_each_command_as_the_command_describes_itself():
    listed = get_command(main.app).commands
    for module, commands in main.Commands.modules.items():
        its_own = get_group(import_module(module).app).commands
        assert set(its_own) == set(commands)
        for name in commands:
            first = " ".join(its_own[name].help.split("\n\n")[0].split())
            assert listed[name].help == first


def test_names_the_algorithms_of_sb3():
    assert list(experts.SOLVER_NAMES) == list(SOLVERS)


def test_an_unknown_command_has_a_hint():
    result = CliRunner().invoke(main.app, ["evalute"])
    assert result.exit_code == 2
    assert "'evaluate'" in result.output


# Ctrl-C.

# Hits Ctrl-C in a command, while that is dealt with, and when the program ends.
HITS = """
import atexit, os, signal, sys
from rlsp_sb3.cli import main

def hit(*_):
    os.kill(os.getpid(), signal.SIGINT)

def command():
    try:
        hit()
    finally:
        if "twice" in sys.argv:
            hit()

def app(**arguments):
    try:
        command()
    except KeyboardInterrupt:
        if "twice" in sys.argv:
            hit()
        raise SystemExit(130) from None

signal.signal(signal.SIGINT, signal.default_int_handler)
main.app = app
if "at_exit" in sys.argv:
    atexit.register(hit)
main.run()
"""


@pytest.mark.parametrize("hits", [[], ["twice"], ["at_exit"], ["twice", "at_exit"]])
def test_ctrl_c_shows_no_traceback_however_often(hits):
    done = subprocess.run(
        [sys.executable, "-c", HITS, *hits], capture_output=True, text=True, check=False
    )
    assert done.returncode == (-signal.SIGINT if "at_exit" in hits else 130)
    assert done.stderr == ""
