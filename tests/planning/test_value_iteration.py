"""Planning agrees with going through every trajectory and every policy."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from rlsp_sb3.planning.dynamic_programming import (
    backup,
    expected_sums,
    occupancies,
    value_iteration,
)

from helpers.textbook import random_policy, random_world, trajectories

SEEDS = range(5)
worlds = st.builds(
    random_world,
    st.integers(0, 10**6),
    n_states=st.integers(1, 6),
    n_actions=st.integers(1, 4),
    deterministic=st.booleans(),
)


def rewards_of(world, seed, horizon, time_dependent):
    """Random rewards (S,) or (T, S), and the same as (T, S)."""
    n_states = len(world.features)
    shape = (horizon, n_states) if time_dependent else (n_states,)
    rewards = np.random.default_rng(seed).normal(size=shape)
    return rewards, np.broadcast_to(rewards, (horizon, n_states))


def soft_values(world, rewards, temperature, t, state):
    """V_t(s) and Q_t(s, a) by the definition, a state at a time."""
    if t == len(rewards) - 1:
        return rewards[t][state], []
    q = [
        rewards[t][state]
        + sum(
            probability * soft_values(world, rewards, temperature, t + 1, following)[0]
            for following, probability in enumerate(outcomes)
            if probability
        )
        for outcomes in world.dense[state]
    ]
    return temperature * np.log(np.sum(np.exp(np.array(q) / temperature))), q


@pytest.mark.parametrize("time_dependent", [False, True])
@pytest.mark.parametrize("temperature", [0.3, 1, 2.5])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_soft_plan_is_that_of_the_definition(seed, deterministic, temperature, time_dependent):
    horizon = 4
    world = random_world(seed, deterministic=deterministic)
    rewards, each = rewards_of(world, seed, horizon, time_dependent)
    plan = value_iteration(world.transitions, rewards, horizon, temperature)
    for t, state in product(range(horizon), range(3)):
        value, q = soft_values(world, each, temperature, t, state)
        assert plan.values[t, state] == pytest.approx(value, rel=1e-12)
        if t < horizon - 1:
            expected = np.exp((np.array(q) - value) / temperature)
            np.testing.assert_allclose(plan.policy[t, state], expected, rtol=1e-12)


@pytest.mark.parametrize("time_dependent", [False, True])
@pytest.mark.parametrize("temperature", [0.4, 1.7])
@pytest.mark.parametrize("seed", SEEDS)
def test_without_chance_trajectories_are_as_likely_as_the_exponential_of_their_return(
    seed, temperature, time_dependent
):
    # The maximum entropy view: nothing here goes backward in time as planning does.
    horizon, n_actions = 5, 3
    world = random_world(seed, n_states=4, n_actions=n_actions, deterministic=True)
    rewards, each = rewards_of(world, seed, horizon, time_dependent)
    following = world.dense.argmax(axis=2)
    weight_of_first_action = np.zeros(n_actions)
    for actions in product(range(n_actions), repeat=horizon - 1):
        state, total = 0, each[0][0]
        for t, action in enumerate(actions, start=1):
            state = following[state, action]
            total += each[t][state]
        weight_of_first_action[actions[0]] += np.exp(total / temperature)
    plan = value_iteration(world.transitions, rewards, horizon, temperature)
    total = weight_of_first_action.sum()
    assert plan.values[0, 0] == pytest.approx(temperature * np.log(total), rel=1e-12)
    np.testing.assert_allclose(plan.policy[0, 0], weight_of_first_action / total, rtol=1e-12)


@pytest.mark.parametrize("time_dependent", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_hard_plan_is_the_best_of_all_policies(seed, deterministic, time_dependent):
    horizon, n_states, n_actions = 3, 3, 2
    world = random_world(seed, n_states, n_actions, deterministic=deterministic)
    rewards, each = rewards_of(world, seed, horizon, time_dependent)

    def returns(policy):
        return np.array(
            [
                sum(
                    probability * sum(each[t][state] for t, state in enumerate(path))
                    for path, probability in trajectories(world, policy, start)
                )
                for start in range(n_states)
            ]
        )

    choices = product(range(n_actions), repeat=(horizon - 1) * n_states)
    tables = (np.eye(n_actions)[np.reshape(choice, (horizon - 1, n_states))] for choice in choices)
    best = np.max([returns(table) for table in tables], axis=0)
    plan = value_iteration(world.transitions, rewards, horizon, temperature=0)
    np.testing.assert_allclose(plan.values[0], best, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(returns(plan.policy), best, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_occupancies_and_expected_sums_are_those_of_all_trajectories(seed, deterministic):
    horizon = 4
    world = random_world(seed, deterministic=deterministic)
    policy = random_policy(np.random.default_rng(seed), horizon, 3, 2)
    alpha = np.zeros((horizon, 3))
    sums = np.zeros((3, 2))
    for start in range(3):
        for path, probability in trajectories(world, policy, start):
            for t, state in enumerate(path):
                alpha[t, state] += world.initial_distribution[start] * probability
                sums[start] += probability * world.features[state]
    np.testing.assert_allclose(
        occupancies(world.transitions, policy, world.initial_distribution), alpha, atol=1e-13
    )
    expected = expected_sums(world.transitions, policy, world.features)
    assert expected.shape == (horizon, 3, 2)
    np.testing.assert_allclose(expected[0], sums, atol=1e-13)
    # What is left from t on is what a plan that starts at t has.
    for t in range(1, horizon):
        np.testing.assert_array_equal(
            expected[t], expected_sums(world.transitions, policy[t:], world.features)[0]
        )
    of_rewards = expected_sums(world.transitions, policy, world.features @ [2, -1])
    np.testing.assert_allclose(of_rewards, expected @ [2, -1], atol=1e-12)


@settings(max_examples=40, deadline=None)
@given(worlds, st.integers(1, 6), st.integers(0, 10**6))
def test_forward_and_backward_recursion_agree(world, horizon, seed):
    n_states = len(world.features)
    rng = np.random.default_rng(seed)
    policy = random_policy(rng, horizon, n_states, len(world.dense[0]))
    alpha = occupancies(world.transitions, policy, world.initial_distribution)
    assert alpha.shape == (horizon, n_states)
    np.testing.assert_allclose(alpha.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(
        (alpha @ world.features).sum(axis=0),
        world.initial_distribution @ expected_sums(world.transitions, policy, world.features)[0],
        atol=1e-10,
    )


@settings(max_examples=40, deadline=None)
@given(worlds, st.integers(1, 6), st.booleans(), st.floats(0.05, 20))
def test_temperature_only_scales_rewards(world, horizon, time_dependent, temperature):
    rewards, _ = rewards_of(world, 0, horizon, time_dependent)
    plan = value_iteration(world.transitions, rewards, horizon, temperature)
    scaled = value_iteration(world.transitions, rewards / temperature, horizon, 1)
    np.testing.assert_allclose(plan.policy, scaled.policy, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(plan.values, temperature * scaled.values, rtol=1e-9, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(worlds, st.integers(1, 6), st.booleans(), st.floats(1e-6, 10))
def test_soft_values_lie_above_hard_ones_by_the_entropy_at_most(
    world, horizon, time_dependent, temperature
):
    rewards, _ = rewards_of(world, 0, horizon, time_dependent)
    soft = value_iteration(world.transitions, rewards, horizon, temperature).values
    hard = value_iteration(world.transitions, rewards, horizon, 0).values
    steps_left = np.arange(horizon)[::-1, None]
    bound = temperature * steps_left * np.log(len(world.dense[0]))
    assert np.all(soft - hard >= -1e-9)
    assert np.all(soft - hard <= bound + 1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_soft_policy_becomes_the_hard_one_as_the_temperature_falls(seed):
    world = random_world(seed, n_states=5, n_actions=3)
    rewards, _ = rewards_of(world, seed, 6, time_dependent=True)
    hard = value_iteration(world.transitions, rewards, 6, 0)
    soft = value_iteration(world.transitions, rewards, 6, 1e-7)
    np.testing.assert_allclose(soft.policy, hard.policy, atol=1e-6)
    np.testing.assert_allclose(soft.values, hard.values, atol=1e-5)


@pytest.mark.parametrize("scale", [1e3, 1e8, 1e200])
@pytest.mark.parametrize("temperature", [0, 0.5])
def test_huge_rewards_do_not_overflow(scale, temperature):
    world = random_world(0, n_states=5, n_actions=3)
    rewards, _ = rewards_of(world, 0, 6, time_dependent=False)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        plan = value_iteration(world.transitions, scale * rewards, 6, temperature)
    hard = value_iteration(world.transitions, rewards, 6, 0)
    np.testing.assert_allclose(plan.policy.sum(axis=2), 1, rtol=1e-12)
    np.testing.assert_allclose(plan.values, scale * hard.values, rtol=1e-2)


def test_constant_added_to_the_rewards_changes_values_alone():
    world = random_world(1, n_states=5, n_actions=3)
    rewards, _ = rewards_of(world, 0, 6, time_dependent=True)
    plan = value_iteration(world.transitions, rewards, 6)
    raised = value_iteration(world.transitions, rewards + 7, 6)
    np.testing.assert_allclose(raised.policy, plan.policy, rtol=1e-11)
    np.testing.assert_allclose(
        raised.values - plan.values, np.tile([[42], [35], [28], [21], [14], [7]], 5)
    )


def test_ties_go_to_the_action_with_the_smallest_number():
    stay = csr_array(np.repeat(np.eye(3), 4, axis=0))
    plan = value_iteration(stay, [1, 2, 3], 5, temperature=0)
    np.testing.assert_array_equal(plan.policy, np.broadcast_to([1, 0, 0, 0], (4, 3, 4)))


def test_tie_among_later_actions_goes_to_the_first_of_them():
    # From state 0, actions 1 and 2 lead to the good state 1; action 0 stays.
    rows = np.eye(2)[[0, 1, 1, 1, 1, 1]]
    plan = value_iteration(csr_array(rows), [0, 1], 2, temperature=0)
    np.testing.assert_array_equal(plan.policy[0], [[0, 1, 0], [1, 0, 0]])


@pytest.mark.parametrize("temperature", [0, 1])
def test_horizon_of_one_state_leaves_nothing_to_choose(temperature):
    world = random_world(0)
    plan = value_iteration(world.transitions, [1, 2, 3], 1, temperature)
    assert plan.policy.shape == (0, 3, 2)
    np.testing.assert_array_equal(plan.values, [[1, 2, 3]])
    alpha = occupancies(world.transitions, plan.policy, world.initial_distribution)
    np.testing.assert_array_equal(alpha, [world.initial_distribution])
    np.testing.assert_array_equal(
        expected_sums(world.transitions, plan.policy, world.features), [world.features]
    )


@pytest.mark.parametrize("temperature", [0, 0.7])
def test_backup_of_some_states_is_that_of_all_of_them(temperature):
    world = random_world(3, n_states=6, n_actions=3)
    rewards, next_values = np.random.default_rng(0).normal(size=(2, 6))
    policy, values = backup(world.transitions, rewards, next_values, temperature)
    some = np.array([4, 1])
    rows = (some[:, None] * 3 + np.arange(3)).ravel()
    restricted = backup(world.transitions[rows], rewards[some], next_values, temperature)
    np.testing.assert_array_equal(restricted[0], policy[some])
    np.testing.assert_array_equal(restricted[1], values[some])


@pytest.mark.parametrize("temperature", [0, 1])
def test_last_rewards_count_for_all_times_after_them(temperature):
    world = random_world(2, n_states=4)
    rewards = np.random.default_rng(0).normal(size=(3, 4))
    held = value_iteration(world.transitions, rewards, 6, temperature)
    written_out = rewards[[0, 1, 2, 2, 2, 2]]
    expected = value_iteration(world.transitions, written_out, 6, temperature)
    np.testing.assert_array_equal(held.values, expected.values)
    np.testing.assert_array_equal(held.policy, expected.policy)
    # What comes after the last state does not count.
    shorter = value_iteration(world.transitions, rewards, 2, temperature)
    expected = value_iteration(world.transitions, rewards[:2], 2, temperature)
    np.testing.assert_array_equal(shorter.values, expected.values)


@pytest.mark.parametrize(
    ("rewards", "horizon", "temperature", "message"),
    [
        ([0, 0, 0], 0, 1, "horizon=0"),
        ([0, 0, 0], -2, 1, "horizon=-2"),
        ([0, 0, 0], 3, -0.1, "temperature=-0.1"),
        ([0, 0, 0], 3, float("nan"), "temperature=nan"),
        ([0, 0], 3, 1, r"rewards has shape \(2,\): expected \(3,\) or \(n, 3\)"),
        (np.zeros((3, 2)), 3, 1, r"rewards has shape \(3, 2\)"),
        (np.zeros((0, 3)), 3, 1, r"rewards has shape \(0, 3\)"),
        (np.zeros((3, 3, 3)), 3, 1, r"rewards has shape \(3, 3, 3\)"),
        (0.0, 3, 1, r"rewards has shape \(\)"),
    ],
)
def test_impossible_arguments_are_named(rewards, horizon, temperature, message):
    with pytest.raises(ValueError, match=message):
        value_iteration(random_world(0).transitions, rewards, horizon, temperature)
