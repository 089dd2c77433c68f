"""A linear reward is a function of transitions, a vector of named weights, and a file."""

import json
import os
import pathlib

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs
from rlsp_sb3 import LinearReward, TabularRLSP

assert rlsp_envs.__version__  # imported to register the environments
NAN = float("nan")


@pytest.fixture
def reward():
    return LinearReward([1.5, -0.25, 0.0], ["apples", "on_carpet", "stay"])


def call(reward, next_state):
    n = len(next_state)
    return reward(
        np.full_like(next_state, 100), np.zeros(n, int), np.asarray(next_state), np.ones(n, bool)
    )


# As a function.


def test_reward_is_that_of_where_a_transition_leads(reward):
    features = np.random.default_rng(0).normal(size=(7, 3))
    rewards = call(reward, features)
    np.testing.assert_allclose(rewards, features[:, 0] * 1.5 - features[:, 1] * 0.25)
    assert rewards.dtype == np.float64
    np.testing.assert_array_equal(reward.of_states(features), rewards)
    assert call(reward, features[:0]).shape == (0,)


def test_arguments_are_named_as_in_imitation(reward):
    one = np.ones((1, 3))
    rewards = reward(state=0 * one, action=np.zeros(1), next_state=one, done=np.zeros(1, bool))
    np.testing.assert_allclose(rewards, [1.25])


def test_features_of_observations_are_asked_for():
    reward = LinearReward(
        [1, 10], features=lambda states: np.stack([states.sum(1), states[:, 0]], 1)
    )
    np.testing.assert_array_equal(call(reward, np.array([[1, 2, 3], [4, 5, 6]])), [16, 55])


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (3,), (2, 3, 1)])
def test_wrong_number_of_features_is_an_error(reward, shape):
    with pytest.raises(ValueError, match=r"the features have shape .*: expected \(N, 3\)"):
        reward.of_states(np.ones(shape))


@pytest.mark.parametrize("n_envs", [1, 3])
def test_reward_drops_into_imitation(n_envs):
    wrapper = pytest.importorskip("imitation.rewards.reward_wrapper", reason="needs imitation")
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(10)
    venv = DummyVecEnv([lambda: Monitor(gym.make("RoomDefault-v0"))] * n_envs)
    venv.action_space.seed(0)
    wrapped = wrapper.RewardVecEnvWrapper(venv, learner.reward)
    seen = []
    for _ in range(45):  # past the end of two episodes
        actions = np.array([venv.action_space.sample() for _ in range(n_envs)])
        _, rewards, _, infos = wrapped.step(actions)
        # The information is that of the step even where the environment was reset after it.
        expected = [info["features"] @ learner.theta for info in infos]
        np.testing.assert_allclose(rewards, expected, atol=1e-6)
        seen.extend(rewards)
    assert len(np.unique(np.round(seen, 6))) > 2
    assert len(wrapped.episode_rewards) == 2 * n_envs


# As a vector.


def test_weights_are_found_by_name(reward):
    assert (reward["apples"], reward["on_carpet"], reward["stay"]) == (1.5, -0.25, 0.0)
    assert isinstance(reward["apples"], float)
    for name in ("pears", 0):
        with pytest.raises(KeyError, match=r"expected one of .*on_carpet"):
            reward[name]


def test_sums_and_multiples_are_those_of_the_weights(reward):
    task = LinearReward([1, 2, 3], reward.feature_names)
    for combined, expected in [
        (task + 0.5 * reward, [1.75, 1.875, 3]),
        (task - reward, [-0.5, 2.25, 3]),
        (-task, [-1, -2, -3]),
        (task * 2, [2, 4, 6]),
        (np.float64(2) * task, [2, 4, 6]),
        (task * np.int64(2), [2, 4, 6]),
    ]:
        assert isinstance(combined, LinearReward)
        np.testing.assert_array_equal(combined.weights, expected)
        assert combined.feature_names == reward.feature_names
    np.testing.assert_array_equal(task.weights, [1, 2, 3])
    np.testing.assert_array_equal(reward.weights, [1.5, -0.25, 0])


def test_combined_rewards_keep_the_features():
    def features(states):
        return 2 * states

    with_features = LinearReward([1, 1], features=features)
    without = LinearReward([1, 2])
    states = np.array([[1.0, 1.0]])
    for reward, expected in [
        (with_features + without, 10),
        (without + with_features, 10),
        (without - with_features, 2),
        (-with_features, -4),
        (3 * with_features, 12),
    ]:
        np.testing.assert_array_equal(call(reward, states), [expected])


@pytest.mark.parametrize("names", [["apples", "stay", "on_carpet"], ["a", "b", "c"]])
def test_rewards_of_different_features_do_not_add_up(reward, names):
    other = LinearReward([1, 2, 3], names)
    for combine in (lambda: reward + other, lambda: reward - other):
        with pytest.raises(ValueError, match=r"their features differ: \('apples', 'on_carpet'"):
            combine()


def test_other_things_do_not_add_up(reward):
    for combine in (
        lambda: reward + 1,
        lambda: 1 + reward,
        lambda: reward - 1,
        lambda: reward * "a",
        lambda: reward * [1, 2, 3],
        lambda: reward * reward,
    ):
        with pytest.raises(TypeError):
            combine()
    with pytest.raises(ValueError, match="expected finite numbers"):
        reward * NAN


@pytest.mark.parametrize(
    ("weights", "names", "message"),
    [
        ([1, NAN], None, "weights=.*nan.*: expected finite numbers"),
        ([1, np.inf], None, "weights=.*inf.*: expected finite numbers"),
        ([[1, 2]], None, r"weights has shape \(1, 2\): expected \(2,\)"),
        (1.0, None, r"weights has shape \(\): expected \(1,\)"),
        (["a", "b"], None, "weights=.*: expected an array of numbers"),
        ([1, 2], ["a"], r"feature_names=\['a'\]: expected 2 different names"),
        ([1, 2], ["a", "b", "c"], r"feature_names=\['a', 'b', 'c'\]: expected 2 different"),
        ([1, 2], ["a", "a"], r"feature_names=\['a', 'a'\]: expected 2 different names"),
    ],
)
def test_impossible_rewards_are_errors(weights, names, message):
    with pytest.raises((TypeError, ValueError), match=message):
        LinearReward(weights, names)


def test_weights_are_copied():
    weights = np.array([1.0, 2.0])
    reward = LinearReward(weights)
    weights[0] = 7
    np.testing.assert_array_equal(reward.weights, [1, 2])
    assert reward.feature_names == ("feature_0", "feature_1")


# As text and as a file.


def test_reward_prints_as_a_table(reward):
    assert str(reward) == "apples     +1.5000\non_carpet  -0.2500\nstay       +0.0000"
    assert repr(reward) == "LinearReward(apples=+1.5, on_carpet=-0.25, stay=+0)"


def test_reward_without_features_prints_too():
    assert str(LinearReward([])) == ""
    assert repr(LinearReward([])) == "LinearReward()"


def test_file_holds_names_and_weights_exactly(tmp_path):
    rng = np.random.default_rng(0)
    reward = LinearReward(rng.normal(size=5) * 10.0 ** rng.integers(-20, 20, 5), [*"abcd", "é\n"])
    reward.save(tmp_path / "reward.json")
    loaded = LinearReward.load(str(tmp_path / "reward.json"))
    np.testing.assert_array_equal(loaded.weights, reward.weights)
    assert loaded.feature_names == reward.feature_names
    data = json.loads((tmp_path / "reward.json").read_text())
    assert set(data) == {"format", "weights", "features", "checksum"}
    assert data["weights"] == dict(zip(reward.feature_names, reward.weights, strict=True))


def test_missing_folders_are_made(tmp_path, reward):
    reward.save(tmp_path / "new" / "folders" / "reward.json")
    loaded = LinearReward.load(tmp_path / "new" / "folders" / "reward.json")
    np.testing.assert_array_equal(loaded.weights, reward.weights)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_interrupted_save_leaves_the_old_file_and_nothing_else(
    tmp_path, reward, monkeypatch, error
):
    path = tmp_path / "reward.json"
    reward.save(path)
    old = path.read_bytes()

    def write_half(self, text, *args, **kwargs):
        self.write_bytes(text.encode()[: len(text) // 2])
        raise error

    monkeypatch.setattr(pathlib.Path, "write_text", write_half)
    with pytest.raises(error):
        (2 * reward).save(path)
    assert path.read_bytes() == old
    assert os.listdir(tmp_path) == ["reward.json"]


def test_no_flipped_bit_gives_another_reward(tmp_path, reward):
    path = tmp_path / "reward.json"
    reward.save(path)
    content = path.read_bytes()
    refused = 0
    for bit in range(8 * len(content)):
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        try:
            loaded = LinearReward.load(path)
        except ValueError:
            refused += 1
        else:  # white space
            assert loaded.feature_names == reward.feature_names
            np.testing.assert_array_equal(loaded.weights, reward.weights)
    assert refused > 7 * len(content)


def test_edited_weights_are_refused_by_what_to_do(tmp_path, reward):
    path = tmp_path / "reward.json"
    reward.save(path)
    path.write_text(path.read_text().replace("1.5", "2.5"))
    with pytest.raises(ValueError, match=r"reward\.json'.* checksum .*write it again by save"):
        LinearReward.load(path)


def test_older_files_have_no_checksum(tmp_path, reward):
    path = tmp_path / "reward.json"
    path.write_text(
        json.dumps({"weights": dict(zip(reward.feature_names, [1.5, -0.25, 0.0], strict=True))})
    )
    loaded = LinearReward.load(path)
    assert loaded.feature_names == reward.feature_names
    np.testing.assert_array_equal(loaded.weights, reward.weights)


def test_features_are_given_again_when_loading(tmp_path):
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(5)
    learner.reward.save(tmp_path / "reward.json")
    env = gym.make("RoomDefault-v0").unwrapped
    loaded = LinearReward.load(tmp_path / "reward.json", env.features)
    every = env.observations(np.arange(29))
    np.testing.assert_array_equal(loaded.of_states(every), learner.reward.of_states(every))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "reward",
        "[1, 2]",
        "3",
        "{}",
        '{"weights": [1, 2]}',
        '{"weights": 3}',
        '{"weights": {"a": "much"}}',
        '{"weights": {"a": null}}',
        '{"weights": {"a": NaN}}',
        '{"weights": {"a": [1]}}',
        '{"weights": {"a": 1}, "sum": 1}',
        '{"weights": {"a": 1}, "checksum": null}',
        '{"weights": {"a": 1}, "weights": {"a": 1}, "checksum": ""}',
        "[" * 100_000,
    ],
)
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "reward.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"path='.*\.json' is not the file of a LinearReward"):
        LinearReward.load(path)


def test_binary_file_is_refused(tmp_path):
    (tmp_path / "reward.json").write_bytes(bytes(range(256)))
    with pytest.raises(ValueError, match="is not the file of a LinearReward"):
        LinearReward.load(tmp_path / "reward.json")


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.json"):
        LinearReward.load(tmp_path / "nothing.json")


def test_many_features_are_elided_to_the_largest_weights() -> None:
    weights = np.linspace(-1, 0.5, 256)
    reward = LinearReward(weights)
    lines = str(reward).splitlines()
    assert lines[0] == "feature_0  -1.0000"
    assert lines[7:] == ["feature_7  -0.9588", "… 248 more, of at most ±0.9529"]
    assert repr(reward).endswith("feature_7=-0.9588, … 248 more, of at most ±0.9529)")
    assert "248 more" not in str(LinearReward(weights[:30]))


def test_html_shows_weights_and_runs_nothing_of_a_name() -> None:
    html = LinearReward([0.5, -1], ["<svg onload=alert(1)>", "b"])._repr_html_()
    assert "<svg onload" not in html
    assert "&lt;svg onload=alert(1)&gt;" in html
    assert 'x="0.00" width="50.00"' in html  # the bar of -1, the largest: half of all, to the left
    assert 'x="50.00" width="25.00"' in html
