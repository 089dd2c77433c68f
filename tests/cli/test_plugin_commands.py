"""Commands of other packages join ``rlsp`` by an entry point."""

import pytest

from helpers.command import ok, rlsp

GREETINGS = """
import typer
app = typer.Typer()
@app.callback()
def about():
    "Greet."
@app.command()
def hello(name: str):
    "Say hello."
    print(f"hello {name}")
no_app = 3
"""


@pytest.fixture
def install(tmp_path, monkeypatch):
    """A package that the metadata say is installed, with a module ``greetings``."""

    def install(entry_points: str) -> None:
        (tmp_path / "greetings.py").write_text(GREETINGS)
        about = tmp_path / "rlsp_greetings-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: rlsp-greetings\nVersion: 1.0")
        (about / "entry_points.txt").write_text(f"[rlsp.commands]\n{entry_points}\n")
        monkeypatch.syspath_prepend(tmp_path)

    return install


def test_a_command_of_another_package_runs(install):
    install("greet = greetings:app")
    assert "A command of rlsp-greetings." in ok("--help").out
    assert "Say hello." in ok("greet", "--help").out
    assert "completion" not in ok("greet", "--help").out  # but once, of rlsp itself
    assert ok("greet", "hello", "you").out == "hello you\n"


@pytest.mark.parametrize(
    ("entry_point", "message"),
    [
        ("greetings:missing", "of rlsp-greetings cannot be loaded"),
        ("no_such_module:app", "of rlsp-greetings cannot be loaded"),
        ("greetings:no_app", "is no typer.Typer: its entry point is greetings:no_app"),
    ],
)
def test_a_command_that_is_none_is_an_error_of_its_package(install, entry_point, message):
    install(f"greet = {entry_point}")
    assert "greet" in ok("--help").out
    failed = rlsp("greet", "hello", "you")
    assert failed.code == 2
    assert message in failed.err
    assert ok("envs", "--help").code == 0  # others work


def test_nobody_replaces_a_command_of_rlsp(install):
    install("learn = greetings:app")
    assert "Infer the reward" in ok("learn", "--help").out
