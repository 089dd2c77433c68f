"""Policies of sb3-contrib act as they do there; without it, what needs it says so."""

import sys

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO, SAC

from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.policies.loading import load_policy

from helpers.policy_files import rewrite, settings

REASON = 'needs sb3-contrib: pip install "rlsp-sb3[contrib]"'
BUFFER = {"buffer_size": 4}
ALGORITHMS = {
    "tqc": ("TQC", "Pendulum-v1", {"net_arch": [8, 9]}, BUFFER),
    "tqc-three": (
        "TQC",
        "Pendulum-v1",
        {"n_critics": 3, "n_quantiles": 5, "net_arch": [7]},
        BUFFER,
    ),
    "tqc-sde": ("TQC", "Pendulum-v1", {"clip_mean": 0.5}, {"use_sde": True, **BUFFER}),
    "qrdqn": ("QRDQN", "Acrobot-v1", {"net_arch": [64], "activation_fn": torch.nn.Tanh}, BUFFER),
    "qrdqn-five": ("QRDQN", "Acrobot-v1", {"n_quantiles": 5, "net_arch": [9, 8]}, BUFFER),
    "trpo": ("TRPO", "CartPole-v1", {"net_arch": {"pi": [4], "vf": [5, 6]}}, {}),
    "trpo-numbers": ("TRPO", "Pendulum-v1", {}, {}),
}
RECURRENT = {
    "default": {},
    "small": {"lstm_hidden_size": 7, "n_lstm_layers": 2, "net_arch": [5]},
    "shared": {"shared_lstm": True, "enable_critic_lstm": False, "lstm_hidden_size": 8},
    "no-critic": {"enable_critic_lstm": False, "lstm_hidden_size": 8},
}


def make(name, policy, env, policy_kwargs, **arguments):
    contrib = pytest.importorskip("sb3_contrib", reason=REASON)
    model = getattr(contrib, name)(policy, env, policy_kwargs=policy_kwargs, seed=3, **arguments)
    if name == "QRDQN":  # as it is, it does one thing only
        layer = model.quantile_net.quantile_net[-1]
        with torch.no_grad():
            layer.weight *= 50
            values = model.quantile_net(model.policy.obs_to_tensor(observations(env))[0])
            layer.bias -= values.mean(dim=0).reshape(-1)
    return model


def observations(env, n=60):
    space = (gym.make(env) if isinstance(env, str) else env).observation_space
    rng = np.random.default_rng(0)
    if space.dtype == np.uint8:
        return rng.integers(256, size=(n, *space.shape), dtype=np.uint8)
    return rng.uniform(-4, 4, (n, *space.shape)).astype(space.dtype)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_acts_as_the_algorithm(name, tmp_path, trap):
    algorithm, env, policy_kwargs, arguments = ALGORITHMS[name]
    model = make(algorithm, "MlpPolicy", env, policy_kwargs, **arguments)
    model.save(tmp_path / "model.zip")
    theirs = type(model).load(tmp_path / "model.zip", device="cpu")
    ours = load_policy(trap(tmp_path / "model.zip"), env)
    seen = observations(env)
    expected = theirs.predict(seen, deterministic=True)[0]
    assert len(np.unique(expected, axis=0)) > 1  # the test can tell policies apart
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    if algorithm == "QRDQN":
        np.testing.assert_array_equal(ours.predict(seen)[0], expected)  # always greedy
    elif "use_sde" not in arguments:
        torch.manual_seed(0)
        expected = theirs.predict(seen)[0]
        torch.manual_seed(0)
        np.testing.assert_array_equal(ours.predict(seen)[0], expected)


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_policies(name, env, tmp_path):
    model = make("RecurrentPPO", "MlpLstmPolicy", env, RECURRENT[name], n_steps=16)
    model.save(tmp_path / "model.zip")
    ours = load_policy(tmp_path / "model.zip", env)
    seen = observations(env).reshape(20, 3, -1)
    starts = np.random.default_rng(1).random((20, 3)) < 0.2
    states = our_states = None
    forgetful = []
    for observed, start in zip(seen, starts, strict=True):
        expected, states = model.predict(observed, states, start, deterministic=True)
        actions, our_states = ours.predict(observed, our_states, start, deterministic=True)
        np.testing.assert_array_equal(actions, expected)
        np.testing.assert_array_equal(our_states, states)
        forgetful.append(np.array_equal(ours.predict(observed, deterministic=True)[0], actions))
    assert env == "CartPole-v1" or not all(forgetful)  # it remembers


def test_rollouts_carry_the_memory_of_recurrent_policies(tmp_path):
    model = make("RecurrentPPO", "MlpLstmPolicy", "Pendulum-v1", {}, n_steps=16)
    model.save(tmp_path / "model.zip")
    ours = load_policy(tmp_path / "model.zip", "Pendulum-v1")
    (episode,) = rollout_env(ours, "Pendulum-v1", 1, seed=0, deterministic=True, max_steps=20)
    state = None
    for i, (observation, action) in enumerate(
        zip(episode.observations, episode.actions, strict=False)
    ):
        expected, state = model.predict(observation, state, np.array([i == 0]), deterministic=True)
        np.testing.assert_array_equal(action, expected)


class Camera(gym.Env):
    """An environment of pictures, where nothing happens."""

    observation_space = spaces.Box(0, 255, (36, 36, 3), np.uint8)

    def __init__(self, action_space):
        self.action_space = action_space


NUMBERS = spaces.Box(-1, 1, (2,), np.float32)


@pytest.mark.parametrize(
    ("algorithm", "policy", "action_space", "kwargs"),
    [
        ("TQC", "CnnPolicy", NUMBERS, BUFFER),
        ("QRDQN", "CnnPolicy", spaces.Discrete(3), BUFFER),
        ("RecurrentPPO", "CnnLstmPolicy", spaces.Discrete(3), {}),
    ],
)
def test_policies_of_images(algorithm, policy, action_space, kwargs, tmp_path):
    env = Camera(action_space)
    model = make(algorithm, policy, env, {}, device="cpu", **kwargs)
    model.save(tmp_path / "model.zip")
    ours = load_policy(tmp_path / "model.zip", env)
    seen = observations(env, 30)
    seen[::2] //= 8
    expected = model.predict(seen, deterministic=True)[0]
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)


@pytest.mark.parametrize(
    ("algorithm", "policy", "env", "name"),
    [
        ("MaskablePPO", "MlpPolicy", "CartPole-v1", "maskable.policies.MaskableActorCriticPolicy"),
        ("ARS", "LinearPolicy", "CartPole-v1", "ars.policies.ARSLinearPolicy"),
        ("CrossQ", "MlpPolicy", "Pendulum-v1", "crossq.policies.CrossQPolicy"),
    ],
)
def test_other_algorithms_are_refused_by_name(algorithm, policy, env, name, tmp_path):
    contrib = pytest.importorskip("sb3_contrib", reason=REASON)
    if not hasattr(contrib, algorithm):
        pytest.skip(f"this sb3-contrib has no {algorithm}")
    getattr(contrib, algorithm)(policy, env).save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match=rf"{name}\).*expected.*TQC or TRPO of sb3-contrib"):
        load_policy(tmp_path / "model.zip", env)


def test_lstms_of_another_kind_are_refused(tmp_path):
    kwargs = {"lstm_kwargs": {"bias": False}}
    make("RecurrentPPO", "MlpLstmPolicy", "CartPole-v1", kwargs).save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match="has a policy with other parameters than an MlpPolicy"):
        load_policy(tmp_path / "model.zip", "CartPole-v1")


# Without sb3-contrib.


def test_without_the_package_it_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    monkeypatch.setitem(sys.modules, "sb3_contrib.tqc.policies", None)
    SAC("MlpPolicy", "Pendulum-v1", **BUFFER).save(tmp_path / "model.zip")
    theirs = {"__module__": "sb3_contrib.tqc.policies"}
    rewrite(tmp_path / "model.zip", data=settings(policy_class=theirs))
    with pytest.raises(ImportError, match=r"TQCPolicy needs sb3-contrib: run `pip install sb3-"):
        load_policy(tmp_path / "model.zip", "Pendulum-v1")


def test_policies_of_classes_that_nobody_knows(tmp_path):
    PPO("MlpPolicy", "CartPole-v1").save(tmp_path / "model.zip")
    theirs = {"__module__": "my.policies", "__init__": "<function Mine.__init__ at 0x7f>"}
    rewrite(tmp_path / "model.zip", data=settings(policy_class=theirs))
    with pytest.raises(ValueError, match=r"class of its own \(my\.policies\.Mine\), which cannot"):
        load_policy(tmp_path / "model.zip", "CartPole-v1")
