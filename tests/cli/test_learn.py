"""The command ``rlsp``."""

import csv
import json
import re
import shlex
import signal
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs import registration
from gymnasium.error import DependencyNotInstalled
from PIL import Image

import rlsp_envs  # noqa: F401 (registers the environments)
import rlsp_sb3
from rlsp_sb3 import LinearReward, TabularRLSP, env_util
from rlsp_sb3.cli import console
from rlsp_sb3.experiments.learner_run import LearnerRun
from rlsp_sb3.learners import registry
from rlsp_sb3.utils.arguments import parse_settings

from helpers.command import ok, rlsp
from helpers.corridor import Corridor
from helpers.stopped_command import run_until_stopped

FILES = ("learner.zip", "reward.json", "config.json", "progress.csv", "reward.png", "robot.gif")
ROBOTS = {"task reward only": 18 / 37, "task + inferred reward": 1.0}


@pytest.fixture(autouse=True, scope="module")
def installed() -> None:
    try:
        metadata.distribution("rlsp-sb3")
    except metadata.PackageNotFoundError:
        pytest.skip("the command finds learners by entry points: pip install -e ./rlsp_sb3 first")


def learn(*arguments: Any) -> SimpleNamespace:
    return ok("learn", *arguments)


@pytest.fixture(scope="module")
def room(installed: None, tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Learn in the room, as `make demo` does."""
    folder = tmp_path_factory.mktemp("runs") / "room"
    result = learn("RoomDefault-v0", "--seed", 0, "--out", folder)
    return SimpleNamespace(folder=folder, out=result.out, err=result.err)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Install packages of one module with entry points, for the duration of a test."""

    def install(name: str, code: str, entry_points: str) -> None:
        (tmp_path / f"{name}.py").write_text(code)
        about = tmp_path / f"{name}-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(entry_points)
        monkeypatch.delitem(sys.modules, name, raising=False)

    monkeypatch.syspath_prepend(tmp_path)
    return install


# What the command says about itself.


def test_version() -> None:
    assert rlsp("--version").out.split() == ["rlsp-sb3", rlsp_sb3.__version__]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("", "envs learn expert import-expert rollout evaluate video table report --version"),
        ("envs", "states horizon"),
        ("table", "gridworlds"),
        ("table gridworlds", "--out --seeds --methods --deep --force --progress"),
        (
            "table mujoco",
            "--env --experts --n-states --methods --seeds --preset --set --jobs --out",
        ),
        ("learn", "ENV --learner --seed --out --timesteps --set --log-interval --progress --force"),
        ("learn", "--preset --states --n-states"),
        ("report", "FOLDER --out"),
    ],
)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help(command: str, expected: str, option: str) -> None:
    result = rlsp(*command.split(), option)
    assert result.code == 0
    for word in expected.split():
        assert word in result.out
    assert "rlsp " + (command or "learn") in result.out  # an example


def test_examples_of_the_help_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"• rlsp (learn .*?) *\n", rlsp("learn", "--help").out)
    assert len(examples) == 9
    for example in examples[:3]:  # the others have environments and files of nobody's
        assert rlsp(*shlex.split(example), "--timesteps", 1).code == 0, example


# rlsp envs


@pytest.fixture
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which no row is broken, whatever other tests have registered."""
    monkeypatch.setattr(console.stdout, "width", 200)


@pytest.mark.usefixtures("_wide")
def test_envs_lists_all() -> None:
    result = rlsp("envs")
    assert result.code == 0
    rows = {row.split()[0]: row.split()[1:] for row in result.out.splitlines() if "-v" in row}
    ours = {env_id for env_id, spec in gym.registry.items() if "rlsp_envs" in str(spec.entry_point)}
    assert ours
    assert ours <= set(rows)
    assert rows["RoomDefault-v0"] == ["29", "5", "4", "7", "20", "yes", "many"]
    assert rows["RoomBig-v0"][-4:] == ["–", "20", "yes", "many"]
    assert rows["Room-v0"][-2] == "no"
    assert "CartPole" not in result.out


@pytest.mark.usefixtures("_wide")
def test_envs_says_which_simulator_serves_and_why() -> None:
    ids = {
        "CartPole-v1": "many",
        "HalfCheetah-v4": "many",
        "FrozenLake-v1": "one",
        "rlsp_envs:FetchReachStack-v1": "one",
        "Blackjack-v1": "no",
    }
    result = rlsp("envs", *ids)
    lines = [line.split() for line in result.out.splitlines() if line.strip()]
    rows = {words[0]: words[-1] for words in lines if "-v" in words[0] and ":" not in words[0]}
    assert rows == {env_id.rpartition(":")[2]: how for env_id, how in ids.items()}
    assert "FrozenLake-v1: only its own step says" in result.out
    assert "FetchReachStack-v1: its observations are not the positions" in result.out
    assert "Blackjack-v1: it is not known how to put BlackjackEnv into the state" in result.out


def test_envs_refuses_ids_of_nothing() -> None:
    result = rlsp("envs", "HalfChetah-v5")
    assert result.code == 2
    assert "HalfChetah" in result.err


def test_envs_says_how_to_install_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def make(**kwargs: Any) -> None:
        raise DependencyNotInstalled("this needs a robot: run `pip install 'cyborg[arm]'`")

    for name in ("Android-v0", "Cyborg-v0"):
        monkeypatch.setitem(gym.registry, name, registration.EnvSpec(name, make))
    result = rlsp("envs")
    assert result.code == 0
    assert "RoomDefault-v0" in result.out
    assert re.search(r"Cyborg-v0 +\? ", result.out)
    told = "Android-v0, Cyborg-v0 cannot be made: run `pip install 'cyborg[arm]'`"
    assert told in result.out  # in one line, since one extra brings both


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (AssertionError(), "AssertionError"),
        (AttributeError("numpy has no bool8"), "numpy has no bool8"),
        (FileNotFoundError("there is no robot.xml"), "there is no robot.xml"),
        (TypeError("layout is missing"), "layout is missing"),
    ],
)
def test_envs_lists_the_others_when_one_is_broken(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(**kwargs: Any) -> None:
        raise error

    monkeypatch.setitem(gym.registry, "Broken-v0", registration.EnvSpec("Broken-v0", make))
    result = rlsp("envs")
    assert result.code == 0
    assert "RoomDefault-v0" in result.out
    # Others may be broken in the same way.
    assert re.search(rf"Broken-v0(, [\w-]+)* cannot be made: {message}", result.out)


def test_envs_that_are_not_tabular(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registration.EnvSpec(
        "Pole-v0",
        lambda **kwargs: gym.make("CartPole-v1", **kwargs).unwrapped,
        max_episode_steps=9,
    )
    monkeypatch.setitem(gym.registry, "Pole-v0", spec)
    assert re.search(r"Pole-v0 +Box\(4,\) +2 +– +– +9 +no", rlsp("envs").out)


# rlsp learn


def test_learn_prints_the_reward_and_how_good_it_is(room) -> None:
    rows = {row.split()[0]: row.split()[1:] for row in room.out.splitlines() if row.strip()}
    assert rows["feature"] == ["inferred", "task", "true"]
    assert rows["broken_vases"] == ["−0.2596", "0.0000", "−1.0000"]
    assert rows["on_goal_1"][1:] == ["+1.0000", "+1.0000"]
    assert re.search(r"task reward only +0\.486 *\n", room.out)
    assert re.search(r"task \+ inferred reward +1\.000 *\n", room.out)
    steps = TabularRLSP.load(room.folder / "learner.zip", "RoomDefault-v0").num_timesteps
    assert f"{steps} gradient steps" in room.out
    assert not room.err


def test_learn_writes_all_files_and_says_where(room) -> None:
    events = [path.name for path in room.folder.glob("events.out.tfevents.*")]
    assert len(events) == 2  # of learning, and of the figure at the end
    assert {path.name for path in room.folder.glob("[!.]*")} == {*FILES, *events}
    assert f"In {room.folder}:" in room.out
    for name in (*FILES, *events):
        assert f"  {name} " in room.out
        assert (room.folder / name).stat().st_size > 100


def test_learned_reward(room) -> None:
    weights = json.loads((room.folder / "reward.json").read_text())["weights"]
    expected = {
        "broken_vases": -0.2596,
        "on_carpet": 0.1214,
        "on_goal_1": -0.033,
        "on_goal_2": 0.3296,
    }
    assert weights == pytest.approx(expected, abs=1e-3)
    np.testing.assert_array_equal(
        LinearReward.load(room.folder / "reward.json").weights, list(weights.values())
    )


def test_learner_can_be_loaded(room) -> None:
    learner = TabularRLSP.load(room.folder / "learner.zip", env="RoomDefault-v0")
    saved = LinearReward.load(room.folder / "reward.json")
    np.testing.assert_array_equal(learner.theta, saved.weights)
    assert learner.has_converged
    assert 5 < learner.num_timesteps < 20


def test_config(room) -> None:
    config = json.loads((room.folder / "config.json").read_text())
    assert config["command"] == (
        f"rlsp learn RoomDefault-v0 --learner tabular-rlsp --seed 0 --out {room.folder}"
    )
    assert (config["env"], config["learner"]) == ("RoomDefault-v0", "tabular-rlsp")
    steps = TabularRLSP.load(room.folder / "learner.zip", "RoomDefault-v0").num_timesteps
    assert (config["seed"], config["timesteps"]) == (0, steps)
    assert config["arguments"]["horizon"] == 7
    assert config["arguments"]["prior"] == "gaussian"
    assert config["true_return_fractions"] == pytest.approx(ROBOTS)
    assert config["wall_time_seconds"] > 0
    assert config["versions"]["gymnasium"] == gym.__version__
    assert config["versions"]["rlsp-sb3"] == rlsp_sb3.__version__
    assert {"python", "numpy", "torch", "stable-baselines3"} <= set(config["versions"])


def test_log(room) -> None:
    with (room.folder / "progress.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["time/total_timesteps"]) for row in rows] == list(range(1, len(rows) + 1))
    assert float(rows[-1]["rlsp/gradient_norm"]) < 1e-6 < float(rows[0]["rlsp/gradient_norm"])
    likelihoods = [float(row["rlsp/log_likelihood"]) for row in rows]
    assert likelihoods[-1] > likelihoods[0]


def test_pictures(room) -> None:
    with Image.open(room.folder / "robot.gif") as gif:
        assert gif.n_frames == 21
    with Image.open(room.folder / "reward.png") as png:
        assert min(png.size) > 300


def test_same_seed_same_results(room, tmp_path: Path) -> None:
    learn("RoomDefault-v0", "--seed", 0, "--out", tmp_path)
    for name in ("reward.json", "reward.png", "robot.gif"):
        assert (tmp_path / name).read_bytes() == (room.folder / name).read_bytes(), name


def test_default_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    learn("rlsp_envs:RoomDefault-v0", "--seed", 3, "--timesteps", 2)
    config = json.loads(Path("runs/RoomDefault-v0/tabular-rlsp-seed3/config.json").read_text())
    assert config["env"] == "rlsp_envs:RoomDefault-v0"


def test_options_reach_the_learner(tmp_path: Path) -> None:
    options = (
        "--timesteps 4 --log-interval 2 --set optimizer=ascent --set temperature=2 "
        "--set prior=laplace --progress"
    )
    learn("RoomDefault-v0", *options.split(), "--out", tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    command = options.replace("temperature=2", "temperature=2.0").split()[:-1]
    assert shlex.split(config["command"])[-len(command) :] == command
    assert config["timesteps"] == 4
    assert config["arguments"]["temperature"] == 2.0
    assert config["arguments"]["prior"] == "laplace"
    assert len((tmp_path / "progress.csv").read_text().splitlines()) == 1 + 2


def test_environment_that_offers_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = registration.EnvSpec("Corridor-v0", lambda **kwargs: Corridor(**kwargs))
    monkeypatch.setitem(gym.registry, "Corridor-v0", spec)
    result = learn("Corridor-v0", "--out", tmp_path)
    assert re.search(r"feature +inferred *\n", result.out)  # no task or true reward
    assert "true-return fractions are left out: the environment offers no true_rew" in result.out
    assert 'robot.gif is left out: the environment has no render mode "rgb_array"' in result.out
    assert (tmp_path / "reward.png").exists()
    assert not (tmp_path / "robot.gif").exists()


def test_without_what_it_takes_to_render(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(self: Any) -> None:
        raise DependencyNotInstalled("rendering needs a thing: run `pip install thing[all]`")

    monkeypatch.setattr("rlsp_envs.gridworlds.gridworld.GridworldEnv.render", render)
    result = learn("RoomDefault-v0", "--out", tmp_path)
    assert "robot.gif is left out: rendering needs a thing: run `pip install thing[all]`" in (
        result.out
    )
    assert (tmp_path / "reward.png").exists()


def test_full_folder_is_not_touched_unless_forced(room, tmp_path: Path) -> None:
    (tmp_path / "events.out.tfevents.1").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    refused = rlsp("learn", "RoomDefault-v0", "--out", tmp_path)
    assert refused.code == 2
    assert "is not empty" in refused.err
    assert "--force" in refused.err
    assert len(list(tmp_path.iterdir())) == 2
    learn("RoomDefault-v0", "--out", tmp_path, "--timesteps", 1, "--force")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert not (tmp_path / "events.out.tfevents.1").exists()
    assert (tmp_path / "reward.json").exists()


# Errors


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("lern RoomDefault-v0", "Did you mean 'learn'?"),
        ("learn RoomDefault-v0 --sed 1", "--seed"),
        ("learn RoomDefalt-v0", "Did you mean: `RoomDefault`?"),
        ("learn RoomDefault-v9", "`v0`"),
        ("learn rlsp_env:RoomDefalt-v0", "did you mean 'RoomDefault-v0'?"),
        ("learn RoomDefault-v0 --learner tabular-rslp", "did you mean 'tabular-rlsp'?"),
        ("learn RoomDefault-v0 --set horzion=7", "did you mean 'horizon'?"),
        ("learn RoomDefault-v0 --set xyz=7", "expected some of horizon, temperature,"),
        ("learn RoomDefault-v0 --set horizon", "expected NAME=VALUE"),
        ("learn RoomDefault-v0 --set seed=1", "use --seed"),
        ("learn RoomDefault-v0 --set observed_states=1", "no argument 'observed_states'"),
        (
            "learn RoomDefault-v0 --set horizon=seven",
            "expected an int or a list (an int each) or 'auto' or None",
        ),
        ("learn RoomDefault-v0 --set temperature=0", "temperature=0.0: expected a number above 0"),
        ("learn RoomDefault-v0 --set horizon=2", "cannot be reached"),
        ("learn RoomAlt-v0", "horizon=None"),
        ("learn Room-v0", "observed_states=None"),
        ("learn CartPole-v1", "observed_states=None"),
        ("learn CartPole-v1 --learner tabular-rlsp", "needs a tabular environment"),
    ],
)
def test_mistakes_are_explained(command: str, message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = rlsp(*command.split())
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = rlsp("learn", "RoomDefault-v0", "--out", tmp_path / "file" / "run")
    assert result.code == 2
    assert "cannot be written to (Not a directory)" in result.err
    assert "--out" in result.err


def test_learning_that_diverges(tmp_path: Path) -> None:
    command = ("learn", "RoomDefault-v0", "--set", "learning_rate=1e6", "--out", tmp_path)
    result = rlsp(*command, "--set", "optimizer=ascent")
    assert result.code == 2
    assert "learning_rate=1000000.0: the ascent has gone so far" in result.err
    assert "underflows" in result.err
    result = rlsp(*command)
    assert result.code == 2
    assert 'learning_rate=1000000.0: expected none with optimizer="lbfgs"' in result.err


def test_bugs_keep_their_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(TabularRLSP, "learn", broken)
    result = rlsp("learn", "RoomDefault-v0", "--out", tmp_path)
    assert isinstance(result.exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_keep_what_was_learned(number: signal.Signals, status: int, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    process = run_until_stopped(number, 3, "learn", "RoomDefault-v0", "--out", folder)
    assert process.returncode == status, process.stderr
    assert f"Interrupted: what was learned is in {folder}" in process.stdout
    assert "Traceback" not in process.stderr
    assert TabularRLSP.load(folder / "learner.zip", "RoomDefault-v0").num_timesteps == 3
    assert (folder / "reward.json").exists()


def test_ctrl_c_while_evaluating(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: LearnerRun) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LearnerRun, "evaluate", interrupt)
    handlers = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    result = rlsp("learn", "RoomDefault-v0", "--timesteps", 2, "--out", tmp_path)
    assert result.code == 130
    assert {"learner.zip", "reward.json"} <= {path.name for path in tmp_path.iterdir()}
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == handlers


def test_ctrl_c_before_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LearnerRun, "__init__", interrupt)
    result = rlsp("learn", "RoomDefault-v0", "--out", tmp_path / "run")
    assert result.code == 130
    assert "Interrupted before anything was learned" in result.out


# Packages of others

LEARNER = """
import numpy as np
from rlsp_sb3 import RewardLearner

class Ones(RewardLearner):
    "Likes everything, and knows neither features nor a plan."

    def __init__(self, env, observed_states=None, horizon: "int" = 5, *, seed=None, **kwargs):
        self.horizon = horizon
        super().__init__(env, np.zeros((1, 4), dtype=np.float32), seed=seed, **kwargs)

    _default_timesteps = 1
    policy = None

    @property
    def reward(self):
        return lambda state, action, next_state, done: np.ones(len(state))

    def _learn(self, total_timesteps, callback, log_interval):
        self.num_timesteps = total_timesteps
        self.dump_logs()

    def _arrays(self):
        return {}

    def _set_arrays(self, arrays):
        pass

    def save(self, path):
        path.write_text("ones")

nothing = None
"""


def test_learner_of_another_package(package, tmp_path: Path) -> None:
    package("likes_all", LEARNER, "[rlsp.learners]\nones = likes_all:Ones\n")
    assert "ones" in registry.learner_names()
    folder = tmp_path / "run"
    result = learn(
        *("CartPole-v1", "--learner", "ones", "--set", "horizon=3", "--seed", 1, "--out", folder)
    )
    assert "1 environment step in" in result.out
    assert "reward.json is left out: the reward is a function, not linear" in result.out
    assert "reward.png is left out: the reward is a function, and none of states" in result.out
    assert "policy.gif is left out: Ones has no policy" in result.out
    assert "true-return fractions are left out: Ones plans no policy" in result.out
    config = json.loads((folder / "config.json").read_text())
    assert config["arguments"] == {"horizon": 3, "seed": 1}
    assert config["true_return_fractions"] is None
    assert {path.name.split(".")[0] for path in folder.glob("[!.]*")} == {
        *("learner", "config", "progress", "events")
    }


def test_config_is_there_while_learning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def stopped(self: TabularRLSP, *args: Any, **kwargs: Any) -> TabularRLSP:
        seen.append(json.loads((tmp_path / "config.json").read_text()))
        raise FloatingPointError("stopped")

    monkeypatch.setattr(TabularRLSP, "learn", stopped)
    options = ("--timesteps", 4, "--set", "horizon=5", "--out", tmp_path)
    assert rlsp("learn", "RoomDefault-v0", *options).code == 2
    (config,) = seen
    assert (config["env"], config["learner"], config["seed"]) == (
        "RoomDefault-v0",
        "tabular-rlsp",
        0,
    )
    assert config["timestep"] == "gradient step"
    assert config["options"]["timesteps"] == 4
    assert config["options"]["horizon"] == config["arguments"]["horizon"] == 5


def test_arguments_are_the_same_for_every_run(tmp_path: Path) -> None:
    """No object is among them, whose text says where it was in memory."""
    texts = []
    for seed in (0, 1):
        options = ("--learner", "rlsp", "--preset", "smoke", "--timesteps", 1, "--seed", seed)
        learn("RoomDefault-v0", *options, "--out", tmp_path / str(seed))
        config = json.loads((tmp_path / str(seed) / "config.json").read_text())
        assert config["arguments"].pop("seed") == seed
        texts.append(json.dumps(config["arguments"]))
    assert texts[0] == texts[1]
    assert " at 0x" not in texts[0]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_such_module:Learner", "No module named 'no_such_module'"),
        ("likes_none:Missing", "Missing"),
        ("likes_none:nothing", "is no subclass of rlsp_sb3.RewardLearner"),
    ],
)
def test_broken_learner_names_its_package(package, target: str, message: str) -> None:
    package("likes_none", LEARNER, f"[rlsp.learners]\nbroken = {target}\n")
    result = rlsp("learn", "RoomDefault-v0", "--learner", "broken")
    assert result.code == 2
    assert "'broken' of likes_none" in result.err
    assert message in result.err


@pytest.fixture
def fresh_registry(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Forget which environments plugins have registered, and what the test registers."""
    if hasattr(registration, "load_plugin_envs"):
        pytest.skip("this version of Gymnasium loads its plugins by itself, when it is imported")
    before = dict(gym.registry)
    env_util.register_envs.cache_clear()
    yield
    gym.registry.clear()
    gym.registry.update(before)


ENVIRONMENT = """
from gymnasium.envs.registration import register

def in_namespace():
    register("Pole-v0", entry_point="their_envs:make")

def at_root():
    register("TheirPole-v0", entry_point="their_envs:make")
"""


@pytest.mark.usefixtures("fresh_registry")
def test_environments_of_another_package(package) -> None:
    package(
        "their_envs",
        ENVIRONMENT,
        "[gymnasium.envs]\ntheirs = their_envs:in_namespace\n__root__ = their_envs:at_root\n",
    )
    env_util.register_envs()
    env_util.register_envs()
    ids = {spec.id for spec in env_util.plugin_specs()}
    assert {"theirs/Pole-v0", "TheirPole-v0", "RoomDefault-v0"} <= ids


@pytest.mark.usefixtures("fresh_registry")
def test_broken_environments_are_passed_over(package) -> None:
    package("no_envs", "", "[gymnasium.envs]\n__root__ = no_envs:missing\n")
    with pytest.warns(UserWarning, match="environments of no_envs cannot be registered"):
        env_util.register_envs()
    assert "RoomDefault-v0" in gym.registry


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Nobody has imported rlsp_envs there, and settings are parsed before that happens."""
    script = Path(sysconfig.get_path("scripts"), "rlsp")
    program = [str(script)] if script.exists() else [sys.executable, "-m", "rlsp_sb3"]
    process = subprocess.run(
        [*program, "learn", "RoomDefault-v0", "--timesteps", "3", "--set", "horizon=9"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "broken_vases" in process.stdout
    assert (tmp_path / "runs/RoomDefault-v0/tabular-rlsp-seed0/robot.gif").exists()


# --set


class Settings:
    def __init__(
        self,
        env: str,
        count: int = 1,
        rate: float = 0.1,
        limit: int | None = None,
        width: float | str = "auto",
        flag: bool = False,
        plain=3,
        free=None,
        **kwargs: Any,
    ) -> None: ...


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("count=3", 3),
        ("rate=2", 2.0),
        ("rate=1e-3", 1e-3),
        ("limit=none", None),
        ("limit=4", 4),
        ("width=auto", "auto"),
        ("width=2", 2.0),
        ("flag=true", True),
        ("plain=5", 5),
        ("free=text=1", "text=1"),
        ("free=7", 7),
        ("free=None", None),
    ],
)
def test_values_have_the_type_of_the_argument(text: str, value: Any) -> None:
    settings = parse_settings(Settings, [text])
    assert list(settings.values()) == [value]
    assert type(next(iter(settings.values()))) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("count=1.5", "expected an int"),
        ("rate=fast", "expected a number"),
        ("flag=1", "expected True or False"),
        ("kwargs=1", "no argument 'kwargs'"),
        ("env=Room", "use ENV instead"),
    ],
)
def test_other_values_are_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_settings(Settings, [text])
