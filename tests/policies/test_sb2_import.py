"""Policies of Stable-Baselines 2 act as they did, and no code in their files is run."""

import io
import pickle
import zipfile

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3 import SAC
from stable_baselines3.common.vec_env import DummyVecEnv

from rlsp_sb3.data.rollouts import rollout_env
from rlsp_sb3.policies.sb2_import import import_sb2_sac

from helpers.policy_files import Touch, network, sac_parameters, write_zip

# What the published experts see and do, and the hidden layers they have.
EXPERTS = {
    "sac_pendulum_6e4": (4, 1, 3.0, 64),
    "sac_cheetah_fw_2e6": (18, 6, 1.0, 256),
    "sac_cheetah_bw_2e6": (18, 6, 1.0, 256),
    "sac_hopper_2e6": (12, 3, 1.0, 256),
    "sac_ant_2e6": (112, 8, 1.0, 256),
}


class Stub(gym.Env):
    """An environment of some shapes, where nothing happens."""

    def __init__(self, n_observation, low=-1.0, high=1.0, n_action=2):
        self.observation_space = spaces.Box(-np.inf, np.inf, (n_observation,), np.float64)
        low, high = np.broadcast_to(low, n_action), np.broadcast_to(high, n_action)
        self.action_space = spaces.Box(low.astype("f4"), high.astype("f4"))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(self.observation_space.shape), {}

    def step(self, action):
        return np.zeros(self.observation_space.shape), 0.0, False, False, {}


@pytest.fixture
def sb2(tmp_path):
    """Writes files; at the end, nothing in them may have been run."""

    def write(parameters=None, **changes):
        parameters = sac_parameters() if parameters is None else parameters
        return write_zip(tmp_path / "expert.zip", parameters, **changes)

    yield write
    assert not (tmp_path / "run").exists()


def forward(parameters, name, last, x):
    """What a network of Stable-Baselines 2 returns, in double precision."""
    i = 0
    while f"{name}/fc{i}/kernel:0" in parameters:
        layer = f"{name}/fc{i}"
        x = np.maximum(0, x @ parameters[f"{layer}/kernel:0"] + parameters[f"{layer}/bias:0"])
        i += 1
    return x @ parameters[f"{name}/{last}/kernel:0"] + parameters[f"{name}/{last}/bias:0"]


def assert_acts_as(model, parameters, observations, low, high, atol=1e-6):
    """The deterministic action is tanh(mean), scaled to the action space."""
    mean = forward(parameters, "model/pi", "dense", observations)
    expected = low + 0.5 * (np.tanh(mean) + 1) * (high - low)
    actions, _ = model.predict(observations, deterministic=True)
    np.testing.assert_allclose(actions, expected, rtol=0, atol=atol)
    one, _ = model.predict(observations[0], deterministic=True)
    np.testing.assert_allclose(one, expected[0], rtol=0, atol=atol)


# What is taken over.


@pytest.mark.parametrize("hidden", [(32, 16), (7,), (16, 8, 4), ()])
def test_actions_are_the_same(sb2, hidden):
    parameters = sac_parameters(hidden=hidden) if hidden else linear_policy()
    low, high = np.array([-2.0, 0.5]), np.array([3.0, 1.5])
    model = import_sb2_sac(sb2(parameters), Stub(5, low, high), device="cpu")
    assert isinstance(model, SAC)
    observations = np.random.default_rng(1).normal(size=(200, 5))
    assert_acts_as(model, parameters, observations, low, high)


def linear_policy():
    rng = np.random.default_rng(0)
    layers = [network(rng, (5, 2), "model/pi", last) for last in ("dense", "dense_1")]
    return {**layers[0], **layers[1]}


def test_random_actions_have_the_same_distribution(sb2):
    parameters = sac_parameters()
    model = import_sb2_sac(sb2(parameters), Stub(5), device="cpu")
    observation = np.full((1, 5), 0.3)
    mean = forward(parameters, "model/pi", "dense", observation)
    x = forward(
        {
            **parameters,
            "model/pi/last/kernel:0": parameters["model/pi/dense_1/kernel:0"],
            "model/pi/last/bias:0": parameters["model/pi/dense_1/bias:0"],
        },
        "model/pi",
        "last",
        observation,
    )
    with torch.no_grad():
        tensor = torch.as_tensor(observation, dtype=torch.float32)
        means, log_std, _ = model.actor.get_action_dist_params(tensor)
    np.testing.assert_allclose(means, mean, atol=1e-6)
    np.testing.assert_allclose(log_std, np.clip(x, -20, 2), atol=1e-6)


def q_values(model, observations, actions):
    with torch.no_grad():
        tensors = (torch.as_tensor(x, dtype=torch.float32) for x in (observations, actions))
        return [values.numpy() for values in model.critic(*tensors)]


def test_critics_are_the_same(sb2):
    parameters = sac_parameters()
    model = import_sb2_sac(sb2(parameters), Stub(5), device="cpu")
    rng = np.random.default_rng(1)
    observations, actions = rng.normal(size=(50, 5)), rng.uniform(-1, 1, (50, 2))
    for i, values in enumerate(q_values(model, observations, actions), 1):
        inputs = np.hstack([observations, actions])
        expected = forward(parameters, f"model/values_fn/qf{i}", f"qf{i}", inputs)
        np.testing.assert_allclose(values, expected, atol=1e-5)
    for name, value in model.critic.state_dict().items():
        assert torch.equal(value, model.critic_target.state_dict()[name])


def without(parameters, part):
    return {name: array for name, array in parameters.items() if part not in name}


@pytest.mark.parametrize(
    "parameters",
    [
        without(sac_parameters(), "values_fn"),
        without(sac_parameters(), "qf2"),
        {
            **sac_parameters(),
            **{
                name: array
                for name, array in sac_parameters(critic_hidden=(8, 8)).items()
                if "qf2" in name
            },
        },
        {
            **sac_parameters(),
            **{name: array for name, array in sac_parameters(9).items() if "qf" in name},
        },
        {**sac_parameters(), "model/values_fn/qf1/LayerNorm/beta:0": np.zeros(8)},
    ],
    ids=["no critics", "one critic", "different critics", "other inputs", "other layers"],
)
def test_critics_that_are_not_there_or_do_not_fit_are_fresh(sb2, parameters):
    model = import_sb2_sac(sb2(parameters), Stub(5), device="cpu", seed=0)
    assert_acts_as(model, parameters, np.random.default_rng(1).normal(size=(20, 5)), -1, 1)
    for q_network in model.critic.q_networks:  # as large as the policy
        assert [part.out_features for part in q_network if hasattr(part, "out_features")] == [
            *(32, 16, 1)
        ]
    again = import_sb2_sac(sb2(parameters), Stub(5), device="cpu", seed=0)
    for name, value in model.critic.state_dict().items():
        assert torch.equal(value, again.critic.state_dict()[name])
        assert torch.equal(value, model.critic_target.state_dict()[name])


def test_settings_that_are_numbers_are_taken_over(sb2):
    model = import_sb2_sac(sb2(), Stub(5), device="cpu")
    assert (model.gamma, model.tau) == (0.9, 0.25)
    assert model.log_ent_coef.item() == -1.5
    assert model.log_ent_coef.requires_grad
    fixed = import_sb2_sac(sb2(ent_coef=0.01, gamma={":serialized:": "x"}, tau=7), Stub(5))
    assert (fixed.gamma, fixed.tau) == (0.99, 0.005)  # the defaults
    assert fixed.ent_coef == 0.01
    own = import_sb2_sac(
        sb2(), Stub(5), gamma=0.5, buffer_size=10, policy_kwargs={"optimizer_kwargs": {"eps": 0.1}}
    )
    assert (own.gamma, own.tau, own.buffer_size) == (0.5, 0.25, 10)
    assert own.actor.optimizer.defaults["eps"] == 0.1


def test_learning_goes_on_and_files_of_sb3_keep_it(sb2, tmp_path):
    parameters = sac_parameters(3, 1)
    model = import_sb2_sac(sb2(parameters), "Pendulum-v1", seed=0, buffer_size=100, device="cpu")
    model.save(tmp_path / "sb3.zip")
    loaded = SAC.load(tmp_path / "sb3.zip", device="cpu")
    observations = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    assert_acts_as(loaded, parameters, observations, -2, 2)
    model.learning_starts = 10
    model.learn(20)
    (episode,) = rollout_env(model, "Pendulum-v1", max_steps=10, seed=0)
    assert len(episode) == 10


def test_vector_environments(sb2):
    model = import_sb2_sac(sb2(), DummyVecEnv([lambda: Stub(5)] * 2), device="cpu")
    assert model.n_envs == 2


def test_inputs_that_were_always_0_can_be_left_out(sb2):
    parameters = sac_parameters(9)
    model = import_sb2_sac(sb2(parameters), Stub(3), inputs=[0, 1, 8], device="cpu")
    observations = np.zeros((50, 9))
    rng = np.random.default_rng(1)
    kept = rng.normal(size=(50, 3))
    observations[:, [0, 1, 8]] = kept
    mean = forward(parameters, "model/pi", "dense", observations)
    np.testing.assert_allclose(model.predict(kept, deterministic=True)[0], np.tanh(mean), atol=1e-6)
    actions = rng.uniform(-1, 1, (50, 2))
    inputs = np.hstack([observations, actions])
    expected = forward(parameters, "model/values_fn/qf2", "qf2", inputs)
    np.testing.assert_allclose(q_values(model, kept, actions)[1], expected, atol=1e-5)


# What does not fit.


@pytest.mark.parametrize(
    ("env", "message"),
    [
        (Stub(7), r"env has the observation_space Box.*expected a Box of 5 numbers"),
        (Stub(4), r"expected a Box of 5 numbers.*perhaps with the remaining time"),
        (Stub(5, n_action=3), r"env has the action_space Box.*expected a Box of 2 numbers"),
        (gym.make("CartPole-v1"), r"env has the observation_space .*expected a Box of 5"),
        (gym.make("FrozenLake-v1"), r"env has the observation_space Discrete\(16\)"),
    ],
)
def test_other_environments(sb2, env, message):
    with pytest.raises(ValueError, match=message):
        import_sb2_sac(sb2(), env)


def test_what_is_no_environment(sb2):
    with pytest.raises(TypeError, match="env=3: expected a Gymnasium environment"):
        import_sb2_sac(sb2(), 3)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ([0, 5], ValueError, "inputs=5: expected indices below 5"),
        ([-1], ValueError, "inputs=-1: expected at least 0"),
        ([0, 0], ValueError, "expected no index twice"),
        ([0.5], TypeError, r"inputs=0\.5: expected an int"),
        ([0, 1], ValueError, "expected a Box of 2 numbers"),
    ],
)
def test_wrong_inputs(sb2, inputs, error, message):
    with pytest.raises(error, match=message):
        import_sb2_sac(sb2(), Stub(3), inputs=inputs)


KERNEL = "model/pi/fc1/kernel:0"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({KERNEL: np.zeros((31, 16))}, "fc1 takes 31 inputs, and the layer before has 32 outputs"),
        ({KERNEL: np.zeros((32, 15))}, "make no layer"),
        ({KERNEL: np.zeros(32)}, "make no layer"),
        ({KERNEL: np.full((32, 16), np.nan)}, f"{KERNEL} is not made of finite numbers"),
        ({KERNEL: np.full((32, 16), "a")}, "is not made of finite numbers"),
        ({KERNEL: None}, "has no parameter 'model/pi/fc1/kernel:0'"),
        ({"model/pi/dense/bias:0": None}, "has no parameter 'model/pi/dense/bias:0'"),
        ({"model/pi/dense_1/kernel:0": None}, "has no parameter"),
        ({"model/pi/dense_1/kernel:0": np.zeros((3, 2))}, "dense_1 takes 3 inputs"),
        (
            {
                "model/pi/dense_1/kernel:0": np.zeros((16, 3)),
                "model/pi/dense_1/bias:0": np.zeros(3),
            },
            "2 means and 3 standard deviations",
        ),
        ({"model/pi/LayerNorm/beta:0": np.zeros(3)}, r"\['LayerNorm'\], and only plain networks"),
        ({"model/pi/fc3/bias:0": np.zeros(3)}, r"\['fc3'\], and only plain networks"),
    ],
)
def test_other_networks(sb2, changes, message):
    parameters = {**sac_parameters(), **changes}
    kept = {name: array for name, array in parameters.items() if array is not None}
    with pytest.raises(ValueError, match=message) as raised:
        import_sb2_sac(sb2(kept), Stub(5))
    assert "expert.zip" in str(raised.value)


def test_other_activation_functions(sb2):
    for policy_kwargs in ({"act_fun": "<function tanh>"}, {":serialized:": "x", "act_fun": "x"}):
        with pytest.raises(ValueError, match="only ReLU"):
            import_sb2_sac(sb2(policy_kwargs=policy_kwargs), Stub(5))


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        (
            {"__module__": "my.policies", "__init__": "<function Tanh.__init__ at 0x1>"},
            "my.policies.T",
        ),
        (
            {
                "__module__": "stable_baselines.sac.policies",
                "__init__": "<function LnMlpPolicy.__init__ at 0x1>",
            },
            r"stable_baselines\.sac\.policies\.LnMlpPolicy",
        ),
        ({"__module__": "my.policies"}, r"my\.policies\.\?"),
        ({}, r"None\.\?"),
        (3, r"None\.\?"),
    ],
)
def test_policies_of_classes_that_are_not_known_are_refused(sb2, policy, name):
    with pytest.raises(ValueError, match=rf"a policy of the class {name}.*: expected one of"):
        import_sb2_sac(sb2(policy=policy), Stub(5))


def test_pickled_arrays_are_refused(sb2, tmp_path):
    parameters = sac_parameters()
    with pytest.raises(ValueError, match="not an npz file of plain arrays"):
        import_sb2_sac(sb2({**parameters, "x": np.array([Touch(tmp_path / "run")])}), Stub(5))
    path = tmp_path / "pickle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", "{}")
        archive.writestr("parameters", pickle.dumps(Touch(tmp_path / "run")))
    with pytest.raises(ValueError, match=r"pickle\.zip' is not a file of Stable-Baselines 2"):
        import_sb2_sac(path, Stub(5))


def test_damaged_files(sb2, tmp_path):
    path = sb2()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    lengths = rng.integers(len(whole), size=20)
    for content in (b"", b"garbage", pickle.dumps([1]), *(whole[:length] for length in lengths)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"expert\.zip' is not a file of Stable-Baselines 2"):
            import_sb2_sac(path, Stub(5))
    for _ in range(300):
        changed = bytearray(whole)
        for position in rng.integers(len(whole) - 3000, len(whole), size=5):
            changed[position] = rng.integers(256)
        path.write_bytes(changed)
        try:
            import_sb2_sac(path, Stub(5), buffer_size=1)
        except ValueError as error:
            assert "expert.zip" in str(error)  # noqa: PT017
    for data in ("[]", "5", "{", "[" * 100_000):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("data", data)
            archive.writestr("parameters", b"")
        with pytest.raises(ValueError, match=r"expert\.zip'"):
            import_sb2_sac(path, Stub(5))
    with pytest.raises(FileNotFoundError):
        import_sb2_sac(tmp_path / "absent.zip", Stub(5))


def test_bombs_are_not_unpacked(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data", "{}")
        with archive.open("parameters", "w") as member:
            for _ in range(260):
                member.write(bytes(2**20))
    with pytest.raises(ValueError, match=r"bomb\.zip.*parameters would be 272,629,760 bytes"):
        import_sb2_sac(path, Stub(5))


# The published experts.


@pytest.mark.parametrize("name", EXPERTS)
def test_published_experts_act_as_they_did(reference, name):
    n_observation, n_action, high, hidden = EXPERTS[name]
    path = reference / "expert_policies" / f"{name}.zip"
    model = import_sb2_sac(path, Stub(n_observation, -high, high, n_action), buffer_size=1)
    assert model.policy.net_arch == {"pi": [hidden] * 2, "qf": [hidden] * 2}
    with zipfile.ZipFile(path) as archive:
        parameters = dict(np.load(io.BytesIO(archive.read("parameters"))))
    observations = np.random.default_rng(0).normal(size=(500, n_observation))
    assert_acts_as(model, parameters, observations, -high, high, atol=3e-5)  # float32 rounds
    actor = model.actor.double()
    with torch.no_grad():
        means = actor.mu(actor.latent_pi(torch.as_tensor(observations)))
    expected = forward(parameters, "model/pi", "dense", observations)
    np.testing.assert_allclose(means, expected, rtol=1e-12, atol=1e-12)  # and nothing else differs


class RemainingTime(gym.ObservationWrapper):
    """Appends 1 - t / 1000 to the observations."""

    def __init__(self, env):
        super().__init__(env)
        size = env.observation_space.shape[0] + 1
        self.observation_space = spaces.Box(-np.inf, np.inf, (size,), np.float64)
        self.steps = 0

    def reset(self, **kwargs):
        self.steps = 0
        return super().reset(**kwargs)

    def step(self, action):
        self.steps += 1
        return super().step(action)

    def observation(self, observation):
        return np.append(observation, 1 - self.steps / 1000)


def stock(name):
    """The stock environment that an expert is for."""
    version = "v5" if "HalfCheetah-v5" in gym.registry else "v4"
    if name.startswith("sac_pendulum"):
        return gym.make(f"InvertedPendulum-{version}")
    if name.startswith("sac_cheetah"):
        weight = -1.0 if "_bw_" in name else 1.0
        return RemainingTime(gym.make(f"HalfCheetah-{version}", forward_reward_weight=weight))
    if name.startswith("sac_hopper"):
        return RemainingTime(gym.make(f"Hopper-{version}"))
    without_forces = {"include_cfrc_ext_in_observation": False} if version == "v5" else {}
    return RemainingTime(gym.make(f"Ant-{version}", **without_forces))


def returns_of_episodes(policy, envs):
    """The return of one episode in each environment, all with one call of the policy a step."""
    observations = np.stack([env.reset(seed=i)[0] for i, env in enumerate(envs)])
    returns, lengths = np.zeros(len(envs)), np.zeros(len(envs), int)
    running = list(range(len(envs)))
    while running:
        actions, _ = policy.predict(observations, deterministic=True)
        for i in running.copy():
            observations[i], reward, terminated, truncated, _ = envs[i].step(actions[i])
            returns[i] += reward
            lengths[i] += 1
            if terminated or truncated:
                running.remove(i)
    return returns, lengths


@pytest.mark.expensive
@pytest.mark.filterwarnings("ignore:.*(out of date|deprecated).*")
@pytest.mark.parametrize(
    ("name", "at_least"),
    [
        ("sac_pendulum_6e4", 1000),
        ("sac_cheetah_fw_2e6", 12_800),
        ("sac_cheetah_bw_2e6", 13_000),
        ("sac_hopper_2e6", 2_000),
        ("sac_ant_2e6", 5_000),
    ],
)
def test_published_experts_are_experts(reference, name, at_least):
    """Means of 100 episodes: running backward, one in twenty falls, so 20 are too few."""
    pytest.importorskip("mujoco", reason="needs gymnasium[mujoco]")
    envs = [stock(name) for _ in range(100)]
    # The published ant's 84 contact forces were always 0, and these observations have none.
    inputs = [*range(27), 111] if name == "sac_ant_2e6" else None
    path = reference / "expert_policies" / f"{name}.zip"
    expert = import_sb2_sac(path, envs[0], inputs, buffer_size=1, device="cpu")
    returns, lengths = returns_of_episodes(expert, envs)
    print(
        f"{name}: {returns.mean():.0f} ± {returns.std():.0f}, median {np.median(returns):.0f}, "
        f"from {returns.min():.0f} to {returns.max():.0f}, {lengths.mean():.0f} steps; "
        f"the first 20: {returns[:20].mean():.0f}"
    )
    assert returns.mean() >= at_least
    assert np.all(lengths <= 1000)
