"""Experts, and what can be done with their policies, on the command line."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from PIL import Image
from stable_baselines3 import A2C, DQN, PPO, SAC, TD3

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.cli.experts import parse_indices
from rlsp_sb3.data.episodes import load_episodes
from rlsp_sb3.data.rollouts import sample_observed_states
from rlsp_sb3.evaluation.returns import measure_returns
from rlsp_sb3.io.folder_lock import InUseError
from rlsp_sb3.policies.expert_hyperparameters import (
    find_expert_hyperparameters,
    read_expert_hyperparameters,
)
from rlsp_sb3.policies.experts import BUFFER, ExpertCheckpoints, ExpertRun, newest_first
from rlsp_sb3.solvers.sb3_arguments import SOLVERS, constructor_arguments
from rlsp_sb3.video import recording

from helpers.command import ok, rlsp
from helpers.full_disk import full_disk_for
from helpers.policy_files import rewrite, sac_parameters, write_zip

# Small networks and batches, so that training takes no time.
SMALL_PPO = ("--set", "n_steps=32", "--set", "batch_size=16", "--set", "n_epochs=1")
SMALL_SAC = (
    *("--set", "policy_kwargs={net_arch: [8]}", "--set", "buffer_size=1e3"),
    *("--set", "learning_starts=10", "--set", "batch_size=8"),
)
COMMANDS = ("expert", "import-expert", "rollout", "evaluate", "video")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    """A barely trained policy for the room."""
    path = tmp_path_factory.mktemp("experts") / "room.zip"
    command = ("RoomDefault-v0", "--timesteps", 64, "--out", path, "--seed", 1)
    return path, ok("expert", *command, *SMALL_PPO)


# What the commands say about themselves


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_that_parse(command):
    text = rlsp(command, "--help").out
    examples = re.findall(r"• (rlsp [^•]*?)\n *(?=\n|•)", text)
    assert len(examples) >= 2
    for example in examples:
        words = shlex.split(" ".join(example.split()))[1:]
        assert words[0] == command
        assert rlsp(*words, "--help").code == 0
        unknown = [word for word in words if word.startswith("--") and word not in text]
        assert not unknown


# rlsp expert


def test_expert_is_a_file_of_sb3(room):
    path, result = room
    assert "PPO on RoomDefault-v0, seed 1" in result.out
    assert "n_steps: 32" in result.out
    assert "64 steps in" in result.out
    assert f"{path} holds the expert" in result.out
    assert "error" not in result.err  # there may be lines of progress
    model = PPO.load(path)
    assert (model.num_timesteps, model.n_steps, model.seed) == (64, 32, 1)
    checkpoints = newest_first(path.with_suffix(".checkpoints"))
    assert PPO.load(checkpoints[0]).num_timesteps == 64
    assert len(checkpoints) >= 10
    assert not list(path.parent.glob(".*"))  # no unfinished files


def test_same_seed_same_expert(room, tmp_path):
    for seed in (1, 2):
        out = tmp_path / f"room-{seed}"
        ok(
            *("expert", "RoomDefault-v0", "--timesteps", 64, "--out", out, "--seed", seed),
            *(*SMALL_PPO, "--progress", "--checkpoint-every", 50),
        )
        assert len(newest_first(out.with_suffix(".checkpoints"))) == 2
        parameters = PPO.load(out).policy.state_dict()
        same = [
            torch.equal(parameters[name], tensor)
            for name, tensor in PPO.load(room[0]).policy.state_dict().items()
        ]
        assert all(same) == (seed == 1)


def test_expert_is_kept_if_no_checkpoint_can_be_written(tmp_path, monkeypatch):
    full_disk_for("expert_*_steps.zip", monkeypatch)
    with pytest.warns(UserWarning, match="checkpoint at 64 steps cannot be written.*No space left"):
        ok("expert", "CartPole-v1", "--timesteps", 64, "--out", tmp_path / "e.zip", *SMALL_PPO)
    assert PPO.load(tmp_path / "e.zip").num_timesteps == 64


def test_expert_that_cannot_be_written_is_in_its_checkpoints(tmp_path, monkeypatch):
    full_disk_for("e.zip", monkeypatch)
    out = tmp_path / "e.zip"
    result = rlsp("expert", "CartPole-v1", "--timesteps", 64, "--out", out, *SMALL_PPO)
    assert result.code == 2
    assert "e.zip cannot be written (No space left on device): go on by --resume" in result.err
    assert PPO.load(newest_first(tmp_path / "e.checkpoints")[0]).num_timesteps == 64


def test_expert_logs_to_tensorboard(tmp_path):
    ok(
        *("expert", "CartPole-v1", "--timesteps", 64, "--out", tmp_path / "e", *SMALL_PPO),
        *("--tensorboard", tmp_path / "logs"),
    )
    assert list(tmp_path.glob("logs/PPO_CartPole-v1_1/events.out.tfevents.*"))


@pytest.mark.parametrize("solver", ["a2c", "DQN"])
def test_solver_and_copies(solver, tmp_path):
    result = ok(
        *("expert", "CartPole-v1", "--timesteps", 40, "--out", tmp_path / "e", "--n-envs", 2),
        *("--solver", solver, "--set", "policy_kwargs={net_arch: [8], activation_fn: ELU}"),
    )
    assert f"{solver.upper()} on CartPole-v1, seed 0, 2 environments" in result.out
    model = {"a2c": A2C, "DQN": DQN}[solver].load(tmp_path / "e")
    assert model.n_envs == 2
    assert model.policy_kwargs["activation_fn"] is torch.nn.ELU


def sac_run(out, **kwargs):
    settings = [word for word in SMALL_SAC if word != "--set"]
    return ExpertRun("Pendulum-v1", out, settings=settings, **kwargs)


def assert_restored(run, reference, n_steps):
    """A run has the state of an algorithm that SB3 loaded."""
    assert run.model.num_timesteps == reference.num_timesteps == n_steps
    assert run.model._n_updates == reference._n_updates > 0
    mine, theirs = run.model.get_parameters(), reference.get_parameters()
    assert set(mine) == set(theirs)
    for name, state in mine.items():
        states = (state, theirs[name])
        if "optimizer" in name:
            states = tuple(
                {f"{i}.{key}": value for i, s in each["state"].items() for key, value in s.items()}
                for each in states
            )
            assert states[0]
        torch.testing.assert_close(*states, rtol=0, atol=0)


def test_killed_and_resumed(tmp_path):
    out = tmp_path / "expert.zip"
    command = ["expert", "Pendulum-v1", "--out", str(out), *SMALL_SAC]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rlsp_sb3", *command),
            *("--timesteps", "1e7", "--checkpoint-every", "50"),
        ],
        stdout=subprocess.DEVNULL,
    )
    folder = tmp_path / "expert.checkpoints"
    deadline = time.monotonic() + 300
    while len(newest_first(folder)) < 3 and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists()

    newest = newest_first(folder)[0]
    n_steps = SAC.load(newest).num_timesteps
    run = sac_run(out, resume=True)
    assert_restored(run, SAC.load(newest), n_steps)
    buffer = run.model.replay_buffer
    assert (buffer.pos + buffer.buffer_size * buffer.full) >= min(n_steps - 1, 1000)
    assert np.all(buffer.rewards[: buffer.pos] < 0)
    run.release()

    result = ok(*command, "--timesteps", n_steps + 30, "--resume")
    assert f"Goes on from the checkpoint at {n_steps:,} steps" in result.out
    assert "30 steps in" in result.out
    assert SAC.load(out).num_timesteps == n_steps + 30
    # Once more: there is nothing left to do.
    assert "0 steps in" in ok(*command, "--timesteps", n_steps + 30, "--resume").out


@pytest.mark.parametrize(
    ("solver", "env", "settings"),
    [
        ("PPO", "CartPole-v1", ["n_steps=32", "batch_size=16"]),
        ("DQN", "CartPole-v1", ["learning_starts=10"]),
        ("TD3", "Pendulum-v1", ["learning_starts=10", "policy_kwargs={net_arch: [8]}"]),
        ("SAC", "Pendulum-v1", ["learning_starts=10", "ent_coef=0.1", "buffer_size=50"]),
    ],
)
def test_state_of_each_solver_is_restored(solver, env, settings, tmp_path):
    run = ExpertRun(env, tmp_path / "e", solver=solver, settings=settings)
    run.learn(64)
    again = ExpertRun(env, tmp_path / "e", solver=solver, settings=settings, resume=True)
    assert_restored(again, run.model, 64)
    if solver != "PPO":
        before, after = run.model.replay_buffer, again.model.replay_buffer
        assert (before.pos, before.full) == (after.pos, after.full)
        np.testing.assert_array_equal(before.observations, after.observations)
        np.testing.assert_array_equal(before.actions, after.actions)
    again.learn(96)
    assert again.model.num_timesteps == 96


def test_resuming_runs_no_code_of_the_files(tmp_path, trap):
    sac_run(tmp_path / "e").learn(40)
    newest = newest_first(tmp_path / "e.checkpoints")[0]
    trap(newest)
    assert sac_run(tmp_path / "e", resume=True).model.num_timesteps == 40
    rewrite(newest, policy__pth=b"")
    with pytest.raises(ValueError, match="is not a file of SB3"):
        sac_run(tmp_path / "e", resume=True)


def test_interrupted(tmp_path, monkeypatch):
    def step(self):
        if self.num_timesteps == 25:
            raise KeyboardInterrupt
        return True

    monkeypatch.setattr(ExpertCheckpoints, "_on_step", step)
    result = rlsp("expert", "Pendulum-v1", "--timesteps", 60, "--out", tmp_path / "e", *SMALL_SAC)
    assert result.code == 130
    assert "Interrupted at 25 steps: go on by --resume" in result.out
    assert sac_run(tmp_path / "e", resume=True).model.num_timesteps == 25


def test_resume_with_nothing_to_resume(tmp_path):
    out = tmp_path / "e.zip"
    command = ("expert", "CartPole-v1", "--timesteps", 32, "--out", out, *SMALL_PPO)
    assert "Goes on from 0 steps" in ok(*command, "--resume").out


@pytest.mark.parametrize("how", ["--resume", "--force"])
def test_one_process_at_a_time(how, tmp_path):
    command = ["expert", "Pendulum-v1", "--out", str(tmp_path / "e"), *SMALL_SAC]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rlsp_sb3", *command),
            *("--timesteps", "1e7", "--checkpoint-every", "50"),
        ],
        stdout=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 300
        while not newest_first(tmp_path / "e.checkpoints") and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        refused = rlsp(*command, "--timesteps", 60, how)
    finally:
        process.kill()
        process.wait()
    assert refused.code == 1
    assert "e.checkpoints is in use by another process: wait until it is done" in refused.err
    assert "or choose another file by --out" in refused.err
    assert newest_first(tmp_path / "e.checkpoints")  # as they were
    ok(*command, "--timesteps", 60, how)


def test_a_run_that_is_over_or_refused_is_no_hindrance(tmp_path):
    run = sac_run(tmp_path / "e")
    with pytest.raises(InUseError, match="or choose another file by --out"):
        sac_run(tmp_path / "e", resume=True)
    run.learn(40)
    with pytest.raises(ValueError, match="had seed=0, and not 1"):
        sac_run(tmp_path / "e", resume=True, seed=1)
    other = sac_run(tmp_path / "e", resume=True)
    with pytest.raises(InUseError):
        run.learn(60)
    other.learn(50)
    run.learn(60)
    assert sac_run(tmp_path / "e", resume=True).model.num_timesteps == 60


def test_existing_experts_are_not_touched_unless_forced(room, tmp_path):
    out = tmp_path / "e.zip"
    command = ("expert", "CartPole-v1", "--timesteps", 32, "--out", out, *SMALL_PPO)
    ok(*command)
    content = out.read_bytes()
    refused = rlsp(*command)
    assert refused.code == 2
    assert "settings.json exists" in refused.err
    assert "--resume, or overwrite it by --force" in refused.err
    other = rlsp(*command, "--resume", "--set", "gamma=0.5")
    assert other.code == 2
    assert "resume it with the same settings" in other.err
    assert out.read_bytes() == content
    ok(*command, "--force", "--seed", 5)
    assert PPO.load(out).seed == 5
    # A file that no run of ours left there.
    for file in (tmp_path / "e.checkpoints").iterdir():
        file.unlink()
    refused = rlsp(*command)
    assert "e.zip exists: choose another file by --out, or overwrite" in refused.err


# Hyperparameters


def test_published_hyperparameters():
    cheetah = find_expert_hyperparameters(SAC, "HalfCheetah-FW-v2")
    assert cheetah == {
        "learning_rate": 3e-4,
        "gamma": 0.98,
        "tau": 0.01,
        "ent_coef": "auto",
        "batch_size": 256,
        "policy_kwargs": {"net_arch": [256, 256]},
    }
    for env_id in ("HalfCheetah-BW-v2", "Ant-FW-v2", "Swimmer-FW-v2", "FetchReachStack-v1"):
        assert find_expert_hyperparameters(SAC, env_id) == cheetah
    hopper = {"gamma": 0.99, "tau": 0.005, "ent_coef": 0.01}
    assert find_expert_hyperparameters(SAC, "Hopper-FW-v2") == hopper
    assert find_expert_hyperparameters(SAC, "InvertedPendulum-v4") == {}
    assert find_expert_hyperparameters(PPO, "HalfCheetah-FW-v2") == {}


def test_assignments_go_before_the_file():
    assignments = ["gamma=0.9", "policy_kwargs={n_critics: 1}", "learning-rate=1e-3", "seed=1"]
    chosen = find_expert_hyperparameters(SAC, "HalfCheetah-FW-v2", assignments[:-1])
    assert (chosen["gamma"], chosen["learning_rate"], chosen["tau"]) == (0.9, 1e-3, 0.01)
    assert chosen["policy_kwargs"] == {"net_arch": [256, 256], "n_critics": 1}
    with pytest.raises(ValueError, match="seed=1: use --seed"):
        find_expert_hyperparameters(SAC, "HalfCheetah-FW-v2", assignments)


def test_what_yaml_cannot_hold():
    space = spaces.Box(-1, 1, (3,))
    chosen = find_expert_hyperparameters(TD3, "Any-v0", ["train_freq=[1, episode]", "device=cpu"])
    arguments = constructor_arguments(chosen, space)
    assert arguments["train_freq"] == (1, "episode")
    assert arguments["action_noise"]._sigma.tolist() == [0.1] * 3
    chosen = find_expert_hyperparameters(TD3, "Any-v0", ["action_noise=None"])
    assert constructor_arguments(chosen, space)["action_noise"] is None


@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_has_a_default(solver):
    space = spaces.Discrete(2) if solver in ("A2C", "DQN", "PPO") else spaces.Box(-1, 1, (1,))
    env = "CartPole-v1" if isinstance(space, spaces.Discrete) else "Pendulum-v1"
    arguments = constructor_arguments(find_expert_hyperparameters(SOLVERS[solver], env), space)
    SOLVERS[solver]("MlpPolicy", env, **arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SAG: {default: {}}", "no solver 'SAG' .did you mean 'SAC'?"),
        ("[SAC]", "the file is .* expected a mapping"),
        ("SAC: 3", "SAC is 3: expected a mapping"),
        ("SAC: {Hopper-v4: }", "Hopper-v4 is None: expected a mapping"),
        ("SAC: {Hopper-v4: {gama: 1}}", "SAC, Hopper-v4: SAC has no hyperparameter 'gama' .did"),
        ("SAC: {default: {gamma: high}}", "gamma='high': expected a number"),
        ("SAC: {default: {gamma: true}}", "gamma=True: expected a number"),
        ("SAC: {default: {batch_size: 1.5}}", "batch_size=1.5: expected an int"),
        ("SAC: {default: {policy_kwargs: {net_arc: []}}}", "no entry 'net_arc' .did you mean"),
        ("SAC: {default: {policy: CnnPolicy}}", "no hyperparameter 'policy'"),
    ],
)
def test_mistakes_in_the_file_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        read_expert_hyperparameters(text)


# rlsp import-expert


def test_import_expert(tmp_path):
    file = write_zip(tmp_path / "old.zip", sac_parameters(n_observation=3, n_action=1))
    result = ok(
        *("import-expert", file, "--env", "Pendulum-v1", "--out", tmp_path / "new"),
        *("--episodes", 2),
    )
    assert re.search(r"Return -[\d,]+\.\d ± [\d.]+ in 2 episodes, of 200 steps", result.out)
    model = SAC.load(tmp_path / "new.zip")
    assert model.gamma == 0.9
    returned = measure_returns(model, "Pendulum-v1", 2, seed=0)
    assert f"Return {returned.mean:,.1f}" in result.out
    assert not (tmp_path / "run").exists()  # what the pickles in the file would have written


def test_import_expert_with_inputs_left_out(tmp_path):
    file = write_zip(tmp_path / "old.zip", sac_parameters(n_observation=6, n_action=1))
    command = ("import-expert", file, "--env", "Pendulum-v1", "--out", tmp_path / "new.zip")
    refused = rlsp(*command)
    assert refused.code == 2
    assert "say which of them it observes (inputs)" in refused.err
    assert not (tmp_path / "new.zip").exists()
    ok(*command, "--inputs", "0-1,5", "--episodes", 1)


def test_lists_of_indices():
    assert parse_indices("0-3, 7,9-9") == [0, 1, 2, 3, 7, 9]
    assert parse_indices("0-26,111") == [*range(27), 111]
    for text in ("", "3-1", "1-", "-1", "a", "1;2"):
        with pytest.raises(ValueError, match="expected numbers and ranges"):
            parse_indices(text)


# rlsp rollout


def test_rollout(room, tmp_path):
    files = {}
    for name, options in {
        "a": (),
        "same": (),
        "seed": ("--seed", 1),
        "noise": ("--noise", 1),
        "deterministic": ("--deterministic",),
        "short": ("--max-steps", 3),
    }.items():
        out = tmp_path / f"{name}.npz"
        result = ok("rollout", room[0], "RoomDefault-v0", "--episodes", 4, "--out", out, *options)
        assert re.search(rf"4 episodes of {12 if name == 'short' else 80} steps in all", result.out)
        assert f"in {out}" in result.out
        files[name] = out.read_bytes()
    assert files["a"] == files["same"]
    assert len(set(files.values())) == len(files) - 1
    episodes = load_episodes(tmp_path / "a.npz")
    assert [len(episode) for episode in episodes] == [20] * 4
    assert sample_observed_states(tmp_path / "a.npz", 3, 0).shape == (3, 75)
    actions = [episode.actions for episode in load_episodes(tmp_path / "deterministic.npz")]
    assert np.array_equal(actions[0], actions[1])


def test_rollout_of_a_learner(tmp_path):
    TabularRLSP("RoomDefault-v0", seed=0).learn(5).save(tmp_path / "learner")
    out = tmp_path / "data.npz"
    ok("rollout", tmp_path / "learner", "RoomDefault-v0", "--episodes", 1, "--out", out)
    assert len(load_episodes(out)[0]) == 20


def test_rollout_into_minari(room, tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))
    pytest.importorskip("h5py", reason="needs rlsp-sb3[minari]")
    pytest.importorskip("minari", reason="needs rlsp-sb3[minari]")
    command = ("rollout", room[0], "RoomDefault-v0", "--episodes", 2, "--minari")
    assert "in the Minari dataset room/test-v0" in ok(*command, "room/test-v0").out
    assert sample_observed_states("room/test-v0", 2, 0).shape == (2, 75)
    assert "is taken" in rlsp(*command, "room/test-v0").err
    assert "expected an id such as 'halfcheetah/expert-v0'" in rlsp(*command, "room").err


# rlsp evaluate


def test_evaluate(room, tmp_path):
    out = tmp_path / "returns.json"
    command = ("evaluate", room[0], "RoomDefault-v0", "--episodes", 12, "--stochastic")
    result = ok(*command, "--seed", 4, "--out", out)
    assert f"{out} holds all returns" in result.out
    content = json.loads(out.read_text())
    returns = np.array(content["returns"])
    assert len(returns) == len(content["lengths"]) == content["episodes"] == 12
    assert content["mean"] == pytest.approx(returns.mean())
    assert content["std"] == pytest.approx(returns.std())
    low, high = content["confidence_interval_95"]
    assert low < content["mean"] < high
    assert (content["deterministic"], content["seed"], content["mean_length"]) == (False, 4, 20)
    rows = dict(re.findall(r"^ +(\w[\w %]*?)  +(\S.*?) *$", result.out, re.M))
    assert rows["mean return"] == f"{content['mean']:,.2f}".replace("-", "−")
    assert rows["standard deviation"] == f"{content['std']:,.2f}"
    assert rows["lowest and highest"] == f"{returns.min():,.2f} … {returns.max():,.2f}".replace(
        "-", "−"
    )
    assert rows["ended by the environment"] == "0%"
    # The same seed measures the same, another one something else.
    assert (
        ok(*command, "--seed", 4, "--progress").out.splitlines()[-2:]
        == (ok(*command, "--seed", 4).out.splitlines()[-2:])
    )
    assert ok(*command, "--seed", 5).out != ok(*command, "--seed", 4).out


def test_evaluate_takes_the_most_probable_action_unless_told(room):
    out = ok("evaluate", room[0], "RoomDefault-v0", "--episodes", 3, "--max-steps", 7).out
    assert re.search(r"standard deviation +0\.00", out)
    assert re.search(r"mean length +7\.0", out)
    one = ok("evaluate", room[0], "RoomDefault-v0", "--episodes", 1).out
    assert "1 episode " in one
    assert re.search(r"95 % confidence interval +–", one)


def test_returns_stop_at_the_end_of_episodes():
    model = PPO("MlpPolicy", "CartPole-v1", seed=0)
    returns = measure_returns(model, "CartPole-v1", 5, seed=0, deterministic=False)
    assert np.array_equal(returns.returns, returns.lengths)
    assert returns.terminated.all()


# rlsp video


def duration_and_size(path):
    with Image.open(path) as gif:
        durations = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            durations.append(gif.info["duration"])
        return sum(durations), gif.size


def test_gif(room, tmp_path):
    out = tmp_path / "room.gif"
    result = ok("video", room[0], "RoomDefault-v0", "--out", out, "--stochastic")
    assert re.search(r"1 episode of 20 steps in all, .* in .*room\.gif", result.out)
    milliseconds, size = duration_and_size(out)
    assert milliseconds == 21 * 250
    assert max(size) <= 480
    ok("video", room[0], "RoomDefault-v0", "--out", out, "--episodes", 2, "--max-steps", 4)
    assert duration_and_size(out)[0] == 10 * 250  # that file was replaced
    # More pictures a second than a GIF can have: some are left out, and time stays what it is.
    ok("video", room[0], "RoomDefault-v0", "--out", out, "--fps", 200, "--episodes", 4)
    assert duration_and_size(out)[0] == pytest.approx(84 / 200 * 1000, abs=10)
    assert [path.name for path in tmp_path.iterdir()] == ["room.gif"]


def test_mp4(room, tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="needs rlsp-sb3[video]")
    out = tmp_path / "room.mp4"
    ok("video", room[0], "RoomDefault-v0", "--out", out, "--fps", 10)
    assert ffmpeg.count_frames_and_secs(str(out)) == (21, pytest.approx(2.1, abs=0.1))
    assert [path.name for path in tmp_path.iterdir()] == ["room.mp4"]


def test_mp4_without_ffmpeg(room, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    result = rlsp("video", room[0], "RoomDefault-v0", "--out", tmp_path / "room.mp4")
    assert result.code == 2
    assert "`pip install imageio-ffmpeg`, or write a GIF" in result.err
    assert not list(tmp_path.iterdir())


def test_failed_film_leaves_no_file(room, tmp_path, monkeypatch):
    def render(self):
        raise ZeroDivisionError

    monkeypatch.setattr("rlsp_envs.gridworlds.gridworld.GridworldEnv.render", render)
    result = rlsp("video", room[0], "RoomDefault-v0", "--out", tmp_path / "room.gif")
    assert isinstance(result.exception, ZeroDivisionError)
    assert not list(tmp_path.iterdir())


# Errors


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("expert RoomDefalt-v0 --timesteps 9 --out e", "Did you mean: `RoomDefault`?"),
        ("expert CartPole-v1 --timesteps 9.5 --out e", "--timesteps 9.5: expected a whole number"),
        ("expert CartPole-v1 --timesteps 0 --out e", "--timesteps"),
        ("expert CartPole-v1 --timesteps 9", "--out"),
        ("expert CartPole-v1 --timesteps 9 --out e --solver PPP", "did you mean 'PPO'?"),
        ("expert CartPole-v1 --timesteps 9 --out e --solver SAC", "SAC on CartPole-v1: The algo"),
        ("expert CartPole-v1 --timesteps 9 --out e --set gama=1", "did you mean 'gamma'?"),
        ("expert CartPole-v1 --timesteps 9 --out e --set gamma", "expected NAME=VALUE"),
        ("expert CartPole-v1 --timesteps 9 --out e --set seed=1", "use --seed instead"),
        ("expert CartPole-v1 --timesteps 9 --out e --set gamma=[", "expected a value in YAML"),
        ("expert Pendulum-v1 --timesteps 9 --out e --set ent_coef=x", "SAC on Pendulum-v1: could"),
        ("expert CartPole-v1 --timesteps 9 --out .", "is a folder"),
        ("import-expert none.zip --env Pendulum-v1 --out e", "none.zip"),
        ("import-expert none.zip --env Pendulum-v1 --out e --inputs x", "--inputs x: expected"),
        ("rollout none CartPole-v1 --out d.npz", "none.zip: No such file or directory"),
        ("rollout none CartPole-v1", "expected either --out FILE.npz or --minari ID"),
        ("rollout none CartPole-v1 --out d.npz --minari a-v0", "expected either --out FILE.npz"),
        ("rollout none CartPole-v1 --out d.csv", "expected a name that ends in '.npz'"),
        ("rollout ROOM RoomDefault-v0 --out d.npz --noise 2", "--noise"),
        ("evaluate ROOM CartPole-v1", "would fit; use the environment for which it was trained"),
        ("evaluate ROOM Pendulum-v1", "action space Box(1,): expected Discrete"),
        ("evaluate ROOM RoomDefault-v0 --episodes 0", "--episodes"),
        ("video ROOM RoomDefault-v0 --out v.avi", "expected a name that ends in '.gif' or '.mp4'"),
        ("video ROOM RoomDefault-v0 --out v.gif --fps 0", "fps=0.0: expected a number above 0"),
    ],
)
def test_mistakes_are_explained(command, message, room, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = rlsp(*(room[0] if word == "ROOM" else word for word in shlex.split(command)))
    assert result.code == 2
    assert message in " ".join(result.err.split())
    assert "Traceback" not in result.err
    assert not list(tmp_path.iterdir())


def test_environment_without_pictures(tmp_path, monkeypatch):
    class Blind(gym.Env):
        metadata = {"render_modes": []}
        observation_space = gym.make("CartPole-v1").observation_space
        action_space = spaces.Discrete(2)

        def __init__(self, render_mode=None):
            self.render_mode = render_mode

        def reset(self, **kwargs):
            return np.zeros(4, dtype=np.float32), {}

        def render(self):
            return None

    spec = gym.envs.registration.EnvSpec("Blind-v0", Blind, disable_env_checker=True)
    monkeypatch.setitem(gym.registry, "Blind-v0", spec)
    PPO("MlpPolicy", "CartPole-v1").save(tmp_path / "e")
    result = rlsp("video", tmp_path / "e", "Blind-v0", "--out", tmp_path / "e.gif")
    assert result.code == 2
    assert "expected the render mode 'rgb_array', and it has []" in result.err
    assert not (tmp_path / "e.gif").exists()


# MuJoCo


def test_published_environment(tmp_path):
    pytest.importorskip("mujoco", reason="needs rlsp-envs[mujoco]")
    out = tmp_path / "cheetah.zip"
    result = ok("expert", "HalfCheetah-FW-v2", "--timesteps", 20, "--out", out)
    assert "gamma: 0.98" in result.out
    assert Path(tmp_path / "cheetah.checkpoints" / BUFFER).exists()
    result = ok("evaluate", out, "HalfCheetah-FW-v2", "--episodes", 1, "--max-steps", 5)
    assert re.search(r"mean length +5\.0", result.out)


def test_where_there_is_no_display_mujoco_renders_without(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"):
        monkeypatch.setenv(name, "")  # so that what the code sets is undone
        monkeypatch.delenv(name)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(recording, "find_library", lambda name: name == "OSMesa" or None)
    recording.make_for_film("CartPole-v1").close()
    assert os.environ["MUJOCO_GL"] == "osmesa"
    monkeypatch.setattr(recording, "find_library", lambda name: name)
    recording.make_for_film("CartPole-v1").close()
    assert os.environ["MUJOCO_GL"] == "osmesa"  # somebody has chosen
