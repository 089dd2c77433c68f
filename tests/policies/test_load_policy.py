"""Policies from files act as they do for SB3, and no code in the files is run."""

import io
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import A2C, DDPG, DQN, PPO, SAC, TD3
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import FlattenExtractor
from torch import nn

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.io.restricted_pickle import RefusedPickleError
from rlsp_sb3.models.networks import ACTIVATIONS
from rlsp_sb3.policies.loading import load_policy

from helpers.policy_files import Touch, rewrite, sac_parameters, settings, write_zip

BUFFER = {"buffer_size": 4}
ALGORITHMS = {
    "ppo": (PPO, "CartPole-v1", {"net_arch": {"pi": [4], "vf": [5, 6]}, "activation_fn": nn.ReLU}),
    "ppo-default": (PPO, "Pendulum-v1", {}),
    "ppo-linear": (PPO, "Pendulum-v1", {"net_arch": []}),
    "ppo-gridworld": (PPO, "RoomDefault-v0", {"activation_fn": nn.ELU}),
    "a2c": (A2C, "CartPole-v1", {"net_arch": [8], "ortho_init": False}),
    "sac": (SAC, "Pendulum-v1", {"net_arch": [8, 9], "activation_fn": nn.Tanh}),
    "sac-two": (SAC, "Pendulum-v1", {"net_arch": {"pi": [7], "qf": [6, 5, 4]}, "n_critics": 3}),
    "td3": (TD3, "Pendulum-v1", {"net_arch": [8, 7], "activation_fn": nn.SiLU}),
    "ddpg": (DDPG, "Pendulum-v1", {"net_arch": {"pi": [7], "qf": [6]}}),
    "dqn": (DQN, "CartPole-v1", {"net_arch": [8, 7], "activation_fn": nn.LeakyReLU}),
}


def make_model(name, **kwargs):
    algorithm, env, policy_kwargs = ALGORITHMS[name]
    if algorithm in (SAC, TD3, DDPG, DQN):
        kwargs = {**BUFFER, **kwargs}
    return algorithm("MlpPolicy", env, policy_kwargs=policy_kwargs, seed=3, **kwargs)


def observations(env_id, n=40):
    space = gym.make(env_id).observation_space
    return np.random.default_rng(0).uniform(-4, 4, (n, *space.shape)).astype(space.dtype)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_acts_as_the_algorithm(name, tmp_path):
    algorithm, env, _ = ALGORITHMS[name]
    path = tmp_path / "model.zip"
    make_model(name).save(path)
    theirs = algorithm.load(path, device="cpu")
    ours = load_policy(path, env)
    seen = observations(env)
    expected = theirs.predict(seen, deterministic=True)[0]
    assert len(np.unique(expected, axis=0)) > 1  # the test can tell policies apart
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    if algorithm is not DQN:
        torch.manual_seed(0)
        expected = theirs.predict(seen)[0]
        torch.manual_seed(0)
        np.testing.assert_array_equal(ours.predict(seen)[0], expected)


@pytest.mark.parametrize("name", ["sac", "ppo-default"])
def test_state_dependent_exploration(name, tmp_path):
    path = tmp_path / "model.zip"
    kwargs = {"use_expln": True, "log_std_init": -1.0}
    kwargs |= {"clip_mean": 0.5} if name == "sac" else {"squash_output": True, "full_std": False}
    algorithm, env, _ = ALGORITHMS[name]
    model = algorithm("MlpPolicy", env, use_sde=True, policy_kwargs=kwargs, seed=1)
    model.save(path)
    seen = observations(env)
    expected = algorithm.load(path, device="cpu").predict(seen, deterministic=True)[0]
    ours = load_policy(path, env)
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    assert not np.array_equal(ours.predict(seen)[0], expected)


@pytest.mark.parametrize("activation", ACTIVATIONS.values(), ids=ACTIVATIONS)
def test_activation_functions(activation, tmp_path):
    kwargs = {"net_arch": [3], "activation_fn": activation}
    model = DQN("MlpPolicy", "CartPole-v1", policy_kwargs=kwargs, **BUFFER)
    model.save(tmp_path / "model")
    seen = torch.as_tensor(observations("CartPole-v1"))
    ours = load_policy(tmp_path / "model", "CartPole-v1")
    with torch.no_grad():
        torch.testing.assert_close(ours.q_net(seen), model.q_net(seen), rtol=0, atol=0)


def test_discrete_observations(tmp_path):
    env = Stub(1, spaces.Discrete(5))
    env.observation_space = spaces.Discrete(40)
    model = PPO("MlpPolicy", env, seed=0)
    model.save(tmp_path / "model.zip")
    ours = load_policy(tmp_path / "model.zip", env)
    expected = [int(model.predict(state, deterministic=True)[0]) for state in range(40)]
    assert len(set(expected)) > 1
    assert [int(ours.predict(state, deterministic=True)[0]) for state in range(40)] == expected


def test_learners(tmp_path):
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(2)
    learner.save(tmp_path / "learner")
    ours = load_policy(tmp_path / "learner", "RoomDefault-v0")
    assert isinstance(ours, TabularRLSP)
    assert (
        ours.reward.to_dict() == learner.reward.to_dict()
        if hasattr(learner.reward, "to_dict")
        else np.array_equal(ours.reward.weights, learner.reward.weights)
    )


# What is in a file is not run.


@pytest.mark.parametrize("name", ["ppo", "sac", "td3", "dqn"])
def test_pickles_are_left_alone(name, trap, tmp_path):
    env = ALGORITHMS[name][1]
    model = make_model(name)
    path = tmp_path / "model.zip"
    model.save(path)
    ours = load_policy(trap(path), env)
    seen = observations(env)
    np.testing.assert_array_equal(
        ours.predict(seen, deterministic=True)[0], model.predict(seen, deterministic=True)[0]
    )


def test_the_trap_works(trap, tmp_path):
    """SB3 itself would run what the test above puts into the file."""
    path = tmp_path / "model.zip"
    make_model("ppo").save(path)
    with pytest.raises(OSError, match="not readable"):
        PPO.load(trap(path))
    (tmp_path / "run").unlink()


@pytest.mark.parametrize("member", ["policy__pth", "pytorch_variables__pth"])
def test_pickles_in_place_of_tensors_are_refused(member, tmp_path):
    stored = io.BytesIO()
    torch.save({"x": Touch(tmp_path / "run")}, stored)
    path = tmp_path / "model.zip"
    make_model("ppo").save(path)
    rewrite(path, **{member: stored.getvalue()})
    with pytest.raises(RefusedPickleError, match=r"pth asks for \w*\.open, and only tensors"):
        load_policy(path, "CartPole-v1")
    assert not (tmp_path / "run").exists()


def test_programs_are_refused(tmp_path):
    path = tmp_path / "model.zip"
    make_model("ppo").save(path)

    def script(content):
        stored = io.BytesIO(content)
        with zipfile.ZipFile(stored, "a") as archive:
            archive.writestr("archive/constants.pkl", b"")
        return stored.getvalue()

    rewrite(path, policy__pth=script)
    with pytest.raises(RefusedPickleError, match=r"policy\.pth is a program"):
        load_policy(path, "CartPole-v1")


def saved_tensors(**tensors):
    stored = io.BytesIO()
    torch.save(tensors, stored)
    return stored.getvalue()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"data": b"{"}, "is not a file of SB3"),
        ({"data": b"[]"}, "data are not those of an algorithm"),
        ({"policy__pth": b"PK"}, "is not a file of SB3"),
        ({"policy__pth": saved_tensors(x=torch.ones(2, 3).T)}, "x is not a plain tensor"),
        ({"policy__pth": saved_tensors(x=torch.ones(1).expand(10**6))}, "x is not a plain tensor"),
        ({"policy__pth": saved_tensors(x=3)}, "x is not a plain tensor"),
        (
            {"policy__pth": saved_tensors(x=torch.ones(2))},
            r"of an unknown kind \(.*\): expected one of",
        ),
    ],
)
def test_damaged_files(members, message, tmp_path):
    path = tmp_path / "model.zip"
    make_model("ppo").save(path)
    with pytest.raises(ValueError, match=message):
        load_policy(rewrite(path, **members), "CartPole-v1")


# What cannot be loaded, or does not fit.


def test_files_of_something_else(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.zip"):
        load_policy(tmp_path / "missing", "CartPole-v1")
    (tmp_path / "text.zip").write_text("PK")
    with pytest.raises(ValueError, match="is not a zip file"):
        load_policy(tmp_path / "text.zip", "CartPole-v1")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("readme", "")
    with pytest.raises(ValueError, match="holds no policy: expected what `save` of an algorithm"):
        load_policy(tmp_path / "other.zip", "CartPole-v1")


def test_files_of_stable_baselines_2(tmp_path):
    path = write_zip(tmp_path / "old.zip", sac_parameters())
    with pytest.raises(ValueError, match=r"`rlsp import-expert .*old\.zip --env ENV --out"):
        load_policy(path, "Pendulum-v1")
    ppo = {
        "__module__": "stable_baselines.common.policies",
        "__init__": "<function MlpPolicy.__init__ at 0x7f>",
    }
    write_zip(path, {"model/pi/w:0": np.zeros((64, 1), np.float32)}, policy=ppo)
    with pytest.raises(
        ValueError, match=r"common\.policies\.MlpPolicy, which cannot be"
    ) as refused:
        load_policy(path, "Pendulum-v1")
    assert "train an expert anew, by `rlsp expert ENV" in str(refused.value)
    assert "import-expert" not in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_learners_of_packages_that_are_not_installed(tmp_path):
    path = tmp_path / "learner.zip"
    TabularRLSP("RoomDefault-v0", seed=0).save(path)
    rewrite(path, data__json=settings(**{"class": "Clairvoyant"}))
    with pytest.raises(ValueError, match="class Clairvoyant, and no installed package offers one"):
        load_policy(path, "RoomDefault-v0")


class OwnPolicy(ActorCriticPolicy):
    """Has the parameters of an MlpPolicy, and could act otherwise."""


class OwnExtractor(FlattenExtractor):
    """So has this."""


class OwnActivation(nn.Module):
    def forward(self, x):
        return x


@pytest.mark.parametrize(
    ("policy", "kwargs", "message"),
    [
        (OwnPolicy, {}, "has a policy of a class of its own"),
        ("MlpPolicy", {"features_extractor_class": OwnExtractor}, r"of its own \(<class '.*OwnEx"),
        ("MlpPolicy", {"activation_fn": OwnActivation}, "OwnActivation'>: expected one of PyT"),
    ],
)
def test_classes_of_ones_own_are_refused(policy, kwargs, message, tmp_path):
    PPO(policy, "CartPole-v1", policy_kwargs=kwargs).save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match=message):
        load_policy(tmp_path / "model.zip", "CartPole-v1")


class Stub(gym.Env):
    def __init__(self, n, action_space):
        self.observation_space = spaces.Box(-8, 8, (n,), np.float32)
        self.action_space = action_space


def actions(high, n=1):
    return spaces.Box(-high, high, (n,), np.float32)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Stub(4, actions(2)), r"actor\.latent_pi\.0\.weight has the shape \(8, 3\), and \(8, 4\)"),
        (Stub(3, actions(2, 2)), r"weight has the shape \(1, 9\), and \(2, 9\) would fit"),
        (Stub(3, actions(3)), r"actions with low \[-3\.\]: expected \[-2\.\]"),
        (Stub(3, spaces.Discrete(2)), r"action space Discrete\(2\): expected Box, for which"),
    ],
)
def test_environments_that_do_not_fit(env, message, tmp_path):
    make_model("sac").save(tmp_path / "model.zip")
    with pytest.raises(ValueError, match=message):
        load_policy(tmp_path / "model.zip", env)


class Camera(gym.Env):
    """Random pictures."""

    def __init__(self, shape=(8, 8, 3), action_space=None):
        self.observation_space = spaces.Box(0, 255, shape, np.uint8)
        self.action_space = action_space or spaces.Discrete(3)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.integers(256, size=self.observation_space.shape, dtype=np.uint8), {}

    def step(self, action):
        return self.reset()[0], 0.0, False, False, {}


HWC, CHW, LARGE = (8, 8, 3), (3, 8, 8), (36, 36, 3)
NUMBERS = spaces.Box(-1, 1, (2,), np.float32)
IMAGES = {
    "ppo": (PPO, "MlpPolicy", HWC, None, {}),
    "a2c": (A2C, "MlpPolicy", HWC, None, {}),
    "dqn": (DQN, "MlpPolicy", HWC, None, {}),
    "sac": (SAC, "MlpPolicy", HWC, NUMBERS, {}),
    "ppo-chw": (PPO, "MlpPolicy", CHW, None, {}),
    "dqn-chw": (DQN, "MlpPolicy", CHW, None, {}),
    "ppo-cnn": (PPO, "CnnPolicy", LARGE, None, {"features_extractor_kwargs": {"features_dim": 9}}),
    "ppo-cnns": (PPO, "CnnPolicy", LARGE, None, {"share_features_extractor": False}),
    "a2c-cnn": (A2C, "CnnPolicy", (3, 36, 36), None, {}),
    "dqn-cnn": (DQN, "CnnPolicy", LARGE, None, {}),
    "sac-cnn": (SAC, "CnnPolicy", LARGE, NUMBERS, {}),
    "td3-cnn": (TD3, "CnnPolicy", LARGE, NUMBERS, {}),
}


@pytest.mark.parametrize("name", IMAGES)
def test_policies_of_images_act_as_the_algorithm(name, tmp_path):
    algorithm, policy, shape, action_space, kwargs = IMAGES[name]
    env, buffer = Camera(shape, action_space), BUFFER if algorithm in (DQN, SAC, TD3) else {}
    kwargs = {"net_arch": [32], **kwargs}
    model = algorithm(policy, env, policy_kwargs=kwargs, seed=3, device="cpu", **buffer)
    seen = np.random.default_rng(0).integers(256, size=(60, *shape), dtype=np.uint8)
    seen[::2] //= 8
    if algorithm is DQN:  # as it is, it does one thing only
        with torch.no_grad():
            values = model.q_net(model.policy.obs_to_tensor(seen)[0])
            model.q_net.q_net[-1].bias -= values.mean(dim=0)
    model.save(tmp_path / "model.zip")
    theirs = algorithm.load(tmp_path / "model.zip", env=env, device="cpu")
    ours = load_policy(tmp_path / "model.zip", env)
    expected = theirs.predict(seen, deterministic=True)[0]
    assert len(np.unique(expected, axis=0)) > 1  # the test can tell policies apart
    np.testing.assert_array_equal(ours.predict(seen, deterministic=True)[0], expected)
    np.testing.assert_array_equal(ours.predict(seen[0], deterministic=True)[0], expected[0])


def test_experts_of_pixel_gridworlds_act_as_trained(tmp_path):
    env = gym.make("RoomDefaultPixel-v0")
    PPO("MlpPolicy", env, n_steps=8, batch_size=8, n_epochs=1, seed=0).save(tmp_path / "model.zip")
    theirs = PPO.load(tmp_path / "model.zip", env=env, device="cpu")
    ours = load_policy(tmp_path / "model.zip", env)
    seen = env.unwrapped.observations(np.arange(29))
    np.testing.assert_array_equal(
        ours.predict(seen, deterministic=True)[0], theirs.predict(seen, deterministic=True)[0]
    )
    torch.manual_seed(0)
    expected = theirs.predict(seen)[0]
    torch.manual_seed(0)
    np.testing.assert_array_equal(ours.predict(seen)[0], expected)
