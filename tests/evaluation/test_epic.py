"""The EPIC distance of rewards, against what the paper proves and what can be enumerated."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.evaluation.epic import epic_distance
from rlsp_sb3.rewards.reward import LinearReward

N, DISCOUNT = 500, 0.9
Reward = Callable[..., Any]


@pytest.fixture
def transitions() -> Transitions:
    rng = np.random.default_rng(1)
    return Transitions(
        rng.normal(size=(N, 3)),
        rng.uniform(-1, 1, (N, 2)),
        rng.normal(size=(N, 3)),
        rng.random(N) < 0.1,
    )


def bumpy(state: Any, action: Any, next_state: Any, done: Any) -> Any:
    """A reward of everything, without a structure that could make a mistake cancel."""
    return np.sin(state @ [1, 2, 3]) * next_state[:, 0] + action[:, 1] * state[:, 2] - 2.0 * done


def wavy(state: Any, action: Any, next_state: Any, done: Any) -> Any:
    return np.cos(3 * next_state[:, 1]) + action[:, 0] * next_state[:, 2] + 0.5 * state[:, 0]


def potential(state: Any) -> Any:
    return np.exp(-np.square(state).sum(axis=1)) * 5 + state[:, 0]


def shaped(reward: Reward, discount: float = DISCOUNT, scale: float = 1.0) -> Reward:
    def of_transitions(state: Any, action: Any, next_state: Any, done: Any) -> Any:
        shaping = discount * potential(next_state) - potential(state)
        return scale * reward(state, action, next_state, done) + shaping + 7

    return of_transitions


def negative(reward: Reward) -> Reward:
    return lambda *args: -reward(*args)


def distance(reward: Any, other: Any, transitions: Transitions, **kwargs: Any) -> float:
    settings = {"discount": DISCOUNT, "n_mean": 20, "seed": 0, **kwargs}
    return epic_distance(reward, other, transitions, **settings)


# What the paper proves of it.


@pytest.mark.parametrize("scale", [1.0, 1e-3, 40.0])
def test_scale_constant_and_potential_do_not_matter(transitions: Transitions, scale: float) -> None:
    assert distance(bumpy, shaped(bumpy, scale=scale), transitions) < 1e-9
    assert distance(shaped(bumpy, scale=scale), wavy, transitions) == pytest.approx(
        distance(bumpy, wavy, transitions), abs=1e-9
    )


@pytest.mark.parametrize("scale", [1e-300, 1e-153, 1e153, 1e306])
def test_no_scale_is_too_small_or_large(transitions: Transitions, scale: float) -> None:
    def scaled(*args: Any) -> Any:
        return scale * bumpy(*args)

    assert distance(scaled, bumpy, transitions) < 1e-9
    assert distance(scaled, wavy, transitions) == pytest.approx(
        distance(bumpy, wavy, transitions), abs=1e-9
    )
    assert distance(scaled, negative(bumpy), transitions) == pytest.approx(1, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(st.floats(-300, 300), st.floats(-1e3, 1e3))
def test_distance_is_that_of_any_scale_and_offset(exponent: float, offset: float) -> None:
    rng = np.random.default_rng(1)
    drawn = Transitions(
        rng.normal(size=(60, 3)), rng.normal(size=(60, 2)), rng.normal(size=(60, 3))
    )

    def changed(*args: Any) -> Any:
        return 10**exponent * (bumpy(*args) + offset)

    expected = distance(bumpy, wavy, drawn, n_mean=9)
    assert distance(changed, wavy, drawn, n_mean=9) == pytest.approx(expected, abs=1e-8)


def test_an_offset_in_single_precision_is_not_constant(transitions: Transitions) -> None:
    def single(*args: Any) -> Any:
        return (bumpy(*args) + 1e5).astype(np.float32)

    assert distance(single, bumpy, transitions) < 0.01
    assert distance(single, wavy, transitions) == pytest.approx(
        distance(bumpy, wavy, transitions), abs=0.01
    )


def test_only_the_discount_of_the_shaping_makes_it_vanish(transitions: Transitions) -> None:
    assert distance(bumpy, shaped(bumpy, discount=0.5), transitions) > 0.1


def test_the_opposite_is_farthest(transitions: Transitions) -> None:
    assert distance(bumpy, negative(bumpy), transitions) == pytest.approx(1, abs=1e-12)
    assert distance(bumpy, shaped(negative(bumpy)), transitions) == pytest.approx(1, abs=1e-12)


def test_a_reward_is_as_near_as_the_opposite_is_far(transitions: Transitions) -> None:
    near = distance(bumpy, wavy, transitions)
    far = distance(bumpy, negative(wavy), transitions)
    assert near**2 + far**2 == pytest.approx(1, abs=1e-12)


def test_it_is_a_distance(transitions: Transitions) -> None:
    rewards = [bumpy, wavy, shaped(wavy, discount=0.3), negative(bumpy)]
    d = np.array([[distance(a, b, transitions) for b in rewards] for a in rewards])
    np.testing.assert_allclose(d, d.T, rtol=0, atol=1e-15)
    assert (np.diag(d) == 0).all()
    for a, b, c in product(range(len(rewards)), repeat=3):
        assert d[a, c] <= d[a, b] + d[b, c] + 1e-12


def test_independent_rewards_are_in_the_middle() -> None:
    rng = np.random.default_rng(0)
    n = 20_000
    transitions = Transitions(*rng.normal(size=(3, n, 2)))
    first, second = LinearReward([1, 0]), LinearReward([0, 1])
    assert distance(first, second, transitions, n_samples=n) == pytest.approx(0.5**0.5, abs=0.01)


def test_the_angle_between_linear_rewards() -> None:
    """With features that are independent and of variance 1, ρ is the cosine of the weights."""
    rng = np.random.default_rng(0)
    n = 20_000
    transitions = Transitions(*rng.normal(size=(3, n, 2)))
    actual = distance(LinearReward([1, 0]), LinearReward([3, 4]), transitions, n_samples=n)
    assert actual == pytest.approx(((1 - 0.6) / 2) ** 0.5, abs=0.01)


# Tables, where the expectations can be summed.


def enumerated(rewards: list[np.ndarray], weights: np.ndarray, p_s: Any, p_a: Any) -> float:
    """The distance of two tables (S, A, S), loops and all."""
    n_states, n_actions, _ = weights.shape
    canonical = []
    for table in rewards:
        mean = np.zeros(n_states)
        for s, a, after in product(range(n_states), range(n_actions), range(n_states)):
            mean[s] += p_a[a] * p_s[after] * table[s, a, after]
        overall = sum(p_s[s] * mean[s] for s in range(n_states))
        canonical.append(
            [
                table[s, a, after] + DISCOUNT * mean[after] - mean[s] - DISCOUNT * overall
                for s, a, after in product(range(n_states), range(n_actions), range(n_states))
            ]
        )
    x, y = np.array(canonical)
    w = weights.ravel() / weights.sum()
    x, y = x - w @ x, y - w @ y
    rho = (w @ (x * y)) / np.sqrt((w @ x**2) * (w @ y**2))
    return float(np.sqrt((1 - rho) / 2))


def table_reward(table: np.ndarray) -> Reward:
    return lambda state, action, next_state, done: table[state, action, next_state]


@pytest.mark.parametrize("seed", range(3))
def test_tables_are_enumerated_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    tables = list(rng.normal(size=(2, 3, 2, 3)))
    counts = rng.integers(1, 4, size=(3, 2, 3))
    state, action, after = np.repeat(np.argwhere(counts > 0), counts.ravel(), axis=0).T
    actual = epic_distance(
        *map(table_reward, tables),
        Transitions(state, action, after),
        state_sample=[0, 1, 1, 2],
        action_sample=[0, 1, 1],
        discount=DISCOUNT,
    )
    expected = enumerated(tables, counts, [0.25, 0.5, 0.25], [1 / 3, 2 / 3])
    assert actual == pytest.approx(expected, abs=1e-12)


def test_samples_approach_the_enumeration() -> None:
    rng = np.random.default_rng(5)
    tables = list(rng.normal(size=(2, 3, 2, 3)))
    counts = np.full((3, 2, 3), 1000)
    state, action, after = np.repeat(np.argwhere(counts > 0), counts.ravel(), axis=0).T
    transitions = Transitions(state, action, after)
    estimates = [
        epic_distance(
            *map(table_reward, tables),
            transitions,
            discount=DISCOUNT,
            n_samples=4000,
            n_mean=4000,
            seed=seed,
        )
        for seed in range(5)
    ]
    expected = enumerated(tables, counts, [1 / 3] * 3, [1 / 2] * 2)
    np.testing.assert_allclose(estimates, expected, rtol=0, atol=0.03)
    assert len(set(estimates)) == 5


# Rewards of the next state only.


def test_a_linear_reward_is_evaluated_once_for_a_transition(transitions: Transitions) -> None:
    n_evaluated = 0

    def features(observations: Any) -> Any:
        nonlocal n_evaluated
        n_evaluated += len(observations)
        return observations

    weights = [1.0, -2.0, 0.5]
    actual = distance(LinearReward(weights, features=features), bumpy, transitions)
    assert n_evaluated == N
    plain = distance(lambda s, a, after, done: after @ weights, bumpy, transitions)
    assert actual == pytest.approx(plain, abs=1e-12)


def test_a_subclass_may_look_at_more_than_the_next_state(transitions: Transitions) -> None:
    class Costly(LinearReward):
        def __call__(self, state: Any, action: Any, next_state: Any, done: Any) -> Any:
            return bumpy(state, action, next_state, done)

    assert distance(Costly([1, 1, 1]), bumpy, transitions) == 0
    assert distance(Costly([1, 1, 1]), shaped(bumpy), transitions) < 1e-9


# Samples.


def test_the_seed_decides(transitions: Transitions) -> None:
    settings: dict[str, Any] = {"n_samples": 50}
    first = distance(bumpy, wavy, transitions, **settings)
    assert distance(bumpy, wavy, transitions, **settings) == first
    assert distance(bumpy, wavy, transitions, seed=1, **settings) != first
    unseeded = {distance(bumpy, wavy, transitions, seed=None, **settings) for _ in range(3)}
    assert len(unseeded) == 3


def test_rewards_meet_no_more_transitions_than_said(transitions: Transitions) -> None:
    sizes = []

    def watched(state: Any, action: Any, next_state: Any, done: Any) -> Any:
        assert state.shape == next_state.shape == (len(done), 3)
        assert action.shape == (len(done), 2)
        sizes.append(len(state))
        return bumpy(state, action, next_state, done)

    distance(watched, wavy, transitions, n_samples=300, n_mean=100)
    assert sizes[0] == 300
    assert sum(sizes[1:]) == 2 * 300 * 100
    assert max(sizes) <= 2**14


def test_each_state_of_a_table_is_asked_for_once() -> None:
    rng = np.random.default_rng(0)
    table = rng.normal(size=(4, 2, 4))
    sizes = []

    def watched(state: Any, action: Any, next_state: Any, done: Any) -> Any:
        sizes.append(len(state))
        return table[state, action, next_state]

    transitions = Transitions(*(rng.integers(n, size=1000) for n in (4, 2, 4)))
    distance(watched, table_reward(table**2), transitions, n_mean=50)
    assert sizes == [1000, 4 * 50]


def test_observations_may_have_any_shape() -> None:
    rng = np.random.default_rng(0)
    pictures = rng.integers(256, size=(2, 30, 4, 5, 3), dtype=np.uint8)
    transitions = Transitions(pictures[0], rng.integers(3, size=30), pictures[1])

    def brightness(state: Any, action: Any, next_state: Any, done: Any) -> Any:
        assert state.shape[1:] == (4, 5, 3)
        return state.mean(axis=(1, 2, 3)) * action

    assert distance(brightness, negative(brightness), transitions) == pytest.approx(1)


def test_transitions_of_episodes() -> None:
    def episode(start: int, terminated: bool) -> Episode:
        steps = np.arange(start, start + 3.0)[:, None]
        return Episode(steps, np.array([start, start + 1]), np.zeros(2), terminated=terminated)

    transitions = Transitions.from_episodes([episode(0, True), episode(10, False)])
    np.testing.assert_array_equal(transitions.observations, [[0], [1], [10], [11]])
    np.testing.assert_array_equal(transitions.actions, [0, 1, 10, 11])
    np.testing.assert_array_equal(transitions.next_observations, [[1], [2], [11], [12]])
    np.testing.assert_array_equal(transitions.dones, [False, True, False, False])
    with pytest.raises(ValueError, match="episodes is empty"):
        Transitions.from_episodes([])


# What it refuses.


@pytest.mark.parametrize(
    "constant",
    [
        lambda s, a, after, done: np.zeros(len(s)),
        lambda s, a, after, done: np.full(len(s), 0.1),
        lambda s, a, after, done: np.full(len(s), 3, dtype=np.int64),
        shaped(lambda s, a, after, done: 0),
        lambda s, a, after, done: shaped(lambda *_: 0)(s, a, after, done).astype(np.float32),
    ],
)
def test_a_constant_reward_has_no_distance(transitions: Transitions, constant: Any) -> None:
    with pytest.raises(ValueError, match=r"^other is constant on the 500 transitions"):
        distance(bumpy, constant, transitions)
    with pytest.raises(ValueError, match=r"^reward is constant on the 500 transitions"):
        distance(constant, bumpy, transitions)


def test_small_differences_are_not_constant(transitions: Transitions) -> None:
    def faint(*args: Any) -> Any:
        return 1 + 1e-9 * bumpy(*args)

    assert distance(faint, bumpy, transitions) < 1e-5


@pytest.mark.parametrize(
    ("reward", "message"),
    [
        (lambda s, a, after, done: s, r"shape \(500, 3\): expected numbers \(500,\)"),
        (lambda s, a, after, done: 1.0, r"shape \(\): expected numbers"),
        (lambda s, a, after, done: np.full(len(s), "a"), "of type <U1"),
        (lambda s, a, after, done: np.where(s[:, 0] > 0, 1, np.nan), "is nan for the transition"),
    ],
)
def test_a_reward_gives_a_number_for_each(
    transitions: Transitions, reward: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        distance(reward, bumpy, transitions)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"observations": np.zeros((1, 3))},
            "transitions.observations has 1 rows: expected at least 2",
        ),
        (
            {"actions": np.zeros((4, 2))},
            r"transitions.actions has shape \(4, 2\): expected \(500, 2",
        ),
        (
            {"next_observations": np.zeros((N, 2))},
            r"transitions.next_observations has shape .*\(500, 3\)",
        ),
        ({"dones": np.zeros((N, 1))}, r"transitions.dones has shape \(500, 1\): expected \(500,\)"),
        ({"actions": [None] * N}, "transitions.actions is of type object"),
    ],
)
def test_transitions_fit_together(
    transitions: Transitions, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        distance(bumpy, wavy, transitions._replace(**changes))


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"discount": 1.1}, ValueError, r"discount=1.1: expected a number from 0 to 1"),
        ({"discount": np.nan}, ValueError, "discount=nan"),
        ({"n_samples": 1}, ValueError, "n_samples=1: expected at least 2"),
        ({"n_mean": 0}, ValueError, "n_mean=0: expected at least 1"),
        ({"n_mean": 2.0}, TypeError, "n_mean=2.0: expected an int"),
        ({"state_sample": np.zeros((5, 2))}, ValueError, r"state_sample has shape \(5, 2\)"),
        ({"action_sample": np.zeros((0, 2))}, ValueError, r"action_sample has shape \(0, 2\)"),
    ],
)
def test_arguments_out_of_range(
    transitions: Transitions, arguments: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        distance(bumpy, wavy, transitions, **arguments)
