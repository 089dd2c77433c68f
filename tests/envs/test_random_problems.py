"""Random problems: which are kept, what the person leaves behind, and Gymnasium's surface."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_envs.gridworlds.person import best_actions, expected_return
from rlsp_envs.registration import RANDOM_FAMILIES

IDS = [env_id for problems in RANDOM_FAMILIES.values() for env_id in problems]
HARM = {
    "RandomRoom-v0": ["broken_vases"],
    "RandomTrain-v0": ["broken_vases", "broken_train"],
    "RandomApples-v0": [],
    "RandomBatteries-v0": ["dead_train"],
}
SEEDS = range(4)
every_id = pytest.mark.parametrize("env_id", IDS)


def unwrapped(env_id: str, seed: int) -> Any:
    return gym.make(env_id, layout_seed=seed).unwrapped


def best_by_enumeration(env: Any, rewards: np.ndarray, state: int, n_states: int) -> float:
    """The best return, by going through all that can be done."""
    if n_states == 1:
        return float(rewards[state])
    rows = env.mdp.transitions[state * env.mdp.n_actions + np.arange(env.mdp.n_actions)]
    each = {int(row.indices[0]) for row in rows}
    return float(rewards[state]) + max(
        best_by_enumeration(env, rewards, after, n_states - 1) for after in each
    )


@every_id
@pytest.mark.parametrize("seed", SEEDS)
def test_the_person_acted_well(env_id: str, seed: int) -> None:
    env = unwrapped(env_id, seed)
    observed = dict(zip(env.feature_names, env.features(env.observed_states[0]), strict=True))
    assert [observed[name] for name in HARM[env_id]] == [0] * len(HARM[env_id])
    assert observed["apples_in_buckets" if "Apples" in env_id else "on_goal_1"] > 0


@every_id
@pytest.mark.parametrize("seed", SEEDS)
def test_the_task_alone_does_harm(env_id: str, seed: int) -> None:
    planning = pytest.importorskip("rlsp_sb3.planning")
    env = unwrapped(env_id, seed)
    mdp = env.mdp
    task, true = (mdp.features @ each for each in (env.task_reward, env.true_reward))
    start = mdp.index(env.observed_state)
    assert planning.true_return_fraction(mdp, task, true, start) < 1 - 1e-9
    assert planning.true_return_fraction(mdp, true, true, start) == 1


@pytest.mark.parametrize("seed", SEEDS)
def test_the_person_could_not_do_better(seed: int) -> None:
    env = unwrapped("RandomRoom-v0", seed)
    mdp = env.mdp
    wanted = dict.fromkeys(env.feature_names, 0.0) | {"on_goal_1": 1, "broken_vases": -1}
    rewards = mdp.features @ np.array(list(wanted.values()))
    start, horizon = int(mdp.initial_distribution.argmax()), 5
    actions = best_actions(mdp, rewards, horizon)
    best = best_by_enumeration(env, rewards, start, horizon)
    assert expected_return(mdp, actions, rewards)[start] == pytest.approx(best)


def test_the_best_plan_is_that_of_value_iteration() -> None:
    planning = pytest.importorskip("rlsp_sb3.planning")
    mdp = unwrapped("RandomApples-v0", 0).mdp
    rewards = np.random.default_rng(0).standard_normal(mdp.n_states)
    plan = planning.value_iteration(mdp.transitions, rewards, 6, 0)
    actions = best_actions(mdp, rewards, 6)
    np.testing.assert_array_equal(actions, plan.policy.argmax(axis=2))
    np.testing.assert_allclose(expected_return(mdp, actions, rewards), plan.values[0])


@every_id
def test_the_observed_state_can_be_reached(env_id: str) -> None:
    env = unwrapped(env_id, 1)
    reached = env.mdp.initial_distribution > 0
    for _ in range(env.horizon - 1):
        after = env.mdp.transitions[np.repeat(reached, env.mdp.n_actions)]
        reached = after.sum(axis=0) > 0
    assert reached[env.mdp.index(env.observed_state)]


@every_id
def test_a_seed_is_a_layout(env_id: str) -> None:
    problems = [unwrapped(env_id, seed) for seed in (5, 5, 6)]
    assert problems[0].layout.rows == problems[1].layout.rows != problems[2].layout.rows
    assert problems[0].observed_state == problems[1].observed_state


def test_layouts_differ() -> None:
    layouts = {"\n".join(unwrapped("RandomRoom-v0", seed).layout.rows) for seed in range(30)}
    assert len(layouts) == 30


@every_id
def test_gymnasium_checks(env_id: str) -> None:
    check_env(gym.make(env_id, layout_seed=3).unwrapped, skip_render_check=True)


@every_id
def test_sb3_checks(env_id: str) -> None:
    checker = pytest.importorskip("stable_baselines3.common.env_checker")
    checker.check_env(gym.make(env_id, layout_seed=3))


@every_id
def test_specs_can_be_written_and_read(env_id: str) -> None:
    env = gym.make(env_id, layout_seed=3)
    read = EnvSpec.from_json(env.spec.to_json())
    assert read == env.spec
    assert read.kwargs["layout_seed"] == 3
    assert gym.make(read).unwrapped.layout.rows == env.unwrapped.layout.rows
    assert gym.spec(env_id).kwargs == {"layout_seed": 0}


@every_id
def test_vector_environments(env_id: str) -> None:
    kwargs = (
        {} if gym.__version__.startswith("0.") else {"vectorization_mode": "vector_entry_point"}
    )
    if not kwargs:
        pytest.skip("Gymnasium 0.29 has another name for it")
    env = gym.make_vec(env_id, num_envs=3, layout_seed=3, **kwargs)
    observations, _ = env.reset(seed=0)
    single, _ = gym.make(env_id, layout_seed=3).reset(seed=0)
    np.testing.assert_array_equal(observations, [single] * 3)


@pytest.mark.parametrize("seed", [-1, 1.5, "3", None, True, 2**63])
def test_wrong_seeds(seed: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="layout_seed"):
        gym.make("RandomRoom-v0", layout_seed=seed)


def test_what_the_problem_says_cannot_be_said_otherwise() -> None:
    with pytest.raises(TypeError, match="horizon"):
        gym.make("RandomRoom-v0", horizon=3)
    env = gym.make("RandomRoom-v0", observation="pixels", reward="true", render_mode="ansi")
    assert env.observation_space.shape == (64, 64, 3)
