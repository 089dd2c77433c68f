"""The MuJoCo environments: what Gymnasium's become, the same with every Gymnasium."""

from __future__ import annotations

import copy
import logging
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from stable_baselines3.common.env_checker import check_env as check_with_sb3
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs  # noqa: F401
from rlsp_envs.registration import MUJOCO

pytest.importorskip("mujoco")

from rlsp_envs import mujoco
from rlsp_envs.mujoco import OLD_GYMNASIUM
from rlsp_envs.wrappers import TerminationPenalty, TimeFeature

SIZES = {
    "HalfCheetah-FW-v2": 18,
    "HalfCheetah-BW-v2": 18,
    "HalfCheetah-QPOS-v2": 19,
    "HalfCheetah-Plot-v2": 17,
    "Hopper-FW-v2": 12,
    "Hopper-FW-Penalty-v2": 12,
    "Ant-FW-v2": 28,
    "Swimmer-FW-v2": 9,
}
TIMED = [env_id for env_id in SIZES if env_id != "HalfCheetah-Plot-v2"]
CONTROL_COST = {"HalfCheetah": 0.1, "Hopper": 1e-3, "Ant": 0.5, "Swimmer": 1e-4}
# The rewards of the first steps, and what the last observation adds up to with weights 1, 2, …
GOLDEN: dict[str, list[float]] = {
    "HalfCheetah-FW-v2": [
        -0.210221045972,
        -0.04609397933,
        -0.131112670869,
        0.059714627603,
        -0.074393428226,
        -38.979712061754,
    ],
    "HalfCheetah-BW-v2": [
        -0.399198180675,
        -0.5447690697,
        -0.444047653704,
        -0.626929474214,
        -0.495114468675,
        -38.979712061754,
    ],
    "HalfCheetah-QPOS-v2": [
        -0.210221045972,
        -0.04609397933,
        -0.131112670869,
        0.059714627603,
        -0.074393428226,
        -41.63641649693,
    ],
    "HalfCheetah-Plot-v2": [
        -0.210221045972,
        -0.04609397933,
        -0.131112670869,
        0.059714627603,
        -0.074393428226,
        -56.889712061754,
    ],
    "Hopper-FW-v2": [
        1.012510506067,
        0.975309410956,
        0.965452587086,
        0.976570846778,
        0.965285502554,
        15.617098467257,
    ],
    "Hopper-FW-Penalty-v2": [
        1.012510506067,
        0.975309410956,
        0.965452587086,
        0.976570846778,
        0.965285502554,
        15.617098467257,
    ],
    "Ant-FW-v2": [
        -0.626424792391,
        -1.253706652397,
        -1.244143140551,
        -0.675215130129,
        -0.576299808715,
        174.001120261339,
    ],
    "Swimmer-FW-v2": [
        0.04158351008,
        0.062904160359,
        0.119819232968,
        0.041779862784,
        0.040422292264,
        19.312594453127,
    ],
}

every_id = pytest.mark.parametrize("env_id", list(SIZES))
every_timed_id = pytest.mark.parametrize("env_id", TIMED)


def wave(env: gym.Env, step: int) -> np.ndarray:
    """An action that differs from step to step."""
    n = env.action_space.shape[0]
    action = np.sin(np.arange(n) + n * step) * env.action_space.high
    return action.astype(np.float32)


def play(env: gym.Env, n: int, seed: int = 0) -> list[list[float]]:
    """The observations and rewards of some steps."""
    observation, _ = env.reset(seed=seed)
    steps = [observation.tolist()]
    for t in range(n):
        observation, reward, *_ = env.step(wave(env, t))
        steps.append([*observation.tolist(), reward])
    return steps


def test_sizes_are_those_of_all_ids() -> None:
    assert list(MUJOCO) == list(SIZES)


@every_id
def test_spaces_and_limit(env_id: str) -> None:
    env = gym.make(env_id)
    assert env.observation_space.shape == (SIZES[env_id],)
    assert env.observation_space.dtype == np.float64
    assert env.spec.max_episode_steps == 1000


@every_id
def test_rewards_and_observations_are_the_same_with_every_gymnasium(env_id: str) -> None:
    steps = play(gym.make(env_id), 5)
    observation = np.array(steps[-1][:-1])
    rewards = [step[-1] for step in steps[1:]]
    actual = [*rewards, observation @ np.arange(1, len(observation) + 1)]
    np.testing.assert_allclose(actual, GOLDEN[env_id], rtol=0, atol=1e-9)


# Checkers and warnings: none is expected, so any fails.


@every_id
def test_gymnasium_accepts_it(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", ".*different from the unwrapped version.*")
        warnings.filterwarnings("ignore", ".*env.seed to get variables from other wrappers.*")
        warnings.filterwarnings("ignore", ".*observation space m(in|ax)imum value is.*infinity.*")
        warnings.filterwarnings("ignore", ".*For Box action spaces, we recommend.*")
        check_with_gymnasium(gym.make(env_id, disable_env_checker=True), skip_render_check=True)


@every_id
def test_stable_baselines3_accepts_it(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_with_sb3(gym.make(env_id))


@every_id
def test_nothing_is_printed_or_left_behind(
    env_id: str,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        play(gym.make(env_id), 20)
    assert capfd.readouterr() == ("", "")
    assert os.listdir() == []


def test_what_mujoco_warns_of_is_logged(
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    env = gym.make("HalfCheetah-FW-v2")
    observation, _ = env.reset(seed=0)
    env.reset(options={"observation": np.full_like(observation, 1e9)})
    with caplog.at_level(logging.INFO, logger="rlsp_envs.mujoco"):
        env.step(wave(env, 0))
    assert "unstable" in caplog.text
    assert capfd.readouterr() == ("", "")
    assert os.listdir() == []


# Rewards.


@every_id
def test_the_reward_is_the_sum_of_its_terms(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=1)
    data, dt = env.unwrapped.data, env.unwrapped.dt
    name = env_id.split("-")[0]
    for t in range(15):
        before, action = data.qpos[0].item(), wave(env, t)
        _, reward, terminated, _, info = env.step(action)
        terms = {key: value for key, value in info.items() if "reward" in key}
        assert sum(terms.values()) == pytest.approx(reward, abs=1e-12)
        if name != "Ant":  # measured at the torso, which MuJoCo updates before it moves on
            assert info["x_velocity"] == pytest.approx((data.qpos[0] - before) / dt)
        sign = -1 if "BW" in env_id else 1
        expected = {
            "reward_forward": sign * info["x_velocity"],
            "reward_ctrl": -CONTROL_COST[name] * np.square(action).sum(),
        }
        if name in ("Hopper", "Ant"):
            expected["reward_survive"] = 1.0
        if env_id == "Hopper-FW-Penalty-v2":
            expected["reward_termination"] = -1.0 if not env.unwrapped.is_healthy else 0.0
            assert not terminated
        assert terms == pytest.approx(expected, rel=1e-6)


def test_the_hopper_survives_its_last_step() -> None:
    env = gym.make("Hopper-FW-v2")
    env.reset(seed=0)
    terminated, t = False, 0
    while not terminated:
        *_, terminated, _, info = env.step(wave(env, t))
        t += 1
    assert info["reward_survive"] == 1


def test_falling_costs_the_penalty_in_every_step() -> None:
    plain, penalized = gym.make("Hopper-FW-v2"), gym.make("Hopper-FW-Penalty-v2")
    plain.reset(seed=0)
    penalized.reset(seed=0)
    fallen = 0
    for t in range(100):
        _, reward, terminated, _, _ = plain.step(wave(plain, t))
        _, penalized_reward, never, _, info = penalized.step(wave(plain, t))
        assert not never
        assert info["reward_termination"] == (-1 if terminated else 0)
        assert penalized_reward == pytest.approx(reward - terminated)
        fallen += terminated
    assert fallen > 10


def test_the_penalty_can_be_chosen() -> None:
    env = TerminationPenalty(gym.make("Hopper-FW-v2"), penalty=2.5)
    env.reset(seed=0)
    costs = [env.step(wave(env, t))[4]["reward_termination"] for t in range(100)]
    assert set(costs) == {0, -2.5}


def test_backward_is_forward_turned_round() -> None:
    forward, backward = gym.make("HalfCheetah-FW-v2"), gym.make("HalfCheetah-BW-v2")
    forward.reset(seed=0)
    backward.reset(seed=0)
    for t in range(5):
        there, _, _, _, info = forward.step(wave(forward, t))
        back, _, _, _, turned = backward.step(wave(forward, t))
        np.testing.assert_array_equal(there, back)
        assert info["reward_forward"] == -turned["reward_forward"]
        assert info["reward_ctrl"] == turned["reward_ctrl"]


# Time.


@every_timed_id
def test_the_time_feature_after_reset_and_steps(env_id: str) -> None:
    env = gym.make(env_id)
    for _ in range(2):
        observation, _ = env.reset(seed=0)
        assert observation[-1] == 1
        for t in range(1, 8):
            assert env.step(wave(env, t))[0][-1] == 1 - t / 1000


def test_the_time_feature_stays_at_zero() -> None:
    env = TimeFeature(mujoco.HalfCheetahEnv(), limit=4)
    env.reset(seed=0)
    features = [env.step(wave(env, t))[0][-1] for t in range(8)]
    assert features == [0.75, 0.5, 0.25, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("feature", "shown", "then"),
    [(0.4, 0.4, 0.399), (0.4004, 0.4, 0.399), (-0.7, 0, 0), (0, 0, 0), (3, 1, 0.999)],
)
def test_an_observation_sets_the_clock(feature: float, shown: float, then: float) -> None:
    env = gym.make("Hopper-FW-v2")
    observation, _ = env.reset(seed=0)
    observation[-1] = feature
    restored, _ = env.reset(options={"observation": observation})
    assert restored[-1] == pytest.approx(shown, abs=1e-15)
    np.testing.assert_array_equal(restored[:-1], observation[:-1])
    assert env.step(wave(env, 0))[0][-1] == pytest.approx(then, abs=1e-15)
    env.get_wrapper_attr("set_state_from_observation")(observation)
    assert env.step(wave(env, 0))[0][-1] == pytest.approx(then, abs=1e-15)
    assert env.reset()[0][-1] == 1


def test_the_time_feature_in_vector_environments() -> None:
    """The hopper soon falls, so that copies are reset at different times."""
    n = 3
    single = gym.make("Hopper-FW-v2")
    for env in (
        gym.make_vec("Hopper-FW-v2", num_envs=n, vectorization_mode="sync"),
        DummyVecEnv([lambda: gym.make("Hopper-FW-v2")] * n),
    ):
        started = env.reset()
        features = (started[0] if isinstance(started, tuple) else started)[:, -1]
        assert (features == 1).all()
        resets = 0
        for t in range(150):
            observations = env.step(np.stack([wave(single, t + 7 * i) for i in range(n)]))[0]
            again = observations[:, -1] == 1
            expected = np.where(again, 1, features - 0.001)
            np.testing.assert_allclose(observations[:, -1], expected, rtol=0, atol=1e-12)
            features, resets = observations[:, -1], resets + again.sum()
        assert resets > n
        env.close()


def test_a_limit_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match="limit=0: expected at least 1"):
        TimeFeature(gym.make("Hopper-FW-v2"), limit=0)


def test_the_time_feature_needs_flat_observations() -> None:
    with pytest.raises(ValueError, match="FlattenObservation"):
        TimeFeature(gym.make("FrozenLake-v1"))


# States.


@every_id
def test_what_an_observation_leaves_out_is_zero(env_id: str) -> None:
    env = gym.make(env_id)
    observation, _ = env.reset(seed=0)
    for t in range(10):
        observation, *_ = env.step(wave(env, t))
    qpos = env.unwrapped.data.qpos.copy()
    hidden = env.unwrapped.model.nq + env.unwrapped.model.nv - len(observation)
    hidden += env_id in TIMED
    restored, _ = env.reset(options={"observation": observation})
    np.testing.assert_array_equal(restored, observation)
    assert env.unwrapped.data.time == 0
    assert (env.unwrapped.data.qpos[:hidden] == 0).all()
    np.testing.assert_array_equal(env.unwrapped.data.qpos[hidden:], qpos[hidden:])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"observation": np.zeros(17)}, r"shape \(17,\): expected \(18,\)"),
        ({"state": 0}, r"options has \['state'\]"),
    ],
)
def test_what_cannot_be_restored(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gym.make("HalfCheetah-FW-v2").reset(options=options)


# Copies.


@every_id
def test_the_seed_decides(env_id: str) -> None:
    env = gym.make(env_id)
    first = play(env, 5, seed=3)
    assert play(env, 5, seed=3) == first
    assert play(gym.make(env_id), 5, seed=3) == first
    assert play(env, 5, seed=4) != first


@every_id
def test_copies(env_id: str) -> None:
    env = gym.make(env_id)
    expected = play(env, 3)
    assert play(pickle.loads(pickle.dumps(env)), 3) == expected
    assert play(gym.make(env.spec), 3) == expected
    assert gym.make(env.spec).spec == env.spec


@pytest.mark.parametrize(
    ("env_id", "mode"), [*((env_id, "sync") for env_id in SIZES), ("HalfCheetah-BW-v2", "async")]
)
def test_make_vec(env_id: str, mode: str) -> None:
    vector, single = gym.make_vec(env_id, num_envs=2, vectorization_mode=mode), gym.make(env_id)
    observations, _ = vector.reset(seed=[7, 8])
    np.testing.assert_array_equal(observations[0], single.reset(seed=7)[0])
    for t in range(3):
        observations, rewards, *_ = vector.step(np.stack([wave(single, t)] * 2))
        observation, reward, *_ = single.step(wave(single, t))
        np.testing.assert_array_equal(observations[0], observation)
        assert rewards[0] == reward
    vector.close()


def test_arguments_go_to_gymnasium() -> None:
    env = gym.make("Ant-FW-v2", ctrl_cost_weight=0.0, reset_noise_scale=0.0)
    env.reset(seed=0)
    assert env.step(wave(env, 0))[4]["reward_ctrl"] == 0


# Pictures.


def picture(env_id: str, x: float = 0.0) -> np.ndarray:
    env = gym.make(env_id, render_mode="rgb_array", width=96, height=64)
    env.reset(seed=0)
    try:
        env.render()  # this is when the fixed camera is placed
        qpos = env.unwrapped.data.qpos.copy()
        qpos[0] += x
        env.unwrapped.set_state(qpos, env.unwrapped.data.qvel.copy())
        return env.render()
    except DependencyNotInstalled as error:
        pytest.skip(str(error))
    finally:
        env.close()


def shows_robot(image: np.ndarray) -> bool:
    red, _, blue = image.astype(int).transpose(2, 0, 1)
    return bool((red - blue > 40).sum() > 20)


@every_id
def test_pictures(env_id: str) -> None:
    image = picture(env_id)
    assert image.shape == (64, 96, 3)
    assert image.dtype == np.uint8
    assert shows_robot(image)


def test_the_camera_follows_except_when_plotting() -> None:
    assert shows_robot(picture("HalfCheetah-FW-v2", x=20))
    assert not shows_robot(picture("HalfCheetah-Plot-v2", x=20))


def test_no_render_mode_is_warned_of() -> None:
    env = gym.make("Swimmer-FW-v2").unwrapped
    with pytest.warns(UserWarning, match="without a render mode"):
        assert env.render() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has no display")
@pytest.mark.parametrize(
    ("libraries", "backend"), [(["EGL", "OSMesa"], "egl"), (["OSMesa"], "osmesa"), ([], None)]
)
def test_rendering_without_a_display(
    libraries: list[str], backend: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MUJOCO_GL", "")  # so that what the code sets is undone
    monkeypatch.delenv("MUJOCO_GL")
    monkeypatch.setattr(mujoco, "find_library", lambda name: name if name in libraries else None)
    if backend is None:
        env = gym.make("HalfCheetah-FW-v2", render_mode="rgb_array").unwrapped
        env.reset()
        with pytest.raises(DependencyNotInstalled, match="install libegl1"):
            env.render()
    else:
        mujoco.choose_gl_backend()
        assert os.environ["MUJOCO_GL"] == backend


@pytest.mark.parametrize("package", ["mujoco", "imageio"])
def test_a_missing_package_is_named_when_the_environment_is_made(package: str) -> None:
    code = (
        "import sys; import gymnasium as gym\n"
        # Gymnasium 0.29 may have imported it for another plugin.
        "for name in [n for n in sys.modules if n.startswith('gymnasium.envs.mujoco')]:\n"
        "    del sys.modules[name]\n"
        f"sys.modules[{package!r}] = None; import rlsp_envs\n"
        "try:\n"
        "    gym.make('HalfCheetah-FW-v2')\n"
        "except gym.error.DependencyNotInstalled as error:\n"
        "    print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "gymnasium[mujoco]"' in run.stdout


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("env_id", ["HalfCheetah-FW-v2", "Hopper-FW-v2", "Ant-FW-v2"])
def test_a_copy_goes_on_the_same(env_id: str, copied: Any) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(5):
        env.step(env.action_space.sample())
    twin = copied(env)
    for _ in range(5):
        action = env.action_space.sample()
        expected, found = env.step(action), twin.step(action)
        np.testing.assert_array_equal(found[0], expected[0])
        assert found[1:4] == expected[1:4]
    np.testing.assert_array_equal(twin.reset()[0], env.reset()[0])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has no display")
@pytest.mark.skipif(OLD_GYMNASIUM, reason="there is no such render mode")
def test_a_window_without_a_display_is_an_error() -> None:
    code = (
        "import gymnasium as gym, rlsp_envs\n"
        "env = gym.make('HalfCheetah-FW-v2', render_mode='human')\n"
        "try:\n"
        "    env.reset(); env.render()\n"
        "except gym.error.DependencyNotInstalled as error:\n"
        "    print(error)\n"
    )
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "MUJOCO_GL"}
    without = {name: value for name, value in os.environ.items() if name not in hidden}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=without
    )
    assert "there is no display" in run.stdout
