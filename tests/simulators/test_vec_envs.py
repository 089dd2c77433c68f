"""Where solvers train: copies that are simulated at once, and other rewards."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs  # noqa: F401
from rlsp_sb3.rewards.reward_vec_env import RewardVecEnv
from rlsp_sb3.simulators.rollout import make_simulator
from rlsp_sb3.simulators.simulator_vec_env import SimulatorVecEnv

from helpers.point import STEP, Point

OLD_GYMNASIUM = gym.__version__.startswith("0.")
PENDULUM = f"InvertedPendulum-{'v4' if OLD_GYMNASIUM else 'v5'}"
ENVS = ["Pendulum-v1", "CartPole-v1", "MountainCarContinuous-v0", PENDULUM]

# Gymnasium says that v4 is out of date.
pytestmark = pytest.mark.filterwarnings("ignore:.*out of date.*")


def position(observations):
    return np.asarray(observations, dtype=np.float64)[:, 0]


def make(env=None, n_envs=4, episode_length=8, seed=0, **kwargs):
    rng = np.random.default_rng(seed)
    simulator = make_simulator(env or Point(), rng)
    return SimulatorVecEnv(simulator, n_envs, episode_length, position, rng, **kwargs)


def some_actions(env):
    return np.stack([env.action_space.sample() for _ in range(env.num_envs)])


@pytest.mark.parametrize("env_id", ENVS)
def test_it_is_a_vector_environment_as_sb3_wants_it(env_id):
    env = make(gym.make(env_id), n_envs=3, episode_length=5)
    space = env.observation_space
    env.action_space.seed(0)
    assert env.num_envs == 3
    observations = env.reset()
    n_ended = 0
    for _ in range(12):
        assert observations.shape == (3, *space.shape)
        assert observations.dtype == space.dtype
        observations, rewards, dones, infos = env.step(some_actions(env))
        assert (rewards.shape, rewards.dtype) == ((3,), np.float32)
        assert (dones.shape, dones.dtype) == ((3,), np.bool_)
        assert len(infos) == 3
        for done, info in zip(dones, infos, strict=True):
            assert ("terminal_observation" in info) == done
            if done:
                n_ended += 1
                assert info["TimeLimit.truncated"]  # and no end to learn from
                assert info["terminal_observation"].shape == space.shape
    assert n_ended >= 6


def test_the_reward_is_that_of_the_state_reached():
    env = make()
    before = env.reset()
    for _ in range(20):
        after, rewards, dones, infos = env.step(np.full((4, 1), 0.5))
        reached = np.array(
            [info.get("terminal_observation", row) for info, row in zip(infos, after, strict=True)]
        )
        np.testing.assert_allclose(reached, before + STEP * 0.5, atol=1e-5)
        np.testing.assert_allclose(rewards, reached[:, 0])
        assert (np.abs(after[dones]) <= 0.1).all()  # a new episode
        before = after


def test_copies_end_one_after_the_other_and_then_take_full_episodes():
    env = make(n_envs=4, episode_length=8)
    env.reset()
    ends = np.array([env.step(np.zeros((4, 1)))[2] for _ in range(24)])
    times = [np.flatnonzero(column) + 1 for column in ends.T]
    assert [each[0] for each in times] == [8, 6, 4, 2]
    assert all((np.diff(each) == 8).all() for each in times)


def test_an_episode_ends_for_good_only_where_the_caller_says_so():
    env = make(n_envs=2, episode_length=8, terminated=lambda shown: position(shown) > 2.5 * STEP)
    env.simulator.reset = lambda n: np.zeros((n, 1), np.float32)
    env.reset()
    ends = []
    for _ in range(8):
        _, _, dones, infos = env.step(np.array([[1.0], [0.0]]))
        ends.append(dones)
        for i in np.flatnonzero(dones):
            moved = i == 0
            assert infos[i]["TimeLimit.truncated"] == (not moved)
            assert infos[i]["terminal_observation"] == pytest.approx([3 * STEP * moved], abs=1e-6)
    moving, still = np.array(ends).T
    assert list(np.flatnonzero(moving) + 1) == [3, 6]
    assert list(np.flatnonzero(still) + 1) == [4]  # the second of two copies starts half way


def test_what_an_episode_collected_is_told_as_a_monitor_would():
    env = make(n_envs=2, episode_length=6)
    env.reset()
    total, length = np.zeros(2), np.zeros(2, dtype=int)
    for _ in range(15):
        _, rewards, dones, infos = env.step(np.ones((2, 1)))
        total, length = total + rewards, length + 1
        for i in np.flatnonzero(dones):
            assert infos[i]["episode"]["r"] == pytest.approx(total[i], rel=1e-5)
            assert infos[i]["episode"]["l"] == length[i]
            total[i] = length[i] = 0


@pytest.mark.parametrize("share", [0.0, 0.2, 1.0])
def test_the_right_share_of_episodes_starts_at_given_states(share):
    env = make(n_envs=4000, episode_length=3, share_of_starts=share)
    env.starts = np.array([[40.0], [60.0]], np.float32)
    observations = env.reset()
    assert np.mean(observations > 10) == pytest.approx(share, abs=0.03)
    if share:
        there = observations[observations > 10]
        assert set(there) == {40, 60}
        assert np.mean(there == 40) == pytest.approx(0.5, abs=0.1)
    for _ in range(3):
        observations, _, dones, _ = env.step(np.zeros((4000, 1)))
        if dones.any():
            started = observations[dones] > 10
            assert started.mean() == pytest.approx(share, abs=0.06)


def test_without_starts_episodes_start_as_the_environment_does():
    env = make(n_envs=100, share_of_starts=1.0)
    assert np.abs(env.reset()).max() <= 0.1
    env.starts = np.empty((0, 1), np.float32)
    assert np.abs(env.reset()).max() <= 0.1


def test_an_unstable_episode_ends_where_it_was_last_known():
    env = make(Point(edge=1.0), n_envs=3, episode_length=100)
    env.reset()
    env._observations[:] = np.array([[0.0], [0.8], [-0.9]])
    observations, rewards, dones, infos = env.step(np.array([[1.0], [1.0], [1.0]]))
    np.testing.assert_array_equal(dones, [False, True, False])
    assert infos[1]["terminal_observation"] == pytest.approx(0.8)
    assert infos[1]["TimeLimit.truncated"]
    np.testing.assert_allclose(rewards, [0.5, 0.8, -0.4], atol=1e-6)
    assert np.isfinite(observations).all()
    assert abs(observations[1, 0]) <= 0.1


def test_the_ends_of_the_environment_do_not_matter():
    env = make(Point(wall=1.0), n_envs=1, episode_length=10)
    env.reset()
    dones = [env.step(np.ones((1, 1)))[2][0] for _ in range(10)]
    assert dones == [False] * 9 + [True]


def test_same_rng_same_bits():
    def run(seed):
        env = make(gym.make("Pendulum-v1"), seed=seed)
        env.starts = np.array([[1.0, 0.0, 5.0]], np.float32)
        steps = [env.reset()]
        for i in range(20):
            steps += env.step(np.full((4, 1), np.sin(i)))[:2]
        return steps

    first, same, other = run(0), run(0), run(1)
    assert all(np.array_equal(*pair) for pair in zip(first, same, strict=True))
    assert not np.array_equal(first[0], other[0])


def test_what_was_returned_stays_as_it_is():
    env = make()
    kept = [env.reset()]
    copies = [kept[0].copy()]
    for _ in range(9):
        observations, _, _, infos = env.step(np.ones((4, 1)))
        new = [observations, *(i["terminal_observation"] for i in infos if i)]
        kept += new
        copies += [each.copy() for each in new]
        observations[:] += 0  # a view would change with the next step
    assert all(np.array_equal(*pair) for pair in zip(kept, copies, strict=True))


def test_attributes_and_methods_are_those_of_the_environment():
    env = make(gym.wrappers.TimeLimit(Point(wall=7.0), 10), n_envs=3)
    assert env.get_attr("wall") == [7.0] * 3  # also within wrappers
    assert env.env_method("set_state_from_observation", np.zeros(1)) == [None] * 3
    env = make(Point(wall=7.0), n_envs=3)
    assert env.get_attr("wall", indices=[0, 2]) == [7.0] * 2
    env.set_attr("wall", 8.0)
    assert env.get_attr("wall", indices=1) == [8.0]
    assert len(env.env_method("reset", seed=3)) == 3
    assert env.env_is_wrapped(gym.Wrapper) == [False] * 3
    with pytest.raises(AttributeError):
        env.get_attr("roof")
    assert list(env.seed(3)) == [None] * 3
    env.close()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_envs": 0}, "n_envs=0"),
        ({"episode_length": 0}, "episode_length=0"),
        ({"share_of_starts": 1.5}, "share_of_starts=1.5"),
        ({"share_of_starts": -0.1}, "share_of_starts=-0.1"),
    ],
)
def test_numbers_out_of_range_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        make(**arguments)


# Another reward for an environment that steps by itself.


def walled(n_envs=2, keep=False, limit=100):
    def make_one():
        return gym.wrappers.TimeLimit(Point(wall=1.0), limit)

    venv = DummyVecEnv([make_one] * n_envs)
    return RewardVecEnv(venv, lambda observations: 10 * position(observations), keep)


@pytest.mark.parametrize("keep", [False, True])
def test_terminations_become_time_outs_unless_they_are_kept(keep):
    env = walled(keep=keep)
    env.seed(0)
    start = env.reset()
    for step in range(1, 4):
        observations, rewards, dones, infos = env.step(np.array([[1.0], [0.0]]))
        reached = start[0, 0] + STEP * step
        assert dones[0] == (reached >= 1)
        # Of the last state of the episode, not of the first one of the next.
        assert rewards[0] == pytest.approx(10 * reached, rel=1e-5)
        assert rewards.dtype == np.float32
        assert rewards[1] == pytest.approx(10 * start[1, 0], rel=1e-5)
        assert not dones[1]
        if dones[0]:
            assert infos[0]["TimeLimit.truncated"] != keep
            assert abs(observations[0, 0]) <= 0.1
            break
    else:
        pytest.fail("no episode ended")


@pytest.mark.parametrize("keep", [False, True])
def test_time_outs_stay_time_outs(keep):
    env = walled(keep=keep, limit=3)
    env.reset()
    for _ in range(3):
        _, _, dones, infos = env.step(np.zeros((2, 1)))
    assert dones.all()
    assert all(info["TimeLimit.truncated"] for info in infos)


def test_the_environment_s_own_reward_is_gone_and_all_else_passes():
    venv = make_vec_env("CartPole-v1", n_envs=2, seed=0)
    env = RewardVecEnv(venv, lambda observations: np.zeros(len(observations)))
    assert env.reset().shape == (2, 4)
    rewards = [env.step(np.array([0, 1]))[1] for _ in range(30)]
    np.testing.assert_array_equal(rewards, 0)
    assert env.get_attr("gravity") == [9.8, 9.8]
    env.reward = lambda observations: np.ones(len(observations))
    np.testing.assert_array_equal(env.step(np.array([0, 1]))[1], 1)
