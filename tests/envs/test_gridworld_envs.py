"""Every registered environment behaves as Gymnasium, Stable-Baselines3 and the docs say."""

from __future__ import annotations

import copy
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from importlib.metadata import entry_points
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, NameNotFound, ResetNeeded
from gymnasium.utils.env_checker import check_env as check_with_gymnasium
from stable_baselines3.common.env_checker import check_env as check_with_sb3

import rlsp_envs
from rlsp_envs.gridworlds.apples import ApplesEnv
from rlsp_envs.gridworlds.batteries import BatteriesEnv
from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.room import RoomEnv
from rlsp_envs.gridworlds.toy_train import TrainEnv

from helpers.brute_force import CUSTOM, FAMILY_OF, IDS, WORLDS

OLD_GYMNASIUM = gym.__version__.startswith("0.")
STAY, INTERACT = 4, 5
PIXELS = "RoomDefaultPixel-v0"

every_id = pytest.mark.parametrize("env_id", IDS)
every_family = pytest.mark.parametrize("env_class", [RoomEnv, TrainEnv, ApplesEnv, BatteriesEnv])


@pytest.fixture(params=[*IDS, *CUSTOM])
def world(request: pytest.FixtureRequest) -> GridworldEnv:
    """Each registered environment and some of one's own."""
    if request.param in IDS:
        return gym.make(request.param).unwrapped
    family, arguments = CUSTOM[request.param]
    return gym.make(f"{family}-v0", **arguments).unwrapped


@pytest.fixture
def _screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A screen that exists only in memory."""
    pygame = pytest.importorskip("pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    pygame.display.quit()
    yield
    pygame.quit()


def play_out(env: gym.Env, actions: list[int]) -> list[tuple[Any, ...]]:
    """Step an environment, and flatten what it returns so that == compares it."""
    steps = []
    for action in actions:
        observation, reward, terminated, truncated, info = env.step(action)
        info = {name: np.asarray(value).tolist() for name, value in info.items()}
        steps.append((observation.tobytes(), reward, terminated, truncated, info))
    return steps


def random_actions(env: gym.Env, n: int, seed: int = 0) -> list[int]:
    return np.random.default_rng(seed).integers(env.action_space.n, size=n).tolist()


def run_python(script: str, *options: str) -> str:
    """Run Python code in a fresh interpreter and return what it prints."""
    command = [sys.executable, *options, "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


# Checkers. No warning is expected, so any fails.


@every_id
@pytest.mark.usefixtures("_screen")
def test_gymnasium_accepts_it(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_with_gymnasium(gym.make(env_id).unwrapped)


@every_id
@pytest.mark.usefixtures("_screen")
def test_stable_baselines3_accepts_it(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_with_sb3(gym.make(env_id))


@every_id
def test_an_episode_gives_no_warning(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make(env_id)  # with Gymnasium's checks of each value
        env.reset(seed=0)
        play_out(env, random_actions(env, 20))
        env.close()


# Registration.


def test_ids_are_those_of_the_problems_and_one_for_each_family() -> None:
    assert sorted(IDS) == [
        "Apples-v0",
        "ApplesDefault-v0",
        "Batteries-v0",
        "BatteriesDefault-v0",
        "BatteriesEasy-v0",
        "Room-v0",
        "RoomAlt-v0",
        "RoomBad-v0",
        "RoomBig-v0",
        "RoomDefault-v0",
        "RoomDefaultPixel-v0",
        "RoomFar-v0",
        "Train-v0",
        "TrainDefault-v0",
    ]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("e = gym.make('rlsp_envs:RoomDefault-v0')", "RoomDefault-v0"),
        ("import rlsp_envs; e = gym.make('TrainDefault-v0')", "TrainDefault-v0"),
    ],
    ids=["module prefix", "import"],
)
def test_a_fresh_interpreter_finds_it(script: str, expected: str) -> None:
    lines = f"import gymnasium as gym; {script}; print(e.spec.id, e.reset(seed=0)[0].dtype)"
    assert run_python(lines, "-W", "error::UserWarning") == f"{expected} float32\n"


def test_importing_the_package_imports_no_drawing() -> None:
    lines = (
        "import sys, gymnasium as gym; gym.make('rlsp_envs:Room-v0').reset(); "
        "print([name for name in ('pygame', 'matplotlib', 'torch') if name in sys.modules])"
    )
    assert run_python(lines) == "[]\n"


@pytest.mark.skipif(not OLD_GYMNASIUM, reason="Gymnasium 1 loads no plugins")
def test_gymnasium_finds_the_plugin_without_an_import() -> None:
    plugins = entry_points(group="gymnasium.envs")
    if not any(plugin.value.startswith("rlsp_envs") for plugin in plugins):
        pytest.skip("rlsp-envs is on the path, but not installed as a distribution")
    lines = "import gymnasium as gym; print(gym.make('RoomDefault-v0').spec.id)"
    assert run_python(lines) == "RoomDefault-v0\n"


def test_registering_again_changes_nothing() -> None:
    before = dict(gym.registry)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rlsp_envs.register_envs()
    assert gym.registry == before
    assert all(gym.registry[env_id] is before[env_id] for env_id in IDS)


@pytest.mark.skipif(not hasattr(gym, "register_envs"), reason="not in this version of Gymnasium")
def test_gymnasiums_register_envs_takes_the_package() -> None:
    gym.register_envs(rlsp_envs)
    assert set(IDS) <= set(gym.registry)


@pytest.mark.skipif(OLD_GYMNASIUM, reason="Gymnasium 0.29 needs a callable in the spec")
@every_id
def test_spec_survives_json(env_id: str) -> None:
    spec = gym.envs.registration.EnvSpec.from_json(gym.make(env_id).spec.to_json())
    env, restored = gym.make(env_id), gym.make(spec)
    assert restored.unwrapped.observed_state == env.unwrapped.observed_state
    env.reset(seed=0)
    restored.reset(seed=0)
    actions = random_actions(env, 20)
    assert play_out(env, actions) == play_out(restored, actions)


@pytest.mark.parametrize(
    ("mistyped", "meant"),
    [
        ("RoomDefalt-v0", "RoomDefault"),
        ("Roomdefault-v0", "RoomDefault"),
        ("BateriesEasy-v0", "BatteriesEasy"),
        ("ApplesDefualt-v0", "ApplesDefault"),
    ],
)
def test_a_mistyped_id_suggests_the_right_one(mistyped: str, meant: str) -> None:
    with pytest.raises(NameNotFound, match=f"Did you mean: `{meant}`"):
        gym.make(mistyped)


@pytest.mark.parametrize("family", ["Room", "Train", "Apples", "Batteries"])
def test_a_family_shows_its_default_problem_without_a_task(family: str) -> None:
    env, default = gym.make(f"{family}-v0").unwrapped, gym.make(f"{family}Default-v0").unwrapped
    assert (env.mdp.transitions != default.mdp.transitions).nnz == 0
    assert env.observed_state is env.observed_states is env.horizon is None
    assert not env.task_reward.any()
    assert not env.true_reward.any()


# Seeds and copies.


@every_id
def test_the_same_seed_gives_the_same_episodes(env_id: str) -> None:
    first, second = gym.make(env_id), gym.make(env_id)
    actions = random_actions(first, 20)
    for seed in (7, None, 7):  # None goes on with the random numbers
        assert first.reset(seed=seed)[0].tobytes() == second.reset(seed=seed)[0].tobytes()
        assert play_out(first, actions) == play_out(second, actions)


def test_seeds_matter_where_there_is_chance() -> None:
    env = gym.make("ApplesDefault-v0")
    bare = {"state": {"apples": (0, 0, 0)}}
    outcomes = []
    for seed in (0, 1, 0, None):
        env.reset(seed=seed, options=bare)
        outcomes.append(play_out(env, [STAY] * 20))
    first, other, again, later = outcomes
    assert first == again
    assert first != other
    assert first != later


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize(
    ("env_id", "render_mode"),
    [*((i, None) for i in IDS), ("RoomDefault-v0", "human"), ("ApplesDefault-v0", "rgb_array")],
)
@pytest.mark.usefixtures("_screen")
def test_a_copy_goes_on_the_same(env_id: str, copied, render_mode: str | None) -> None:
    env = gym.make(env_id, render_mode=render_mode)
    env.unwrapped.metadata = {**env.unwrapped.metadata, "render_fps": 1000}
    env.reset(seed=3)
    play_out(env, random_actions(env, 6))
    twin = copied(env)
    assert twin.unwrapped.state == env.unwrapped.state
    actions = random_actions(env, 14, seed=1)
    expected = play_out(env, actions)
    assert play_out(twin, actions) == expected
    assert expected[-1][3]  # the copy counts the steps, too
    env.close()
    twin.close()


def test_a_copy_is_apart() -> None:
    env = gym.make("RoomDefault-v0").unwrapped
    env.reset(seed=0)
    twin = copy.deepcopy(env)
    twin.step(0)
    assert twin.state != env.state


# Steps and episodes.


@every_id
def test_an_episode_is_truncated_after_20_steps(env_id: str) -> None:
    env = gym.make(env_id)
    assert env.spec.max_episode_steps == 20
    env.reset(seed=0)
    steps = play_out(env, random_actions(env, 20))
    assert [truncated for _, _, _, truncated, _ in steps] == [False] * 19 + [True]
    assert not any(terminated for _, _, terminated, _, _ in steps)


@every_id
@pytest.mark.parametrize("reward", ["task", "true", "none"])
def test_reward_and_info(env_id: str, reward: str) -> None:
    env = gym.make(env_id, reward=reward)
    base = env.unwrapped
    observation, info = env.reset(seed=0)
    for action in [None, *random_actions(env, 20)]:
        if action is not None:
            observation, given, _, _, info = env.step(action)
            assert type(given) is float
            assert given == {**info, "none_reward": 0}[f"{reward}_reward"]
        features = base.mdp.features[base.mdp.index(base.state)]  # of the state that follows
        np.testing.assert_array_equal(info["features"], features)
        assert set(info) == {"features", "task_reward", "true_reward"}
        assert info["task_reward"] == pytest.approx(features @ base.task_reward)
        assert info["true_reward"] == pytest.approx(features @ base.true_reward)
        assert observation in env.observation_space


def test_step_returns_the_task_reward_by_default() -> None:
    env = gym.make("RoomDefault-v0")
    env.reset(options={"state": {"agent": (2, 0)}})
    assert env.step(0)[1] == 1  # on goal 1
    assert env.step(0)[1] == 0


def test_rewards_are_given_by_name_or_by_number() -> None:
    weights = {"on_goal_1": 2, "broken_vases": -0.5}
    by_name = RoomEnv(task_reward=weights, true_reward=None, reward="task")
    by_number = RoomEnv(task_reward=[-0.5, 0, 2, 0], true_reward=np.array([1, 2, 3, 4]))
    np.testing.assert_array_equal(by_name.task_reward, [-0.5, 0, 2, 0])
    np.testing.assert_array_equal(by_name.task_reward, by_number.task_reward)
    np.testing.assert_array_equal(by_name.true_reward, np.zeros(4))
    np.testing.assert_array_equal(by_number.true_reward, [1, 2, 3, 4])


@every_id
@pytest.mark.parametrize("action", [-1, 6, 1.0, None, "north", np.array([0])])
def test_a_wrong_action_is_refused_and_changes_nothing(env_id: str, action: Any) -> None:
    env = gym.make(env_id).unwrapped
    env.reset(seed=0)
    before = env.state
    with pytest.raises(InvalidAction, match=r"action=.*expected an int from 0 to [45]"):
        env.step(action)
    assert env.state == before


def test_only_apples_can_be_interacted_with() -> None:
    for env_id in IDS:
        env = gym.make(env_id).unwrapped
        env.reset(seed=0)
        if FAMILY_OF[env_id] == "Apples":
            env.step(INTERACT)
        else:
            with pytest.raises(InvalidAction, match="action=5: expected an int from 0 to 4"):
                env.step(INTERACT)


@every_id
def test_numpy_actions_are_actions(env_id: str) -> None:
    env = gym.make(env_id)
    env.reset(seed=0)
    first = play_out(env, [0, 2, 1])
    env.reset(seed=0)
    assert play_out(env, [np.int64(0), np.array(2), np.int32(1)]) == first


@every_id
def test_a_step_before_the_reset_is_refused(env_id: str) -> None:
    env = gym.make(env_id)
    with pytest.raises(ResetNeeded):
        env.step(0)
    with pytest.raises(ResetNeeded, match="call reset first"):
        env.unwrapped.step(0)
    assert env.unwrapped.state is None


# Where an episode starts.


@every_id
def test_reset_starts_in_any_state(env_id: str) -> None:
    env = gym.make(env_id)
    base = env.unwrapped
    rng = np.random.default_rng(0)
    for index in rng.integers(base.mdp.n_states, size=20):
        state = base.mdp.state(index)
        wanted = base.observations([index])[0]
        for options in (
            {"state": index},
            {"state": int(index)},
            {"state": state},
            {"observation": wanted},
            {"observation": wanted.tolist()},
        ):
            observation, info = env.reset(options=options)
            assert base.state == state
            np.testing.assert_array_equal(observation, wanted)
            np.testing.assert_array_equal(info["features"], base.mdp.features[index])
    env.reset()
    assert base.state == base.initial_state


def test_reset_completes_a_partial_state() -> None:
    env = gym.make("BatteriesDefault-v0")
    env.reset(options={"state": {"train": 2, "charge": 0}})
    assert env.unwrapped.state == {
        "train": 2,
        "charge": 0,
        "batteries": (1, 1),
        "carrying": 0,
        "agent": (4, 0),
    }
    env.reset(options={})
    assert env.unwrapped.state == env.unwrapped.initial_state


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": 0}, ValueError, "'start'.*'state' and 'observation'"),
        ({"state": 0, "observation": np.zeros(75)}, ValueError, "one of 'state' and 'observ"),
        ({"state": {"agents": (0, 0)}}, ValueError, r"'agents': .*\['agent', 'vases'\]"),
        ({"state": {"agent": (0, 5)}}, ValueError, r"'agent'.*\(0, 5\).*out of range.*\(3, 5\)"),
        ({"state": {"agent": (-1, 0)}}, ValueError, "out of range"),
        ({"state": {"agent": (0, 0, 0)}}, ValueError, "'agent'.*expected 2 ints"),
        ({"state": {"agent": (0.0, 1.0)}}, ValueError, "'agent'.*expected 2 ints"),
        ({"state": {"agent": 3}}, ValueError, "'agent'.*expected 2 ints"),
        ({"state": {"vases": (2,)}}, ValueError, "'vases'.*out of range"),
        ({"state": {"agent": (1, 2)}}, ValueError, r"'agent': \(1, 2\).*impossible"),
        ({"state": 29}, ValueError, "state=29.*0 to 28"),
        ({"state": -1}, ValueError, "state=-1.*0 to 28"),
        ({"state": "corner"}, ValueError, r"'corner'.*index.*mapping.*\['agent', 'vases'\]"),
        ({"observation": np.zeros(74)}, ValueError, r"\(1, 74\).*\(75,\)"),
        ({"observation": np.zeros((2, 75))}, ValueError, r"\(75,\)"),
    ],
)
def test_reset_refuses_other_options(options: dict, error: type, message: str) -> None:
    env = gym.make("RoomDefault-v0").unwrapped
    env.reset(seed=0)
    with pytest.raises(error, match=message):
        env.reset(options=options)


def test_set_state_from_observation(world: GridworldEnv) -> None:
    for index in np.random.default_rng(1).integers(world.mdp.n_states, size=10):
        world.set_state_from_observation(world.observations([index])[0])
        assert world.state == world.mdp.state(index)
        world.step(0)  # goes on from there, even before a reset


# Observations, states and features.


@every_id
def test_observation_space(env_id: str) -> None:
    env = gym.make(env_id).unwrapped
    space = env.observation_space
    assert type(space) is gym.spaces.Box
    if env_id == PIXELS:
        assert space == gym.spaces.Box(0, 255, (64, 64, 3), np.uint8)
        return
    assert space.dtype == np.float32
    assert space.shape == (np.prod(env.grid_shape),)
    highest = {
        "Room": [1, 1, 1, 1, 1],
        "Train": [1, 1, 1, 1, 1, 1, 1],
        "Apples": [4, 1, 1, 1, 1, 10],
        "Batteries": [2, 9, 1, 1, 1, 1],
    }[FAMILY_OF[env_id]]
    assert not space.low.any()
    assert (space.high.reshape(env.grid_shape) == highest).all()


ALL_THINGS = {
    "Room": {"layout": "AVC\n1#2"},
    "Train": {"layout": "AVC\nT<1"},
    "Apples": {"layout": "AT.\n.BB", "bucket_capacity": 3},
    "Batteries": {"layout": "ABT\n1.."},
}


@pytest.mark.parametrize("env_id", [*(i for i in IDS if i != PIXELS), *ALL_THINGS])
def test_bounds_of_observations_are_tight(env_id: str) -> None:
    arguments = ALL_THINGS.get(env_id, {})
    env = gym.make(env_id if env_id in IDS else f"{env_id}-v0", **arguments).unwrapped
    observations = env.observations(np.arange(env.mdp.n_states))
    space = env.observation_space
    assert observations.dtype == np.float32
    assert (observations >= space.low).all()
    assert (observations <= space.high).all()
    grids = observations.reshape(-1, *env.grid_shape)
    bounds = space.high.reshape(env.grid_shape)[0, 0]
    assert (grids.max(axis=(0, 1, 2)) == bounds).all()
    assert (grids.min(axis=(0, 1, 2)) == 0).all()
    assert len(np.unique(observations, axis=0)) == env.mdp.n_states


def test_states_and_indices_are_one_to_one(world: GridworldEnv) -> None:
    indices = np.arange(world.mdp.n_states)
    states = world.states.decode(indices)
    np.testing.assert_array_equal(world.states.encode(states), indices)
    np.testing.assert_array_equal(world.state_indices(world.observations(indices)), indices)
    for index in indices[:: max(1, len(indices) // 100)].tolist():
        assert world.mdp.index(world.mdp.state(index)) == index


def test_features_of_observations_are_those_of_the_states(world: GridworldEnv) -> None:
    observations = world.observations(np.arange(world.mdp.n_states))
    before = observations.copy()
    features = world.features(observations)
    np.testing.assert_array_equal(features, world.mdp.features)
    assert features.dtype == np.float64
    np.testing.assert_array_equal(world.features(observations[-1]), features[-1])
    np.testing.assert_array_equal(world.features(observations[:1]), features[:1])
    np.testing.assert_array_equal(world.features(observations[:2].tolist()), features[:2])
    assert world.features(observations[:0]).shape == (0, len(world.feature_names))
    np.testing.assert_array_equal(observations, before)


@pytest.mark.parametrize("shape", [(), (74,), (2, 74), (1, 2, 75)])
def test_features_refuse_other_shapes(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"shape.*\(75,\)"):
        gym.make("RoomDefault-v0").unwrapped.features(np.zeros(shape))


def test_a_noisy_observation_is_understood(world: GridworldEnv) -> None:
    indices = np.arange(world.mdp.n_states)
    observations = world.observations(indices)
    size = 20 if observations.dtype == np.uint8 else 0.3
    noise = np.random.default_rng(0).uniform(-size, size, observations.shape)
    np.testing.assert_array_equal(world.state_indices(observations + noise), indices)
    np.testing.assert_array_equal(world.features(observations + noise), world.mdp.features)


def test_any_observation_is_understood_as_a_state(world: GridworldEnv) -> None:
    rng = np.random.default_rng(0)
    space = world.observation_space
    observations = rng.uniform(space.low - 1.0, space.high + 1.0, (300, *space.shape))
    assert (world.state_indices(observations) >= 0).all()


@every_id
def test_observed_states(env_id: str) -> None:
    env = gym.make(env_id)
    base = env.unwrapped
    if env_id.removesuffix("-v0") not in WORLDS:
        observed = base.observed_states
        assert observed.shape == (1, *env.observation_space.shape)
        assert observed[0] in env.observation_space
        index = base.mdp.index(base.observed_state)
        assert base.state_indices(observed).tolist() == [index]
        env.reset(options={"state": base.observed_state})
        assert base.state == base.observed_state
    else:
        assert base.observed_states is None


def test_observed_state_of_ones_own() -> None:
    env = gym.make("Room-v0", layout="AV1", observed_state={"agent": (0, 2), "vases": (0,)})
    assert env.unwrapped.observed_state == {"agent": (0, 2), "vases": (0,)}
    np.testing.assert_array_equal(
        env.unwrapped.features(env.unwrapped.observed_states), [[1, 0, 1]]
    )
    unbroken = gym.make("Room-v0", layout="AV1", observed_state={}).unwrapped
    assert unbroken.observed_state == unbroken.initial_state


def test_the_pixel_room_is_the_room_in_colors() -> None:
    pixel, grid = (gym.make(i).unwrapped for i in ("RoomDefaultPixel-v0", "RoomDefault-v0"))
    background, blue, vase, broken, carpet, goal = (
        (200, 200, 200),
        (0, 0, 255),
        (76, 114, 176),
        (221, 132, 82),
        (85, 168, 104),
        (196, 78, 82),
    )
    for index in range(29):
        state = pixel.mdp.state(index)
        assert grid.mdp.state(index) == state
        expected = np.full((64, 64, 3), 200, dtype=np.uint8)
        for row, line in enumerate(["..2..", "1CVC.", "....."]):
            for column, symbol in enumerate(line):
                whole = vase if state["vases"] == (1,) else broken
                colors = {".": background, "C": carpet, "V": whole, "1": goal, "2": goal}
                color = blue if state["agent"] == (row, column) else colors[symbol]
                expected[12 * row : 12 * row + 12, 12 * column : 12 * column + 12] = color
        np.testing.assert_array_equal(pixel.observations([index])[0], expected)
        noise = np.random.default_rng(index).integers(-20, 20, expected.shape)
        noisy = np.clip(expected + noise, 0, 255).astype(np.uint8)
        assert pixel.state_indices(noisy[None]).tolist() == [index]


def test_agent_at_each_cell(world: GridworldEnv) -> None:
    for index in np.random.default_rng(2).integers(world.mdp.n_states, size=4):
        state = world.mdp.state(index)
        cells = world.agent_at_each_cell(state)
        assert cells.shape == world.layout.shape
        assert cells[state["agent"]] == index
        for cell in np.ndindex(cells.shape):
            try:
                expected = world.mdp.index({**state, "agent": cell})
            except ValueError:
                expected = -1
            assert cells[cell] == expected


def test_agent_at_each_cell_of_a_partial_state() -> None:
    env = gym.make("RoomDefault-v0").unwrapped
    cells = env.agent_at_each_cell({"vases": (1,)})
    assert (cells < 0).tolist() == [[False] * 5, [False, False, True, False, False], [False] * 5]
    assert (env.agent_at_each_cell({"vases": (0,), "agent": (0, 0)}) >= 0).all()


# Pictures and keys.


def test_without_a_render_mode_there_is_a_warning_and_no_picture() -> None:
    env = gym.make("RoomDefault-v0").unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="pass render_mode to gym.make"):
        assert env.render() is None


@every_id
def test_rendering_as_text(env_id: str) -> None:
    env = gym.make(env_id, render_mode="ansi")
    env.reset(seed=0)
    before = env.render()
    assert isinstance(before, str)
    assert before.isprintable() or "\n" in before
    assert "A" in before
    assert env.render() == before
    env.step({"Apples": 2}.get(FAMILY_OF[env_id], 0 if env_id != "RoomAlt-v0" else 1))
    assert env.render() != before


@every_id
@pytest.mark.usefixtures("_screen")
def test_rendering_as_a_picture(env_id: str) -> None:
    env = gym.make(env_id, render_mode="rgb_array")
    env.reset(seed=0)
    before = env.render()
    assert before.dtype == np.uint8
    assert before.ndim == 3
    assert before.shape[2] == 3
    np.testing.assert_array_equal(env.render(), before)
    env.step({"Apples": 2}.get(FAMILY_OF[env_id], 0 if env_id != "RoomAlt-v0" else 1))
    assert (env.render() != before).any()


@every_id
@pytest.mark.usefixtures("_screen")
def test_rendering_in_a_window(env_id: str) -> None:
    import pygame

    env = gym.make(env_id, render_mode="human")
    env.unwrapped.metadata = {**env.unwrapped.metadata, "render_fps": 1000}
    picture = gym.make(env_id, render_mode="rgb_array")
    for each in (env, picture):
        each.reset(seed=0, options={"state": {"agent": env.unwrapped.initial_state["agent"]}})
        each.step(2)
    assert env.render() is None
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    np.testing.assert_array_equal(shown, picture.render())
    env.close()
    assert not pygame.display.get_init()


@every_id
def test_every_state_looks_different(env_id: str) -> None:
    env = gym.make(env_id, render_mode="ansi").unwrapped
    n_states = env.mdp.n_states
    indices = np.random.default_rng(0).choice(n_states, size=min(n_states, 400), replace=False)
    looks = {}
    for index in indices.tolist():
        env.reset(options={"state": index})
        looks[env.render()] = index
    assert len(looks) == len(indices)


@every_family
@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array", "human"])
def test_rendering_before_the_reset_is_refused(env_class, render_mode: str) -> None:
    with pytest.raises(ResetNeeded, match="call reset first"):
        env_class(render_mode=render_mode).render()


@every_id
@pytest.mark.usefixtures("_screen")
@pytest.mark.filterwarnings("ignore:.*env.get_keys_to_action:UserWarning")  # Gymnasium 0.29's own
def test_it_is_played_from_the_keyboard(env_id: str) -> None:
    import pygame
    from gymnasium.utils.play import play

    env = gym.make(env_id, render_mode="rgb_array")
    keys = [None, pygame.K_w, pygame.K_RIGHT, pygame.K_DOWN, pygame.K_LEFT, pygame.K_UP]
    keys += [pygame.K_a, pygame.K_s, pygame.K_d, pygame.K_SPACE]
    expected = [STAY, 0, 2, 1, 3, 0, 3, 1, 2, INTERACT if env.action_space.n == 6 else STAY]
    actions = []

    def press_next(_before, _after, action, _reward, _terminated, _truncated, _info) -> None:
        actions.append(action)
        if keys[len(actions) - 1] is not None:
            pygame.event.post(pygame.event.Event(pygame.KEYUP, key=keys[len(actions) - 1]))
        if len(actions) == len(keys):
            pygame.event.post(pygame.event.Event(pygame.QUIT))
        else:
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=keys[len(actions)]))

    play(env, fps=1000, noop=STAY, callback=press_next)
    assert actions == expected


# Arguments.


def caret_of(message: str) -> tuple[list[str], tuple[int, int] | None]:
    """The drawing that an error shows, and the cell that it points to."""
    lines = [line.removeprefix("    ") for line in message.split("\n")[1:]]
    carets = [i for i, line in enumerate(lines) if line.strip() == "^" and i > 0]
    if not carets:
        return lines, None
    (i,) = carets
    return lines[:i] + lines[i + 1 :], (i - 1, lines[i].index("^"))


LAYOUT_ERRORS = [
    (RoomEnv, "A..\n.X.", "'X' is unknown: expected .*'V' vase", (1, 1)),
    (RoomEnv, "A..\n...\n..T", "'T' is unknown", (2, 2)),
    (RoomEnv, "A.0", "'0' is unknown", (0, 2)),
    (ApplesEnv, "A.1", "'1' is unknown: expected .*'T' tree.*'B' bucket", (0, 2)),
    (TrainEnv, "AB.T", "'B' is unknown: expected .*'T' train", (0, 1)),
    (BatteriesEnv, "AVT", "'V' is unknown: expected .*'B' battery", (0, 1)),
    (RoomEnv, "A..\n..", "row 1 has 2 cells and row 0 has 3.*equally long", (1, 2)),
    (RoomEnv, "A..\n....", "row 1 has 4 cells and row 0 has 3", (1, 3)),
    (RoomEnv, "A..\n\n...", "row 1 has 0 cells", (1, 0)),
    (RoomEnv, "A..\n. .", "' ' is unknown", (1, 1)),
    (RoomEnv, "...\n.V.", "expected one 'A' .*found 0", None),
    (RoomEnv, "A..\n..A", "expected one 'A' .*found 2", (1, 2)),
    (RoomEnv, "A.2", "goal 2 without a goal 1", (0, 2)),
    (RoomEnv, "A.1\n3..", "goal 3 without a goal 2", (1, 0)),
    (RoomEnv, "A.1\n.1.", "goal 1 stands more than once", (0, 2)),
    (TrainEnv, "A..", "expected one 'T' .*found 0", None),
    (TrainEnv, "A.T\nT..", "expected one 'T' .*found 2", (0, 2)),
    (BatteriesEnv, "A.B", "expected one 'T' .*found 0", None),
    (TrainEnv, "AT>.", "this arrow leads off the track", (0, 2)),
    (TrainEnv, "A.T>", "this arrow leads off the track", (0, 3)),
    (BatteriesEnv, "A.Tv\n..^.", "this arrow leads off the track", (0, 3)),
    (TrainEnv, "AT.\n.^.\n.^.\n>^.", "first arrow after the 'T' must be beside it", (3, 0)),
    (TrainEnv, "A..T<\n.>v..\n.^<..", "not on the loop", None),
    (TrainEnv, "AT...\n.>>v.\n..^<.", "the arrows run in a loop without the 'T'", (1, 2)),
    (TrainEnv, "A.>T<", "the arrows and the 'T' are not one loop", (0, 3)),
    (TrainEnv, "AT...\n.>v..\n.^<..", "the arrows and the 'T' are not one loop", (0, 1)),
]


@pytest.mark.parametrize(("env_class", "layout", "message", "cell"), LAYOUT_ERRORS)
def test_a_wrong_layout_is_pointed_to(env_class, layout: str, message: str, cell) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        env_class(layout)
    drawing, found = caret_of(str(caught.value))
    assert drawing == layout.split("\n")
    if cell is None and "not on the loop" in message:  # each of the four would do
        assert found in [(1, 1), (1, 2), (2, 1), (2, 2)]
    else:
        assert found == cell
        assert cell is None or f"row {cell[0]}, column {cell[1]}: " in str(caught.value)


@every_family
@pytest.mark.parametrize("layout", ["", "\n", "   \n  \n"])
def test_an_empty_layout_is_refused(env_class, layout: str) -> None:
    with pytest.raises(ValueError, match=r"layout is empty: draw a world with .*'A' agent"):
        env_class(layout)


@every_family
@pytest.mark.parametrize("layout", [None, ["A.."], b"A..", 3])
def test_a_layout_is_a_str(env_class, layout: Any) -> None:
    with pytest.raises(TypeError, match=r"layout=.*expected a str"):
        env_class(layout)


def test_indentation_and_blank_lines_around_a_layout_do_not_matter() -> None:
    drawn = RoomEnv(
        """

        A.V
        1#.

        """
    )
    assert drawn.layout.rows == RoomEnv("A.V\n1#.").layout.rows == ["A.V", "1#."]


def test_a_wrong_layout_is_pointed_to_through_gymnasium() -> None:
    with pytest.raises(ValueError, match=re.escape("row 0, column 2")):
        gym.make("Room-v0", layout="A.x")


BAD_ARGUMENTS = [
    (RoomEnv, {"horizon": 0}, "horizon=0: expected None or an int of at least 1"),
    (RoomEnv, {"horizon": -3}, "horizon=-3"),
    (TrainEnv, {"horizon": 2.5}, "horizon=2.5"),
    (TrainEnv, {"horizon": "7"}, "horizon='7'"),
    (RoomEnv, {"reward": "tsak"}, "reward='tsak': expected one of .*'task', 'true', 'none'"),
    (RoomEnv, {"reward": None}, "reward=None"),
    (RoomEnv, {"observation": "image"}, "observation='image': expected 'grid' or 'pixels'"),
    (RoomEnv, {"layout": "A" + "." * 64, "observation": "pixels"}, "65 columns.*at most 64"),
    (RoomEnv, {"render_mode": "rgb"}, "render_mode='rgb': expected None or one of .*'ansi'"),
    (ApplesEnv, {"regrowth": -0.1}, "regrowth=-0.1: expected a probability"),
    (ApplesEnv, {"regrowth": 1.1}, "regrowth=1.1"),
    (ApplesEnv, {"regrowth": float("nan")}, "regrowth=nan"),
    (ApplesEnv, {"bucket_capacity": 0}, "bucket_capacity=0: expected an int of at least 1"),
    (ApplesEnv, {"bucket_capacity": 1000}, "bucket_capacity=1000.*less than 1000"),
    (ApplesEnv, {"bucket_capacity": 2.5}, "bucket_capacity=2.5"),
    (BatteriesEnv, {"charge": -1}, "charge=-1: expected an int from 0 to 9"),
    (BatteriesEnv, {"charge": 10}, "charge=10"),
    (BatteriesEnv, {"charge": 1.5}, "charge=1.5"),
    (RoomEnv, {"observed_state": {"agent": (1, 2)}}, r"'agent': \(1, 2\).*impossible"),
    (RoomEnv, {"layout": "A#", "observed_state": {"agent": (0, 1)}}, "impossible"),
    (RoomEnv, {"observed_state": {"train": 1}}, r"'train': 1.*\['agent', 'vases'\]"),
    (RoomEnv, {"observed_state": {"vases": (1, 1)}}, "'vases'.*expected 1 ints"),
    (RoomEnv, {"observed_state": "here"}, "'here'.*mapping"),
    (TrainEnv, {"observed_state": {"train": 4}}, "'train'.*out of range"),
    (TrainEnv, {"observed_state": {"agent": (1, 2)}}, "impossible"),
    (ApplesEnv, {"observed_state": {"agent": (0, 0)}}, "impossible"),
    (ApplesEnv, {"observed_state": {"buckets": (11,)}}, "'buckets'.*less than"),
    (BatteriesEnv, {"observed_state": {"agent": (0, 0)}}, "impossible"),
    (RoomEnv, {"task_reward": [1, 2]}, r"task_reward=\[1, 2\]: expected 4 finite weights"),
    (RoomEnv, {"task_reward": [1, 2, 3, float("nan")]}, "task_reward=.*4 finite weights"),
    (RoomEnv, {"true_reward": {"on_goal_1": float("inf")}}, "true_reward=.*4 finite weights"),
    (RoomEnv, {"task_reward": {"on_gaol_1": 1}}, "'on_gaol_1' .did you mean 'on_goal_1'"),
    (TrainEnv, {"true_reward": {"broken_vase": 1}}, "true_reward.*did you mean 'broken_vases'"),
    (RoomEnv, {"task_reward": {"xyz": 1}}, r"'xyz': expected some of \['broken_vases'"),
]


@pytest.mark.parametrize(("env_class", "arguments", "message"), BAD_ARGUMENTS)
def test_a_wrong_argument_is_refused(env_class, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        env_class(**arguments)


def test_what_is_carried_may_stand_on_a_battery() -> None:
    env = BatteriesEnv(observed_state={"agent": (0, 0), "carrying": 1})
    assert env.observed_state["agent"] == (0, 0)


@every_family
def test_unknown_arguments_are_refused(env_class) -> None:
    with pytest.raises(TypeError, match="vases"):
        env_class(vases=3)
