"""Steps that are looked up are those of the rules, to the bit, in bounded memory."""

from __future__ import annotations

import copy
import pickle
import tracemalloc
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import InvalidAction

from rlsp_envs.gridworlds.gridworld import GridworldEnv
from rlsp_envs.gridworlds.states.seen_states import SeenStates, Successors
from rlsp_envs.registration import RANDOM_FAMILIES

from helpers.brute_force import CUSTOM, IDS

EAST = 2
CELLS = "A" + 40 * "V" + 59 * "."
FORTY_VASES = "\n".join(CELLS[start : start + 10] for start in range(0, 100, 10))
RANDOM_IDS = [env_id for problems in RANDOM_FAMILIES.values() for env_id in problems]
WORLDS: dict[str, tuple[str, dict[str, Any]]] = {
    **{env_id: (env_id, {}) for env_id in [*IDS, *RANDOM_IDS]},
    **{name: (f"{family}-v0", arguments) for name, (family, arguments) in CUSTOM.items()},
    "the true reward": ("TrainDefault-v0", {"reward": "true"}),
    "no reward": ("RoomDefault-v0", {"reward": "none"}),
    "40 vases": ("Room-v0", {"layout": FORTY_VASES}),
    "40 vases in pixels": ("Room-v0", {"layout": FORTY_VASES, "observation": "pixels"}),
}


def big_room(**arguments: Any) -> Any:
    return gym.make("Room-v0", layout=FORTY_VASES, **arguments).unwrapped


def by_the_rules(
    env: GridworldEnv, actions: list[int], rng: np.random.Generator
) -> Iterator[tuple[Any, ...]]:
    """The observation, features and three rewards after each action, computed each time anew."""
    states = env.states.batch(env.initial_state)
    for action in actions:
        outcomes = list(env._outcomes(states, np.array([action])))
        chosen = 0
        if len(outcomes) > 1:
            probabilities = np.array([outcome.probability.item() for outcome in outcomes])
            chosen = rng.choice(len(outcomes), p=probabilities)
        states = outcomes[chosen].states
        features = env._features(states)[0]
        weights = (env.step_reward, env.task_reward, env.true_reward)
        yield env._observe(states)[0], features, *(float(features @ each) for each in weights)


def bits(values: tuple[Any, ...]) -> list[Any]:
    arrays = map(np.asarray, values)
    return [(type(v), a.dtype, a.shape, a.tobytes()) for v, a in zip(values, arrays, strict=True)]


def assert_steps_are_those_of_the_rules(env: Any, n_episodes: int) -> None:
    actions = np.random.default_rng(0).integers(env.action_space.n, size=(n_episodes, 20))
    for seed, episode in enumerate(actions.tolist()):
        env.reset(seed=seed)
        rng = np.random.default_rng(seed)
        for action, expected in zip(
            episode, by_the_rules(env.unwrapped, episode, rng), strict=True
        ):
            observation, reward, _, _, info = env.step(action)
            rewards = (reward, info["task_reward"], info["true_reward"])
            assert bits((observation, info["features"], *rewards)) == bits(expected)
        assert env.unwrapped.np_random.random() == rng.random()  # as many were drawn


@pytest.mark.parametrize("name", WORLDS)
def test_steps_are_those_of_the_rules(name: str) -> None:
    env_id, arguments = WORLDS[name]
    assert_steps_are_those_of_the_rules(gym.make(env_id, **arguments), n_episodes=25)


@pytest.mark.parametrize("max_bytes", [0, 20_000])
@pytest.mark.parametrize("name", ["ApplesDefault-v0", "RoomDefaultPixel-v0", "40 vases"])
def test_steps_are_the_same_if_little_is_remembered(name: str, max_bytes: int) -> None:
    env_id, arguments = WORLDS[name]
    env = gym.make(env_id, **arguments)
    env.unwrapped.seen = SeenStates(max_bytes)
    assert_steps_are_those_of_the_rules(env, n_episodes=10)


# Memory.


@pytest.mark.parametrize(
    "make",
    [
        big_room,
        lambda: big_room(observation="pixels"),
        lambda: gym.make("Apples-v0", layout="TBTBT\n.....\nA....\nTBTBT").unwrapped,
    ],
    ids=["room", "room in pixels", "apples of many outcomes"],
)
def test_memory_is_bounded(make: Any) -> None:
    env, max_bytes = make(), 2**20
    env.seen = SeenStates(max_bytes)
    actions = np.random.default_rng(0).integers(env.n_actions, size=1500).tolist()
    most, sizes = 0, []
    env.reset(seed=0)
    tracemalloc.start()
    try:
        for action in actions:
            env.step(action)
            sizes.append(len(env.seen))
            most = max(most, tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert max_bytes / 3 < most < 1.2 * max_bytes  # and the limit is used
    assert any(after < before for before, after in pairwise(sizes))


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["copy", "pickle"]
)
def test_copies_remember_nothing(copied: Any) -> None:
    env = big_room()
    env.reset(seed=0)
    before = len(pickle.dumps(env))
    for action in np.random.default_rng(0).integers(5, size=300).tolist():
        env.step(action)
    assert len(env.seen) > 50
    assert len(pickle.dumps(env)) < before + 10_000
    assert len(copied(env).seen) == 0


# What is handed out, and rewards that change.


def test_what_steps_return_is_ones_own() -> None:
    env = gym.make("RoomDefault-v0").unwrapped
    for _ in range(2):
        for move in (env.reset, lambda: env.step(EAST), lambda: env.step(EAST)):
            observation, *_, info = move()
            state = env.mdp.index(env.state)
            np.testing.assert_array_equal(observation, env.observations([state])[0])
            np.testing.assert_array_equal(info["features"], env.mdp.features[state])
            observation[:] = 7
            info["features"][:] = 7


def test_a_changed_reward_is_that_of_the_next_step() -> None:
    env = gym.make("RoomDefault-v0", reward="true").unwrapped
    env.reset(options={"state": {"agent": (2, 0)}})
    assert env.step(0)[4]["task_reward"] == 1  # on goal 1
    twin = copy.copy(env)
    twin.task_reward = {"on_goal_1": 5}
    twin.step_reward = [0, 0, -2, 0]
    for _ in range(2):
        _, reward, _, _, info = twin.step(4)
        assert (info["task_reward"], reward) == (5, -2)
        assert env.step(4)[4]["task_reward"] == 1
    with pytest.raises(ValueError, match=r"task_reward=\[1, 2\]: expected 4 finite weights"):
        env.task_reward = [1, 2]
    for weights in (env.task_reward, copy.deepcopy(env).true_reward):
        with pytest.raises(ValueError, match="read-only"):
            weights[0] = 3


def test_probabilities_that_are_none_are_refused() -> None:
    assert Successors.of([b"a", b"b"], [0.25, 0.75]).cumulative == [0.25, 1]
    with pytest.raises(ValueError, match=r"probabilities \[0.5, 0.25\]: expected a sum of 1"):
        Successors.of([b"a", b"b"], [0.5, 0.25])


@pytest.mark.parametrize("action", [np.int64(5), np.int64(-1), np.uint8(9), np.array(5)])
def test_actions_out_of_range_are_refused_in_seen_states(action: Any) -> None:
    env = big_room()
    env.reset()
    env.step(EAST)
    with pytest.raises(InvalidAction, match="expected an int from 0 to 4"):
        env.step(action)


# A room that cannot be enumerated.


def test_a_big_room_is_reset_and_drawn_in_any_state() -> None:
    env = big_room(render_mode="ansi")
    env.reset()
    for _ in range(3):
        observation, _, _, _, info = env.step(EAST)
    shown = env.render()
    assert shown.count("v") == info["features"][0] == 3
    for options in ({"observation": observation}, {"state": env.state}):
        env.reset()
        assert env.render() != shown
        again, of_state = env.reset(options=options)
        np.testing.assert_array_equal(again, observation)
        np.testing.assert_array_equal(of_state["features"], info["features"])
        assert env.render() == shown
    np.testing.assert_array_equal(env.features(observation), info["features"])
