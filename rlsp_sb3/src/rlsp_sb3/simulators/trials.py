"""Trials of what happens between an environment and whoever acts in it.

What a wrapper does is seen by trying: its spaces need not say so.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3.common.monitor
import stable_baselines3.common.vec_env as sb3_vec_env
from gymnasium import spaces
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv, VecEnvWrapper, VecNormalize

from rlsp_sb3.state_reset import state_setter
from rlsp_sb3.type_aliases import Array

_N_STEPS = 8
_N_TRIES = 4  # of the same step, to see whether it is random
_MAX_ERROR = 0.1  # of a step from a state that was restored, as a share of the step

# What is known to hand on observations and actions as they are; a trial may have side effects, such
# as a film of it.
_TRANSPARENT = {
    getattr(gym.wrappers, name)
    for name in (
        *("Autoreset", "AutoResetWrapper", "HumanRendering", "OrderEnforcing", "PassiveEnvChecker"),
        *("RecordEpisodeStatistics", "RecordVideo", "RenderCollection", "TimeLimit"),
    )
    if hasattr(gym.wrappers, name)
} | {stable_baselines3.common.monitor.Monitor}
_TRANSPARENT_TO_VECTORS = {
    getattr(sb3_vec_env, name) for name in ("VecMonitor", "VecCheckNan", "VecVideoRecorder")
}


def interfering_wrapper(env: gym.Env[Any, Any] | VecEnv, *, actions: bool = True) -> str | None:
    """The name of a wrapper that changes observations or actions, the innermost one.

    Tries some steps, after a reset.

    Args:
        env: An environment, or a vector environment of SB3, wrapped or not. What is in other
            processes cannot be seen.
        actions: Whether actions count, beside observations.

    Returns:
        The name of the wrapper's class; None if there is none.
    """
    if isinstance(env, gym.Env):
        return _interfering(env, actions)
    layers = []
    while isinstance(env, VecEnvWrapper):
        layers.append(env)
        env = env.venv
    if not isinstance(env, DummyVecEnv):
        says_so = (type(each).__name__ for each in reversed(layers) if _says_so(each, actions))
        return next(says_so, None)
    for each in env.envs:
        if name := _interfering(each, actions):
            return name
    unwrapped = env.envs[0].unwrapped
    for layer in reversed(layers):
        if type(layer) in _TRANSPARENT_TO_VECTORS:
            continue
        if isinstance(layer, VecNormalize):  # a trial would change its statistics
            if layer.norm_obs:
                return type(layer).__name__
        elif _says_so(layer, actions) or not _vector_hands_on(layer, unwrapped, actions):
            return type(layer).__name__
    return None


def check_restores(env: gym.Env[Any, Any]) -> None:
    """Raise an error unless an environment goes on from a restored state as it did from there.

    Some steps are taken, the states before them are restored from their observations, and the steps
    taken again, with the same random numbers. The environment is reset.

    Raises:
        TypeError: If it is not known how to restore a state, or the steps lead elsewhere; names
            the wrapper that is to blame.
    """
    state_setter(env)
    for layer in reversed([env, *_layers(env)]):
        if not _restores(layer):
            raise TypeError(
                f"env has {_kind(layer)} {type(layer).__name__}, whose observations are not those "
                "of the state that is restored from them, although their space says nothing: steps "
                "lead elsewhere from there; give it a method set_state_from_observation("
                'observation) that undoes the change, or use forward_model="learned"'
            )


def can_restore(env: gym.Env[Any, Any]) -> bool:
    """Return whether an environment can be put into a state, and goes on from there as before."""
    try:
        check_restores(env)
    except TypeError:
        return False
    return True


def looks_deterministic(env: gym.Env[Any, Any]) -> bool:
    """Return whether steps that are taken again, with other random numbers, lead to the same.

    Args:
        env: An environment that :func:`can_restore` is true of. It is reset.
    """
    restore = state_setter(env)
    others = [np.random.default_rng(seed).bit_generator.state for seed in range(_N_TRIES)]
    return all(
        np.array_equal(_step_from(env, restore, before, other, action), after, equal_nan=True)
        for before, state, action, _ in _some_steps(env)
        for after in [_step_from(env, restore, before, state, action)]
        for other in others
    )


def _kind(layer: gym.Env[Any, Any]) -> str:
    return "the wrapper" if isinstance(layer, gym.Wrapper) else "the class"


def _layers(env: gym.Env[Any, Any]) -> list[gym.Env[Any, Any]]:
    """Layers inside an environment, the outermost first."""
    layers = []
    while isinstance(env, gym.Wrapper):
        env = env.env
        layers.append(env)
    return layers


def _says_so(layer: Any, actions: bool) -> bool:
    inside = layer.venv if isinstance(layer, VecEnvWrapper) else layer.env
    return bool(
        layer.observation_space != inside.observation_space
        or (actions and layer.action_space != inside.action_space)
    )


def _interfering(env: gym.Env[Any, Any], actions: bool) -> str | None:
    for layer in reversed([env, *_layers(env)]):
        if not isinstance(layer, gym.Wrapper) or type(layer) in _TRANSPARENT:
            continue
        if _says_so(layer, actions) or not _hands_on(layer, actions):
            return type(layer).__name__
    return None


def _hands_on(layer: gym.Env[Any, Any], actions: bool) -> bool:
    """Return whether observations, and actions, pass a wrapper as they are."""
    with _recorded(layer.unwrapped) as (inner_actions, inner_observations):
        if not _equal(layer.reset()[0], inner_observations[-1]):
            return False
        done = []
        for action in _some_actions(layer.action_space):
            observation, _, terminated, truncated, _ = layer.step(action)
            done.append(action)
            if not _equal(observation, inner_observations[-1]):
                return False
            if terminated or truncated:
                break
    return not actions or _same(done, inner_actions)


def _vector_hands_on(layer: VecEnvWrapper, unwrapped: gym.Env[Any, Any], actions: bool) -> bool:
    with _recorded(unwrapped) as (inner_actions, inner_observations):
        if not _equal(np.array(layer.reset())[0], inner_observations[-1]):
            return False
        done = []
        for action in _some_actions(layer.action_space):
            observations, _, dones, _ = layer.step(np.array([action] * layer.num_envs))
            done.append(action)
            if not _equal(np.array(observations)[0], inner_observations[-1]):
                return False
            if dones[0]:
                break
    return not actions or _same(done, inner_actions)


@contextmanager
def _recorded(env: Any) -> Iterator[tuple[list[Any], list[Any]]]:
    """Record the actions that an environment is given, and the observations that it gives."""
    actions: list[Any] = []
    observations: list[Any] = []
    own = {name: vars(env)[name] for name in ("step", "reset") if name in vars(env)}
    step, reset = env.step, env.reset

    def recorded_step(action: Any) -> Any:
        result = step(action)
        actions.append(copy.deepcopy(action))
        observations.append(copy.deepcopy(result[0]))
        return result

    def recorded_reset(**kwargs: Any) -> Any:
        result = reset(**kwargs)
        observations.append(copy.deepcopy(result[0]))
        return result

    env.step, env.reset = recorded_step, recorded_reset
    try:
        yield actions, observations
    finally:
        del env.step, env.reset
        vars(env).update(own)


def _some_actions(space: spaces.Space[Any]) -> list[Any]:
    """Actions: all of a small Discrete space, otherwise some at random, always the same."""
    if isinstance(space, spaces.Discrete) and space.n <= 2 * _N_STEPS:
        return [np.int64(space.start + i) for i in range(space.n)]
    own = copy.deepcopy(space)
    own.seed(0)
    return [own.sample() for _ in range(_N_STEPS)]


def _same(some: list[Any], others: list[Any]) -> bool:
    return len(some) == len(others) and all(map(_equal, some, others))


def _equal(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and np.array_equal(one, other)


def _restores(env: gym.Env[Any, Any]) -> bool:
    """Return whether most steps lead to the same observations from states that were restored."""
    restore = state_setter(env)
    errors, changes = [], []
    for before, state, action, after in _some_steps(env):
        again = _step_from(env, restore, before, state, action)
        twice = _step_from(env, restore, before, state, action)
        if not np.array_equal(again, twice, equal_nan=True):
            return True  # its random numbers are its own, so that nothing can be compared
        if np.isfinite(before).all() and np.isfinite(after).all():
            errors.append(np.abs(again - after).max(initial=0))
            changes.append(np.abs(after - before.astype(np.float64)).max(initial=0))
    return not errors or bool(np.median(errors) <= _MAX_ERROR * np.median(changes) + 1e-6)


def _some_steps(env: gym.Env[Any, Any]) -> list[tuple[Array, Any, Any, Array]]:
    """Steps from a reset on: observations, random states and actions before, observations after."""
    steps = []
    observation = np.array(env.reset()[0])
    for action in _some_actions(env.action_space):
        state = _random_state(env)
        after, _, terminated, truncated, _ = env.step(action)
        steps.append((observation, state, action, np.asarray(after, dtype=np.float64)))
        observation = np.array(env.reset()[0] if terminated or truncated else after)
    return steps


def _step_from(
    env: gym.Env[Any, Any],
    restore: Callable[[Any], None],
    observation: Array,
    random_state: Any,
    action: Any,
) -> Array:
    env.reset()
    restore(observation)
    env.unwrapped.np_random.bit_generator.state = random_state
    return np.asarray(env.step(action)[0], dtype=np.float64)


def _random_state(env: gym.Env[Any, Any]) -> Any:
    return copy.deepcopy(env.unwrapped.np_random.bit_generator.state)
