"""The command `rlsp plot`: reading runs, grouping them, and figures of them."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import LinearReward
from rlsp_sb3.evaluation.returns import Returns
from rlsp_sb3.learners.registry import learner_names
from rlsp_sb3.plotting.feature_weights import are_named, sorted_sizes
from rlsp_sb3.plotting.runs.groups import Group, curve_of, group_runs, sections, weights_of
from rlsp_sb3.plotting.runs.legend import spread_note
from rlsp_sb3.plotting.runs.reward_profiles import _samples, _standardized
from rlsp_sb3.runs.run import read_log, read_run
from rlsp_sb3.runs.run_config import RunConfig

from helpers.command import ok, rlsp
from helpers.full_disk import full_disk_for

pytestmark = pytest.mark.skipif(
    not learner_names(),
    reason="the command finds learners by entry points: pip install -e ./rlsp_sb3 first",
)
FIGURES = ("curves.png", "weights.png", "rewards.png", "returns.png")
Rows = list[dict[str, float]]


def write_run(
    folder: Path,
    *,
    env: str = "Pendulum-v1",
    learner: str = "rlsp",
    seed: int = 0,
    log: Rows | None = None,
    options: dict[str, Any] | None = None,
    arguments: dict[str, Any] | None = None,
    weights: dict[str, float] | None = None,
    timestep: str = "environment step",
    **results: Any,
) -> Path:
    """Write the folder of a run; without weights it is still going on."""
    folder.mkdir(parents=True)
    about = {"env": env, "learner": learner, "seed": seed, "timestep": timestep}
    if weights is not None:
        results = {"timesteps": 1, **results}
    config = RunConfig(**about, options=options or {}, arguments=arguments or {}, **results)
    (folder / "config.json").write_text(json.dumps(config.to_dict()))
    rows = [{"time/total_timesteps": row["t"], **row} for row in log or []]
    columns = list(dict.fromkeys(name for row in rows for name in row if name != "t"))
    with (folder / "progress.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
        if rows:
            writer.writeheader()
        writer.writerows(rows)
    if weights is not None:
        LinearReward(list(weights.values()), list(weights)).save(folder / "reward.json")
        (folder / "learner.zip").write_text("")
    return folder


def returns_around(mean: float, low: float, high: float) -> Returns:
    """The returns of one episode, with a confidence interval."""
    return Returns(np.array([mean]), np.array([10]), np.array([False]), (low, high))


def norms(*values: float, step: int = 10) -> Rows:
    return [{"t": step * (i + 1), "rlsp/reward_norm": value} for i, value in enumerate(values)]


def groups_of(*folders: Path) -> list[Group]:
    groups, _ = group_runs(map(read_run, folders))
    return groups


def legend_of(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


# Reading


def test_log_with_missing_values(tmp_path: Path) -> None:
    file = tmp_path / "progress.csv"
    file.write_text("time/total_timesteps,a,b\n1,0.5,\n2,nan,7\n3,1.5,inf\n3,2.5,8\n,9,9\n4,6")
    log = read_log(file)
    assert log["a"].timesteps.tolist() == [1, 3]
    assert log["a"].values.tolist() == [0.5, 2.5]  # the last one of a timestep
    assert log["b"].timesteps.tolist() == [2, 3]  # and not the line that is being written


@pytest.mark.parametrize("text", ["", "time/total_timesteps,a\n", "a\n1\n"])
def test_log_without_values(text: str, tmp_path: Path) -> None:
    file = tmp_path / "progress.csv"
    assert read_log(file) == {}
    file.write_text(text)
    assert read_log(file) == {}


def test_real_run(tmp_path: Path) -> None:
    options = ("--timesteps", 4, "--set", "horizon=5", "--seed", 3, "--out", tmp_path / "run")
    ok("learn", "rlsp_envs:RoomDefault-v0", *options)
    run = read_run(tmp_path / "run")
    assert (run.env_id, run.learner, run.seed) == ("RoomDefault-v0", "tabular-rlsp", 3)
    assert run.timestep == "gradient step"
    assert run.options == {"timesteps": 4, "horizon": 5}
    assert (run.settings["horizon"], run.settings["prior"]) == (5, "gaussian")
    assert not {"seed", "verbose", "device"} & set(run.settings)
    assert run.log["rlsp/reward_norm"].timesteps.tolist() == [1, 2, 3, 4]
    assert run.reward is not None
    assert np.linalg.norm(run.reward.weights) == pytest.approx(
        run.log["rlsp/reward_norm"].values[-1]
    )
    assert run.true_return is not None
    assert run.true_return.measure == "fraction of the best true return"
    assert run.true_return.task_only == pytest.approx(18 / 37)
    assert run.missing == {}


# Numbers


def test_seeds_are_one_group(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / f"{prior}{seed}", seed=seed, arguments={"prior": prior, "seed": seed})
        for seed in (2, 0, 1)
        for prior in ("a", "b")
    ]
    groups = groups_of(*folders)
    assert [[run.seed for run in group.runs] for group in groups] == [[0, 1, 2], [0, 1, 2]]
    assert [group.label for group in groups] == ["prior=a", "prior=b"]


def test_labels_say_only_what_differs(tmp_path: Path) -> None:
    same = {"prior": "gaussian"}
    short = write_run(
        tmp_path / "1",
        options={"preset": "smoke"},
        arguments={**same, "horizon": 3, "hyperparameters": {"n_epochs": 2, "steps": 9}},
    )
    set_by_user = write_run(
        tmp_path / "2",
        options={"preset": "smoke", "horizon": 7},
        arguments={**same, "horizon": 7, "hyperparameters": {"n_epochs": 2, "steps": 9}},
    )
    fast = write_run(
        tmp_path / "3",
        options={"preset": "fast"},
        arguments={**same, "horizon": 3, "hyperparameters": {"n_epochs": 30, "steps": 99}},
    )
    other = write_run(tmp_path / "4", learner="waypoints")
    assert [group.label for group in groups_of(short)] == ["rlsp"]
    assert [group.label for group in groups_of(short, set_by_user)] == ["horizon=3", "horizon=7"]
    assert [group.label for group in groups_of(short, fast)] == ["preset=smoke", "preset=fast"]
    assert [group.label for group in groups_of(short, other)] == ["rlsp", "waypoints"]
    assert [group.label for group in groups_of(short, fast, other)] == [
        *("rlsp, preset=smoke", "rlsp, preset=fast", "waypoints")
    ]


def test_settings_that_nobody_chose_are_told_apart(tmp_path: Path) -> None:
    """Such as those of another version."""
    one, other = (write_run(tmp_path / str(x), arguments={"a": {"b": x}}) for x in (1, 2))
    assert [group.label for group in groups_of(one, other)] == ["a.b=1", "a.b=2"]


def test_other_observed_states_are_another_group(tmp_path: Path) -> None:
    one, other = (
        write_run(tmp_path / str(n), options={"states": "expert.zip", "n_states": n})
        for n in (1, 10)
    )
    assert [group.label for group in groups_of(one, other)] == ["n_states=1", "n_states=10"]


def test_environments_are_sections(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "1", env="A-v0"),
        write_run(tmp_path / "2", env="package:B-v0"),
        write_run(tmp_path / "3", env="A-v0", learner="tabular-rlsp", timestep="gradient step"),
    ]
    found = sections(groups_of(*folders))
    assert {title: [group.label for group in each] for title, each in found.items()} == {
        "A-v0, by environment steps": ["rlsp"],
        "B-v0": ["rlsp"],
        "A-v0, by gradient steps": ["tabular-rlsp"],
    }


def test_mean_and_range_of_few_seeds(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / str(seed), seed=seed, log=norms(*values))
        for seed, values in enumerate([(1, 5), (2, 4), (6, 3)])
    ]
    (group,) = groups_of(*folders)
    found = curve_of(group, "rlsp/reward_norm")
    assert found is not None
    timesteps, summary = found
    assert timesteps.tolist() == [10, 20]
    assert (summary.low.tolist(), summary.high.tolist(), summary.n) == ([1, 3], [6, 5], 3)
    assert summary.center.tolist() == summary.mean.tolist() == [3, 4]
    assert curve_of(group, "eval/true_return") is None


def test_seeds_that_logged_at_different_times_or_not_as_long(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / "0", seed=0, log=norms(0, 10, 20, 30)),
        write_run(tmp_path / "1", seed=1, log=norms(0, 5, step=20)),
        write_run(tmp_path / "2", seed=2),
    ]
    (group,) = groups_of(*folders)
    found = curve_of(group, "rlsp/reward_norm")
    assert found is not None
    timesteps, summary = found
    assert timesteps.tolist() == [20, 30, 40]  # when both had begun and none had ended
    assert summary.low.tolist() == [0, 2.5, 5]
    assert summary.high.tolist() == [10, 20, 30]
    assert summary.center.tolist() == [5, 11.25, 17.5]
    assert summary.n == 2


def test_weights_of_seeds(tmp_path: Path) -> None:
    folders = [
        write_run(tmp_path / str(seed), seed=seed, weights={"vase": seed, "goal": 2.0})
        for seed in (0, 1)
    ]
    (group,) = groups_of(*folders)
    ((names, weights),) = weights_of(group).items()
    assert names == ("vase", "goal")
    assert weights.tolist() == [[0, 2], [1, 2]]


def test_features_without_meaning_are_sorted() -> None:
    assert are_named(("vase", "goal"))
    assert are_named(("observation_0", "observation_1"))
    assert not are_named(("latent_0", "latent_1"))
    assert not are_named([f"cosine_{i}" for i in range(256)])
    assert are_named([f"at_{i}" for i in range(30)])
    assert not are_named([f"at_{i}" for i in range(31)])
    assert sorted_sizes(np.array([[1.0, -3, 2], [0, 0, -5]])).tolist() == [[3, 2, 1], [5, 0, 0]]


def test_note_says_what_is_drawn() -> None:
    assert spread_note([1, 1]) == ""
    assert spread_note([3, 1, 3]) == "mean and range of 3 seeds"
    assert spread_note([5, 9]) == (
        "interquartile mean of 5 to 9 seeds and its bootstrapped 95 % interval"
    )
    assert spread_note([2, 6]) == (
        "mean and range of 2 to 6 seeds, from 5 on interquartile mean and 95 % interval"
    )


# The command


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs in a room: two seeds, and another prior."""
    folder = tmp_path_factory.mktemp("rooms")
    for name, *options in (
        ("0", "--seed", 0),
        ("1", "--seed", 1),
        ("laplace", "--set", "prior=laplace"),
    ):
        ok("learn", "RoomDefault-v0", "--timesteps", 20, *options, "--out", folder / name)
    return folder


def test_all_figures(rooms: Path, tmp_path: Path, figures: list[Figure]) -> None:
    result = ok("plot", *sorted(rooms.iterdir()), "--out", tmp_path)
    assert result.out == f"In {tmp_path}: {', '.join(FIGURES)} of 3 runs\n"
    assert {path.name for path in tmp_path.iterdir()} == set(FIGURES)
    for name in FIGURES:
        with Image.open(tmp_path / name) as image:
            image.load()
            assert image.format == "PNG"
            assert min(image.size) > 200
    curves, weights, maps, returns = figures
    labels = ["prior=gaussian", "prior=laplace"]
    assert legend_of(curves) == legend_of(weights) == labels
    for figure in figures:
        assert "tabular-rlsp" in figure.get_suptitle()  # what they have in common
        assert "2 seeds" in figure.get_suptitle()
    drawn = [axes for axes in curves.axes if axes.axison]
    assert {axes.get_xlabel() for axes in drawn} == {"gradient steps"}
    assert [axes.get_ylabel() for axes in drawn] == [
        *("log likelihood of\nthe observed states", "norm of the gradient", "norm of the weights θ")
    ]
    (axes,) = weights.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [
        *("broken_vases", "on_carpet", "on_goal_1", "on_goal_2")
    ]
    assert [axes.get_title() for axes in maps.axes if axes.axison][-2:] == labels
    assert [text.get_text() for text in returns.axes[0].get_yticklabels()] == labels
    assert legend_of(returns) == ["task reward only"]


def test_bars_are_weights(rooms: Path, tmp_path: Path, figures: list[Figure]) -> None:
    ok("plot", rooms / "0", rooms / "1", "--out", tmp_path)
    expected = np.mean([LinearReward.load(rooms / i / "reward.json").weights for i in "01"], axis=0)
    (axes,) = figures[1].axes
    np.testing.assert_allclose([bar.get_width() for bar in axes.patches], expected)
    assert legend_of(figures[1]) == []  # one group needs none


def test_map_is_the_mean_of_seeds(rooms: Path, tmp_path: Path, figures: list[Figure]) -> None:
    ok("plot", rooms / "0", rooms / "1", "--out", tmp_path)
    rewards = [LinearReward.load(rooms / i / "reward.json") for i in "01"]
    image = figures[2].axes[-1].images[0]
    assert image.get_array()[0, 2] == pytest.approx(np.mean([r["on_goal_2"] for r in rewards]))


def test_one_run_has_nothing_to_be_compared_with(rooms: Path, tmp_path: Path) -> None:
    (tmp_path / "returns.png").write_text("of other runs")
    result = ok("plot", rooms / "0", rooms / ".." / rooms.name / "0", "--out", tmp_path)
    assert "returns.png is left out: no two runs in one environment" in result.out
    assert "curves.png, weights.png, rewards.png of 1 run\n" in result.out
    assert not (tmp_path / "returns.png").exists()


def test_run_that_goes_on(tmp_path: Path) -> None:
    over = write_run(
        tmp_path / "over",
        log=norms(1, 2, 3),
        weights={"x": 1.0},
        true_returns=returns_around(5.0, 4.0, 6.0),
    )
    going_on = write_run(tmp_path / "going_on", seed=1, log=norms(1, 2))
    result = ok("plot", over, going_on, "--out", tmp_path / "plots")
    assert f"rlsp on Pendulum-v1 ends at 20 environment steps: there {going_on} ends" in result.out
    assert f"weights.png: without {going_on}: learning has not ended" in result.out
    assert "rewards.png is left out: no run has a reward on a grid" in result.out
    assert "In " in result.out.splitlines()[-1]
    assert "curves.png, weights.png of 2 runs" in result.out.splitlines()[-1]


def test_run_that_has_just_begun(tmp_path: Path) -> None:
    begun = write_run(tmp_path / "begun")
    result = rlsp("plot", begun, "--out", tmp_path / "plots")
    assert result.code == 1
    assert "curves.png is left out: nothing has been logged yet" in result.out
    assert not (tmp_path / "plots").exists()


def test_same_run_twice(tmp_path: Path) -> None:
    first, again = (write_run(tmp_path / name, log=norms(1, 2)) for name in ("a", "b"))
    result = ok("plot", first, again, "--out", tmp_path / "plots")
    assert f"without {again}: the seed and the settings are those of {first}" in result.out


def test_returns_of_single_seeds_and_sorted_weights(tmp_path: Path, figures: list[Figure]) -> None:
    folders = [
        write_run(
            tmp_path / str(horizon),
            options={"horizon": horizon},
            arguments={"horizon": horizon},
            log=norms(1, 2),
            weights={f"cosine_{i}": i * horizon - 5.0 for i in range(40)},
            true_returns=returns_around(-float(horizon), -9.0, -1.0),
        )
        for horizon in (2, 4)
    ]
    ok("plot", *folders, "--out", tmp_path / "plots")
    _, weights, returns = figures
    (axes,) = weights.axes
    assert "sorted absolute weights of 40 features" in axes.get_title(loc="right")
    for line in axes.lines:
        assert np.all(np.diff(line.get_ydata()) <= 0)
    assert "95 % interval over episodes" in returns.get_suptitle()
    assert [bar.get_width() for bar in returns.axes[0].patches] == [-2, -4]
    assert {text.get_text() for text in returns.axes[0].texts} == {"−2.0", "−4.0"}


def test_learner_that_is_not_installed_is_said(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", env="RoomDefault-v0", learner="no-such", weights={"x": 1.0})
    result = ok("plot", run, "--out", tmp_path / "plots")
    assert "rewards.png is left out: no run has a reward on a grid (there is no learner" in (
        result.out
    )


def test_same_runs_same_files(rooms: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        ok("plot", *sorted(rooms.iterdir()), "--out", tmp_path / name)
    for name in FIGURES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


# Errors


def test_folder_that_is_no_run(rooms: Path, tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "nowhere", "nowhere is not there: expected a folder that `rlsp learn` left"),
        (tmp_path, "it has no config.json"),
        (rooms, f"it has no config.json: expected one that `rlsp learn` left; {rooms}"),
    ):
        result = rlsp("plot", rooms / "0", path, "--out", tmp_path / "plots")
        assert result.code == 2
        assert message in result.err
    assert not (tmp_path / "plots").exists()


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("config.json", "{", "is not a JSON file"),
        ("config.json", '{"env": "A-v0"}', "does not say learner, seed, timestep, options"),
        ("config.json", "[]", "does not say env, learner"),
        ("config.json", "[" * 100_000, "is not a JSON file: it is nested deeper than 32"),
        ("config.json", "9" * 1000, "is not a JSON file: 99999999999999999999… is too large"),
        ("progress.csv", '"' + "a" * 200_000 + '"\n', "is not a log as CSV: field larger"),
        ("reward.json", "{", "is not the file of a LinearReward"),
    ],
)
def test_spoiled_file(file: str, text: str, message: str, tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", weights={"x": 1.0})
    (run / file).write_text(text)
    result = rlsp("plot", run, "--out", tmp_path / "plots")
    assert result.code == 2
    assert message in result.err


def test_folder_that_cannot_be_written_to(rooms: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = rlsp("plot", rooms / "0", "--out", tmp_path / "file")
    assert result.code == 2
    assert result.err.startswith("error: ")


def test_a_figure_that_cannot_be_written_costs_no_other(
    rooms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk_for("weights.png", monkeypatch)
    result = rlsp("plot", rooms / "0", rooms / "1", "--out", tmp_path)
    assert result.code == 2
    assert "weights.png cannot be written: No space left on device" in result.err
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"curves.png", "rewards.png", "returns.png"}


def test_rewards_without_a_grid_are_drawn_over_observations(
    tmp_path: Path, figures: list[Figure]
) -> None:
    """Scale and offset of a reward mean nothing: standardized, two that differ in them are one."""
    states = tmp_path / "states.npy"
    np.save(states, np.array([[1.0, 0.0, 0.0]]))
    runs = [tmp_path / f"run{seed}" for seed in (0, 1)]
    for seed, run in enumerate(runs):
        options = ("--preset", "smoke", "--states", states, "--seed", seed, "--out", run)
        ok("learn", "PointVase-v0", *options)
    figures.clear()
    ok("plot", *runs, "--out", tmp_path / "plots")
    (figure,) = [each for each in figures if "one entry is changed" in each.get_suptitle()]
    shown = {axes.get_xlabel(): axes for axes in figure.axes if axes.lines}
    assert set(shown) == {"x", "y", "broken vase"}
    assert "2 seeds" in figure.get_suptitle()
    samples = _samples(read_run(runs[0]), None)
    scaled = samples.of_reward(lambda states: 3 * samples.reward(states) + 5)
    for (_, one), (_, other) in zip(
        _standardized(samples).values(), _standardized(scaled).values(), strict=True
    ):
        np.testing.assert_allclose(one, other)
