"""Rollouts of a policy, and samples of the states that it leaves behind."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.data.episodes import EPISODE_SUFFIXES, Episode, load_episodes
from rlsp_sb3.data.imitation_folders import is_dataset_folder, load_imitation
from rlsp_sb3.data.minari_datasets import DATASET_ID, load_minari
from rlsp_sb3.data.state_files import holds_states, load_states
from rlsp_sb3.io.hub_files import is_hub_address, local_file
from rlsp_sb3.protocols import Policy
from rlsp_sb3.type_aliases import Seed
from rlsp_sb3.utils.checks import MAX_COUNT, check_between, check_int, check_policy, check_seed
from rlsp_sb3.utils.progress import track
from rlsp_sb3.utils.type_checks import checks_types


@checks_types
def rollout_env(
    policy: Policy,
    env: gym.Env[Any, Any] | str,
    n_episodes: int = 1,
    *,
    seed: Seed = None,
    deterministic: bool = False,
    noise: float = 0.0,
    max_steps: int | None = None,
) -> list[Episode]:
    """Let a policy act.

    Args:
        policy: What acts: an algorithm or policy of SB3, a learner, or anything with ``predict``.
        env: The environment, or the id of one. It is reset for each episode.
        n_episodes: How many episodes, at least 1.
        seed: Seeds the environment, the noise, and what the policy draws from PyTorch's generator
            (whose state is put back afterwards); a generator, an int, or None for an unpredictable
            seed.
        deterministic: Whether the policy takes its most probable action.
        noise: The probability, at each step, of an action drawn uniformly from the action space
            instead (the ε of Lindner et al. 2021, appendix B).
        max_steps: Cut episodes after so many steps; None for those of the environment only.

    Returns:
        The episodes, each from a reset to its end and not beyond.

    Raises:
        TypeError: If the policy or the environment is none, or a number is not one.
        ValueError: If a number is out of range, or the environment's observations or actions are
            not arrays of numbers.
    """
    check_int("n_episodes", n_episodes, 1, MAX_COUNT)
    if max_steps is not None:
        check_int("max_steps", max_steps, 1, MAX_COUNT)
    rng = check_seed("seed", seed)
    with _actor(policy, env, deterministic, noise) as actor, _torch_seeded(rng):
        return [actor.episode(rng, max_steps) for _ in track(range(n_episodes), "acting")]


@checks_types
def sample_observed_states(
    source: Any,
    n: int | None = None,
    rng: Seed = None,
    *,
    env: gym.Env[Any, Any] | str | None = None,
    deterministic: bool = False,
    noise: float = 0.0,
    max_steps: int | None = None,
) -> NDArray[Any]:
    """Sample states that a person, or an expert in its place, left behind.

    As published (Lindner et al. 2021, section 3.4 and its code), each state is from an episode of
    its own as long as there are enough, and uniformly distributed over the states of the episode
    that an action led to: the first observation is none. Where there are fewer episodes than
    states, several states are from one episode, drawn independently of each other.

    Args:
        source: Where from: a policy, which acts for ``n`` episodes in ``env``; an episode or a
            list of them; a file of episodes (".npz", or ".pkl" with trajectories of imitation or a
            rollout of a skill of the published code); a dataset that imitation saved, or its
            folder; a Minari dataset or the id of one; a file of states, which is an array
            (n, *observation_shape) as ".npy" or alone in an ".npz", or a ".csv" with a row for each
            and perhaps one of names above. A file may be on the Hugging Face Hub,
            "hf://org/repo/file.npz".
        n: How many, at least 1; of a file of states, that many different ones of it, in its order.
            None for all states of such a file, and for 1 of anything else.
        rng: The source of random numbers: a generator, a seed, or None for an unpredictable seed.
        env: The environment in which a policy acts, or its id; for no other source.
        deterministic: Whether a policy takes its most probable action; published: False.
        noise: The probability of a random action, see :func:`rollout_env`.
        max_steps: Cut the episodes of a policy after so many steps.

    Returns:
        Observations (n, *observation_shape), to be passed to a learner as ``observed_states``.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If the source is none of these.
        ValueError: If a policy comes without an environment, something else comes with one, there
            are no episodes or not so many states, or a file is not one of these.
    """
    if n is not None:
        check_int("n", n, 1, MAX_COUNT)
    rng = check_seed("rng", rng)
    if is_hub_address(source):
        source = local_file(source)
    if isinstance(source, (str, Path)) and env is None and holds_states(Path(source)):
        return _states_of(Path(source), n, rng)
    n = 1 if n is None else n
    if hasattr(source, "predict"):
        if env is None:
            raise ValueError("env=None: expected the environment in which the policy is to act")
        if max_steps is not None:
            check_int("max_steps", max_steps, 1, MAX_COUNT)
        with _actor(source, env, deterministic, noise) as actor, _torch_seeded(rng):
            acted = (actor.episode(rng, max_steps) for _ in track(range(n), "observing states"))
            return np.stack([_any_state(episode, rng) for episode in acted])
    if env is not None:
        raise ValueError(f"env={env!r}: expected None, because the source is not a policy")
    episodes = episodes_of(source)
    if not episodes:
        raise ValueError("source has no episodes: expected at least 1")
    shapes = {episode.observations.shape[1:] for episode in episodes}
    if len(shapes) > 1:
        raise ValueError(f"source has observations of the shapes {shapes}: expected one shape")
    order = rng.permutation(len(episodes))
    return np.stack([_any_state(episodes[order[i % len(order)]], rng) for i in range(n)])


def _states_of(path: Path, n: int | None, rng: np.random.Generator) -> NDArray[Any]:
    """States of a file, without replacement and in its order; None for all."""
    states = load_states(path)
    if n is None:
        return states
    if n > len(states):
        raise ValueError(f"n={n!r}: expected at most {len(states)}, as many as {path} has")
    return states[np.sort(rng.permutation(len(states))[:n])]


def _any_state(episode: Episode, rng: np.random.Generator) -> NDArray[Any]:
    return np.asarray(episode.states[rng.integers(len(episode))])


def episodes_of(source: Any) -> list[Episode]:
    """The episodes of a source that has some: see :func:`sample_observed_states`."""
    if isinstance(source, Episode):
        return [source]
    if isinstance(source, (str, Path)) and str(source).endswith(EPISODE_SUFFIXES):
        return load_episodes(source)
    is_folder = isinstance(source, (str, Path)) and is_dataset_folder(source)
    if is_folder or hasattr(source, "column_names"):
        return load_imitation(source)
    if isinstance(source, Path) or (isinstance(source, str) and _is_path(source)):
        raise ValueError(
            f"source={str(source)!r}: expected a file of states (.npy, .csv, or .npz with a single "
            "array) or of episodes (.npz or .pkl), a folder that imitation saved, or the id of a "
            "Minari dataset such as 'D4RL/door/human-v2'; a policy (.zip) is loaded by load_policy"
        )
    if isinstance(source, str) or hasattr(source, "iterate_episodes"):
        return load_minari(source)
    if isinstance(source, Sequence) and all(isinstance(part, Episode) for part in source):
        return list(source)
    raise TypeError(
        f"source={source!r}: expected a policy, an Episode or a list of them, the path of an npz, "
        "npy, csv or pkl file, or a Minari dataset or its id"
    )


def _is_path(source: str) -> bool:
    """Return whether a text is meant to be the path of a file or folder, not a Minari dataset."""
    path = Path(source)
    return not DATASET_ID.fullmatch(source) and (bool(path.suffix) or path.exists())


class _Actor:
    """A policy in its environment."""

    def __init__(
        self, policy: Policy, env: gym.Env[Any, Any], deterministic: bool, noise: float
    ) -> None:
        check_between("noise", noise, 0, 1)
        check_policy("policy", policy)
        for name in ("observation_space", "action_space"):
            space = getattr(env, name)
            if space.shape is None or np.dtype(space.dtype).kind not in "biuf":
                raise ValueError(
                    f"env has the {name} {space}: expected one of arrays of numbers; flatten it by "
                    "a wrapper such as gymnasium.wrappers.FlattenObservation"
                )
        self.policy = policy
        self.env = env
        self.deterministic = deterministic
        self.noise = noise
        # A copy, so that noise does not change what others draw from the environment's space.
        self.action_space = copy.deepcopy(env.action_space)

    def episode(self, rng: np.random.Generator, max_steps: int | None) -> Episode:
        """Act from a reset to the end."""
        discrete = isinstance(self.action_space, spaces.Discrete)
        declared = np.dtype(self.env.observation_space.dtype)
        # Some environments return ints where they show no fraction; others stay as they are.
        dtype = declared if declared.kind == "f" else None
        observation, _ = self.env.reset(seed=_int(rng))
        self.action_space.seed(_int(rng))
        observations = [np.array(observation, dtype=dtype)]
        actions: list[NDArray[Any]] = []
        rewards: list[float] = []
        state, terminated, truncated = None, False, False
        while not (terminated or truncated):
            start = np.array([not actions])
            action, state = self.policy.predict(observation, state, start, self.deterministic)
            if self.noise and rng.random() < self.noise:
                action = self.action_space.sample()
            observation, reward, terminated, truncated, _ = self.env.step(
                int(action) if discrete else action
            )
            observations.append(np.array(observation, dtype=dtype))
            actions.append(np.array(action, dtype=self.action_space.dtype))
            rewards.append(float(reward))
            truncated = truncated or len(actions) == max_steps
        return Episode(
            np.stack(observations),
            np.stack(actions),
            np.array(rewards),
            bool(terminated),
            bool(truncated),
        )


@contextmanager
def _actor(
    policy: Policy, env: gym.Env[Any, Any] | str, deterministic: bool, noise: float
) -> Iterator[_Actor]:
    """A policy in its environment, which is made and closed if it is given by its id."""
    made = gym.make(env) if isinstance(env, str) else env
    try:
        yield _Actor(policy, made, deterministic, noise)
    finally:
        if made is not env:
            made.close()


@contextmanager
def _torch_seeded(rng: np.random.Generator) -> Iterator[None]:
    """Seed PyTorch's generators, from which SB3 draws actions, and put them back afterwards."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(_int(rng))
        yield


def _int(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))
