"""Configurations of single runs: printed, read again, and what is given beside them."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from rlsp_sb3.experiments.run_options import complete_run_options, read_run_options
from rlsp_sb3.io.save_util import read_archive

from helpers.command import ok, rlsp

CONTINUOUS = "MountainCarContinuous-v0"


def printed(path: Path, *arguments: object) -> Path:
    """The file that ``rlsp config … > FILE`` makes."""
    result = rlsp("config", *arguments)
    assert result.code == 0, result.err
    path.write_text(result.out)
    return path


@pytest.mark.parametrize(
    ("env", "options", "more"),
    [
        ("RoomDefault-v0", [], []),
        ("RoomDefault-v0", ["--learner", "rlsp", "--preset", "smoke"], []),
        (CONTINUOUS, ["--preset", "smoke"], ["--states", "states.npy"]),
    ],
)
def test_a_run_with_the_printed_configuration_is_the_one_without(
    env: str, options: list[str], more: list[str], tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("states.npy", np.array([[0.45, 0.0], [0.4, 0.02]], np.float32))
    file = printed(tmp_path / "run.yaml", env, *options)
    ok("learn", env, *options, *more, "--out", "without")
    ok("learn", env, "--config", file, *more, "--out", "with")
    (_, one), (_, other) = (read_archive(f"{name}/learner.zip") for name in ("without", "with"))
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])
    configs = [json.loads(Path(name, "config.json").read_text()) for name in ("without", "with")]
    assert configs[0]["arguments"] == configs[1]["arguments"]


def test_the_command_line_comes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text("seed: 3\ntimesteps: 2\narguments: {temperature: 2.0, prior_std: 1.0}\n")
    options = ("--config", file, "--timesteps", 4, "--set", "prior_std=.25")
    ok("learn", "RoomDefault-v0", *options, "--out", tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert (config["seed"], config["timesteps"]) == (3, 4)
    assert config["arguments"]["temperature"] == 2.0
    assert config["arguments"]["prior_std"] == 0.25


def test_another_preset_than_that_of_all_hyperparameters_is_refused(tmp_path: Path) -> None:
    file = printed(tmp_path / "run.yaml", CONTINUOUS, "--preset", "smoke")
    result = rlsp(
        "learn", CONTINUOUS, "--config", file, "--preset", "fast", "--out", tmp_path / "r"
    )
    assert result.code == 2
    assert "has all hyperparameters of the preset smoke" in result.err
    file.write_text("preset: smoke\narguments: {horizon: 5}\n")
    assert read_run_options(file).updated(preset="fast").preset == "fast"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sed: 1", "there is no setting 'sed' (did you mean 'seed'?)"),
        ("seed: -1", "seed=-1: expected"),
        ("seed: one", "seed='one': expected"),
        ("[1, 2]", "has [1, 2]: expected entries"),
        ("a: [", "is no YAML file"),
        ("arguments: {horizn: 3}", "no argument 'horizn' (did you mean 'horizon'?)"),
        ("arguments: {prior: gauss}", "arguments.prior='gauss' (did you mean 'gaussian'?)"),
        ("arguments: {seed: 3}", "no argument 'seed'"),
        ("learner: tabular-rls", "no learner 'tabular-rls' (did you mean 'tabular-rlsp'?)"),
    ],
)
def test_wrong_entries_are_answered(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    result = rlsp("learn", "RoomDefault-v0", "--config", file, "--out", tmp_path / "run")
    assert result.code == 2
    assert message in result.err


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = rlsp("learn", "RoomDefault-v0", "--config", tmp_path / "no.yaml")
    assert result.code == 2
    assert "no.yaml: No such file" in result.err


def test_every_argument_of_a_learner_is_there() -> None:
    entries = yaml.safe_load(complete_run_options("RoomDefault-v0").to_yaml())
    assert entries["arguments"]["horizon"] == 7
    assert {"prior", "prior_std", "optimizer", "combination"} <= set(entries["arguments"])
    assert "observed_states" not in entries["arguments"]


def test_what_the_environment_does_not_say_is_asked_for(tmp_path: Path) -> None:
    result = rlsp("config", "RoomDefault-v0", "--set", "horizon=9")
    assert "horizon: 9" in result.out
    assert rlsp("config", "RoomDefalt-v0").code == 2
