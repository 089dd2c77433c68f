"""Episodes of a policy, the files that hold them, and the states sampled from them."""

import pickle
import sys
import types
import zipfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces
from gymnasium.error import DependencyNotInstalled
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.data.episodes import Episode, load_episodes, save_episodes
from rlsp_sb3.data.minari_datasets import load_minari, save_minari
from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
from rlsp_sb3.io.restricted_pickle import RefusedPickleError

assert rlsp_envs.__version__  # imported to register the environments


class Always:
    """A policy that takes one action and remembers what it was asked."""

    def __init__(self, action):
        self.action = action
        self.asked = []

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        self.asked.append((observation, state, bool(episode_start[0]), deterministic))
        return np.array(self.action), 0 if state is None else state + 1


class Counter(gym.Env):
    """Says in which step of which episode it is, in one array that it reuses."""

    observation_space = spaces.Box(0, np.inf, (2,), np.float64)
    action_space = spaces.Box(-1, 1, (3,), np.float32)

    def __init__(self, lengths=(4,), terminates=True):
        self.lengths = lengths
        self.terminates = terminates
        self.seen = np.array([-1.0, 0.0])

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.seen[:] = self.seen[0] + 1, 0
        return self.seen, {}

    def step(self, action):
        self.seen[1] += 1
        length = self.lengths[int(self.seen[0]) % len(self.lengths)]
        assert self.seen[1] <= length, "stepped on past the end"
        over = self.seen[1] == length
        return self.seen, self.seen[1], over and self.terminates, over and not self.terminates, {}


def same(one, other):
    """Whether episodes are the same, to the bit and in what they are made of."""
    return (
        all(
            getattr(one, name).dtype == getattr(other, name).dtype
            and np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            for name in ("observations", "actions", "rewards")
        )
        and (one.terminated, one.truncated) == (other.terminated, other.truncated)
        and type(one.terminated) is type(one.truncated) is bool
    )


def all_same(one, other):
    return len(one) == len(other) and all(map(same, one, other))


# Rolling out.


@pytest.mark.parametrize("terminates", [True, False])
def test_episodes_are_whole_and_end_where_the_environment_says(terminates):
    policy = Always([0.5, 0, 0])
    episodes = rollout_env(policy, Counter((4, 1, 2), terminates), 3, deterministic=True)
    assert [len(episode) for episode in episodes] == [4, 1, 2]
    first = episodes[0]
    np.testing.assert_array_equal(first.observations, [[0, t] for t in range(5)])
    np.testing.assert_array_equal(first.actions, np.full((4, 3), [0.5, 0, 0], np.float32))
    np.testing.assert_array_equal(first.rewards, [1, 2, 3, 4])
    assert first.total_reward == 10
    np.testing.assert_array_equal(first.states, first.observations[1:])
    assert all(e.terminated is terminates and e.truncated is not terminates for e in episodes)
    starts = [start for _, _, start, _ in policy.asked]
    assert starts == [True, False, False, False, True, True, False]
    assert [state for _, state, _, _ in policy.asked] == [None, 0, 1, 2, None, None, 0]
    assert all(deterministic for *_, deterministic in policy.asked)


def test_episodes_may_be_cut():
    (cut,) = rollout_env(Always([0, 0, 0]), Counter(), max_steps=2)
    assert (len(cut), cut.terminated, cut.truncated) == (2, False, True)
    (whole,) = rollout_env(Always([0, 0, 0]), Counter(), max_steps=9)
    assert (len(whole), whole.terminated, whole.truncated) == (4, True, False)


def test_noise_is_the_probability_of_a_random_action():
    env = Counter((2000,))
    (episode,) = rollout_env(Always([2, 2, 2]), env, noise=0.3, seed=0)  # 2 is not in the space
    random = np.any(episode.actions != 2, axis=1)
    assert 0.25 < np.mean(random) < 0.35
    drawn = episode.actions[random]
    assert np.all(np.abs(drawn) <= 1)
    assert len(np.unique(drawn)) == drawn.size
    for noise, expected in [(0, 0), (1, 1)]:
        (episode,) = rollout_env(Always([2, 2, 2]), Counter((50,)), noise=noise)
        assert np.mean(np.any(episode.actions != 2, axis=1)) == expected


@pytest.mark.parametrize(
    "env_id", ["CartPole-v1", "RoomDefault-v0", "Pendulum-v1", "FrozenLake-v1"]
)
def test_policies_of_sb3_in_environments_of_all_kinds(env_id):
    policy = PPO("MlpPolicy", env_id, seed=0, n_steps=8, batch_size=8, device="cpu")
    state = torch.random.get_rng_state()
    episodes = rollout_env(policy, env_id, 2, seed=3, noise=0.2)
    assert torch.equal(torch.random.get_rng_state(), state)
    env = gym.make(env_id)
    for episode in episodes:
        assert len(episode) <= env.spec.max_episode_steps
        assert episode.terminated or episode.truncated
        for observation in episode.observations:
            assert env.observation_space.contains(env.observation_space.dtype.type(observation))
        assert all(env.action_space.contains(action) for action in episode.actions)
    torch.manual_seed(99)  # what others draw does not matter
    assert all_same(rollout_env(policy, gym.make(env_id), 2, seed=3, noise=0.2), episodes)
    assert not all_same(rollout_env(policy, env_id, 2, seed=4, noise=0.2), episodes)


def test_learners_act():
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(1)
    (episode,) = rollout_env(learner, "RoomDefault-v0", seed=0, deterministic=True)
    assert learner.observation_space.shape == episode.states.shape[1:]


def test_noise_leaves_the_random_numbers_of_the_environment_alone():
    env = gym.make("CartPole-v1")
    env.action_space.seed(5)
    rollout_env(Always(0), env, noise=0.5, seed=1)
    after = [env.action_space.sample() for _ in range(20)]
    env.action_space.seed(5)
    assert after == [env.action_space.sample() for _ in range(20)]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"policy": "expert.zip"}, TypeError, "policy='expert.zip': expected an object"),
        (
            {"env": DummyVecEnv([Counter])},
            TypeError,
            "env=.*: expected a Gymnasium env",
        ),
        ({"env": "Blackjack-v1"}, ValueError, "FlattenObservation"),
        ({"n_episodes": 0}, ValueError, "n_episodes=0: expected at least 1"),
        ({"max_steps": 0}, ValueError, "max_steps=0"),
        ({"noise": 1.5}, ValueError, r"noise=1\.5: expected a number from 0 to 1"),
        ({"noise": -1}, ValueError, "noise=-1"),
        ({"noise": "much"}, TypeError, "noise='much'"),
    ],
)
def test_wrong_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        rollout_env(**{"policy": Always([0, 0, 0]), "env": Counter(), **arguments})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"actions": np.zeros((0, 1)), "observations": np.zeros((1, 2))}, "at least 1 step"),
        ({"observations": np.zeros((3, 2))}, "observations are 3 and actions 3"),
        ({"rewards": np.zeros(4)}, r"rewards have shape \(4,\): expected \(3,\)"),
        ({"rewards": np.zeros((3, 1))}, r"expected \(3,\)"),
        ({"observations": np.array([None] * 4)}, "of type object"),
        ({"actions": np.array(["a"] * 3)}, "actions are of type"),
        ({"actions": 1}, "one row a step"),
    ],
)
def test_episodes_are_checked(changes, message):
    whole = {"observations": np.zeros((4, 2)), "actions": np.zeros((3, 1)), "rewards": [0, 0, 0]}
    assert len(Episode(**whole)) == 3
    with pytest.raises(ValueError, match=message):
        Episode(**{**whole, **changes})


# Files.


def some_episodes(env_id="CartPole-v1"):
    return rollout_env(Always(0), env_id, 3, seed=0, noise=0.5)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "RoomDefault-v0"])
def test_npz_files_give_back_what_was_saved(env_id, tmp_path):
    episodes = some_episodes(env_id)
    path = tmp_path / "folder" / "data.npz"
    save_episodes(path, episodes)
    assert all_same(load_episodes(path), episodes)
    assert all_same(load_episodes(str(path)), episodes)
    assert [file.name for file in path.parent.iterdir()] == ["data.npz"]


def test_files_are_written_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "data.npz"
    save_episodes(path, some_episodes()[:1])
    before = path.read_bytes()

    def fail(file, **arrays):
        file.write(b"half of it")
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(OSError, match="no space"):
        save_episodes(path, some_episodes())
    assert [file.name for file in tmp_path.iterdir()] == ["data.npz"]
    assert path.read_bytes() == before


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match=r"'data\.pkl': expected a name that ends in '\.npz'"):
        save_episodes("data.pkl", some_episodes())
    with pytest.raises(ValueError, match="episodes are empty"):
        save_episodes(tmp_path / "data.npz", [])
    with pytest.raises(ValueError, match="observations of the shapes"):
        save_episodes(tmp_path / "data.npz", [*some_episodes(), *some_episodes("FrozenLake-v1")])
    assert list(tmp_path.iterdir()) == []


class Touch:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_npz_files_run_no_code(tmp_path):
    canary, path = tmp_path / "run", tmp_path / "data.npz"
    save_episodes(path, some_episodes())
    arrays = dict(np.load(path))
    for name in arrays:
        np.savez(path, **{**arrays, name: np.array([Touch(canary)])})
        with pytest.raises(ValueError, match=r"data\.npz' is not a file of episodes"):
            load_episodes(path)
    assert not canary.exists()


def test_damaged_npz_files(tmp_path):
    path = tmp_path / "data.npz"
    save_episodes(path, some_episodes())
    whole, arrays = path.read_bytes(), dict(np.load(path))
    for change in (
        {"format": np.array("other")},
        {"lengths": arrays["lengths"] + 1},
        {"lengths": arrays["lengths"] * 1.0},
        {"lengths": -arrays["lengths"]},
        {"lengths": arrays["lengths"][:0]},
        {"rewards": arrays["rewards"][1:]},
        {"terminated": arrays["terminated"][1:]},
        {"observations": np.array("x")},
    ):
        np.savez(path, **{**arrays, **change})
        with pytest.raises(ValueError, match=r"data\.npz' is not a file of episodes"):
            load_episodes(path)
    for missing in arrays:
        np.savez(path, **{name: array for name, array in arrays.items() if name != missing})
        with pytest.raises(ValueError, match=r"data\.npz' is not a file of episodes"):
            load_episodes(path)
    rng = np.random.default_rng(0)
    lengths = rng.integers(len(whole), size=50)
    for content in (b"", b"garbage", *(whole[:length] for length in lengths)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"data\.npz' is not a file of episodes"):
            load_episodes(path)
    for _ in range(300):
        changed = bytearray(whole)
        for position in rng.integers(len(whole), size=5):
            changed[position] = rng.integers(256)
        path.write_bytes(changed)
        try:
            load_episodes(path)
        except ValueError as error:
            assert "is not a file of episodes" in str(error)  # noqa: PT017
    with zipfile.ZipFile(path, "w") as archive:  # an array that says that it is huge
        header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (99999999999999,), }"
        archive.writestr(
            "format.npy",
            b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header + b"\n",
        )
    with pytest.raises(ValueError, match="is not a file of episodes"):
        load_episodes(path)
    with pytest.raises(FileNotFoundError):
        load_episodes(tmp_path / "absent.npz")
    with pytest.raises(ValueError, match=r"expected a name that ends in '\.npz' or '\.pkl'"):
        load_episodes(tmp_path / "data.h5")


# Files of the published code.


def test_skills_are_episodes(reference):
    for name in ("balancing", "jumping"):
        (episode,) = load_episodes(reference / "skills" / f"{name}_rollouts.pkl")
        assert episode.observations.shape == (100, 17)
        assert episode.actions.shape == (99, 6)
        assert np.all(np.isnan(episode.rewards))
        assert (episode.terminated, episode.truncated) == (False, True)


def test_demonstrations_are_episodes(reference):
    paths = sorted((reference / "demonstrations").glob("*.pkl"))
    assert len(paths) == 36
    for path in paths:
        (episode,) = load_episodes(path)
        assert len(episode) == int(path.name.split("_len_")[1].split("_")[0])
        assert np.all(np.isfinite(episode.rewards))
        assert episode.truncated


def test_rollouts_with_a_last_observation(tmp_path):
    path = tmp_path / "rollouts.pkl"
    seen, done = np.arange(6.0).reshape(1, 3, 2), np.arange(2.0).reshape(1, 2, 1)
    path.write_bytes(pickle.dumps({"observations": seen, "actions": done}))
    (episode,) = load_episodes(path)
    np.testing.assert_array_equal(episode.observations, seen[0])
    np.testing.assert_array_equal(episode.actions, done[0])


@pytest.mark.parametrize(
    "content",
    [
        5,
        [np.zeros(3)],
        {"observations": [np.zeros((2, 3))]},
        {"observations": [np.zeros((2, 3))], "actions": [np.zeros((5, 1))]},
        {"observations": [np.zeros((2, 3))], "actions": []},
        {"observations": [[np.zeros(3), np.zeros(2)]], "actions": [np.zeros((2, 1))]},
        {"observations": 1, "actions": 2},
        {"observations": ["a"], "actions": ["b"]},
    ],
)
def test_pickles_without_episodes(content, tmp_path):
    path = tmp_path / "rollouts.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=r"rollouts\.pkl' has no episodes"):
        load_episodes(path)


def test_pickles_run_no_code(tmp_path):
    canary, path = tmp_path / "run", tmp_path / "rollouts.pkl"
    path.write_bytes(pickle.dumps({"observations": Touch(canary), "actions": []}))
    for read in (load_episodes, sample_observed_states):
        with pytest.raises(RefusedPickleError, match=r"rollouts\.pkl' is refused: .* io\.open"):
            read(path)
    assert not canary.exists()


# Minari datasets.


@pytest.fixture
def minari(tmp_path, monkeypatch):
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "datasets"))
    pytest.importorskip("h5py", reason="needs rlsp-sb3[minari]")
    return pytest.importorskip("minari", reason="needs rlsp-sb3[minari]")


@pytest.mark.parametrize("env_id", ["CartPole-v1", "RoomDefault-v0", "Pendulum-v1"])
def test_minari_datasets_give_back_what_was_saved(env_id, minari, recwarn):
    env = gym.make(env_id)
    policy = Always([0.0]) if env_id == "Pendulum-v1" else Always(0)
    episodes = rollout_env(policy, env, 2, seed=0, noise=0.5)
    recwarn.clear()
    dataset = save_minari("rlsp/expert-v0", episodes, env, algorithm_name="none")
    assert not recwarn.list
    assert dataset.total_steps == sum(map(len, episodes))
    assert all_same(load_minari(dataset), episodes)
    assert all_same(load_minari("rlsp/expert-v0"), episodes)
    states = sample_observed_states("rlsp/expert-v0", 4, 0)
    np.testing.assert_array_equal(states, sample_observed_states(episodes, 4, 0))
    np.testing.assert_array_equal(states, sample_observed_states(dataset, 4, 0))
    with pytest.raises(ValueError, match="already exists"):
        save_minari("rlsp/expert-v0", episodes, env)
    with pytest.raises(FileNotFoundError, match=r"'rlsp/expret-v0' .*'rlsp/expert-v0'"):
        sample_observed_states("rlsp/expret-v0")
    with pytest.raises(ValueError, match="at least 1"):
        save_minari("rlsp/nothing-v0", [], env)


PARTS = {
    "Dict": spaces.Dict(
        {
            "observation": spaces.Box(-9, 9, (2, 2), np.float32),
            "desired_goal": spaces.Box(-9, 9, (1,), np.float64),
            "achieved_goal": spaces.Discrete(3),
        }
    ),
    "Tuple": spaces.Tuple((spaces.Box(-9, 9, (2,), np.float32), spaces.MultiBinary(2))),
}


def stacked(samples):
    """Samples of a space as Minari gives them: each part an array with a row for each step."""
    if isinstance(samples[0], dict):
        return {name: stacked([each[name] for each in samples]) for name in samples[0]}
    if isinstance(samples[0], tuple):
        return tuple(map(stacked, zip(*samples, strict=True)))
    return np.array(samples)


@pytest.mark.parametrize("space", PARTS.values(), ids=PARTS)
def test_minari_observations_of_parts_are_flattened(space):
    space.seed(0)
    samples = [space.sample() for _ in range(6)]
    stored = types.SimpleNamespace(
        observations=stacked(samples),
        actions=stacked(samples[1:]),
        rewards=np.ones(5),
        terminations=[False] * 5,
        truncations=[False] * 4 + [True],
    )
    dataset = types.SimpleNamespace(
        observation_space=space, action_space=space, iterate_episodes=lambda: [stored]
    )
    (episode,) = load_minari(dataset)
    flat = [spaces.flatten(space, sample) for sample in samples]
    np.testing.assert_array_equal(episode.observations, flat)
    np.testing.assert_array_equal(episode.actions, flat[1:])
    states = sample_observed_states(dataset, 3, 0)
    assert states.shape == (3, *spaces.flatten_space(space).shape)


@pytest.mark.parametrize("damage", ["metadata", "data", "missing"])
def test_damaged_minari_datasets_are_named(damage, minari, tmp_path):
    env = gym.make("CartPole-v1")
    save_minari("rlsp/expert-v0", rollout_env(Always(0), env, 2, seed=0), env)
    folder = tmp_path / "datasets" / "rlsp" / "expert-v0" / "data"
    if damage == "metadata":
        (folder / "metadata.json").write_text("{")
    elif damage == "data":
        (folder / "main_data.hdf5").write_bytes(b"nothing")
    else:
        (folder / "metadata.json").write_text("{}")
    with pytest.raises(ValueError, match=r"'rlsp/expert-v0' cannot be read from .*expert-v0"):
        load_minari("rlsp/expert-v0")


@pytest.mark.parametrize("knows_jpeg", [True, False])  # older ones do not
def test_minari_stores_images_as_they_are(monkeypatch, knows_jpeg):
    given = {}

    def create_jpeg(dataset_id, buffer, env=None, author=None, jpeg_encoding=True):
        given.update(jpeg_encoding=jpeg_encoding)

    def create_without(dataset_id, buffer, env=None, author=None):
        given.update(author=author)

    stub = types.SimpleNamespace(
        create_dataset_from_buffers=create_jpeg if knows_jpeg else create_without,
        data_collector=types.SimpleNamespace(EpisodeBuffer=dict),
    )
    monkeypatch.setattr("rlsp_sb3.data.minari_datasets.import_minari", lambda: stub)
    save_minari("rlsp/images-v0", some_episodes(), "CartPole-v1", author="somebody")
    assert given == ({"jpeg_encoding": False} if knows_jpeg else {"author": "somebody"})
    if knows_jpeg:
        save_minari("rlsp/images-v0", some_episodes(), "CartPole-v1", jpeg_encoding=True)
        assert given == {"jpeg_encoding": True}


def test_without_minari_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "minari", None)
    monkeypatch.setitem(sys.modules, "h5py", None)
    for call in (
        lambda: save_minari("rlsp/expert-v0", some_episodes(), "CartPole-v1"),
        lambda: sample_observed_states("rlsp/expert-v0"),
    ):
        with pytest.raises(DependencyNotInstalled, match=r'pip install "minari\[hdf5\]"'):
            call()


# Sampling observed states.


def test_states_are_uniform_over_what_actions_led_to():
    lengths = (2, 10)
    episodes = rollout_env(Always([0, 0, 0]), Counter(lengths), 2)
    n = 20_000
    states = sample_observed_states(episodes, n, 0).astype(int)
    assert states.shape == (n, 2)
    for i, length in enumerate(lengths):
        steps = states[states[:, 0] == i, 1]
        assert len(steps) == n / 2  # each episode counts the same
        counts = np.bincount(steps, minlength=length + 1)
        assert counts[0] == 0  # the start is nothing that the person left behind
        np.testing.assert_allclose(counts[1:] / len(steps), 1 / length, rtol=0.15)


def test_states_are_of_different_episodes_if_there_are_enough():
    episodes = rollout_env(Always([0, 0, 0]), Counter(), 30)
    for seed in range(5):
        assert len(set(sample_observed_states(episodes, 30, seed)[:, 0])) == 30
    assert set(np.bincount(sample_observed_states(episodes, 75, 0)[:, 0].astype(int))) == {2, 3}


def test_states_of_a_policy_are_one_of_each_episode():
    env = Counter((5,))
    states = sample_observed_states(Always([0, 0, 0]), 200, 0, env=env)
    np.testing.assert_array_equal(states[:, 0], range(200))
    assert set(states[:, 1]) == {1, 2, 3, 4, 5}
    cut = sample_observed_states(Always([0, 0, 0]), 50, 0, env=Counter((5,)), max_steps=2)
    assert set(cut[:, 1]) == {1, 2}


class Whole(Counter):
    """Shows ints, in a space of floats."""

    observation_space = spaces.Box(0, np.inf, (2,), np.float32)

    def reset(self, *, seed=None, options=None):
        return super().reset(seed=seed)[0].astype(int).tolist(), {}

    def step(self, action):
        observation, *rest = super().step(action)
        return observation.astype(int).tolist(), *rest


def test_states_of_a_policy_have_the_type_of_the_space():
    states = sample_observed_states(Always([0, 0, 0]), 2, 0, env=Whole())
    assert states.dtype == np.float32


def test_states_of_a_policy_of_sb3_are_the_same_for_the_same_seed():
    policy = SAC("MlpPolicy", "Pendulum-v1", seed=0, buffer_size=10, device="cpu")
    env = gym.make("Pendulum-v1")
    states = sample_observed_states(policy, 2, 1, env=env, max_steps=20)
    assert env.observation_space.contains(states[0])
    for source in (1, np.random.default_rng(1)):
        again = sample_observed_states(policy, 2, source, env="Pendulum-v1", max_steps=20)
        np.testing.assert_array_equal(again, states)
    assert not np.array_equal(sample_observed_states(policy, 2, 2, env=env, max_steps=20), states)


def test_states_from_files(reference, tmp_path):
    episodes = some_episodes("RoomDefault-v0")
    path = tmp_path / "data.npz"
    save_episodes(path, episodes)
    expected = sample_observed_states(episodes, 5, 0)
    np.testing.assert_array_equal(sample_observed_states(path, 5, 0), expected)
    np.testing.assert_array_equal(sample_observed_states(str(path), 5, 0), expected)
    skill = reference / "skills" / "jumping_rollouts.pkl"
    states = sample_observed_states(skill, 10, 0)
    assert states.shape == (10, 17)
    observations = load_episodes(skill)[0].observations
    assert all(any(np.array_equal(state, seen) for seen in observations) for state in states)


def test_sampled_states_are_copies_and_go_into_a_learner():
    (episode,) = some_episodes("RoomDefault-v0")[:1]
    states = sample_observed_states(episode, 3, 0)
    learner = TabularRLSP("RoomDefault-v0", states, horizon=20, seed=0)
    np.testing.assert_array_equal(learner.observed_states, states)
    before = episode.observations.copy()
    states[:] = 0
    np.testing.assert_array_equal(episode.observations, before)


@pytest.mark.parametrize(
    ("source", "arguments", "error", "message"),
    [
        (Always(0), {}, ValueError, "env=None: expected the environment"),
        ("data.npz", {"env": "CartPole-v1"}, ValueError, "env='CartPole-v1': expected None"),
        ([], {}, ValueError, "source has no episodes"),
        ([1], {}, TypeError, r"source=\[1\]: expected a policy"),
        (None, {}, TypeError, "source=None"),
        ("s.parquet", {}, ValueError, r"source='s\.parquet': expected a file of states \(\.npy"),
        (Path("s.txt"), {}, ValueError, r"source='s\.txt': expected a file of states"),
        ("policy.zip", {}, ValueError, r"a policy \(\.zip\) is loaded by load_policy"),
        (str(Path(__file__).parent), {}, ValueError, "or the id of a Minari dataset such as"),
        *(
            (f"missing{suffix}", {}, FileNotFoundError, f"missing{suffix}")
            for suffix in (".npy", ".csv", ".npz", ".pkl")
        ),
        (Always(0), {"env": "CartPole-v1", "max_steps": 0}, ValueError, "max_steps=0"),
        (Always(0), {"env": "CartPole-v1", "n": 0}, ValueError, "n=0"),
    ],
)
def test_wrong_sources(source, arguments, error, message):
    with pytest.raises(error, match=message):
        sample_observed_states(source, **arguments)


def test_sources_of_several_shapes():
    with pytest.raises(ValueError, match="observations of the shapes"):
        sample_observed_states([*some_episodes(), *some_episodes("FrozenLake-v1")])
