"""Numbers of states as observations: networks see them one-hot, and nobody else notices."""

from importlib.util import find_spec

import gymnasium as gym
import numpy as np
import pytest

from rlsp_baselines import GAIL, AverageFeatures, Waypoints
from rlsp_sb3 import RLSP
from rlsp_sb3.data import Episode
from rlsp_sb3.encoders import RandomFourierFeatures
from rlsp_sb3.learners import checkpoints
from rlsp_sb3.simulators import LearnedSimulator, ResetSimulator

N_STATES, OBSERVED = 16, 14
WAY = [0, 4, 8, 9, 13, 14]
RIGHT, DOWN = 2, 1
QUICK = {
    "n_transitions": 600,
    "n_trajectories": 30,
    "episode_length": 10,
    "dynamics": {"fit": {"n_updates": 400}, "refit": {"n_updates": 50}, "hidden": [32]},
    "inverse_policy": {"fit": {"n_updates": 50}, "first_fit": {"n_updates": 50}, "hidden": [16]},
    "solver": {"n_steps": 256, "n_envs": 4, "hidden": [32]},
}


def lake():
    return gym.make("FrozenLake-v1", is_slippery=False)


def learner_of(learner_class=RLSP, env=None, observed=(OBSERVED,), **kwargs):
    horizon = {"horizon": 5} if learner_class is RLSP else {}
    given = {"encoder": "identity", "hyperparameters": QUICK, "n_epochs": 1, "seed": 0, **kwargs}
    return learner_class(env or lake(), list(observed), eval_interval=0, **horizon, **given)


def neighbors(state):
    """Where a step leads to, or back from, on the lake; it stays where it is at the border."""
    row, column = divmod(state, 4)
    steps = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    inside = [(row + i, column + j) for i, j in steps if {row + i, column + j} <= set(range(4))]
    return [4 * i + j for i, j in inside]


@pytest.mark.parametrize(
    ("forward_model", "simulator"), [("auto", ResetSimulator), ("learned", LearnedSimulator)]
)
def test_the_past_is_one_of_states(forward_model, simulator):
    learner = learner_of(forward_model=forward_model, sampling="backward").learn()
    assert type(learner.gradient_estimator.simulator) is simulator
    past = learner.gradient_estimator.past.observations
    assert past.dtype == np.int64
    assert (past[-1] == OBSERVED).all()
    steps = zip(past[:-1].ravel(), past[1:].ravel(), strict=True)
    assert np.mean([before in neighbors(after) for before, after in steps]) > 0.8


@pytest.mark.parametrize("learner_class", [AverageFeatures, Waypoints])
@pytest.mark.parametrize("solver", ["PPO", "DQN"])
def test_observed_states_have_the_largest_reward(learner_class, solver):
    kwargs = {} if solver == "PPO" else {"solver_kwargs": {"learning_starts": 50}}
    learner = learner_of(learner_class, solver=solver, **kwargs).learn()
    assert learner.reward.of_states(np.arange(N_STATES)).argmax() == OBSERVED


def test_the_way_to_the_observed_state_is_found():
    below = 8  # two steps from the start, and a wall beside it
    learner = learner_of(
        AverageFeatures,
        observed=[below],
        solver_kwargs={"learning_rate": 3e-3},
        hyperparameters={**QUICK, "solver": {"n_steps": 1024, "n_envs": 8, "hidden": [32]}},
        n_epochs=4,
    ).learn()
    env = lake()
    state, _ = env.reset()
    for _ in range(2):
        action, _ = learner.predict(state, deterministic=True)
        state, *_ = env.step(int(action))
    assert state == below


@pytest.mark.parametrize("solver", ["PPO", "DQN"])
def test_a_loaded_learner_goes_on_as_if_never_stopped(solver, tmp_path):
    kwargs = {"solver": solver, "n_epochs": 2, "encoder": "fourier"}
    if solver == "DQN":
        kwargs["solver_kwargs"] = {"learning_starts": 50, "buffer_size": 1000}
    whole = learner_of(checkpoint_dir=tmp_path, checkpoint_interval=1, **kwargs).learn()
    first, _ = checkpoints(tmp_path)
    again = RLSP.load(first, lake())
    np.testing.assert_array_equal(again.observed_states, [OBSERVED])
    assert (again.theta != whole.theta).any()
    again.learn(reset_num_timesteps=False)
    np.testing.assert_array_equal(again.theta, whole.theta)
    states = np.arange(N_STATES)
    for each in (again, whole):
        assert each.predict(states)[0].shape == (N_STATES,)
    np.testing.assert_array_equal(
        again.predict(states, deterministic=True)[0], whole.predict(states, deterministic=True)[0]
    )


def test_a_vae_sees_categories():
    fit = {"n_updates": 300, "batch_size": 64, "learning_rate": 1e-2}
    settings = {"name": "vae", "n_latents": 3, "hidden": [16], "fit_settings": fit}
    encoder = learner_of(AverageFeatures, encoder=settings).learn().encoder
    features = encoder(np.arange(N_STATES))
    assert features.shape == (N_STATES, 3)
    # Neither a number of the state nor one of its neighbors is what decides.
    assert len(np.unique(features.round(3), axis=0)) > 6


def test_own_features_see_numbers():
    def features(states):
        assert states.dtype == np.int64
        assert states.ndim == 1
        return np.stack([states == OBSERVED, states == 0], axis=1).astype(float)

    learner = learner_of(AverageFeatures, encoder=features).learn()
    np.testing.assert_array_equal(learner.theta, [1, 0])


def test_one_hot_observations_of_a_wrapper_are_served_as_they_are():
    env = gym.wrappers.FlattenObservation(lake())
    learner = learner_of(AverageFeatures, env, np.eye(N_STATES, dtype=int)[[OBSERVED]]).learn()
    rewards = learner.reward.of_states(np.eye(N_STATES, dtype=int))
    assert rewards.argmax() == OBSERVED


@pytest.mark.parametrize("name", ["Taxi", "CliffWalking"])
def test_toy_text_is_served(name):
    env_id = max(env_id for env_id in gym.registry if env_id.startswith(f"{name}-v"))
    learner = learner_of(env=gym.make(env_id), observed=[3, 20]).learn()
    assert np.isfinite(learner.theta).all()
    assert learner.reward.weights.shape == (learner.observation_space.n,)


def test_numbers_that_are_no_states_are_refused():
    with pytest.raises(ValueError, match=r"observed_states\[1\] is not in .* Discrete\(16\)"):
        learner_of(observed=[3, 16])
    with pytest.raises(ValueError, match=r"observed_states\[0\] is not in"):
        learner_of(observed=[1.5])


@pytest.mark.skipif(find_spec("imitation") is None, reason="needs imitation")
@pytest.mark.parametrize("solver", ["PPO", "DQN"])
def test_gail_imitates_who_walks(solver):
    kwargs = {
        "PPO": {"n_steps": 32, "batch_size": 32},
        "DQN": {"learning_starts": 8, "buffer_size": 500},
    }
    actions = np.array([DOWN, DOWN, RIGHT, DOWN, RIGHT])
    way = Episode(np.array(WAY), actions, np.zeros(5), truncated=True)
    learner = GAIL(
        lake(),
        demonstrations=way,
        solver=solver,
        solver_kwargs=kwargs[solver],
        round_steps=64,
        discriminator_learning_rate=1e-2,
        n_rounds=8,
        seed=0,
    ).learn()
    assert learner.observed_states.tolist() == WAY[1:]
    starts, tried = np.array([0, 0]), np.array([DOWN, RIGHT])
    rewards = learner.reward(starts, tried, np.array([4, 1]), np.zeros(2, bool))
    assert rewards[0] > rewards[1]
    assert learner.predict(0)[0] in range(4)


def test_fourier_features_are_those_of_one_hot_vectors():
    states = np.arange(N_STATES)
    seen, vectors = np.tile(states, 5), np.tile(np.eye(N_STATES), (5, 1))
    numbers = RandomFourierFeatures(lake().observation_space, 20)
    one_hot = RandomFourierFeatures((N_STATES,), 20)
    rng = np.random.default_rng(0)
    numbers.fit(seen, rng, np.roll(seen, 1))
    one_hot.fit(vectors, rng, np.roll(vectors, 1, axis=0))
    np.testing.assert_array_equal(numbers(states), one_hot(np.eye(N_STATES)))
