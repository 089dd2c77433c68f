"""The replay buffer whose rewards follow θ."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from stable_baselines3 import DDPG, DQN, SAC, TD3
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecNormalize

from rlsp_sb3.rewards.relabeled_replay_buffer import TRANSITION_ARRAYS, RelabeledReplayBuffer

BOX = spaces.Box(-10, 10, (3,), np.float32)
THETA = np.array([1.0, -2.0])


def two_features(observations):
    flat = np.asarray(observations, dtype=np.float64).reshape(len(observations), -1)
    return np.stack([flat.mean(axis=1), flat[:, 0] ** 2], axis=1)


def make_buffer(size=20, space=BOX, n_envs=2, action_space=BOX, **kwargs):
    kwargs = {"features": two_features, "theta": THETA, "standardize": False, **kwargs}
    return RelabeledReplayBuffer(size, space, action_space, "cpu", n_envs, **kwargs)


def fill(buffer, n, seed=0):
    buffer.observation_space.seed(seed)
    buffer.action_space.seed(seed)
    for i in range(n):
        obs, next_obs = (
            np.stack([buffer.observation_space.sample() for _ in range(buffer.n_envs)])
            for _ in range(2)
        )
        action = np.stack([buffer.action_space.sample() for _ in range(buffer.n_envs)])
        done = np.arange(buffer.n_envs) + i == 3
        infos = [{"TimeLimit.truncated": bool(d)} for d in done]
        buffer.add(obs, next_obs, action, np.full(buffer.n_envs, 1e9), done, infos)
    return buffer


def rewards_of(observations, theta):
    n_rows, n_envs = observations.shape[:2]
    return (two_features(observations.reshape(-1, 3)) @ theta).reshape(n_rows, n_envs)


@pytest.mark.parametrize("n", [4, 10, 17], ids=["partly filled", "full", "overwritten"])
def test_rewards_are_those_of_the_current_weights(n):
    buffer = fill(make_buffer(), n)
    size = buffer.size()
    next_observations = buffer.next_observations[:size]
    np.testing.assert_allclose(buffer.rewards[:size], rewards_of(next_observations, THETA), 1e-4)
    buffer.theta = [3, 0.5]
    expected = rewards_of(next_observations, [3, 0.5])
    np.testing.assert_allclose(buffer.rewards[:size], expected, 1e-4)
    samples = buffer.sample(50)
    expected = two_features(samples.next_observations.numpy()) @ [3, 0.5]
    np.testing.assert_allclose(samples.rewards[:, 0], expected, 1e-4)


def test_features_are_computed_once_for_all_environments():
    calls = []

    def features(observations):
        calls.append(observations.shape)
        return two_features(observations)

    buffer = fill(make_buffer(features=features, n_envs=5, size=100), 6)
    buffer.theta = -THETA
    buffer.sample(10)
    assert calls == [(5, 3)] * 6


def test_standardized_rewards():
    buffer = fill(make_buffer(size=2000, standardize=True), 1000)
    rewards = buffer.sample(50_000).rewards.numpy()
    assert abs(rewards.mean()) < 0.02
    assert abs(rewards.std() - 1) < 0.02
    first = buffer.rewards.copy()
    buffer.theta = 100 * THETA
    assert abs(buffer.sample(50_000).rewards.numpy().std() - 1) < 0.02
    np.testing.assert_allclose(buffer.rewards, 100 * first, 1e-4)


def test_standardized_from_the_first_transition_on_and_as_the_buffer_changes():
    buffer = make_buffer(size=40, standardize=True)
    for n in range(60):
        fill(buffer, 1, seed=n)
        rewards = buffer.sample(20_000).rewards.numpy()
        assert abs(rewards.mean()) < 0.5
        assert n == 0 or 0.5 < rewards.std() < 2


@pytest.mark.parametrize("theta", [[0, 0], [1e6, 0]])
def test_equal_rewards_are_standardized_to_zero(theta):
    buffer = make_buffer(features=lambda o: np.ones((len(o), 2)), theta=theta, standardize=True)
    np.testing.assert_allclose(fill(buffer, 10).sample(30).rewards, 0, atol=1e-6)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("n", [4, 17])
def test_restored_to_the_bit(n, standardize):
    buffer = fill(make_buffer(standardize=standardize), n)
    buffer.sample(5)
    other = make_buffer(standardize=standardize, theta=[0, 0])
    other.set_arrays(buffer.arrays())
    np.testing.assert_array_equal(other.theta, THETA)
    for name, array in buffer.arrays().items():
        np.testing.assert_array_equal(other.arrays()[name], array)
    for seed in range(10):
        samples = []
        for each in (buffer, other):
            set_random_seed(seed)
            samples.append(fill(each, 1, seed).sample(30))
        for one, same in zip(samples[0][:5], samples[1][:5], strict=True):
            np.testing.assert_array_equal(one, same)


def test_only_the_filled_part_is_saved():
    arrays = fill(make_buffer(), 3).arrays()
    assert {len(arrays[name]) for name in TRANSITION_ARRAYS} == {3}


def test_arrays_of_another_buffer():
    arrays = fill(make_buffer(size=30), 14).arrays()
    with pytest.raises(ValueError, match=r"pos=14: expected .*below 10"):
        make_buffer(size=20).set_arrays(arrays)
    with pytest.raises(ValueError, match=r"expected shape \(14, 3, 3\)"):
        make_buffer(size=60, n_envs=3).set_arrays(arrays)


def test_timeouts_bootstrap_and_ends_do_not():
    buffer = make_buffer(n_envs=1, size=10)
    for truncated in (True, False):
        zeros = np.zeros((1, 3), np.float32)
        infos = [{"TimeLimit.truncated": truncated}]
        buffer.add(zeros, zeros + truncated, zeros, np.zeros(1), np.ones(1), infos)
    samples = buffer.sample(50)
    np.testing.assert_array_equal(samples.dones, 1 - samples.next_observations[:, :1])


@pytest.mark.parametrize(
    ("space", "shape"),
    [
        (spaces.Discrete(5), ()),
        (spaces.MultiDiscrete([3, 4]), (2,)),
        (spaces.Box(0, 255, (3, 8, 8), np.uint8), (3, 8, 8)),
        (spaces.Box(-1, 1, (2,), np.float64), (2,)),
    ],
    ids=["discrete", "multi-discrete", "image", "float64"],
)
@pytest.mark.parametrize("action_space", [spaces.Discrete(4), spaces.Box(-1, 1, (2,))], ids=str)
def test_spaces(space, shape, action_space):
    shapes = []

    def features(observations):
        shapes.append(observations.shape)
        return two_features(observations)

    buffer = make_buffer(space=space, action_space=action_space, features=features)
    samples = fill(buffer, 5).sample(7)
    assert shapes == [(2, *shape)] * 5
    assert samples.rewards.shape == (7, 1)
    assert samples.rewards.numpy().dtype == np.float32


@pytest.mark.parametrize("algorithm", [SAC, TD3, DDPG, DQN])
@pytest.mark.parametrize("n_envs", [1, 3])
def test_algorithms(algorithm, n_envs):
    """At an episode's end the features are of the state that ended it."""
    env_id = "CartPole-v1" if algorithm is DQN else "Pendulum-v1"
    env = make_vec_env(env_id, n_envs, seed=0, wrapper_class=gym.wrappers.TimeAwareObservation)

    def features(observations):
        return observations[:, -1:]  # the time since the episode began

    model = algorithm(
        "MlpPolicy",
        env,
        learning_starts=50,
        batch_size=16,
        train_freq=10,  # updates take most of the time, and say nothing here
        replay_buffer_class=RelabeledReplayBuffer,
        replay_buffer_kwargs={"features": features, "theta": [2.0], "standardize": False},
        policy_kwargs={"net_arch": [8]},
        seed=0,
    ).learn(660)
    buffer = model.replay_buffer
    rewards, times = buffer.rewards[: buffer.size()], buffer.observations[: buffer.size(), :, -1]
    assert times.shape[-1] == n_envs
    assert buffer.dones.any()
    step = np.max(np.diff(times, axis=0))
    np.testing.assert_allclose(rewards, 2 * (times + step), rtol=1e-5)


def test_vec_normalize():
    """Observations are sampled normalized; features are of the plain ones, rewards ours."""
    env = VecNormalize(make_vec_env("Pendulum-v1", 2, seed=0))
    model = SAC(
        "MlpPolicy",
        env,
        replay_buffer_class=RelabeledReplayBuffer,
        replay_buffer_kwargs={
            "features": lambda observations: observations[:, 2:],
            "theta": [100.0],
            "standardize": False,
        },
        policy_kwargs={"net_arch": [8]},
        seed=0,
    ).learn(90)
    samples = model.replay_buffer.sample(200, env=env)
    speeds = env.unnormalize_obs(samples.next_observations.numpy())[:, 2]
    np.testing.assert_allclose(samples.rewards[:, 0], 100 * speeds, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"optimize_memory_usage": True}, ValueError, "optimize_memory_usage=True: expected False"),
        ({"theta": [[1, 2]]}, ValueError, "theta has shape"),
        ({"theta": [np.nan, 0]}, ValueError, "expected finite numbers"),
        ({"space": spaces.Dict({"a": BOX})}, TypeError, "FlattenObservation"),
    ],
)
def test_wrong_arguments(kwargs, error, message):
    with pytest.raises(error, match=message):
        make_buffer(**kwargs)


def test_wrong_weights_and_features():
    with pytest.raises(ValueError, match="theta has shape"):
        make_buffer().theta = [1, 2, 3]
    with pytest.raises(ValueError, match="expected \\(2, 2\\), as theta has 2"):
        fill(make_buffer(features=lambda o: o), 1)
    with pytest.raises(ValueError, match="expected finite numbers"):
        fill(make_buffer(features=lambda o: np.full((2, 2), np.nan)), 1)
