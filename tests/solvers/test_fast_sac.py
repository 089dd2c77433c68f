"""FastSAC: the updates of SB3's SAC, in less time."""

from __future__ import annotations

import copy

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import SAC
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import VecNormalize
from torch import nn

from rlsp_sb3.rewards.relabeled_replay_buffer import RelabeledReplayBuffer
from rlsp_sb3.solvers.fast_sac import FastSAC

SIZE = 32


class Slide(gym.Env):
    """A point on a line that wants to be at 0."""

    observation_space = spaces.Box(-5, 5, (1,), np.float32)
    action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        self.x, self.t = self.np_random.uniform(-2, 2, 1).astype(np.float32), 0
        return self.x, {}

    def step(self, action):
        self.x, self.t = np.clip(self.x + action, -5, 5), self.t + 1
        return self.x, -abs(float(self.x[0])), False, self.t == 10, {}


class Nothing(gym.Env):
    """For its spaces."""

    def __init__(self, observation_space=None):
        self.observation_space = observation_space or spaces.Box(-1, 1, (5,))
        self.action_space = spaces.Box(-1, 1, (3,))

    def reset(self, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}


def make(algorithm, env=None, policy="MlpPolicy", net_arch=(16, 12), policy_kwargs=None, **kwargs):
    policy_kwargs = {"net_arch": net_arch, **(policy_kwargs or {})}
    if isinstance(net_arch, tuple):
        policy_kwargs["net_arch"] = list(net_arch)
    kwargs = {"seed": 0, "buffer_size": 1000, "learning_rate": 1e-3, "device": "cpu", **kwargs}
    return algorithm(policy, env or Nothing(), policy_kwargs=policy_kwargs, **kwargs)


def state_of(model):
    """All that an update changes."""
    state = dict(model.policy.state_dict())
    for name in ("actor.optimizer", "critic.optimizer", "ent_coef_optimizer"):
        owner, _, attribute = name.rpartition(".")
        optimizer = getattr(getattr(model, owner) if owner else model, attribute)
        if optimizer is not None:
            for i, moments in optimizer.state_dict()["state"].items():
                state |= {f"{name} {i} {key}": value for key, value in moments.items()}
    if model.log_ent_coef is not None:
        state["log_ent_coef"] = model.log_ent_coef
    return {name: value.detach().clone() for name, value in state.items()}


def assert_same(model, other, atol=1e-5, rtol=1e-4):
    state, expected = state_of(model), state_of(other)
    assert state.keys() == expected.keys()
    for name in state:
        torch.testing.assert_close(
            state[name], expected[name], atol=atol, rtol=rtol, msg=lambda m, n=name: f"{n}: {m}"
        )


def train_both(monkeypatch, sac, fast, n_steps, calls=1, size=SIZE):
    """The same batches and noise for both; returns what each logged."""
    rng = torch.Generator().manual_seed(1)
    rows = n_steps * calls * size
    sac.observation_space.seed(0)
    observations, next_observations = (
        np.array([sac.observation_space.sample() for _ in range(rows)]) for _ in range(2)
    )
    n_action = sac.action_space.shape[0]
    batches = ReplayBufferSamples(
        torch.as_tensor(observations),
        torch.rand(rows, n_action, generator=rng) * 2 - 1,
        torch.as_tensor(next_observations),
        (torch.rand(rows, 1, generator=rng) < 0.2).float(),
        torch.randn(rows, 1, generator=rng),
    )
    noise = torch.randn(2 * rows, n_action, generator=rng)
    logged = []
    for model in (sac, fast):
        position = {"batch": 0, "noise": 0}

        def sample(n, env=None, position=position):
            start = position["batch"]
            position["batch"] += n
            return ReplayBufferSamples(*(x if x is None else x[start : start + n] for x in batches))

        def draw(shape, *args, position=position, **kwargs):
            start, n = position["noise"], int(np.prod(shape[:-1]))
            position["noise"] += n
            return noise[start : start + n].reshape(shape)

        model.set_logger(Logger(None, []))
        model.replay_buffer.sample = sample
        with monkeypatch.context() as patch:
            patch.setattr("torch.distributions.normal._standard_normal", draw)
            patch.setattr(torch, "randn", lambda *shape, draw=draw, **kwargs: draw(shape))
            for _ in range(calls):
                model.train(n_steps, size)
        assert position == {"batch": rows, "noise": 2 * rows}
        logged.append(dict(model.logger.name_to_value))
    return logged


@pytest.mark.parametrize("n_steps", [1, 7])
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"policy_kwargs": {"activation_fn": nn.Tanh}},
        {"ent_coef": 0.3},
        {"ent_coef": "auto_0.1", "target_entropy": -1.5},
        {"net_arch": ()},
        {"net_arch": {"pi": [8], "qf": [20, 10, 6]}},
        {"policy_kwargs": {"n_critics": 1}},
        {"policy_kwargs": {"n_critics": 3}},
        {"policy_kwargs": {"share_features_extractor": True}},
        {"policy_kwargs": {"optimizer_kwargs": {"betas": (0.5, 0.9), "eps": 1e-4}}},
        {"target_update_interval": 3, "tau": 0.1, "gamma": 0.9},
        {"learning_rate": lambda remaining: 0.01 * remaining},
        {"env": Nothing(spaces.Discrete(4))},
        {"env": Nothing(spaces.Box(0, 255, (1, 3, 3), np.uint8))},
    ],
)
def test_updates_are_those_of_sac(monkeypatch, kwargs, n_steps):
    sac, fast = make(SAC, **kwargs), make(FastSAC, **kwargs)
    assert_same(fast, sac, 0, 0)
    sac_logged, fast_logged = train_both(monkeypatch, sac, fast, n_steps)
    assert_same(fast, sac)
    assert fast_logged == pytest.approx(sac_logged, rel=1e-4, abs=1e-5)
    assert fast_logged.keys() == sac_logged.keys()


def test_updates_are_those_of_sac_in_many_calls(monkeypatch):
    sac, fast = make(SAC), make(FastSAC)
    train_both(monkeypatch, sac, fast, 3, calls=10)
    assert_same(fast, sac, 1e-4)


def test_batches_drawn_in_several_parts(monkeypatch):
    monkeypatch.setattr("rlsp_sb3.solvers.fast_sac.MAX_ROWS", 2 * SIZE)
    sac, fast = make(SAC, target_update_interval=2), make(FastSAC, target_update_interval=2)
    sac_logged, fast_logged = train_both(monkeypatch, sac, fast, 5)
    assert_same(fast, sac)
    assert fast_logged == pytest.approx(sac_logged, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("mean", "log_std"), [(0, 3.0), (8, 0), (-3, 2.0)])
def test_updates_are_those_of_sac_where_the_policy_is_extreme(monkeypatch, mean, log_std):
    """Clipped standard deviations, and actions at the ends of their range."""
    sac, fast = make(SAC), make(FastSAC)
    with torch.no_grad():
        for model in (sac, fast):
            model.actor.mu.bias[0] = mean
            model.actor.log_std.bias[:2] = log_std
    train_both(monkeypatch, sac, fast, 3)
    assert_same(fast, sac)


def test_a_policy_that_is_not_random(monkeypatch):
    """SB3's own log density is lost in rounding there, so there is nothing to compare with."""
    model = make(FastSAC)
    with torch.no_grad():
        model.actor.log_std.bias[:] = -25
    before = state_of(model)
    train_both(monkeypatch, make(SAC), model, 1)
    after = state_of(model)
    assert all(torch.isfinite(value).all() for value in after.values())
    torch.testing.assert_close(after["actor.log_std.bias"], before["actor.log_std.bias"])


@pytest.mark.skipif("discounts" not in ReplayBufferSamples._fields, reason="needs a newer SB3")
def test_n_step_returns():
    model = make(FastSAC, Slide(), n_steps=3).learn(150)
    data = model.replay_buffer.sample(50)
    assert model._n_updates == 50
    assert len(data.discounts.unique()) > 1


def test_goes_on_after_the_steps_of_sac_and_the_other_way_round(monkeypatch):
    """Parameters, moments and counts are where SB3 expects them."""
    sac, fast = make(SAC), make(FastSAC)
    train_both(monkeypatch, sac, fast, 3)
    for model, other in ((sac, fast), (fast, sac)):
        model.set_parameters(copy.deepcopy(other.get_parameters()))
        model.log_ent_coef.data = other.log_ent_coef.data.clone()
    assert_same(fast, sac)
    train_both(monkeypatch, sac, fast, 3)
    assert_same(fast, sac)


@pytest.mark.parametrize("cls", [SAC, FastSAC])
def test_save_and_load(monkeypatch, tmp_path, cls):
    """A file is one of SAC, too."""
    model = make(FastSAC, Slide()).learn(150)
    model.save(tmp_path / "model")
    loaded = cls.load(tmp_path / "model", env=Slide(), device="cpu")
    assert_same(loaded, model, 0, 0)
    observation = np.array([0.5], np.float32)
    np.testing.assert_array_equal(
        loaded.predict(observation, deterministic=True)[0],
        model.predict(observation, deterministic=True)[0],
    )
    train_both(monkeypatch, loaded, model, 3)
    assert_same(loaded, model)
    assert loaded.actor.optimizer.state_dict()["state"][0]["step"] == 53


def test_goes_on_with_a_file_of_sac(monkeypatch, tmp_path):
    sac = make(SAC, Slide()).learn(150)
    sac.save(tmp_path / "model")
    fast = FastSAC.load(tmp_path / "model", env=Slide(), device="cpu")
    assert_same(fast, sac, 0, 0)
    train_both(monkeypatch, sac, fast, 3)
    assert_same(fast, sac)


def test_goes_on_with_a_copy_of_the_policy(monkeypatch):
    sac, fast = make(SAC), make(FastSAC)
    train_both(monkeypatch, sac, fast, 2)
    fast.policy.to(torch.float64).to(torch.float32)  # replaces the data of parameters
    train_both(monkeypatch, sac, fast, 2)
    assert_same(fast, sac)


def test_copies_of_a_model_are_apart(monkeypatch):
    sac, fast = make(SAC), make(FastSAC)
    train_both(monkeypatch, sac, fast, 2)
    del sac.replay_buffer.sample, fast.replay_buffer.sample
    before = state_of(fast)
    clone = copy.deepcopy(fast)
    train_both(monkeypatch, sac, clone, 2)
    assert_same(clone, sac)
    for name, value in state_of(fast).items():
        torch.testing.assert_close(value, before[name], atol=0, rtol=0)


def test_parameters_can_still_be_trained_by_autograd(monkeypatch):
    sac, fast = make(SAC), make(FastSAC)
    train_both(monkeypatch, sac, fast, 2)
    for model in (sac, fast):
        loss = sum(q.mean() for q in model.critic(torch.ones(4, 5), torch.zeros(4, 3)))
        loss = loss + sum(
            x.mean() for x in model.actor.get_action_dist_params(torch.ones(4, 5))[:2]
        )
        for optimizer in (model.actor.optimizer, model.critic.optimizer):
            optimizer.zero_grad()
        loss.backward()
        for optimizer in (model.actor.optimizer, model.critic.optimizer):
            optimizer.step()
    train_both(monkeypatch, sac, fast, 2)
    assert_same(fast, sac)


def test_an_optimizer_that_skipped_some_parameters(monkeypatch):
    model = make(FastSAC)
    train_both(monkeypatch, make(SAC), model, 2)
    model.actor.optimizer.zero_grad()
    model.actor(torch.ones(4, 5), deterministic=True).mean().backward()
    model.actor.optimizer.step()
    with pytest.raises(ValueError, match="2 steps for some parameters and 3 for others"):
        train_both(monkeypatch, make(SAC), model, 2)


def learn(seed, n=400, **kwargs):
    kwargs = {"gradient_steps": 2, "train_freq": 4, "learning_starts": 50, **kwargs}
    return make(FastSAC, make_vec_env(Slide, 3, seed=0), seed=seed, **kwargs).learn(n)


def test_same_seed_same_bits():
    assert_same(learn(0), learn(0), 0, 0)
    with pytest.raises(AssertionError):
        assert_same(learn(0), learn(1))


def test_learning_in_parts():
    model = learn(0, 200).learn(200, reset_num_timesteps=False)
    assert model.num_timesteps == 408
    assert model._n_updates == 2 * (408 - 48) / 12


@pytest.mark.parametrize(
    "kwargs",
    [
        {"gradient_steps": -1},
        {"ent_coef": 0.1},
        {"action_noise": NormalActionNoise(np.zeros(1), 0.1 * np.ones(1))},
        {
            "replay_buffer_class": RelabeledReplayBuffer,
            "replay_buffer_kwargs": {"features": lambda o: -abs(o), "theta": [1.0]},
        },
    ],
    ids=lambda kwargs: next(iter(kwargs)),
)
def test_options(kwargs):
    model = learn(0, **kwargs)
    assert model._n_updates > 0
    assert all(torch.isfinite(value).all() for value in state_of(model).values())


def test_vec_normalize():
    env = VecNormalize(make_vec_env(Slide, 2, seed=0))
    assert make(FastSAC, env).learn(300)._n_updates > 0


def test_learns():
    model = make(
        FastSAC, make_vec_env(Slide, 4, seed=0), net_arch=(32, 32), gamma=0.9, gradient_steps=4
    )
    returns, _ = evaluate_policy(model.learn(1500), model.get_env(), 20)
    assert returns > -4  # where nothing is done, -10 in the mean


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"use_sde": True}, "use_sde=True: expected False"),
        ({"policy_kwargs": {"activation_fn": nn.ELU}}, "expected one of \\['ReLU', 'Tanh'\\]"),
        (
            {"policy": "CnnPolicy", "env": Nothing(spaces.Box(0, 255, (3, 36, 36), np.uint8))},
            "features extractor that learns, a NatureCNN",
        ),
        (
            {"policy_kwargs": {"optimizer_class": torch.optim.SGD}},
            "SGD}: expected torch.optim.Adam",
        ),
        (
            {"policy_kwargs": {"optimizer_kwargs": {"weight_decay": 0.1}}},
            "'weight_decay': 0.1",
        ),
    ],
)
def test_what_only_sac_can_do(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make(FastSAC, **kwargs)
