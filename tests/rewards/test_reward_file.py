"""The file of a reward has all that the reward is, and no code."""

import base64
import hashlib
import json
import pathlib
import subprocess
import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

import rlsp_envs
from rlsp_sb3 import RLSP, LinearReward, TabularRLSP, load_reward
from rlsp_sb3.encoders import (
    EnvironmentFeatures,
    FunctionEncoder,
    IdentityEncoder,
    RandomFourierFeatures,
    StateVAE,
    TableFeatures,
)
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.rewards import FeaturesNotSavedError

assert rlsp_envs.__version__  # imported to register the environments

SHAPES = {
    "vectors": spaces.Box(-np.inf, np.inf, (4,)),
    "one category": spaces.Discrete(6, start=2),
    "categories": spaces.MultiDiscrete([3, 5]),
    "bits": spaces.MultiBinary(4),
    "images": spaces.Box(0, 255, (16, 16, 3), np.uint8),
}
FIT = FitSettings(3, 4, 1e-3)
ENCODERS = {
    "fourier": lambda space: RandomFourierFeatures(space, n_features=12, bandwidth=0.5, seed=3),
    "identity": IdentityEncoder,
    "vae": lambda space: StateVAE(space, n_latents=5, hidden=(8, 7), fit_settings=FIT),
    "slow": lambda space: StateVAE(
        space,
        n_latents=5,
        hidden=(8,),
        slow_features=True,
        fit_settings=FIT,
    ),
}


def samples(space, n, seed=0):
    space.seed(seed)
    return np.array([space.sample() for _ in range(n)])


def fitted_reward(encoder, space):
    made = ENCODERS[encoder](space)
    made.fit(samples(space, 40), np.random.default_rng(0), samples(space, 40, seed=1))
    weights = np.random.default_rng(1).normal(size=len(made.feature_names))
    return LinearReward(weights, made.feature_names, made)


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("kind", SHAPES)
def test_loaded_reward_is_the_same_to_the_bit(tmp_path, encoder, kind):
    reward = fitted_reward(encoder, SHAPES[kind])
    reward.save(tmp_path / "reward.json")
    observations = samples(SHAPES[kind], 50, seed=2)
    for loaded in (
        load_reward(tmp_path / "reward.json"),
        LinearReward.load(tmp_path / "reward.json"),
    ):
        assert loaded.feature_names == reward.feature_names
        np.testing.assert_array_equal(
            loaded.of_states(observations), reward.of_states(observations)
        )
    loaded.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "reward.json").read_bytes()


def test_reward_of_a_learner_needs_neither_learner_nor_environment(tmp_path):
    learner = RLSP("CartPole-v1", np.zeros((1, 4)), preset="smoke", solver="PPO", seed=0)
    with pytest.warns(UserWarning, match="holds the weights only: .* is not fitted"):
        learner.reward.save(tmp_path / "before.json")
    with pytest.warns(UserWarning, match="nothing"):
        learner.learn(200)
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    learner.reward.save(tmp_path / "reward.json")
    np.save(tmp_path / "observations.npy", observations)
    code = (
        "import sys, numpy as np; from rlsp_sb3 import load_reward; "
        "np.save('rewards.npy', load_reward('reward.json').of_states(np.load('observations.npy')))"
        "; assert 'rlsp_sb3.learners.base' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    expected = learner.reward.of_states(observations)
    np.testing.assert_array_equal(np.load(tmp_path / "rewards.npy"), expected)


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "RoomDefaultPixel-v0", "TrainDefault-v0"])
def test_features_of_a_gridworld_are_a_table(tmp_path, env_id):
    learner = TabularRLSP(env_id, seed=0).learn(5)
    learner.reward.save(tmp_path / "reward.json")
    loaded = load_reward(tmp_path / "reward.json")
    env = learner.unwrapped_env
    every = env.observations(np.random.default_rng(0).permutation(len(env.states)))
    np.testing.assert_array_equal(loaded.of_states(every), learner.reward.of_states(every))
    for other in (every + 0.5, -every - 1):
        with pytest.raises(ValueError, match=r"expected one of the .* observations whose features"):
            loaded.of_states(other)
    with pytest.raises(ValueError, match=r"have shape .*: expected \(N, "):
        loaded.of_states(every[0, None, :-1])


def test_features_may_be_the_observations(tmp_path):
    LinearReward([1, 2]).save(tmp_path / "reward.json")
    loaded = load_reward(tmp_path / "reward.json")
    np.testing.assert_array_equal(loaded.of_states(np.array([[3.0, 4.0]])), [11])


OWN = {
    "function": lambda states: 2 * np.asarray(states),
    "encoder": FunctionEncoder(lambda states: 2 * np.asarray(states), ["a", "b"]),
    "environment": EnvironmentFeatures(gym.make("PointVase-v0").unwrapped),
    "method": gym.make("PointVase-v0").unwrapped.features,
}


@pytest.mark.parametrize("kind", OWN)
def test_functions_are_left_out_and_asked_for(tmp_path, kind):
    features, path = OWN[kind], tmp_path / "reward.json"
    states = np.array([[1.0, 2.0, 0.0]] if kind in ("environment", "method") else [[1.0, 2.0]])
    reward = LinearReward([1, 10], features=features)
    with pytest.raises(FeaturesNotSavedError, match=r"load_reward\(path, features="):
        reward.check_savable()
    with pytest.warns(UserWarning, match=r"reward\.json holds the weights only") as caught:
        reward.save(path)
    assert caught[0].filename == __file__
    with pytest.raises(FeaturesNotSavedError, match=r"reward\.json'.*pass that, load_reward\("):
        load_reward(path)
    without = LinearReward.load(path)
    np.testing.assert_array_equal(without.weights, [1, 10])
    with pytest.raises(FeaturesNotSavedError, match=r"pass that, load_reward\("):
        without.of_states(states)
    with pytest.warns(UserWarning, match="holds the weights only"):
        without.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    given = load_reward(path, features)
    np.testing.assert_array_equal(given.of_states(states), reward.of_states(states))


def test_large_tables_are_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("rlsp_sb3.encoders.encoder_entries.MAX_TABLE_BYTES", 29 * 75 - 1)
    reward = TabularRLSP("RoomDefault-v0", seed=0).learn(1).reward
    with pytest.raises(
        FeaturesNotSavedError, match="29 states of RoomEnv would have 2,175 entries"
    ):
        reward.check_savable()


def test_older_files_need_their_features(tmp_path):
    path = tmp_path / "reward.json"
    path.write_text(json.dumps({"weights": {"a": 1.0, "b": 2.0}}))
    np.testing.assert_array_equal(LinearReward.load(path).of_states([[3.0, 4.0]]), [11])
    with pytest.raises(FeaturesNotSavedError, match="holds the weights of a reward only"):
        load_reward(path)
    given = load_reward(path, lambda states: 2 * np.asarray(states))
    np.testing.assert_array_equal(given.of_states([[3.0, 4.0]]), [22])


# Files that somebody changed, with a checksum that is right.


@pytest.fixture
def changed(tmp_path):
    """Writes a reward's file with other entries, and reads it."""

    def read(change, encoder="fourier", kind="vectors"):
        path = tmp_path / "reward.json"
        fitted_reward(encoder, SHAPES[kind]).save(path)
        content = json.loads(path.read_text())
        del content["checksum"]
        change(content)
        checksum = hashlib.sha256(json.dumps(content).encode()).hexdigest()
        path.write_text(json.dumps({**content, "checksum": checksum}))
        return load_reward(path)

    return read


def put(*path, value):
    def change(content):
        for name in path[:-1]:
            content = content[name]
        content[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("format", value="rlsp-reward-3"), "expected 'rlsp-reward-2'; a newer version"),
        (put("code", value="import os"), "it has the entries"),
        (put("features", value=3), "features=3"),
        (put("features", value={}), "features.name"),
        (put("features", "name", value="features"), "features.name='features'"),
        (put("features", "name", value="pickle"), "features.name='pickle'"),
        (put("features", "name", value="vae"), "'n_features'"),
        (put("features", "colour", value=1), "'colour'"),
        (put("features", "n_features", value=True), "features.n_features=True"),
        (put("features", "n_features", value=0), "n_features"),
        (put("features", "n_features", value=11), "shape"),
        (put("features", "n_features", value=10**9), "4,000,000,000 numbers or more"),
        (put("features", "bandwidth", value=-1.0), "bandwidth"),
        (put("features", "space", value={"shape": [10**9]}), "numbers or more"),
        (put("features", "space", value={"shape": [-1]}), "features.space.shape"),
        (put("features", "space", value={"shape": 4}), "features.space"),
        (put("features", "space", value={"categories": [4], "first": [0]}), "no entry 'shape'"),
        (
            put("features", "space", value={"shape": [], "categories": [4, 4], "first": [0, 0]}),
            "is not the file",
        ),
        (
            put("features", "space", value={"shape": [], "categories": [10**8], "first": [0]}),
            "at most 2,048 categories",
        ),
        (put("arrays", value="%%%"), "is not the file"),
        (put("arrays", value=base64.b64encode(b"\x80\x04N.").decode()), "is not the file"),
        (put("arrays", value=None), "is not the file"),
        (lambda content: content.pop("arrays"), "no entry 'arrays'"),
        (lambda content: content["weights"].pop("cosine_0"), "11 weights and 12 features"),
        (put("weights", value=[1.0] * 12), "is not the file"),
        (put("weights", "cosine_0", value="much"), "is not the file"),
    ],
)
def test_changed_files_are_refused(changed, change, message):
    with pytest.raises(
        ValueError, match=r"reward\.json' is not the file of a LinearReward"
    ) as error:
        changed(change)
    assert message in str(error.value)


@pytest.mark.parametrize("setting", ["hidden", "n_latents"])
def test_networks_are_as_large_as_their_arrays(changed, setting):
    value = [10**6, 10**6] if setting == "hidden" else 10**9
    with pytest.raises(ValueError, match="numbers or more"):
        changed(put("features", setting, value=value), "vae")
    if setting == "n_latents":
        with pytest.raises(ValueError, match="numbers or more"):
            changed(put("features", setting, value=value), "vae", "images")


def test_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        load_reward(tmp_path / "nothing.json")


def test_nothing_is_left_of_an_interrupted_save(tmp_path, monkeypatch):
    path = tmp_path / "reward.json"
    reward = fitted_reward("fourier", SHAPES["vectors"])
    reward.save(path)
    old = path.read_bytes()

    def fail(self, text, *args, **kwargs):
        raise OSError("full")

    monkeypatch.setattr(pathlib.Path, "write_text", fail)
    with pytest.raises(OSError, match="full"):
        (2 * reward).save(path)
    assert path.read_bytes() == old


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.uint8, np.bool_])
def test_table_takes_observations_of_any_type(dtype):
    table = TableFeatures([0, 1], [[2.0], [3.0]])
    np.testing.assert_array_equal(table(np.array([1, 0, 1], dtype)), [[3], [2], [3]])
    assert table.feature_names == ("feature_0",)
    np.testing.assert_array_equal(table([-0.0]), [[2]])
