"""The vectorized environments do what Gymnasium's do with single ones."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction, ResetNeeded
from gymnasium.vector import SyncVectorEnv
from scipy.stats import chisquare

import rlsp_envs.gridworlds.vector
from rlsp_envs.gridworlds import RoomEnv
from rlsp_envs.gridworlds.vector import GridworldVectorEnv

from helpers.brute_force import FAMILY_OF, IDS

OLD_GYMNASIUM = gym.__version__.startswith("0.")
STAY, INTERACT = 4, 5
DETERMINISTIC = [env_id for env_id in IDS if FAMILY_OF[env_id] != "Apples"]
# Deterministic, too, and with another action.
APPLES_WITHOUT_CHANCE = {
    "layout": "T.T\nBA.",
    "regrowth": 0.0,
    "true_reward": {"carrying_apple": 1},
}

every_id = pytest.mark.parametrize("env_id", IDS)


def make_vec(env_id: str, num_envs: int, **kwargs: Any) -> GridworldVectorEnv:
    if OLD_GYMNASIUM:  # its default is "async", and it keeps the arguments to itself
        return gym.make_vec(
            env_id, num_envs=num_envs, vectorization_mode="custom", vector_kwargs=kwargs
        )
    return gym.make_vec(env_id, num_envs=num_envs, **kwargs)


def assert_same_info(first: Any, second: Any) -> None:
    """Compare the infos of vector environments; 0.29 has arrays of arrays for those of ours."""
    if isinstance(first, dict):
        assert set(first) == set(second)
        for name in first:
            assert_same_info(first[name], second[name])
    elif first is None or second is None:
        assert first is second
    elif isinstance(second, np.ndarray) and second.dtype.kind == "O":
        assert len(first) == len(second)
        for mine, theirs in zip(first, second, strict=True):
            assert_same_info(mine, theirs)
    else:
        first, second = np.asarray(first), np.asarray(second)
        assert first.dtype == second.dtype
        np.testing.assert_array_equal(first, second)


def assert_same_steps(mine: GridworldVectorEnv, single: SyncVectorEnv, actions: np.ndarray) -> None:
    for step, action in enumerate(actions):
        first, second = mine.step(action), single.step(action)
        for ours, theirs in zip(first[:4], second[:4], strict=True):
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs, err_msg=f"step {step}")
        assert_same_info(first[4], second[4])


@pytest.mark.parametrize("num_envs", [1, 5])
@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        *((env_id, {}) for env_id in DETERMINISTIC),
        ("RoomDefault-v0", {"reward": "true"}),
        ("TrainDefault-v0", {"reward": "none"}),
        ("Apples-v0", APPLES_WITHOUT_CHANCE),
    ],
)
def test_it_does_what_single_environments_do(
    env_id: str, kwargs: dict[str, Any], num_envs: int
) -> None:
    mine = make_vec(env_id, num_envs, **kwargs)
    single = SyncVectorEnv([lambda: gym.make(env_id, **kwargs)] * num_envs)
    assert isinstance(mine, GridworldVectorEnv)
    for name in ("observation_space", "action_space"):
        assert getattr(mine, name) == getattr(single, name)
        assert getattr(mine, f"single_{name}") == getattr(single, f"single_{name}")
    rng = np.random.default_rng(0)
    n_actions = mine.single_action_space.n
    for options in (None, {"state": 7}):
        first, second = mine.reset(seed=0, options=options), single.reset(seed=0, options=options)
        np.testing.assert_array_equal(first[0], second[0])
        assert_same_info(first[1], second[1])
        assert_same_steps(mine, single, rng.integers(n_actions, size=(50, num_envs)))
    # A reset in the middle of an episode starts a whole one.
    mine.reset()
    single.reset()
    assert_same_steps(mine, single, rng.integers(n_actions, size=(25, num_envs)))


def test_it_resets_as_the_installed_gymnasium_does() -> None:
    env = make_vec("RoomDefault-v0", 2)
    start, _ = env.reset()
    actions = np.array([0, 2])
    for _ in range(19):
        _, _, _, truncated, _ = env.step(actions)
        assert not truncated.any()
    observations, rewards, terminated, truncated, info = env.step(actions)
    assert truncated.tolist() == [True, True]
    assert not terminated.any()
    if OLD_GYMNASIUM:  # in the same step
        np.testing.assert_array_equal(observations, start)
        final = np.stack(info["final_observation"])
        assert (final != start).any(axis=1).all()
        assert [list(i) for i in info["final_info"]] == [
            ["features", "task_reward", "true_reward"]
        ] * 2
    else:  # in the next one
        assert env.metadata["autoreset_mode"] == gym.vector.AutoresetMode.NEXT_STEP
        assert (observations != start).any(axis=1).all()
        observations, rewards, _, truncated, _ = env.step(actions)
        np.testing.assert_array_equal(observations, start)
        assert not truncated.any()
        assert not rewards.any()


def test_environments_that_end_apart_reset_apart() -> None:
    # Those of one vector environment end together, unless they are made to differ.
    env = make_vec("TrainDefault-v0", 3)
    env.reset()
    env._steps[:] = [19, 0, 18]
    truncations = [env.step(np.full(3, STAY))[3].tolist() for _ in range(4)]
    assert truncations == [[True, False, False], [False, False, True], [False] * 3, [False] * 3]
    episodes = env._steps.tolist()
    assert episodes == ([3, 4, 2] if OLD_GYMNASIUM else [2, 4, 1])


@every_id
def test_it_gives_no_warning(env_id: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = make_vec(env_id, 3)
        observations, _ = env.reset(seed=0)
        assert observations in env.observation_space
        env.action_space.seed(0)
        for _ in range(25):
            observations = env.step(env.action_space.sample())[0]
            assert observations in env.observation_space
        env.close()


@every_id
def test_without_a_limit_episodes_never_end(env_id: str) -> None:
    env = GridworldVectorEnv(type(gym.make(env_id).unwrapped), 2)
    env.reset(seed=0)
    assert not any(env.step(np.array([STAY, STAY]))[3].any() for _ in range(60))


@pytest.mark.skipif(OLD_GYMNASIUM, reason="Gymnasium 0.29 passes on the limit of the spec alone")
def test_the_limit_can_be_set() -> None:
    env = make_vec("RoomDefault-v0", 2, max_episode_steps=3)
    env.reset()
    assert [bool(env.step([STAY, STAY])[3].all()) for _ in range(8)] == [
        *(False, False, True, False),
        *(False, False, True, False),
    ]


def test_apples_grow_as_the_mdp_says() -> None:
    n = 20_000
    env = make_vec("ApplesDefault-v0", n)
    mdp = env.env.mdp
    state = {"apples": (0, 1, 0), "agent": (1, 2), "facing": 0, "buckets": (3,), "carrying": 0}
    for action in (STAY, INTERACT):
        env.reset(seed=action, options={"state": state})
        observations = env.step(np.full(n, action))[0]
        counts = np.bincount(env.env.state_indices(observations), minlength=mdp.n_states)
        index = mdp.index(state) * mdp.n_actions + action
        row = mdp.transitions[[index], :].toarray()[0]
        possible = np.flatnonzero(row)
        assert counts[row == 0].sum() == 0
        assert len(possible) == 4
        assert chisquare(counts[possible], n * row[possible]).pvalue > 0.01


def test_apples_grow_in_single_environments_as_the_mdp_says() -> None:
    n = 3000
    env = gym.make("ApplesDefault-v0").unwrapped
    mdp = env.mdp
    index = mdp.index({**env.initial_state, "apples": (0, 0, 0)})
    env.reset(seed=0)
    counts = np.zeros(mdp.n_states)
    for _ in range(n):
        env.reset(options={"state": index})
        env.step(STAY)
        counts[mdp.index(env.state)] += 1
    row = mdp.transitions[[index * mdp.n_actions + STAY], :].toarray()[0]
    common = np.flatnonzero(row > 0.005)  # the eighth, all three at once, has 0.001
    assert counts[row == 0].sum() == 0
    observed = [*counts[common], counts.sum() - counts[common].sum()]
    expected = [*row[common], 1 - row[common].sum()]
    assert len(expected) == 8
    assert chisquare(observed, n * np.array(expected)).pvalue > 0.01


def test_long_runs_in_apples_are_possible() -> None:
    env = make_vec("ApplesDefault-v0", 200)
    mdp = env.env.mdp
    observations, _ = env.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(19):
        before = env.env.state_indices(observations)
        actions = rng.integers(6, size=200)
        observations, _, _, _, info = env.step(actions)
        after = env.env.state_indices(observations)
        assert (mdp.transitions[before * 6 + actions, after] > 0).all()
        np.testing.assert_array_equal(info["features"], mdp.features[after])


def test_the_same_seed_gives_the_same_episodes() -> None:
    def run(seed: Any) -> list[bytes]:
        env.reset(seed=seed, options={"state": {"apples": (0, 0, 0)}})
        rng = np.random.default_rng(0)
        return [env.step(rng.integers(6, size=8))[0].tobytes() for _ in range(30)]

    env = make_vec("ApplesDefault-v0", 8)
    first = run(1)
    assert run(2) != first
    assert run(None) != first
    assert run(1) == first
    of_list = run([1] * 8)
    assert of_list == run((1,) * 8)
    assert of_list != run([1] * 7 + [2])
    with pytest.raises(ValueError, match=r"seed=\[1, 2\]: expected one for each of 8"):
        run([1, 2])


def test_environments_of_one_seed_differ() -> None:
    env = make_vec("ApplesDefault-v0", 50)
    env.reset(seed=0, options={"state": {"apples": (0, 0, 0)}})
    observations = env.step(np.full(50, STAY))[0]
    assert len(np.unique(observations, axis=0)) > 1


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "RoomDefaultPixel-v0", "ApplesDefault-v0"])
def test_reset_starts_in_any_states(env_id: str) -> None:
    env = make_vec(env_id, 3)
    base = env.env
    indices = [0, 5, 28]
    wanted = base.observations(indices)
    observations, info = env.reset(options={"observation": wanted})
    np.testing.assert_array_equal(observations, wanted)
    np.testing.assert_array_equal(info["features"], base.mdp.features[indices])
    observations, info = env.reset(options={"state": 5})
    np.testing.assert_array_equal(observations, wanted[[1, 1, 1]])
    env.reset(options={"state": base.mdp.state(5)})
    np.testing.assert_array_equal(env.reset(options={"state": base.mdp.state(5)})[0], observations)
    start = base.mdp.initial_distribution.argmax()
    np.testing.assert_array_equal(env.reset()[0], base.observations([start] * 3))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": 0}, ValueError, "'start'.*'state' and 'observation'"),
        ({"state": 0, "observation": np.zeros((3, 75))}, ValueError, "'state' and 'observation'"),
        ({"state": {"agent": (1, 2)}}, ValueError, "impossible"),
        ({"state": 29}, ValueError, "state=29"),
        ({"observation": np.zeros((2, 75))}, ValueError, "2 observations.*each of the 3"),
        ({"observation": np.zeros((3, 74))}, ValueError, r"\(75,\)"),
    ],
)
def test_reset_refuses_other_options(options: dict, error: type, message: str) -> None:
    env = make_vec("RoomDefault-v0", 3)
    with pytest.raises(error, match=message):
        env.reset(options=options)


@pytest.mark.parametrize(
    "actions", [[0, 1], [0, 1, 2, 3], 0, [0, 1, 5], [0, -1, 2], [0.0, 1.0, 2.0], [[0, 1, 2]], None]
)
def test_wrong_actions_are_refused_and_change_nothing(actions: Any) -> None:
    env, twin = make_vec("RoomDefault-v0", 3), make_vec("RoomDefault-v0", 3)
    env.reset(seed=0)
    twin.reset(seed=0)
    with pytest.raises(InvalidAction, match=r"actions=.*expected.*ints"):
        env.step(actions)
    for _ in range(20):
        expected = twin.step([0, 1, 2])
        found = env.step([0, 1, 2])
        np.testing.assert_array_equal(found[0], expected[0])
    assert found[3].all()


def test_a_step_before_the_reset_is_refused() -> None:
    with pytest.raises(ResetNeeded, match="call reset first"):
        make_vec("RoomDefault-v0", 2).step([0, 0])


@pytest.mark.parametrize("num_envs", [0, -1])
def test_there_is_at_least_one_environment(num_envs: int) -> None:
    with pytest.raises(ValueError, match=f"num_envs={num_envs}"):
        make_vec("RoomDefault-v0", num_envs)


@pytest.mark.parametrize("render_mode", ["ansi", "rgb_array", "human"])
def test_there_is_no_rendering(render_mode: str) -> None:
    with pytest.raises(ValueError, match=f"render_mode='{render_mode}'.*render a single one"):
        make_vec("RoomDefault-v0", 2, render_mode=render_mode)


@pytest.mark.parametrize("limit", [-1, None])
def test_there_may_be_no_limit_of_steps(limit: int | None) -> None:
    env = GridworldVectorEnv(RoomEnv, 2, limit)
    env.reset(seed=0)
    assert not any(env.step([4, 4])[3].any() for _ in range(100))


@pytest.mark.parametrize("limit", [0, -2, 1.5, True, "none"])
def test_other_limits_are_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="max_episode_steps="):
        GridworldVectorEnv(RoomEnv, 2, limit)


@pytest.mark.skipif(OLD_GYMNASIUM, reason="reset_mask is of Gymnasium 1.1")
def test_reset_mask_is_that_of_gymnasium() -> None:
    native = make_vec("RoomDefault-v0", 3)
    sync = SyncVectorEnv([lambda: gym.make("RoomDefault-v0")] * 3)
    mask = np.array([True, False, True])
    for env in (native, sync):
        env.reset(seed=0)
        for _ in range(3):
            env.step([0, 1, 2])
    for options in ({}, {"state": 5}):
        found, expected = (
            env.reset(options={**options, "reset_mask": mask.copy()}) for env in (native, sync)
        )
        np.testing.assert_array_equal(found[0], expected[0])
        assert_same_info(found[1], expected[1])
    for _ in range(25):
        found, expected = native.step([3, 1, 0]), sync.step([3, 1, 0])
        for mine, other in zip(found[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("mask", [[False] * 3, [True] * 2, [1, 0, 1], 1])
def test_other_reset_masks_are_refused(mask: Any) -> None:
    env = make_vec("RoomDefault-v0", 3)
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"reset_mask.*expected 3 bools"):
        env.reset(options={"reset_mask": mask})


def test_reset_mask_leaves_nothing_out_that_was_never_reset() -> None:
    with pytest.raises(ResetNeeded, match="never reset"):
        make_vec("RoomDefault-v0", 2).reset(options={"reset_mask": np.array([True, False])})


def test_arguments_reach_the_gridworld() -> None:
    env = make_vec("Room-v0", 2, layout="AV1", task_reward={"on_goal_1": 3}, reward="task")
    assert env.env.layout.rows == ["AV1"]
    env.reset()
    env.step([2, 2])
    np.testing.assert_array_equal(env.step([2, 4])[1], [3, 0])
    with pytest.raises(ValueError, match="row 0, column 2"):
        make_vec("Room-v0", 2, layout="A.x")


@every_id
def test_without_a_table_of_observations_it_is_the_same(
    env_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = make_vec(env_id, 4)
    monkeypatch.setattr(rlsp_envs.gridworlds.vector, "MAX_TABLE_BYTES", 0)
    without = make_vec(env_id, 4)
    assert env._observations is not None
    assert without._observations is None
    np.testing.assert_array_equal(env.reset(seed=0)[0], without.reset(seed=0)[0])
    rng = np.random.default_rng(0)
    for _ in range(30):
        actions = rng.integers(env.single_action_space.n, size=4)
        first, second = env.step(actions), without.step(actions)
        for expected, found in zip(first[:4], second[:4], strict=True):
            assert expected.dtype == found.dtype
            np.testing.assert_array_equal(expected, found)
        assert_same_info(first[4], second[4])


def test_what_it_returns_is_the_callers_own() -> None:
    env, twin = make_vec("RoomDefault-v0", 3), make_vec("RoomDefault-v0", 3)

    def spoil(value: Any) -> None:
        if isinstance(value, dict):
            for part in value.values():
                spoil(part)
        elif isinstance(value, np.ndarray) and value.dtype.kind == "O":
            for part in value:
                spoil(part)
        elif isinstance(value, np.ndarray):
            value[...] = 1

    for part in env.reset(seed=0):
        spoil(part)
    twin.reset(seed=0)
    for action in np.random.default_rng(0).integers(5, size=(45, 3)):
        found, expected = env.step(action), twin.step(action)
        for mine, other in zip(found[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
        assert_same_info(found[4], expected[4])
        for part in found:
            spoil(part)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "ApplesDefault-v0"])
def test_a_copy_goes_on_the_same(env_id: str, copied) -> None:
    env = make_vec(env_id, 4)
    env.reset(seed=0)
    actions = np.random.default_rng(0).integers(5, size=(35, 4))
    for action in actions[:10]:
        env.step(action)
    twin = copied(env)
    for action in actions[10:]:
        found, expected = twin.step(action), env.step(action)
        for mine, other in zip(found[:4], expected[:4], strict=True):
            np.testing.assert_array_equal(mine, other)
