"""FastPPO: updates, scales, temperature and files."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnvWrapper

from rlsp_sb3.simulators import Simulator, SimulatorVecEnv
from rlsp_sb3.solvers import FastPPO
from rlsp_sb3.solvers.normalized_policy import RunningNormalization
from rlsp_sb3.solvers.ppo_updates import PPOUpdates

SMALL = {"n_steps": 32, "batch_size": 64, "n_epochs": 3, "device": "cpu", "seed": 0}


class ScaledRewards(VecEnvWrapper):
    """Rewards times a factor."""

    def __init__(self, venv, factor):
        super().__init__(venv)
        self.factor = factor

    def reset(self):
        return self.venv.reset()

    def step_wait(self):
        observations, rewards, dones, infos = self.venv.step_wait()
        return observations, rewards * self.factor, dones, infos


def model_in(env_id, n_envs=4, **kwargs):
    return FastPPO("MlpPolicy", make_vec_env(env_id, n_envs, seed=0), **{**SMALL, **kwargs})


def parameters(model):
    return {name: value.numpy().copy() for name, value in model.policy.state_dict().items()}


@pytest.mark.parametrize("env_id", ["Pendulum-v1", "CartPole-v1"])
@pytest.mark.parametrize("activation", [torch.nn.Tanh, torch.nn.ReLU])
def test_updates_are_those_of_sb3(env_id, activation, monkeypatch):
    """Of SB3's own PPO.train, for a rollout in one minibatch, whose order is another."""
    results = []
    for is_flat in (True, False):
        model = model_in(
            env_id,
            batch_size=128,
            ent_coef=0.01,
            policy_kwargs={"activation_fn": activation},
            learning_rate=3e-3,
        )
        if not is_flat:
            monkeypatch.setattr(PPOUpdates, "serves", lambda policy: False)
        model.learn(256)  # a rollout for the scales, and one to learn from
        assert (model._updates is not None) == is_flat
        results.append(parameters(model))
    flat, by_graph = results
    for name, value in flat.items():
        np.testing.assert_allclose(value, by_graph[name], rtol=2e-3, atol=2e-5, err_msg=name)
    start = parameters(model_in(env_id, policy_kwargs={"activation_fn": activation}))
    assert any(np.abs(flat[name] - start[name]).max() > 1e-2 for name in flat)


def test_minibatches_lower_the_loss_of_sb3():
    """A rollout in minibatches: the value loss of SB3's train on it falls as in SB3's own."""
    losses = []
    for algorithm in (FastPPO, PPO):
        venv = make_vec_env("Pendulum-v1", 4, seed=0)
        model = algorithm("MlpPolicy", venv, **{**SMALL, "n_epochs": 1, "learning_rate": 1e-3})
        model.learn(256)
        losses.append(model.logger.name_to_value["train/policy_gradient_loss"])
    assert np.sign(losses[0]) == np.sign(losses[1]) == -1


def test_a_change_of_scale_changes_no_value():
    model = model_in("Pendulum-v1")
    observations = torch.randn(20, 3)
    with torch.no_grad():
        before = model.policy.predict_values(observations)
        model.policy.rescale_values(-300.0, 70.0)
        after = model.policy.predict_values(observations)
    np.testing.assert_allclose(before, after, atol=1e-4)


def test_statistics_are_those_of_all_observations():
    space = spaces.Box(-np.inf, np.inf, (3,))
    extractor = RunningNormalization(space)
    seen = np.random.default_rng(0).normal([5, 0, 1e6], [1, 1e-3, 10], (500, 3))
    for part in np.array_split(seen, [10, 11, 200]):
        extractor.update(torch.as_tensor(part))
    np.testing.assert_allclose(extractor.mean, seen.mean(0))
    np.testing.assert_allclose(extractor.variance, seen.var(0))
    shown = extractor(torch.as_tensor(seen[:5])).numpy()
    expected = (seen[:5] - seen.mean(0)) / seen.std(0)
    np.testing.assert_allclose(shown, expected, atol=0.02)


def test_an_entry_that_never_changes_is_not_blown_up():
    extractor = RunningNormalization(spaces.Box(-np.inf, np.inf, (2,)))
    extractor.update(torch.tensor([[3.0, 1.0], [3.0, 2.0]]))
    shown = extractor(torch.tensor([[3.0, 1.5], [4.0, 1.5]]))
    np.testing.assert_allclose(shown, [[0, 0], [1, 0]])


def test_the_scale_of_rewards_does_not_matter():
    policies = []
    for factor in (1e2, 1e4):  # beside which the first values are nothing
        venv = ScaledRewards(make_vec_env("Pendulum-v1", 4, seed=0), factor)
        model = FastPPO("MlpPolicy", venv, **SMALL)
        model.learn(256)
        policies.append(parameters(model)["action_net.weight"])
    np.testing.assert_allclose(policies[0], policies[1], rtol=0.02, atol=1e-4)


class Chain(Simulator):
    """A random MDP whose observations are one-hot."""

    def __init__(self, n_states, n_actions, seed):
        rng = np.random.default_rng(seed)
        self.p = rng.dirichlet(np.full(n_states, 0.3), (n_states, n_actions))
        env = gym.Env()
        env.observation_space = spaces.Box(0, 1, (n_states,))
        env.action_space = spaces.Discrete(n_actions)
        super().__init__(env, np.random.default_rng(0))
        self._eye = np.eye(n_states, dtype=np.float32)

    def reset(self, n):
        return self._eye[self.rng.integers(len(self._eye), size=n)]

    def _advance(self, states, actions):
        p = self.p[states.argmax(1), actions].cumsum(1)
        following = self._eye[(self.rng.random((len(p), 1)) < p).argmax(1)]
        return following, following.copy()


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_the_policy_of_a_temperature_is_that_of_soft_value_iteration(temperature):
    simulator, gamma = Chain(4, 3, seed=1), 0.9
    rewards = np.array([0.0, 1.0, -1.0, 0.5])
    venv = SimulatorVecEnv(
        simulator, 64, 5, lambda shown: shown @ rewards, np.random.default_rng(0), 0
    )
    model = FastPPO(
        "MlpPolicy",
        venv,
        learning_rate=3e-3,
        n_steps=32,
        batch_size=512,
        gamma=gamma,
        gae_lambda=0.9,
        temperature=temperature,
        policy_kwargs={"net_arch": {"pi": [], "vf": []}},
        seed=0,
        device="cpu",
    )
    model.learn(150_000)
    values = np.zeros(4)
    for _ in range(500):
        q = simulator.p @ (rewards + gamma * values)
        values = temperature * np.log(np.exp(q / temperature).sum(1))
    expected = np.exp((q - values[:, None]) / temperature)
    with torch.no_grad():
        shown = model.policy.get_distribution(torch.eye(4)).distribution.probs.numpy()
    assert np.abs(shown - expected).max() < 0.06
    assert np.ptp(expected, axis=1).max() > 0.15  # something to get right


class DampedMass(Simulator):
    """A mass on a line with a spring and friction."""

    A = np.array([[0.8, 0.4], [-0.2, 0.7]])
    B = np.array([[0.2], [0.6]])

    def __init__(self):
        env = gym.Env()
        env.observation_space = spaces.Box(-np.inf, np.inf, (2,))
        env.action_space = spaces.Box(-5, 5, (1,))
        super().__init__(env, np.random.default_rng(0))

    def reset(self, n):
        return self.rng.normal(0, 0.3, (n, 2)).astype(np.float32)

    def _advance(self, states, actions):
        following = (states @ self.A.T + actions @ self.B.T).astype(np.float32)
        return following, following.copy()


def test_the_policy_of_a_temperature_is_that_of_riccati():
    """The soft optimum of a linear-quadratic problem is linear with a known, constant variance."""
    simulator, gamma, temperature = DampedMass(), 0.9, 0.1
    cost = np.diag([1.0, 0.3])
    venv = SimulatorVecEnv(
        simulator,
        64,
        50,
        lambda shown: -np.einsum("ni,ij,nj->n", shown, cost, shown),
        np.random.default_rng(0),
        0,
    )
    model = FastPPO(
        "MlpPolicy",
        venv,
        n_steps=32,
        batch_size=512,
        gamma=gamma,
        gae_lambda=0.9,
        temperature=temperature,
        policy_kwargs={"net_arch": {"pi": [], "vf": [32, 32]}},
        seed=0,
        device="cpu",
    )
    model.learn(200_000)
    a, b = simulator.A, simulator.B
    p = np.zeros((2, 2))
    for _ in range(500):
        m = cost + gamma * p
        gain = np.linalg.solve(b.T @ m @ b, b.T @ m @ a)
        p = (a - b @ gain).T @ m @ (a - b @ gain)
    std = np.sqrt(temperature / (2 * (b.T @ m @ b).item()))
    shown = np.array([[0, 0], [0.5, 0], [0, 0.5]], dtype=np.float32)
    with torch.no_grad():
        distribution = model.policy.get_distribution(torch.as_tensor(shown)).distribution
    means = distribution.mean.numpy()[:, 0]
    np.testing.assert_allclose((means[0] - means[1:]) / 0.5, gain[0], rtol=0.2)
    np.testing.assert_allclose(distribution.stddev.numpy(), std, rtol=0.1)


def test_a_saved_model_acts_and_goes_on_as_before(tmp_path):
    model = model_in("Pendulum-v1")
    model.learn(512)
    model.save(tmp_path / "model")
    loaded = FastPPO.load(tmp_path / "model", env=make_vec_env("Pendulum-v1", 4, seed=0))
    shown = 100 * np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    for deterministic in (True, False):
        torch.manual_seed(0)
        expected = model.predict(shown, deterministic=deterministic)[0]
        torch.manual_seed(0)
        np.testing.assert_array_equal(
            loaded.predict(shown, deterministic=deterministic)[0], expected
        )
    assert loaded.step_scale == model.step_scale
    loaded.learn(256)


def test_actions_are_those_of_the_space():
    venv = make_vec_env(
        "Pendulum-v1", 2, wrapper_class=lambda env: gym.wrappers.RescaleAction(env, 0.0, 1000.0)
    )
    model = FastPPO("MlpPolicy", venv, **SMALL)
    shown = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    actions = model.predict(shown)[0]
    assert 50 < actions.std() < 500
    assert 300 < actions.mean() < 700
    assert actions.min() >= 0
    assert actions.max() <= 1000


def test_the_step_size_follows_the_divergence():
    small = model_in("Pendulum-v1", learning_rate=1e-7)
    small.learn(1024)
    assert small.step_scale > 5
    large = model_in("Pendulum-v1", learning_rate=0.1)
    large.learn(1024)
    assert large.step_scale < 0.5
    fixed = model_in("Pendulum-v1", learning_rate=0.1, desired_kl=None)
    fixed.learn(512)
    assert fixed.step_scale == 1


def test_the_same_seed_gives_the_same_bits():
    first, second = (parameters(model_in("Pendulum-v1").learn(512)) for _ in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name])


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", -1.0), ("temperature", np.nan), ("desired_kl", 0.0), ("desired_kl", "low")],
)
def test_wrong_arguments_are_refused(name, value):
    with pytest.raises((TypeError, ValueError), match=name):
        model_in("Pendulum-v1", **{name: value})
