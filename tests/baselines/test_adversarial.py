"""GAIL and AIRL: what they take for demonstrations, what they learn, and SB3's surface."""

import json
import re
from importlib.util import find_spec
from types import SimpleNamespace

import gymnasium as gym
import numpy as np
import pytest
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AIRL, GAIL
from rlsp_baselines.demonstrations import find_demonstrations
from rlsp_sb3.data.episodes import Episode, save_episodes

from helpers.command import rlsp
from helpers.lamp import NUMBERS, Lamp

HAS_IMITATION = find_spec("imitation") is not None
needs_imitation = pytest.mark.skipif(
    not HAS_IMITATION, reason='needs imitation, which `pip install "rlsp-baselines[gail]"` brings'
)
GRID, CONTINUOUS = "RoomDefault-v0", "MountainCarContinuous-v0"
SOLVERS = {
    "PPO": {"n_steps": 32, "batch_size": 32, "n_epochs": 2},
    "DQN": {"learning_starts": 8, "buffer_size": 500},
    "SAC": {"learning_starts": 8, "buffer_size": 500, "policy_kwargs": {"net_arch": [16]}},
}


def demonstrate(env_id, n_steps=3):
    """Somebody who always does the same."""
    env = gym.make(env_id)
    action = np.ones(env.action_space.shape, env.action_space.dtype)
    observations, actions, rewards = [env.reset(seed=0)[0]], [], []
    for _ in range(n_steps):
        observation, reward, *_ = env.step(action if action.shape else 1)
        observations.append(observation)
        actions.append(action)
        rewards.append(reward)
    return Episode(np.array(observations), np.array(actions), np.array(rewards), truncated=True)


def make(learner=GAIL, env=GRID, solver="PPO", n_steps=3, **arguments):
    return learner(
        env,
        **{
            "demonstrations": demonstrate(env if isinstance(env, str) else GRID, n_steps),
            "solver": solver,
            "solver_kwargs": SOLVERS[solver],
            "round_steps": 32,
            "seed": 0,
            **arguments,
        },
    )


def rewards_of(learner, actions=None):
    (episode,) = learner.demonstrations
    n = len(episode)
    actions = episode.actions if actions is None else actions
    return learner.reward(episode.observations[:-1], actions, episode.states, np.zeros(n, bool))


def spaces_of(env_id):
    env = gym.make(env_id)
    return env.observation_space, env.action_space


@pytest.mark.skipif(HAS_IMITATION, reason="says what to do where imitation is missing")
@pytest.mark.parametrize("learner", [GAIL, AIRL])
def test_without_imitation_the_error_says_what_to_install(learner):
    with pytest.raises(ImportError, match=r"pip install imitation"):
        make(learner)


@needs_imitation
@pytest.mark.parametrize("learner", [GAIL, AIRL])
@pytest.mark.parametrize(
    ("env", "solver"),
    [(GRID, "PPO"), (CONTINUOUS, "PPO"), (CONTINUOUS, "SAC")],
)
def test_learn_save_load_go_on(learner, env, solver, tmp_path):
    learned = make(learner, env, solver).learn(64)
    assert learned.num_timesteps == 64
    learned.save(tmp_path / "learner")
    loaded = learner.load(tmp_path / "learner", env=env)
    np.testing.assert_array_equal(rewards_of(loaded), rewards_of(learned))
    observations = learned.demonstrations[0].observations
    for each in (learned, loaded):
        if solver == "PPO":  # a replay buffer is not saved
            each.learn(32, reset_num_timesteps=False)
    np.testing.assert_array_equal(rewards_of(loaded), rewards_of(learned))
    actions = [each.predict(observations, deterministic=True)[0] for each in (learned, loaded)]
    np.testing.assert_array_equal(*actions)


@needs_imitation
@pytest.mark.parametrize(("env", "solver"), [(GRID, "PPO"), (GRID, "DQN"), (CONTINUOUS, "SAC")])
def test_same_seed_same_bits(env, solver):
    runs = []
    for _ in range(2):
        np.random.rand()  # noqa: NPY002 (the global generators must not matter)
        runs.append(rewards_of(make(env=env, solver=solver).learn(64)))
    np.testing.assert_array_equal(*runs)
    assert not np.array_equal(runs[0], rewards_of(make(env=env, solver=solver, seed=1).learn(64)))


@needs_imitation
def test_a_single_pair_of_state_and_action_teaches_what_to_do_there():
    learner = make(n_steps=1, n_discriminator_updates=30).learn(640)
    (state,) = learner.demonstrations[0].observations[:1]
    rewards = [rewards_of(learner, np.array([action]))[0] for action in range(5)]
    assert np.argmax(rewards) == 1
    assert learner.policy.get_distribution(learner.policy.obs_to_tensor(state)[0]).mode() == 1


@needs_imitation
def test_observed_states_are_those_of_the_demonstrations():
    learner = make()
    np.testing.assert_array_equal(learner.observed_states, learner.demonstrations[0].states)


@needs_imitation
def test_replayed_rewards_are_those_of_today():
    learner = make(env=CONTINUOUS, solver="SAC", n_discriminator_updates=20).learn(32)
    replay = learner._model.replay_buffer
    rows = np.arange(10)
    samples = replay._get_samples(rows)
    stored = replay.actions[rows, 0] * gym.make(CONTINUOUS).action_space.high
    expected = learner.reward(
        replay.observations[rows, 0], stored, replay.next_observations[rows, 0], np.zeros(10)
    )
    np.testing.assert_allclose(samples.rewards[:, 0], expected, rtol=1e-5)
    assert not np.allclose(expected, replay.rewards[rows, 0])


@needs_imitation
@pytest.mark.parametrize(("solver", "action_space"), [("DQN", None), ("SAC", NUMBERS)])
def test_pictures_that_are_replayed_are_rewarded_as_they_are(solver, action_space):
    env, rng = Lamp(action_space=action_space), np.random.default_rng(0)
    pictures = [env.reset(seed=0)[0]]
    actions = [env.action_space.sample() for _ in range(6)]
    pictures += [env.step(action)[0] for action in actions]
    demonstration = Episode(
        np.array(pictures), np.array(actions), np.zeros(6), terminated=False, truncated=True
    )
    learner = GAIL(
        env,
        demonstrations=[demonstration],
        solver=solver,
        solver_kwargs={"buffer_size": 100, "learning_starts": 4},
        n_discriminator_updates=20,
        round_steps=32,
        seed=0,
    ).learn(64)
    replay, rows = learner._model.replay_buffer, np.arange(30)
    before, after = (
        np.moveaxis(each[rows, 0], 1, -1)
        for each in (replay.observations, replay.next_observations)
    )
    assert before.shape == (30, 8, 8, 3)
    done = replay.actions[rows, 0]
    done = done if solver == "SAC" else done[:, 0]
    expected = learner.reward(before, done, after, np.zeros(30))
    assert np.std(expected) > 0
    told = replay._get_samples(rows).rewards[:, 0]
    np.testing.assert_allclose(told, expected, rtol=1e-4, atol=1e-6)
    scrambled = rng.permuted(before.reshape(30, -1), axis=1).reshape(before.shape)
    assert not np.allclose(told, learner.reward(scrambled, done, after, np.zeros(30)), rtol=1e-4)


@needs_imitation
def test_callback_is_called_at_each_step_and_can_stop(tmp_path):
    class Stop(BaseCallback):
        def _on_step(self):
            assert self.num_timesteps == 2 * self.n_calls
            return self.n_calls < 70

    callback = Stop()
    learner = make(env=DummyVecEnv([lambda: gym.make(GRID)] * 2))
    learner.learn(callback=callback, progress_bar=True)
    assert callback.n_calls == 70
    assert learner.num_timesteps == 140
    assert learner.round_steps == 64
    assert learner._default_timesteps == learner.n_rounds * 64


@needs_imitation
def test_an_interrupted_round_can_be_gone_on_from(monkeypatch):
    learner = make().learn(32)
    before = rewards_of(learner)
    step = type(learner.env).step_wait
    calls = []

    def interrupt(self):
        calls.append(0)
        if len(calls) == 7:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(type(learner.env), "step_wait", interrupt)
    with pytest.warns(UserWarning, match="interrupted"):
        learner.learn(32)
    np.testing.assert_array_equal(rewards_of(learner), before)
    assert learner.learn(32).num_timesteps == 32


@needs_imitation
def test_another_environment_keeps_what_was_learned():
    learner = make().learn(32)
    before = rewards_of(learner)
    learner.set_env(gym.make(GRID))
    np.testing.assert_array_equal(rewards_of(learner), before)
    learner.learn(32)
    with pytest.raises(ValueError, match="2 copies: expected 1"):
        learner.set_env(DummyVecEnv([lambda: gym.make(GRID)] * 2))


@needs_imitation
def test_bad_arguments():
    for name, value in {"n_rounds": 0, "demo_batch_size": 0, "round_steps": 0}.items():
        with pytest.raises(ValueError, match=name):
            make(**{name: value})
    with pytest.raises(TypeError, match="solver_kwargs"):
        GAIL(GRID, demonstrations=demonstrate(GRID), solver=PPO("MlpPolicy", GRID))
    with pytest.raises(ValueError, match="chooses numbers only"):
        make(solver="SAC")
    with pytest.raises(ValueError, match="demonstrations=None"):
        GAIL(GRID)
    env = VecNormalize(DummyVecEnv([lambda: gym.make(GRID)]))
    with pytest.raises(ValueError, match="norm_obs=False"):
        GAIL(env, demonstrations=demonstrate(GRID))


# Demonstrations, with or without imitation.


def test_demonstrations_from_wherever(tmp_path):
    episode = demonstrate(CONTINUOUS)
    path = tmp_path / "episodes.npz"
    save_episodes(path, [episode])
    trajectory = SimpleNamespace(obs=episode.observations, acts=episode.actions, terminal=True)
    observation_space, action_space = spaces_of(CONTINUOUS)
    dataset = SimpleNamespace(
        observation_space=observation_space,
        action_space=action_space,
        iterate_episodes=lambda: [
            SimpleNamespace(
                observations=episode.observations,
                actions=episode.actions,
                rewards=episode.rewards,
                terminations=[False],
                truncations=[True],
            )
        ],
    )
    for source in (episode, [episode], path, str(path), trajectory, [trajectory], dataset):
        (found,) = find_demonstrations(source, *spaces_of(CONTINUOUS))
        np.testing.assert_array_equal(found.observations, episode.observations)
        np.testing.assert_array_equal(found.actions, episode.actions)
    transitions = SimpleNamespace(
        obs=episode.observations[:-1],
        acts=episode.actions,
        next_obs=episode.states,
        dones=np.zeros(3, bool),
    )
    found = find_demonstrations(transitions, *spaces_of(CONTINUOUS))
    assert [len(each) for each in found] == [1, 1, 1]


@needs_imitation
@pytest.mark.parametrize("name", ["gail", "airl"])
def test_the_command_takes_a_file_of_demonstrations(name, tmp_path):
    save_episodes(tmp_path / "expert.npz", [demonstrate(GRID)])
    setting = f"demonstrations={tmp_path / 'expert.npz'}"
    arguments = ("--learner", name, "--set", setting, "--set", "solver_kwargs={n_steps: 16}")
    result = rlsp("learn", GRID, *arguments, "--timesteps", 16, "--out", tmp_path / "run")
    assert result.code == 0, result.err
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    assert setting in config["command"]
    loaded = {"gail": GAIL, "airl": AIRL}[name].load(tmp_path / "run" / "learner.zip", GRID)
    assert loaded.num_timesteps == 16
    result = rlsp("learn", GRID, "--learner", name, "--set", "demonstrations=missing.npz")
    assert result.code == 2
    assert "missing.npz" in result.err


@needs_imitation
def test_folders_of_imitation_are_read(tmp_path):
    from imitation.data import serialize, types

    episode = demonstrate(CONTINUOUS)
    trajectory = types.TrajectoryWithRew(
        obs=episode.observations,
        acts=episode.actions,
        infos=None,
        terminal=True,
        rews=episode.rewards,
    )
    serialize.save(tmp_path / "expert", [trajectory])
    for source in (tmp_path / "expert", str(tmp_path / "expert")):
        (found,) = find_demonstrations(source, *spaces_of(CONTINUOUS))
        np.testing.assert_array_equal(found.observations, episode.observations)
        assert found.terminated


def test_other_folders_are_refused_by_name(tmp_path):
    for source in (tmp_path, str(tmp_path)):
        with pytest.raises(ValueError, match="is not a folder of episodes that imitation saved"):
            find_demonstrations(source, *spaces_of(GRID))


def test_transitions_without_what_follows_are_refused_by_name():
    class TransitionsMinimal:
        obs, acts, infos = np.zeros((3, 2), np.float32), np.zeros((3, 1), np.float32), None

    with pytest.raises(TypeError, match="TransitionsMinimal, without the observations that follow"):
        find_demonstrations(TransitionsMinimal(), *spaces_of(CONTINUOUS))


@pytest.mark.parametrize("truncated", [True, False])
def test_running_out_of_time_is_no_end(truncated):
    episode = demonstrate(CONTINUOUS)
    infos = np.array([{}, {}, {"TimeLimit.truncated": truncated}])
    trajectory = SimpleNamespace(
        obs=episode.observations, acts=episode.actions, terminal=True, infos=infos
    )
    (found,) = find_demonstrations(trajectory, *spaces_of(CONTINUOUS))
    assert (found.terminated, found.truncated) == (not truncated, truncated)
    transitions = SimpleNamespace(
        obs=episode.observations[:-1],
        acts=episode.actions,
        next_obs=episode.states,
        dones=np.array([False, False, True]),
        infos=infos,
    )
    found = find_demonstrations(transitions, *spaces_of(CONTINUOUS))
    assert [each.terminated for each in found] == [False, False, not truncated]


def test_demonstrations_are_finite_numbers():
    episode = demonstrate(CONTINUOUS)
    for changed, message in (
        (np.full_like(episode.observations, np.nan), r"demonstrations\[0\].*: expected finite"),
        (episode.observations.astype(str), "observations are of type <U32"),
    ):
        trajectory = SimpleNamespace(obs=changed, acts=episode.actions, terminal=False)
        with pytest.raises(ValueError, match=message):
            find_demonstrations(trajectory, *spaces_of(CONTINUOUS))


def test_published_demonstrations(reference):
    lengths = {1: 1, 10: 10, 50: 50}
    pytest.importorskip("mujoco", reason="needs MuJoCo")
    for length, expected in lengths.items():
        files = (reference / "demonstrations").glob(f"sac_pendulum_traj_len_{length}_*.pkl")
        for file in files:
            (found,) = find_demonstrations(file, *spaces_of("InvertedPendulum-v4"))
            assert len(found) == expected


@needs_imitation
def test_trajectories_and_transitions_of_imitation():
    types = pytest.importorskip("imitation.data.types")
    rollout = pytest.importorskip("imitation.data.rollout")
    episode = demonstrate(GRID)
    trajectory = types.Trajectory(episode.observations, episode.actions, None, terminal=False)
    for source in ([trajectory], rollout.flatten_trajectories([trajectory])):
        learner = make(demonstrations=source)
        np.testing.assert_array_equal(learner._demonstrated["acts"], episode.actions)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda episode: [], ValueError, "empty"),
        (lambda episode: 3, TypeError, "demonstrations=3"),
        (lambda episode: [3], TypeError, "have a int"),
        (lambda episode: "missing.npz", FileNotFoundError, "missing"),
        (lambda episode: demonstrate(CONTINUOUS), ValueError, r"observations have shape \(4, 2\)"),
        (
            lambda episode: Episode(episode.observations, episode.actions + 9, episode.rewards),
            ValueError,
            "actions are not all in the space",
        ),
        (
            lambda episode: Episode(episode.observations, episode.actions + 0.5, episode.rewards),
            ValueError,
            "actions are not all in the space",
        ),
        (
            lambda episode: Episode(
                episode.observations * np.nan, episode.actions, episode.rewards
            ),
            ValueError,
            "observations are not all in the space",
        ),
    ],
)
def test_bad_demonstrations(change, error, message):
    with pytest.raises(error, match=message):
        find_demonstrations(change(demonstrate(GRID)), *spaces_of(GRID))


@needs_imitation
def test_reward_of_airl_is_one_of_states_with_a_potential_beside():
    """f(s, a, s') = g(s) + γ h(s') - h(s), and h is 0 where an episode has ended."""
    learner = make(AIRL, n_discriminator_updates=10).learn(64)
    net = learner._discriminator
    n, rng = 6, np.random.default_rng(0)
    env = learner.unwrapped_env
    before, after = (env.observations(rng.integers(20, size=n)) for _ in range(2))
    actions, done = rng.integers(5, size=n), np.array([0, 0, 1, 0, 1, 0], bool)

    given = net.preprocess(before, actions, after, done)
    with torch.no_grad():
        g = net.base(*given).numpy()
        h, following = (net.potential(given[i]).flatten().numpy() for i in (0, 2))
        f = net(*given).numpy()
    np.testing.assert_allclose(
        f, g + learner._model.gamma * np.where(done, 0, following) - h, rtol=1e-4, atol=1e-5
    )
    reward = learner.reward
    np.testing.assert_allclose(reward(before, actions, after, done), g, rtol=1e-5)
    others = reward(before, (actions + 1) % 5, np.roll(after, 1, axis=0), ~done)
    np.testing.assert_array_equal(others, reward(before, actions, after, done))
    assert np.abs(f - g).max() > 1e-3  # and what the generator learns from is shaped


@needs_imitation
@pytest.mark.parametrize("learner_class", [GAIL, AIRL])
def test_reward_prints_and_saves(learner_class, tmp_path):
    learner, other = make(learner_class).learn(64), make(learner_class, seed=1)
    assert re.fullmatch(r"NetworkReward\(\w+Net, [\d,]+ parameters\)", repr(learner.reward))
    assert not np.array_equal(rewards_of(other), rewards_of(learner))
    learner.reward.save(tmp_path / "reward.npz")
    other.reward.load(tmp_path / "reward.npz")
    np.testing.assert_array_equal(rewards_of(other), rewards_of(learner))


@needs_imitation
def test_reward_of_another_network_is_refused(tmp_path):
    make(discriminator_hidden=[4]).reward.save(tmp_path / "reward.npz")
    with pytest.raises(ValueError, match=r"reward\.npz.*has shape .*expected shape"):
        make().reward.load(tmp_path / "reward.npz")
