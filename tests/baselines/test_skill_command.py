"""The command ``rlsp skills discover``."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

pytest.importorskip("rlsp_envs")

from rlsp_baselines.skills import DADS
from rlsp_baselines.skills.cli import app
from rlsp_baselines.skills.coordinates import Coordinates
from rlsp_baselines.skills.trajectory_figure import places
from rlsp_sb3.data.episodes import Episode, load_episodes
from rlsp_sb3.experiments.skills.plan import plan_skill_table

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # pytest brings it there

ROOT = Path(__file__).resolve().parents[2]
POINT = ("PointVase-v0", "--coordinates", "0,1", "--preset", "smoke", "--timesteps", "200")


def discover(*arguments):
    result = CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["discover", *map(str, arguments)], catch_exceptions=False
    )
    return result.exit_code, re.sub(r"\x1b\[[\d;]*m", "", result.output)


def test_writes_skills_rollouts_and_pictures(tmp_path):
    code, text = discover(
        *POINT, "--n-skills", 3, "--episodes", 2, "--max-steps", 30, "--out", tmp_path
    )
    assert code == 0, text
    skills = DADS.load(tmp_path / "skills.zip", "PointVase-v0")
    assert skills.num_timesteps == 240  # whole epochs
    files = sorted((tmp_path / "rollouts").glob("*.npz"))
    assert [file.name for file in files] == [f"skill_{i}.npz" for i in range(3)]
    for file in files:
        episodes = load_episodes(file)
        assert [len(each) for each in episodes] == [30, 30]
    assert Image.open(tmp_path / "trajectories.png").size[0] > 300
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert 0 <= summary["predictability"] <= 1
    assert summary["skills"] == [0, 1, 2]
    assert "PointVase-v0 gives no pictures" in text  # and none is written
    assert not (tmp_path / "contact_sheet.png").exists()
    # The table of skills takes the rollouts.
    plan = plan_skill_table(files, "PointVase-v0")
    assert [skill.name for skill in plan.skills] == ["skill_0", "skill_1", "skill_2"]


def test_the_same_seed_gives_the_same_rollouts(tmp_path):
    for name in ("first", "second"):
        assert discover(*POINT, "--out", tmp_path / name)[0] == 0
    first, second = (
        load_episodes(tmp_path / name / "rollouts" / "skill_1.npz") for name in ("first", "second")
    )
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.observations, other.observations)


@pytest.mark.parametrize(("size", "n"), [(1, 3), (2, 4), (3, 2)])
def test_continuous_skills_are_shown_by_some(tmp_path, size, n):
    assert discover(*POINT, "--skill-dim", size, "--n-skills", n, "--out", tmp_path)[0] == 0
    skills = np.array(json.loads((tmp_path / "summary.json").read_text())["skills"])
    assert skills.shape == (n, size)
    assert np.abs(skills).max() <= 1
    assert len(np.unique(skills, axis=0)) == n


def test_a_contact_sheet_has_a_row_for_each_skill(tmp_path):
    pytest.importorskip("pygame")
    code, text = discover(
        *("MountainCarContinuous-v0", "--preset", "smoke", "--timesteps", 100),
        *("--n-skills", 2, "--episodes", 1, "--out", tmp_path),
    )
    assert code == 0, text
    width, height = Image.open(tmp_path / "contact_sheet.png").size
    assert width == pytest.approx(4 * height, rel=0.05)  # eight pictures in each of two rows


def test_velocities_are_added_up():
    observations = np.array([[0.0, 5.0], [1.0, 6.0], [3.0, 7.0]])
    episode = Episode(observations, np.zeros((2, 1)), np.zeros(2), truncated=True)
    np.testing.assert_array_equal(
        places(Coordinates(2, [0], [1]), episode), [[0, 5], [1, 11], [3, 18]]
    )


def test_skills_are_not_overwritten(tmp_path):
    assert discover(*POINT, "--out", tmp_path)[0] == 0
    code, text = discover(*POINT, "--out", tmp_path)
    assert code == 2
    assert "choose another folder by --out" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--coordinates", "a"), "--coordinates a: expected numbers of entries"),
        (("--coordinates", "7"), "coordinates=7: expected at most 2"),
        (("--learner", "dad"), "learner='dad' (did you mean 'dads'?)"),
        (("--preset", "fest"), "preset='fest'"),
    ],
)
def test_wrong_options_are_named(tmp_path, arguments, message):
    code, text = discover("PointVase-v0", *arguments, "--out", tmp_path)
    assert code == 2
    assert message in text


def test_the_entry_point_is_this_command():
    with (ROOT / "rlsp_baselines" / "pyproject.toml").open("rb") as file:
        entry_points = tomllib.load(file)["project"]["entry-points"]["rlsp.commands"]
    assert entry_points == {"skills": "rlsp_baselines.skills.cli:app"}
    assert app.registered_commands[0].callback.__module__ == "rlsp_baselines.skills.cli"
