"""EPIC distance of two rewards, whatever policy is trained for them (Gleave et al. 2020).

A policy that was trained along the way may be better than the reward it ended with. The distance
compares the rewards themselves: it does not change when a reward is scaled, when a constant is
added, or when it is shaped by a potential, because none of these changes which policy is best.

>>> transitions = Transitions.from_episodes([*random_episodes, *expert_episodes])
>>> epic_distance(learner.reward, true_reward, transitions, seed=0)
0.31
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.rewards.reward import LinearReward, RewardFn
from rlsp_sb3.type_aliases import Array, FloatArray
from rlsp_sb3.utils.checks import check_between, check_int, check_seed
from rlsp_sb3.utils.type_checks import checks_types

_BLOCK = 2**14  # transitions that a reward is asked for at once
_ROUNDING = 4  # a reward that differs by fewer units in the last place is constant


@checks_types
def epic_distance(
    reward: RewardFn,
    other: RewardFn,
    transitions: Transitions,
    *,
    state_sample: ArrayLike | None = None,
    action_sample: ArrayLike | None = None,
    discount: float = 0.99,
    n_samples: int = 4096,
    n_mean: int = 256,
    seed: int | None = None,
) -> float:
    """The equivalent-policy invariant comparison (EPIC) of two rewards, estimated from samples.

    Both rewards are canonically shaped (Gleave et al. 2020, definition 4.1),

        C(R)(s, a, s') = R(s, a, s') + E[γ R(s', A, S') - R(s, A, S') - γ R(S, A, S')],

    with S and S' from a distribution of states and A from one of actions, all independent; then the
    distance is sqrt((1 - ρ) / 2), with the Pearson correlation ρ of the two on the transitions
    (definition 4.5). Both rewards meet the same samples, so that shaping by a potential cancels to
    the last digits however few there are. An estimate is as good as its samples: the standard error
    of ρ is about (1 - ρ²) / sqrt(n_samples).

    The distance depends on the transitions, which should cover what matters: those of a random, an
    expert and a learned policy together, for example. Imagined transitions s, A, S' may be
    impossible ones; the rewards have to give a finite number for them.

    Args:
        reward: A reward.
        other: Another one, of the same observations and actions. The distance is symmetric.
        transitions: N transitions, the coverage distribution. Where ``dones`` is None, no episode
            ended.
        state_sample: Observations (M, *observation_shape), the distribution of S and S'; those
            of ``transitions.observations`` if None.
        action_sample: Actions (K, *action_shape), the distribution of A; those of the transitions
            if None.
        discount: γ, from 0 to 1. It is that of the potential shaping to which the distance is
            invariant.
        n_samples: How many of the transitions to compare the rewards on, drawn without replacement,
            at least 2; all if there are no more.
        n_mean: How many pairs of an action and a state estimate an expectation, at least 1; all
            M·K of them if there are no more. A reward is evaluated at most 2 · ``n_samples`` ·
            ``n_mean`` times, a :class:`~rlsp_sb3.LinearReward` only ``n_samples`` times.
        seed: Seeds the draws; None for unpredictable ones.

    Returns:
        The distance, from 0 (equivalent) to 1 (a reward and its opposite); 1/√2 where the rewards
        are uncorrelated.

    Raises:
        TypeError: If n_samples or n_mean is no int.
        ValueError: If an argument has a wrong shape or is out of range, if a reward does not return
            a finite number for each transition, or if it is constant on the transitions up to
            shaping, so that it has no distance to any other.
    """
    check_int("n_samples", n_samples, 2)
    check_int("n_mean", n_mean, 1)
    check_between("discount", discount, 0, 1)
    checked = _check_transitions(transitions)
    states = _check_sample("state_sample", state_sample, checked.observations)
    actions = _check_sample("action_sample", action_sample, checked.actions)

    rng = check_seed("seed", seed)
    if n_samples < len(checked.observations):
        rows = np.sort(rng.choice(len(checked.observations), n_samples, replace=False))
        checked = Transitions(*(array[rows] for array in checked if array is not None))
    if n_mean < len(states) * len(actions):
        actions = actions[rng.integers(len(actions), size=n_mean)]
        states = states[rng.integers(len(states), size=n_mean)]
    else:
        pairs = len(states), len(actions)
        actions = np.tile(actions, (pairs[0], *[1] * (actions.ndim - 1)))
        states = np.repeat(states, pairs[1], axis=0)

    n = len(checked.observations)
    both_ends = np.concatenate([checked.observations, checked.next_observations])
    directions = []
    for name, function in (("reward", reward), ("other", other)):
        shaped = _evaluate(name, function, checked)
        precision = np.finfo(shaped.dtype).eps
        scale = float(np.abs(shaped).max())
        # C(R) = R(s, a, s') - E R(s, A, S') + γ E R(s', A, S'), without the constant
        # -γ E R(S, A, S'), which Pearson's correlation does not see.
        if not _depends_on_next_state_only(function):
            means = _means(name, function, both_ends, actions, states)
            scale = max(scale, float(np.abs(means).max()))
        # The distance does not depend on the scale; of order 1, nothing overflows.
        unit = scale or 1.0
        scaled = shaped.astype(np.float64) / unit
        if not _depends_on_next_state_only(function):
            scaled = scaled - means[:n] / unit + discount * (means[n:] / unit)
        centered = scaled - scaled.mean()
        norm = np.linalg.norm(centered)
        if norm <= _ROUNDING * precision * np.sqrt(n):
            raise ValueError(
                f"{name} is constant on the {n} transitions, up to potential shaping: it "
                "prefers nothing, so that it has no distance to another reward; compare others, or "
                "on other transitions"
            )
        directions.append(centered / norm)
    # √((1 - ρ) / 2) = ‖u - v‖ / 2, since unit vectors have ‖u - v‖² = 2 - 2ρ; this way of writing
    # it keeps small distances exact.
    return float(min(np.linalg.norm(directions[0] - directions[1]) / 2, 1.0))


def _depends_on_next_state_only(reward: RewardFn) -> bool:
    """Return whether a reward is one of next states, so that canonical shaping adds a constant."""
    return isinstance(reward, LinearReward) and type(reward).__call__ is LinearReward.__call__


def _means(
    name: str, reward: RewardFn, states: Array, actions: Array, next_states: Array
) -> FloatArray:
    """The mean rewards (N,) in each of N states over M pairs of an action and a next state."""
    # Tables have few states, and each is asked for once only.
    states, inverse = np.unique(states, axis=0, return_inverse=True)
    n_pairs, n_block = len(actions), max(1, _BLOCK // len(actions))
    means = np.empty(len(states))
    for start in range(0, len(states), n_block):
        block = states[start : start + n_block]
        n = len(block)
        imagined = Transitions(
            np.repeat(block, n_pairs, axis=0),
            np.tile(actions, (n, *[1] * (actions.ndim - 1))),
            np.tile(next_states, (n, *[1] * (next_states.ndim - 1))),
        )
        rewards = _evaluate(name, reward, imagined).reshape(n, n_pairs)
        # Divided before they are summed up, so that the sum does not overflow.
        means[start : start + n] = (rewards.astype(np.float64) / n_pairs).sum(axis=1)
    return means[inverse.reshape(-1)]


def _evaluate(name: str, reward: RewardFn, transitions: Transitions) -> NDArray[np.floating[Any]]:
    state, action, next_state, dones = transitions
    done = np.zeros(len(state), dtype=np.bool_) if dones is None else dones
    rewards = np.asarray(reward(state, action, next_state, done))
    if rewards.dtype.kind not in "biuf" or rewards.shape != (len(state),):
        raise ValueError(
            f"{name} returns an array of type {rewards.dtype} and shape {rewards.shape}: expected "
            f"numbers ({len(state)},), one for each transition"
        )
    if not np.isfinite(rewards).all():
        i = int(np.argmin(np.isfinite(rewards)))
        raise ValueError(
            f"{name} is {rewards[i]} for the transition from {state[i]} by {action[i]} to "
            f"{next_state[i]}: expected finite numbers"
        )
    return rewards if rewards.dtype.kind == "f" else rewards.astype(np.float64)


def _check_transitions(transitions: Transitions) -> Transitions:
    """The transitions as arrays that fit together, with ``dones``."""
    state, action, next_state = (
        _check_numbers(f"transitions.{name}", getattr(transitions, name))
        for name in ("observations", "actions", "next_observations")
    )
    n = len(state)
    if n < 2:
        raise ValueError(f"transitions.observations has {n} rows: expected at least 2")
    done = np.zeros(n) if transitions.dones is None else np.asarray(transitions.dones)
    shapes = {
        "actions": (action, (n, *action.shape[1:])),
        "next_observations": (next_state, state.shape),
        "dones": (done, (n,)),
    }
    for name, (array, shape) in shapes.items():
        if array.shape != shape:
            raise ValueError(
                f"transitions.{name} has shape {array.shape}: expected {shape}, for the {n} rows "
                "of transitions.observations"
            )
    return Transitions(state, action, next_state, done.astype(np.bool_))


def _check_sample(name: str, value: ArrayLike | None, default: Array) -> Array:
    if value is None:
        return default
    array = _check_numbers(name, value)
    if len(array) == 0 or array.shape[1:] != default.shape[1:]:
        expected = f"({', '.join(['M', *map(str, default.shape[1:])])},)"
        raise ValueError(
            f"{name} has shape {array.shape}: expected at least one row, {expected}, as the "
            "transitions have"
        )
    return array


def _check_numbers(name: str, value: ArrayLike) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or array.ndim == 0:
        raise ValueError(
            f"{name} is of type {array.dtype} and shape {array.shape}: expected an array of "
            "numbers, one row for each transition"
        )
    return array
