"""The three wrappers give the same rewards, those of the states that transitions led to."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs
from rlsp_sb3 import (
    LinearReward,
    RewardVecEnv,
    RewardWrapper,
    TabularRLSP,
    VectorRewardWrapper,
    load_reward,
)

assert rlsp_envs.__version__  # imported to register the environments


class Counter(gym.Env):
    """Shows how many steps were taken since the last reset, and how many resets there were."""

    observation_space = spaces.Box(0, np.inf, (2,), np.float64)
    action_space = spaces.Discrete(2)

    def __init__(self, length=3, terminates=True):
        self.length, self.terminates, self.state = length, terminates, np.zeros(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.state = np.array([0.0, self.state[1] + 1])
        return self.state.copy(), {}

    def step(self, action):
        self.state[0] += 1
        over = bool(self.state[0] == self.length)
        ends = (over, False) if self.terminates else (False, over)
        return self.state.copy(), 100.0, *ends, {}


def of_states(observations):
    return observations[:, 0] + 0.125 * observations[:, 1]


REWARD = LinearReward([1, 0.125])
FORMS = [of_states, REWARD, REWARD.of_states]


@pytest.mark.parametrize("reward", FORMS)
@pytest.mark.parametrize("terminates", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_wrapped_environment(reward, terminates, keep):
    env = RewardWrapper(Counter(terminates=terminates), reward, keep_termination=keep)
    for episode in (1, 2):
        assert env.reset()[0][0] == 0
        for step in (1, 2, 3):
            _, given, terminated, truncated, info = env.step(0)
            assert given == step + 0.125 * episode
            assert type(given) is float
            assert info["env_reward"] == 100
        assert (terminated, truncated) == (keep and terminates, not (keep and terminates))


@pytest.mark.parametrize("reward", FORMS)
@pytest.mark.parametrize("keep", [False, True])
def test_vec_env_of_sb3(reward, keep):
    venv = RewardVecEnv(DummyVecEnv([lambda: Counter(3), lambda: Counter(4)]), reward, keep)
    venv.reset()
    seen = []
    for _ in range(4):
        _, rewards, dones, infos = venv.step(np.zeros(2, int))
        seen.append(rewards)
        for done, info in zip(dones, infos, strict=True):
            assert info["env_reward"] == 100
            assert not done or info["TimeLimit.truncated"] is not keep
    # The third is that of the last state of the episode, and not of the first one of the next.
    np.testing.assert_array_equal(
        np.array(seen).T, [[1.125, 2.125, 3.125, 1.25], [1.125, 2.125, 3.125, 4.125]]
    )


MODES = (
    ["next step", "same step", "disabled"] if hasattr(gym.vector, "AutoresetMode") else ["as is"]
)


def vector_env(mode, *lengths, terminates=True):
    made = [lambda length=length: Counter(length, terminates) for length in lengths]
    if mode == "as is":  # of Gymnasium 0.29, the class whose environments make_vec makes
        vector = pytest.importorskip("gymnasium.experimental.vector")
        return vector.SyncVectorEnv(made)
    modes = gym.vector.AutoresetMode
    chosen = dict(zip(MODES, (modes.NEXT_STEP, modes.SAME_STEP, modes.DISABLED), strict=True))
    return gym.vector.SyncVectorEnv(made, autoreset_mode=chosen[mode])


@pytest.mark.parametrize("reward", FORMS)
@pytest.mark.parametrize("terminates", [False, True])
@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_vector_env_of_gymnasium(reward, terminates, keep, mode):
    env = VectorRewardWrapper(vector_env(mode, 3, 4, terminates=terminates), reward, keep)
    env.reset(seed=0)
    seen, was = [], np.zeros(2, bool)
    for _ in range(5):
        if mode == "disabled" and was.any():
            env.reset(options={"reset_mask": was})
        _, rewards, terminations, truncations, info = env.step(np.zeros(2, int))
        seen.append(rewards)
        was = terminations | truncations
        if was.any():
            assert terminations.any() == (keep and terminates)
        np.testing.assert_array_equal(info["env_reward"] == 0, rewards == 0)
    first, second = np.array(seen).T.tolist()
    if mode == "next step":
        assert first == [1.125, 2.125, 3.125, 0, 1.25]
        assert second == [1.125, 2.125, 3.125, 4.125, 0]
    else:
        assert first == [1.125, 2.125, 3.125, 1.25, 2.25]
        assert second == [1.125, 2.125, 3.125, 4.125, 1.25]


WRAPPED = {
    "env": lambda **kwargs: RewardWrapper(Counter(), of_states, **kwargs),
    "vector env": lambda **kwargs: VectorRewardWrapper(
        vector_env(MODES[0], 3, 3), of_states, **kwargs
    ),
    "VecEnv": lambda **kwargs: RewardVecEnv(DummyVecEnv([Counter] * 2), of_states, **kwargs),
}


@pytest.mark.parametrize("kind", WRAPPED)
def test_beside_the_task_reward(kind):
    env = WRAPPED[kind](inferred_weight=0.5)
    action = 0 if kind == "env" else np.zeros(2, int)
    env.reset()
    given = [np.max(env.step(action)[1]) for _ in range(3)]
    assert given == [100 + 0.5 * (step + 0.125) for step in (1, 2, 3)]
    if kind == "vector env" and MODES[0] == "next step":  # that resets is no transition
        assert (env.step(action)[1] == 0).all()


@pytest.mark.parametrize("kind", WRAPPED)
@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_weights_are_refused_that_are_none(kind, weight):
    with pytest.raises(ValueError, match="inferred_weight"):
        WRAPPED[kind](inferred_weight=weight)


def test_reset_forgets_episodes_that_ended():
    env = VectorRewardWrapper(vector_env(MODES[0], 2, 2), of_states)
    env.reset()
    for _ in range(2):
        env.step(np.zeros(2, int))
    env.reset()
    rewards = env.step(np.zeros(2, int))[1]
    assert (rewards > 1).all()


def test_the_three_agree_in_a_gridworld(tmp_path):
    learner = TabularRLSP("RoomDefault-v0", seed=0).learn(5)
    learner.reward.save(tmp_path / "reward.json")
    reward = load_reward(tmp_path / "reward.json")
    single = RewardWrapper(gym.make("RoomDefault-v0"), reward)
    venv = RewardVecEnv(DummyVecEnv([lambda: Monitor(gym.make("RoomDefault-v0"))]), reward)
    vector = VectorRewardWrapper(gym.make_vec("RoomDefault-v0", num_envs=1), reward)
    actions = np.random.default_rng(0).integers(5, size=20)  # an episode
    single.reset()
    venv.reset()
    vector.reset()
    for action in actions:
        _, one, _, truncated, info = single.step(action)
        _, (two,), _, _ = venv.step([action])
        _, (three,), *_ = vector.step(np.array([action]))
        assert one == three == pytest.approx(info["features"] @ learner.theta)
        assert np.float32(one) == two
    assert truncated


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_wrapped_environment_is_one_of_gymnasium():
    env = RewardWrapper(gym.make("CartPole-v1").unwrapped, REWARD)
    again = gym.make(env.spec)
    assert again.get_wrapper_attr("reward") == env.reward
    check_env(RewardWrapper(env.unwrapped, of_states), skip_render_check=True)


@pytest.mark.parametrize("wrapper", [RewardWrapper, RewardVecEnv, VectorRewardWrapper])
def test_rewards_of_transitions_are_refused(wrapper):
    env = {
        RewardWrapper: Counter,
        RewardVecEnv: lambda: DummyVecEnv([Counter]),
        VectorRewardWrapper: lambda: vector_env(MODES[0], 3),
    }[wrapper]()

    def of_transitions(state, action, next_state, done):
        return np.zeros(len(state))

    for reward in (of_transitions, lambda: 0):
        with pytest.raises(TypeError, match="expected a reward of states, such as a LinearReward"):
            wrapper(env, reward)
    with pytest.raises(TypeError, match="reward=3: expected"):
        wrapper(env, 3)


@pytest.mark.parametrize(
    "reward",
    [lambda states: states, lambda states: 0.0, lambda states: np.full(len(states), np.nan)],
)
def test_rewards_are_numbers_one_for_each_state(reward):
    env = RewardWrapper(Counter(), reward)
    env.reset()
    with pytest.raises(ValueError, match="for 1 observations: expected 1 finite numbers"):
        env.step(0)


def test_observations_have_to_be_finite_arrays():
    with pytest.raises(TypeError, match="expected one of arrays"):
        RewardWrapper(gym.make("Blackjack-v1"), of_states)
    env = RewardWrapper(Counter(), of_states)
    env.reset()
    env.unwrapped.state[0] = np.nan
    with pytest.raises(ValueError, match=r"env=Counter shows .*nan"):
        env.step(0)
    vector = VectorRewardWrapper(vector_env(MODES[0], 3), of_states)
    vector.reset()
    vector.unwrapped.envs[0].unwrapped.state[0] = np.nan
    with pytest.raises(ValueError, match=r"shows .*nan.* of copy 0"):
        vector.step(np.zeros(1, int))
