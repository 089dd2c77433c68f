"""``rlsp table skills``: what is learned from the states of a rollout, told apart and filmed."""

import csv
import dataclasses
import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3.data.episodes import Episode, load_episodes, save_episodes
from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
from rlsp_sb3.evaluation.policy_discriminator import MEASURE_EVERY, N_UPDATES
from rlsp_sb3.experiments.methods import RANDOM
from rlsp_sb3.experiments.result_folder import ResultFolder
from rlsp_sb3.experiments.skills import films
from rlsp_sb3.experiments.skills.figure import skill_plot
from rlsp_sb3.experiments.skills.job import SkillFigures
from rlsp_sb3.experiments.skills.plan import SkillPlan, plan_skill_table
from rlsp_sb3.experiments.skills.run_job import (
    demonstrations_of,
    run_skill_job,
    tell_apart,
    with_actions,
)
from rlsp_sb3.experiments.skills.table import gather_curves, skill_table
from rlsp_sb3.experiments.table_plan import TableOptions
from rlsp_sb3.experiments.table_rows import RowKey
from rlsp_sb3.learners.registry import learner_names
from rlsp_sb3.policies.random_policy import RandomPolicy
from rlsp_sb3.utils.errors import NotOfferedError

from helpers.command import ok, rlsp
from helpers.in_process import in_this_process
from helpers.killed_command import run_until_killed

pytestmark = pytest.mark.skipif(
    not {"rlsp", "average-features", "waypoints"} <= set(learner_names()),
    reason="learners are found by entry points: pip install -e rlsp_sb3 and rlsp_baselines first",
)
ENV = "Pendulum-v1"
N_STEPS = 30
SMALL = ("--env", ENV, "--n-states", 2, "--seeds", 1, "--preset", "smoke")
LEARNERS = ("rlsp", "average-features", "waypoints")


def make_rollout(path: Path, seed: int = 0) -> Path:
    env = gym.make(ENV)
    episodes = rollout_env(RandomPolicy(env, seed), env, seed=seed, max_steps=N_STEPS)
    save_episodes(path, episodes)
    return path


@pytest.fixture(scope="module")
def swing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_rollout(tmp_path_factory.mktemp("skills") / "swing_rollouts.npz")


def small_plan(*paths: Path, **changes: Any) -> SkillPlan:
    arguments: dict[str, Any] = {
        "n_states": (2,),
        "methods": LEARNERS,
        "n_seeds": 1,
        "preset": "smoke",
    }
    return plan_skill_table(paths, ENV, TableOptions(**{**arguments, **changes}))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


# The command.


@pytest.fixture(scope="module")
def whole(swing: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A table of three methods, and what the command printed."""
    out = tmp_path_factory.mktemp("whole")
    command = ("table", "skills", "--rollout", swing, *SMALL, "--out", out, "--methods", *LEARNERS)
    with in_this_process():
        return ok(*command), out, command


def test_the_table_the_figure_and_the_films(whole: Any, swing: Path) -> None:
    result, out, _ = whole
    assert "Held-out cross-entropy (log 2 = 0.693" in result.out
    assert "rlsp: {preset: smoke}" in result.out  # the configuration
    assert "RLSP on swing, 2 states, seed 0: learning" in result.out
    table = rows(out / "table.csv")
    assert [row["method"] for row in table] == ["random", *LEARNERS]
    assert {row["skill"] for row in table} == {"swing"}
    curves = rows(out / "curves.csv")
    assert len(curves) == 4 * (N_UPDATES // MEASURE_EVERY + 1)
    jobs = {row["method"]: row for row in rows(out / "jobs.csv")}
    for row in table:
        (last,) = [
            float(point["cross_entropy"])
            for point in curves
            if point["method"] == row["method"] and int(point["step"]) == N_UPDATES
        ]
        assert float(row["cross_entropy_mean"]) == last > 0
        assert float(jobs[row["method"]]["cross_entropy"]) == last
        # The range of one seed.
        assert row["cross_entropy_low"] == row["cross_entropy_high"] == row["cross_entropy_mean"]
        assert (jobs[row["method"]]["seconds"] == "") == (row["method"] == "random")
    # The rollout is of the same actions, drawn at random, from the same start.
    assert float(table[0]["cross_entropy_mean"]) == pytest.approx(np.log(2), abs=1e-3)
    with Image.open(out / "swing.png") as png:
        assert min(png.size) > 400
    config = json.loads((out / "config.json").read_text())
    assert "--methods rlsp average-features waypoints" in config["command"]
    assert (config["table"], config["done"], config["timed"]) == ("skills", 4, 4)
    assert config["files"] == [*("table.tex", "table.csv", "curves.csv", "jobs.csv", "swing.png")]
    assert set(config["films"]) == {film.name for film in (out / "films").iterdir()}
    assert "| **swing** | **0.69" in (out / "table.md").read_text(encoding="utf-8")
    films = sorted((out / "films").iterdir())
    assert [film.name for film in films] == [
        f"swing.{method}.2-states.seed0.gif" for method in sorted(LEARNERS)
    ]
    for film in films:
        (episode,) = load_episodes(out / "jobs" / film.with_suffix(".npz").name)
        assert len(episode) == N_STEPS
        with Image.open(film) as gif:
            duration = sum(duration_of(gif, i) for i in range(gif.n_frames))
            assert gif.size[0] > 2 * 300
        fps = gym.make(ENV).metadata["render_fps"]
        assert duration == pytest.approx(1_000 * (N_STEPS + 1) / fps, abs=11)


def duration_of(gif: Any, frame: int) -> float:
    gif.seek(frame)
    return float(gif.info["duration"])


def test_the_same_command_computes_and_films_nothing_again(whole: Any) -> None:
    _, out, command = whole
    kept = [*(out / "jobs").iterdir(), *(out / "films").iterdir()]
    before = {path: path.stat().st_mtime_ns for path in kept}
    result = ok(*command)
    assert "4 of 4 jobs are done already" in result.out
    assert {path: path.stat().st_mtime_ns for path in kept} == before


def test_films_that_are_missing_or_older_than_the_result_are_made(whole: Any, swing: Path) -> None:
    _, out, _ = whole
    folder, plan = ResultFolder(out), small_plan(swing)
    assert films.jobs_to_film(plan.jobs, folder, ".gif") == []
    _, first, second, _ = plan.jobs
    films.film_path(folder, first, ".gif").unlink()
    folder.episodes(second).touch()
    assert films.jobs_to_film(plan.jobs, folder, ".gif") == [first, second]
    made: list[Path] = []
    films.make_films([first], folder, ".gif", made.append)
    assert made == [films.film_path(folder, first, ".gif")]
    assert made[0].exists()


def test_a_film_that_cannot_be_made_does_not_cost_the_table(
    whole: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, out, command = whole
    for film in (out / "films").iterdir():
        film.unlink()

    def refuse(env_id: str) -> None:
        raise NotOfferedError(f"{env_id} gives no pictures")

    monkeypatch.setattr(films, "make_for_film", refuse)
    result = ok(*command)
    assert "no films: Pendulum-v1 gives no pictures" in result.out
    assert list((out / "films").iterdir()) == []
    assert json.loads((out / "config.json").read_text())["films"] == []


@pytest.mark.expensive  # the table of MuJoCo environments runs by the same code, and is killed
def test_a_command_that_is_killed_goes_on_to_the_same_table(
    whole: Any, swing: Path, tmp_path: Path
) -> None:
    _, out, _ = whole
    arguments = ("--rollout", swing, *SMALL, "--out", tmp_path, "--methods", *LEARNERS[1:])
    run_until_killed(2, "table", "skills", *arguments)
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "jobs").glob("*.json")}
    assert len(kept) == 2
    assert not (tmp_path / "table.csv").exists()
    with in_this_process():
        ok("table", "skills", *arguments)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    others = [row for row in rows(out / "curves.csv") if row["method"] != "rlsp"]
    assert rows(tmp_path / "curves.csv") == others


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--rollout nowhere.npz", "nowhere.npz"),
        ("--methods rslp", "did you mean 'rlsp'?"),
        ("--env CartPole-v1", "observations of shape (3,), and the environment of (4,)"),
        ("--set rlsp.horzon=3", "did you mean 'horizon'?"),
        ("--set rlsp.encoder=features", "offers no features"),
        ("--film avi", "'.gif' or '.mp4'"),
        ("--n-states 0", "--n-states"),
    ],
)
def test_mistakes_are_explained(options: str, message: str, swing: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("--rollout", swing, "--env", ENV, "--out", out, "--preset", "smoke")
    result = rlsp("table", "skills", *arguments, *options.split())
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert not out.exists()


def test_a_rollout_has_to_be_named() -> None:
    result = rlsp("table", "skills", "--env", ENV)
    assert result.code == 2
    assert "--rollout" in result.err


# Plans and jobs.


def test_what_a_table_consists_of(swing: Path, tmp_path: Path) -> None:
    other = make_rollout(tmp_path / "other.npz", 1)
    plan = small_plan(swing, other, swing, n_states=(1, 10, 1), n_seeds=2)
    assert [skill.name for skill in plan.skills] == ["swing", "other"]
    assert plan.n_states == [1, 10]
    assert len(plan.jobs) == 2 * 2 * (1 + 2 * 3)
    assert [job.seed for job in plan.jobs] == sorted(job.seed for job in plan.jobs)
    assert len({job.name for job in plan.jobs}) == len(plan.jobs)
    assert len({job.fingerprint for job in plan.jobs}) == len(plan.jobs)
    again = make_rollout(tmp_path / "again" / "swing.npz", 1)
    with pytest.raises(ValueError, match="called swing, swing after their files"):
        small_plan(swing, again)
    short = tmp_path / "short.npz"
    save_episodes(short, rollout_env(RandomPolicy(gym.make(ENV), 0), gym.make(ENV), max_steps=9))
    with pytest.raises(ValueError, match="has 9 steps"):
        small_plan(short)


def test_fingerprints_change_with_all_that_a_result_depends_on(swing: Path, tmp_path: Path) -> None:
    random, job, *_ = small_plan(swing).jobs
    other = small_plan(make_rollout(tmp_path / "swing.npz", 1)).skills[0]
    config = dataclasses.replace(job.config, rlsp={**job.config.rlsp, "horizon": 3})
    changes = [
        {"env_id": "Other-v0"},
        {"method": "waypoints"},
        {"n_states": 3},
        {"seed": 1},
        {"skill": other},
        {"config": config},
    ]
    prints = {dataclasses.replace(job, **change).fingerprint for change in changes}
    assert len(prints | {job.fingerprint}) == 1 + len(changes)
    # What has nothing to do with a method does not make it run again.
    assert dataclasses.replace(random, config=config).fingerprint == random.fingerprint
    unused = dataclasses.replace(job.config, episodes=7)
    assert dataclasses.replace(job, config=unused).fingerprint == job.fingerprint


def test_published_skills(reference: Path) -> None:
    pytest.importorskip("mujoco")
    files = [reference / "skills" / f"{name}_rollouts.pkl" for name in ("balancing", "jumping")]
    plan = plan_skill_table(files, options=TableOptions(n_states=(1,), methods=["rlsp"], n_seeds=1))
    assert [skill.name for skill in plan.skills] == ["balancing", "jumping"]
    for skill in plan.skills:
        (episode,) = skill.episodes()
        assert episode.observations.shape == (100, 17)
    random = [job for job in plan.jobs if job.method == RANDOM]
    for job in random:
        outcome = run_skill_job(lambda stage, fraction: None, job)
        assert outcome.learner is None
        assert 0 < outcome.figures.at_the_end < 0.4  # other than the skill
    assert run_skill_job(lambda stage, fraction: None, job) == outcome


def test_what_is_learned_depends_on_the_job_alone(whole: Any, swing: Path, tmp_path: Path) -> None:
    _, out, _ = whole
    job = small_plan(swing).jobs[1]
    stages: list[str] = []
    outcome = run_skill_job(lambda stage, fraction: stages.append(stage), job, tmp_path / "work")
    kept = ResultFolder(out).find(job)
    assert outcome.figures.cross_entropy == kept.cross_entropy
    content = json.loads(json.dumps(outcome.figures.to_dict()))
    assert SkillFigures.from_dict(content) == outcome.figures
    assert list(dict.fromkeys(stages)) == ["sampling states", "learning", "acting", "telling apart"]
    resumed = run_skill_job(lambda stage, fraction: None, job, tmp_path / "work")
    assert resumed.figures.cross_entropy == kept.cross_entropy
    assert resumed.figures.seconds is None


def test_a_policy_that_falls_at_once_has_no_curve(swing: Path) -> None:
    skill = load_episodes(swing)
    fallen = [Episode(np.zeros((4, 3)), np.zeros((3, 1)), np.zeros(3), terminated=True)]
    figures = tell_apart(skill, fallen, gym.spaces.Box(-9, 9, (3,)), 0, 1.5)
    assert figures.at_the_end is None
    assert figures.steps == ()
    assert "ended its episodes after 3 steps" in figures.notes[0]
    job = small_plan(swing).jobs[1]
    assert gather_curves([(job, figures)]) == {}


def test_demonstrations_are_what_the_skill_does_in_the_observed_states(swing: Path) -> None:
    skill = load_episodes(swing)
    observed = sample_observed_states(with_actions(skill), 200, 0)
    assert not (observed == skill[0].observations[-1]).all(axis=1).any()
    one_step = [Episode(np.zeros((2, 3)), np.zeros((1, 1)), np.zeros(1))]
    assert with_actions(one_step) == []
    assert (observed == skill[0].observations[-2]).all(axis=1).any()
    env = gym.make(ENV)
    for state, demonstration in zip(observed, demonstrations_of(skill, observed), strict=True):
        np.testing.assert_array_equal(demonstration.observations[0], state)
        env.reset()
        env.unwrapped.state = np.array([np.arctan2(state[1], state[0]), state[2]])
        after, *_ = env.step(demonstration.actions[0])
        np.testing.assert_allclose(after, demonstration.observations[1], atol=1e-4)


def test_gail_learns_skills_too(swing: Path) -> None:
    pytest.importorskip("imitation", reason='needs pip install "rlsp-baselines[gail]"')
    job = small_plan(swing, methods=["gail"]).jobs[1]
    figures = run_skill_job(lambda stage, fraction: None, job).figures
    assert figures.at_the_end > 0


def test_random_actions_are_seeded_and_leave_the_environment_alone() -> None:
    env = gym.make(ENV)
    env.action_space.seed(3)
    policy = RandomPolicy(env, 3)
    drawn = [policy.predict(None)[0] for _ in range(3)]
    np.testing.assert_array_equal(drawn, [env.action_space.sample() for _ in range(3)])


# The table and the figure.


def fake_results(plan: Any) -> Any:
    """Curves that fall to a value that is told apart by method and seed."""
    steps = (0, 100, 200)
    return [
        (job, SkillFigures(steps, (0.7, 0.5, end), 1.0))
        for job in plan.jobs
        for end in [0.1 * len(job.method) + 0.01 * job.seed]
    ]


def test_cells_are_means_over_seeds(swing: Path) -> None:
    plan = small_plan(swing, n_seeds=5, n_states=(1, 10))
    curves = gather_curves(fake_results(plan))
    assert curves[RowKey("swing", "rlsp", 10)].values.shape == (5, 3)
    assert curves[RowKey("swing", RANDOM, 0)].steps.tolist() == [0, 100, 200]
    console = Console(width=100, color_system=None, record=True)
    console.print(skill_table(["swing"], plan.n_states, plan.methods, curves))
    text = console.export_text()
    assert "0.420 ± 0.016" in text  # RLSP
    assert "0.620 ± 0.016" in text  # random actions
    assert "10 states" in text


def test_the_figure_has_a_panel_for_each_number_of_states(swing: Path, tmp_path: Path) -> None:
    sizes = []
    for states in ((1,), (1, 10, 50)):
        plan = small_plan(swing, n_seeds=2, n_states=states)
        skill_plot(
            tmp_path / "figure.png",
            skill="swing",
            n_states=plan.n_states,
            methods=plan.methods,
            curves=gather_curves(fake_results(plan)),
        )
        with Image.open(tmp_path / "figure.png") as png:
            sizes.append(png.size)
    assert sizes[1][0] > sizes[0][0] > 500
