"""Runs that leave a folder, from Python."""

import csv
import errno
import json
import os
import shlex
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP, LinearReward, RewardLearner, TabularRLSP, load_reward
from rlsp_sb3.experiments import learner_run
from rlsp_sb3.experiments.learner_run import LearnerRun, learn_into_folder
from rlsp_sb3.learners.registry import learner_names
from rlsp_sb3.runs.run import read_run
from rlsp_sb3.utils.arguments import parse_settings

from helpers.command import ok, rlsp
from helpers.full_disk import full_disk_for

pytestmark = pytest.mark.skipif(
    not learner_names(), reason="learners are found by entry points: pip install -e ./rlsp_sb3"
)
ENV = "RoomDefault-v0"


def log_of(folder: Path) -> list[dict[str, str]]:
    """The log without what depends on how fast the machine is."""
    with (folder / "progress.csv").open() as file:
        return [
            {
                name: cell
                for name, cell in row.items()
                if not name.startswith("time/") or name == "time/total_timesteps"
            }
            for row in csv.DictReader(file)
        ]


def config_of(folder: Path) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    assert config.pop("wall_time_seconds") > 0
    config["command"] = config["command"].replace(str(folder), "FOLDER")
    return config


def assert_same(first: Path, second: Path) -> None:
    """Two runs left the same folder."""

    def names(folder: Path) -> set[str]:
        return {".".join(path.name.split(".")[:2]) for path in folder.iterdir()}

    assert names(first) == names(second)
    assert config_of(first) == config_of(second)
    assert log_of(first) == log_of(second)
    for name in ("reward.json", "reward.png", "robot.gif", "policy.gif"):
        if (first / name).exists():
            assert (first / name).read_bytes() == (second / name).read_bytes(), name


def test_python_and_the_command_leave_the_same_folder(tmp_path: Path, capfd) -> None:
    run = learn_into_folder(
        ENV,
        folder=tmp_path / "python",
        arguments={"horizon": 5, "temperature": 2.0, "prior": "laplace"},
        timesteps=4,
        seed=3,
        log_interval=2,
    )
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    settings = ("horizon=5", "temperature=2", "prior=laplace")
    ok(
        *("learn", ENV, "--timesteps", 4, "--seed", 3, "--log-interval", 2),
        *(word for setting in settings for word in ("--set", setting)),
        *("--out", tmp_path / "command"),
    )
    assert_same(tmp_path / "python", tmp_path / "command")
    assert isinstance(run.learner, TabularRLSP)
    assert run.folder.path == tmp_path / "python"
    assert json.loads(json.dumps(run.config.to_dict())) == json.loads(
        (tmp_path / "python" / "config.json").read_text()
    )


def test_the_command_in_the_folder_leaves_the_same_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    arguments = {"n_epochs": 1, "encoder": {"name": "fourier", "bandwidth": 0.5}}
    run = learn_into_folder(
        *(ENV, "rlsp"), folder=folder, preset="smoke", arguments=arguments, seed=1
    )
    assert isinstance(run.learner, RLSP)
    command = run.config.command
    assert command is not None
    words = shlex.split(command)
    assert words[:2] == ["rlsp", "learn"]
    given = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    assert parse_settings(RLSP, given) == arguments
    again = tmp_path / "again"
    ok(*(str(again) if word == str(folder) else word for word in words[1:]))
    assert_same(folder, again)


def test_states_that_are_an_array(tmp_path: Path) -> None:
    states = gym.make(ENV).unwrapped.observed_states
    other = states.copy()
    other[:] = gym.make(ENV).reset(seed=0)[0]
    sources = []
    for i, array in enumerate((states, states.copy(), other)):
        run = learn_into_folder(ENV, folder=tmp_path / str(i), observed_states=array, timesteps=1)
        assert run.config.command is None  # there is none that has the array
        np.testing.assert_array_equal(run.learner.observed_states, array)
        found = read_run(tmp_path / str(i))
        assert found.options["n_states"] == len(array)
        sources.append(found.settings["states"])
    assert sources[0] == sources[1] != sources[2]


def test_arguments_that_are_objects(tmp_path: Path) -> None:
    """They are said by the name of their class, which is the same in every run."""

    def features(observations: Any) -> Any:
        return np.asarray(observations, dtype=np.float64).reshape(len(observations), -1)

    with pytest.warns(UserWarning, match="pass the function again") as caught:
        run = learn_into_folder(
            *("CartPole-v1", "rlsp"),
            folder=tmp_path / "run",
            preset="smoke",
            observed_states=np.zeros((1, 4), dtype=np.float32),
            arguments={"encoder": features, "solver": "PPO", "n_epochs": 1, "horizon": 4},
        )
    said = [str(each.message) for each in caught if "pass the function" in str(each.message)]
    assert [text.partition(":")[0].rpartition("reward.json ")[2] for text in said] == [
        "will hold no more of a linear reward than its weights",  # before it learns
        "holds the weights only",
    ]
    loaded = load_reward(tmp_path / "run" / "reward.json", features)
    np.testing.assert_array_equal(loaded.weights, run.learner.reward.weights)
    assert run.config.command is None
    assert read_run(tmp_path / "run").options["encoder"] == "function"
    assert " at 0x" not in (tmp_path / "run" / "config.json").read_text()
    assert run.config.true_returns is not None


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    run = learn_into_folder(
        ENV,
        folder=tmp_path / "run",
        arguments={"horizon": np.int64(5), "temperature": np.float32(2)},
        timesteps=np.int64(2),
        seed=np.int64(3),
    )
    assert run.config.command is not None
    assert "--set horizon=5 --set temperature=2.0" in run.config.command
    found = read_run(tmp_path / "run")
    assert (found.seed, found.options) == (3, {"timesteps": 2, "horizon": 5, "temperature": 2.0})


def test_default_folder_and_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    seen = []

    def look(locals_: Any, globals_: Any) -> bool:
        seen.append(locals_["self"].num_timesteps)
        return True

    run = learn_into_folder(f"rlsp_envs:{ENV}", timesteps=3, callback=look)
    assert run.folder.path == Path("runs", ENV, "tabular-rlsp-seed0")
    assert seen == [1, 2, 3]
    assert read_run(run.folder.path).env_id == ENV


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"env": gym.Env}, TypeError, "env=.*: expected text"),
        ({"learner": "tabular-rslp"}, ValueError, "did you mean 'tabular-rlsp'"),
        ({"arguments": {"seed": 1}}, ValueError, r"arguments has \['seed'\]"),
        ({"preset": "fast"}, ValueError, "preset='fast': expected it with the learner rlsp only"),
        ({"seed": -1}, ValueError, "seed=-1: expected at least 0"),
        ({"timesteps": 0}, ValueError, "timesteps=0: expected at least 1"),
        ({"n_states": 0}, ValueError, "n_states=0: expected at least 1"),
        ({"n_states": 2}, ValueError, "n_states=2: expected it with something to sample"),
        (
            {"vec_normalize": "a.pkl"},
            ValueError,
            "vec_normalize='a.pkl': expected it with a policy",
        ),
        ({"log_interval": 0.5}, TypeError, "log_interval=0.5: expected an int"),
    ],
)
def test_wrong_arguments_leave_no_folder(
    arguments: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        learn_into_folder(**{"env": ENV, "folder": tmp_path / "run", **arguments})
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["s.npy", "s.csv"])
def test_states_of_a_file(name: str, tmp_path: Path) -> None:
    state = gym.make(ENV).unwrapped.observed_states[0]
    states, path = np.stack([state] * 3), tmp_path / name
    if name == "s.npy":
        np.save(path, states)
    else:
        np.savetxt(path, states.reshape(3, -1), delimiter=",")
    for n_states, expected in ((None, 3), (2, 2)):
        folder = tmp_path / str(n_states)
        run = learn_into_folder(
            ENV, folder=folder, observed_states=path, n_states=n_states, timesteps=1
        )
        np.testing.assert_array_equal(run.learner.observed_states, states[:expected])
        assert run.config.command is not None
        assert f"--states {path} --n-states {expected}" in run.config.command


@pytest.mark.parametrize(
    ("env", "states", "expected"),
    [(ENV, None, "tabular-rlsp"), ("CartPole-v1", np.zeros((1, 4)), "rlsp")],
)
def test_learner_is_chosen_by_the_environment(
    env: str, states: Any, expected: str, tmp_path: Path
) -> None:
    run = LearnerRun(env, folder=tmp_path, observed_states=states)
    assert run.config.learner == expected
    assert run.config.options["preset"] == ("fast" if expected == "rlsp" else None)


# What was learned is kept.


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_what_was_learned_is_there_if_evaluating_fails(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: LearnerRun) -> None:
        raise error

    monkeypatch.setattr(LearnerRun, "evaluate", broken)
    with pytest.raises(error):
        learn_into_folder(ENV, folder=tmp_path, timesteps=3)
    assert TabularRLSP.load(tmp_path / "learner.zip", ENV).num_timesteps == 3
    found = read_run(tmp_path)
    assert found.reward is not None
    assert found.missing["true_return"] == "it was not measured"


@pytest.mark.parametrize("error", [FloatingPointError, KeyboardInterrupt, RuntimeError])
def test_what_was_learned_is_there_if_learning_fails(
    error: type[BaseException], tmp_path: Path
) -> None:
    def stop(locals_: Any, globals_: Any) -> bool:
        if locals_["self"].num_timesteps == 2:
            raise error
        return True

    with pytest.warns() if error is KeyboardInterrupt else nullcontext(), pytest.raises(error):
        learn_into_folder(ENV, folder=tmp_path, timesteps=9, callback=stop)
    learner = TabularRLSP.load(tmp_path / "learner.zip", ENV)
    assert learner.num_timesteps == 2
    saved = LinearReward.load(tmp_path / "reward.json")
    np.testing.assert_array_equal(saved.weights, learner.theta)
    # Nobody takes it for the result of a run that is over.
    found = read_run(tmp_path)
    assert found.reward is None
    assert found.missing["reward"] == "learning has not ended"


def test_an_error_of_saving_does_not_hide_that_of_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: TabularRLSP, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError("of learning" if args or kwargs else "of saving")

    monkeypatch.setattr(TabularRLSP, "learn", lambda self, *args, **kwargs: broken(self, 1))
    monkeypatch.setattr(TabularRLSP, "save", lambda self, path: broken(self))
    with pytest.raises(RuntimeError, match="of learning"):
        learn_into_folder(ENV, folder=tmp_path)


def test_episodes_that_never_end_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(gym.Env[Any, Any]):
        observation_space = gym.spaces.Box(-1, 1, (2,), np.float32)
        action_space = gym.spaces.Discrete(2)

        def reset(self, **kwargs: Any) -> Any:
            super().reset(**kwargs)
            return self.observation_space.sample(), {}

        def step(self, action: Any) -> Any:
            return self.observation_space.sample(), 1.0, False, False, {}

    class Ones(RewardLearner):
        """A learner with a policy, which learns nothing."""

        _default_timesteps = 1
        policy = SimpleNamespace(predict=lambda *args: (np.array(0), None))
        reward = staticmethod(lambda state, *args: np.ones(len(state)))

        def _learn(self, total_timesteps: int, callback: Any, log_interval: int) -> None:
            self.num_timesteps = total_timesteps

        def _arrays(self) -> dict[str, Any]:
            return {}

        def _set_arrays(self, arrays: dict[str, Any]) -> None:
            pass

    monkeypatch.setitem(gym.registry, "Endless-v0", EnvSpec("Endless-v0", Endless))
    monkeypatch.setattr(learner_run, "_MAX_EPISODE_STEPS", 30)
    monkeypatch.setattr(learner_run.registry, "load_learner", lambda name: Ones)
    with pytest.warns(UserWarning, match="20 of 20 episodes of Endless-v0, which has no time"):
        run = learn_into_folder(
            *("Endless-v0", "ones"), folder=tmp_path, observed_states=np.zeros((1, 2), np.float32)
        )
    assert run.config.true_returns is not None
    assert run.config.true_returns.mean == 30


# A disk that is full.


@pytest.mark.parametrize("name", ["learner.zip", "reward.json", "reward.png", "robot.gif"])
def test_all_else_is_written_if_the_disk_is_full(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok("learn", ENV, "--timesteps", 3, "--out", tmp_path / "whole")
    whole = {path.name for path in (tmp_path / "whole").iterdir() if path.suffix[1:].isalpha()}
    assert name in whole
    full_disk_for(name, monkeypatch)
    result = rlsp("learn", ENV, "--timesteps", 3, "--out", tmp_path / "run")
    found = {path.name for path in (tmp_path / "run").iterdir() if path.suffix[1:].isalpha()}
    assert found == whole - {name}
    assert result.code == 2
    assert f"lacks what cannot be written: {name} (No space left on device)" in result.err
    assert "broken_vases" in result.out  # the reward
    assert "config.json" in result.out
    with pytest.raises(OSError, match=f"lacks what cannot be written: {name}"):
        learn_into_folder(ENV, timesteps=3, folder=tmp_path / "again")


def test_configuration_that_cannot_be_written_is_an_error_before_learning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_disk_for("config.json", monkeypatch)
    with pytest.raises(OSError, match=r"cannot be written to \(No space left on device\)"):
        LearnerRun(ENV, folder=tmp_path)


def test_a_picture_that_fails_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError("a bug of a figure")

    monkeypatch.setattr(learner_run, "log_reward_figure", broken)
    result = rlsp("learn", ENV, "--timesteps", 3, "--out", tmp_path)
    assert isinstance(result.exception, ZeroDivisionError)
    assert (tmp_path / "robot.gif").exists()
    assert "robot.gif" in result.out
    run = LearnerRun(ENV, folder=tmp_path, force=True)  # nobody writes there any more
    run.folder.release()


def test_a_log_that_cannot_be_written_costs_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    run = LearnerRun(ENV, folder=tmp_path, timesteps=3)
    with monkeypatch.context() as patch:
        patch.setattr("stable_baselines3.common.logger.Logger.close", full)
        run.learn()
    run.evaluate()
    with pytest.raises(OSError, match=r"progress\.csv \(No space left"):
        run.write_results()
    assert (tmp_path / "learner.zip").exists()
