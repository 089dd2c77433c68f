"""Gradient estimators put the parts of simulating the past together."""

from dataclasses import asdict

import gymnasium as gym
import numpy as np
import pytest

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP
from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.encoders.base import FunctionEncoder, IdentityEncoder
from rlsp_sb3.rlsp.continuous_estimator import MARGIN, MIN_EFFECTIVE_SHARE, steps_of
from rlsp_sb3.rlsp.past_trajectories import PastTrajectories
from rlsp_sb3.rlsp.tabular_estimator import BLOCK, state_features
from rlsp_sb3.simulators.rollout import Trajectories

from helpers.corridor import Corridor
from helpers.point import TINY, Point, distance_from_one

OBSERVED = np.ones((2, 1), np.float32)


def make_estimator(env=None, **kwargs):
    kwargs = {
        "encoder": distance_from_one,
        "horizon": 4,
        "sampling": "backward",
        "hyperparameters": TINY,
        "seed": 0,
        **kwargs,
    }
    env = env or gym.wrappers.TimeLimit(Point(), 10)
    return RLSP(env, OBSERVED, **kwargs).gradient_estimator


def prepared(**kwargs):
    estimator = make_estimator(**kwargs)
    estimator.setup(np.random.default_rng(0))
    return estimator


def past_of(first, n_states=4):
    observations = np.zeros((n_states, len(first), 1), np.float32)
    observations[0, :, 0] = first
    return PastTrajectories(observations, np.zeros((n_states - 1, len(first), 1), np.float32))


# Continuous environments.


def test_what_was_collected_reaches_every_model():
    estimator = make_estimator(encoder="identity")
    with pytest.raises(RuntimeError, match="call setup first"):
        estimator.observation_bounds  # noqa: B018
    losses = estimator.setup(np.random.default_rng(0))
    assert losses.keys() == {"inverse_dynamics_loss"}
    seen = estimator.transitions
    assert len(seen.actions) == TINY.n_transitions
    np.testing.assert_allclose(
        estimator.inverse_policy.after.mean, seen.next_observations.mean(axis=0), atol=1e-6
    )
    assert estimator.inverse_dynamics.model.is_fitted
    assert np.isin(1.0, seen.observations)  # some episodes start where the person was seen
    assert abs(estimator._encoder.normalizer.mean[0]) < 0.1  # the encoder knows nothing of those


def test_what_is_fitted_is_used_as_it_is():
    first = prepared(encoder="identity")
    transitions = Transitions(*(each[:50] for each in first.transitions))
    second = make_estimator(encoder=first._encoder)
    second.inverse_dynamics, second.transitions = first.inverse_dynamics, transitions
    before = first.inverse_dynamics.model.arrays()
    assert second.setup(np.random.default_rng(1)) == {}
    assert second.transitions is transitions
    for name, array in second.inverse_dynamics.model.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_theta_starts_at_the_features_of_what_was_observed():
    encoder = FunctionEncoder(lambda obs: np.asarray(obs) * [3.0, 4.0], ["a", "b"])
    np.testing.assert_allclose(
        make_estimator(encoder=encoder).initial_theta(np.zeros(2)), [0.6, 0.8]
    )
    nothing = FunctionEncoder(lambda obs: np.zeros((len(obs), 2)), ["a", "b"])
    np.testing.assert_array_equal(make_estimator(encoder=nothing).initial_theta(np.ones(2)), [0, 0])


def test_pasts_stay_near_what_was_seen_and_within_the_space():
    estimator = make_estimator()
    before = np.linspace(-1, 0.5, 10)[:, None].astype(np.float32)
    estimator.transitions = Transitions(before, before, before + 0.1)
    low, high = estimator.observation_bounds
    # From -1 to 1, where the person was seen.
    np.testing.assert_allclose([low.item(), high.item()], [-1 - 2 * MARGIN, 1 + 2 * MARGIN])
    estimator.transitions = Transitions(90 * before, before, 90 * before)
    low, high = estimator.observation_bounds
    assert (low.item(), high.item()) == (-100, 100)


def test_weights_are_those_that_were_asked_for():
    first = np.linspace(-5, 5, 40)
    weights, _ = prepared(trajectory_weights="uniform").trajectory_weights(past_of(first))
    np.testing.assert_allclose(weights, 1 / 40)
    weights, _ = prepared(trajectory_weights="cosine").trajectory_weights(past_of(first))
    np.testing.assert_allclose(np.abs(weights), 1 / 40)  # in one dimension only the sign counts
    assert np.sign(weights[0]) == -np.sign(weights[-1])
    weights, _ = prepared(trajectory_weights="initial").trajectory_weights(past_of(first))
    assert weights.sum() == pytest.approx(1)
    assert 1 / (weights**2).sum() == pytest.approx(MIN_EFFECTIVE_SHARE * 40, rel=1e-2)
    assert abs(first[weights.argmax()]) < 0.3  # where episodes start


def test_a_shorter_past_begins_where_the_person_was_on_the_way():
    estimator = prepared(trajectory_weights="initial")
    estimator.solver.act = lambda observations, time: np.ones((len(observations), 1), np.float32)
    first = np.linspace(-2, 2, 81)
    for n_states, place in ((4, 0.0), (3, 0.5), (2, 1.0), (1, 1.5)):
        weights, _ = estimator.trajectory_weights(past_of(first, n_states))
        assert first[weights.argmax()] == pytest.approx(place, abs=0.06)


def test_credit_is_the_features_of_the_past_less_those_of_the_policy():
    estimator = prepared(encoder="identity")
    estimator.solver.act = lambda observations, time: np.full(
        (len(observations), 1), 0.5, np.float32
    )
    past = past_of([0.0, 1.0])
    past.observations[1:] = [[[1.0], [1]], [[2], [1]], [[3], [1]]]
    differences, _ = estimator.feature_differences(past)
    # The policy goes 0, ¼, ½, ¾ further.
    expected = np.array([[6 - 1.5], [4 - 5.5]]) / estimator._encoder.normalizer.std
    np.testing.assert_allclose(differences, expected, rtol=1e-4)


def test_credit_is_nan_where_the_simulator_becomes_unstable():
    estimator = prepared(env=gym.wrappers.TimeLimit(Point(edge=3.0), 10))
    estimator.solver.act = lambda observations, time: np.ones((len(observations), 1), np.float32)
    differences, to_log = estimator.feature_differences(past_of([0.0, 2.8]))
    np.testing.assert_array_equal(np.isnan(differences[:, 0]), [False, True])
    assert np.isfinite(to_log["features_forward"])


def test_the_inverse_policy_sees_only_what_is_known():
    observations = np.arange(12.0).reshape(3, 4, 1)
    observations[1:, 2] = observations[2, 0] = np.nan
    actions = np.arange(8.0).reshape(2, 4, 1)
    acted, after = steps_of(Trajectories(observations, actions))
    np.testing.assert_array_equal(acted.ravel(), [0, 1, 3, 5, 7])
    np.testing.assert_array_equal(after.ravel(), [4, 5, 7, 9, 11])


@pytest.mark.parametrize("keep", [True, False])
def test_the_inverse_policy_is_kept_or_forgotten(keep):
    changes = {"inverse_policy": {"warm_start": keep, "fit": {"learning_rate": 1e-9}}}
    estimator = prepared(hyperparameters=TINY.updated(changes))
    rng = np.random.default_rng(0)
    estimator.fit_inverse_models(None, rng)
    before = estimator.inverse_policy.network[0].weight.detach().clone()
    estimator.fit_inverse_models(None, rng)
    change = (estimator.inverse_policy.network[0].weight - before).abs().max()
    assert (change < 1e-6) == keep


@pytest.mark.parametrize("n_again", [2, 3])
def test_the_dynamics_are_fitted_again_at_times(n_again):
    refit = {"refit": asdict(TINY.dynamics.fit), "refit_interval": n_again}
    estimator = prepared(hyperparameters=TINY.updated({"dynamics": refit}), forward_model="learned")
    rng = np.random.default_rng(0)
    estimator.solver.train(np.ones(1), OBSERVED, rng)
    logged = [estimator.fit_inverse_models(None, rng).keys() for _ in range(5)]
    for i, names in enumerate(logged):
        again = {"inverse_dynamics_loss", "forward_dynamics_loss"} & names
        assert len(again) == (2 if i % n_again == 0 else 0)


@pytest.mark.parametrize("forward_model", ["simulator", "learned"])
def test_an_estimator_comes_back_from_its_arrays(forward_model):
    estimator = prepared(encoder="identity", forward_model=forward_model)
    rng = np.random.default_rng(0)
    estimator.solver.train(np.ones(1), OBSERVED, rng)
    estimator.fit_inverse_models(None, rng)
    restored = make_estimator(encoder=estimator._encoder, forward_model=forward_model, seed=5)
    restored.set_arrays(estimator.arrays())
    arrays = restored.arrays()
    assert arrays.keys() == estimator.arrays().keys()
    for name, array in estimator.arrays().items():
        np.testing.assert_array_equal(array, arrays[name], err_msg=name)
    after, times = np.ones((9, 1), np.float32), np.zeros(9, dtype=np.int64)
    drawn = [
        each.inverse_policy.sample(after, times, np.random.default_rng(2))
        for each in (estimator, restored)
    ]
    np.testing.assert_array_equal(*drawn)


def test_termination_cannot_be_kept_in_a_simulator():
    with pytest.raises(ValueError, match="keep_termination=True: expected False unless"):
        make_estimator(keep_termination=True, forward_model="simulator")


class Doubled(gym.ObservationWrapper):
    """Shows twice the observation, in which nobody can be put."""

    def __init__(self, env):
        super().__init__(env)
        self.observation_space = gym.spaces.Box(-200, 200, (1,), np.float32)

    def observation(self, observation):
        return 2 * observation


def test_what_follows_is_learned_where_states_cannot_be_set(caplog):
    caplog.set_level("INFO")
    env = gym.wrappers.TimeLimit(Point(), 10)
    assert not make_estimator(env).is_learned
    assert "what follows is simulated" in caplog.text
    assert make_estimator(Doubled(env)).is_learned
    assert "what follows is learned" in caplog.text
    with pytest.raises(TypeError, match="Doubled, which changes observations"):
        make_estimator(Doubled(env), forward_model="simulator")


# Tabular environments.


def test_features_of_states_are_those_of_the_environment_or_of_an_encoder():
    env = gym.make("RoomDefault-v0").unwrapped
    own = FunctionEncoder(env.features, env.feature_names)
    np.testing.assert_array_equal(state_features(env, own), env.mdp.features)
    other = FunctionEncoder(lambda observations: env.features(observations)[:, :2], ["a", "b"])
    np.testing.assert_array_equal(state_features(env, other), env.mdp.features[:, :2])


class Remembering(IdentityEncoder):
    def fit(self, observations, rng, next_observations=None):
        self.seen = observations, next_observations
        return super().fit(observations, rng, next_observations)


def test_encoders_see_each_step_once_where_states_can_be_enumerated():
    env = gym.make("RoomDefault-v0").unwrapped
    encoder = Remembering(env.observation_space.shape)
    RLSP(env, encoder=encoder, seed=0).gradient_estimator.setup(np.random.default_rng(0))
    before, after = (env.state_indices(observations) for observations in encoder.seen)
    n_states = len(env.states)
    seen = before * n_states + after
    assert len(np.unique(seen)) == len(seen)
    by_state = env.mdp.transitions.toarray().reshape(n_states, -1, n_states)
    possible = np.flatnonzero(by_state.sum(axis=1) > 0)
    # Nothing is more than six steps away from where the person was at first or at last.
    assert set(seen) == set(possible)


def test_features_of_many_states_are_computed_in_blocks():
    env = gym.make("ApplesDefault-v0").unwrapped
    sizes = []

    def features(observations):
        sizes.append(len(observations))
        return env.features(observations)

    found = state_features(env, FunctionEncoder(features, env.feature_names))
    np.testing.assert_array_equal(found, env.mdp.features)
    assert max(sizes) <= 2 * BLOCK


@pytest.mark.parametrize("weights", ["uniform", "cosine", "initial"])
def test_tabular_weights_are_those_that_were_asked_for(weights):
    few = TINY.updated({"n_trajectories": 30, "inverse_policy": {"n_rollouts": 50}})
    learner = RLSP("RoomDefault-v0", seed=0, trajectory_weights=weights, hyperparameters=few)
    learner.learn(1)
    found, to_log = learner.gradient_estimator.trajectory_weights(learner.gradient_estimator.past)
    assert np.abs(found).sum() == pytest.approx(1)
    assert 0 <= to_log["possible_pasts"] <= 1
    if weights == "uniform":
        np.testing.assert_allclose(found, 1 / 30)


def test_an_environment_that_cannot_be_simulated_is_an_error():
    with pytest.raises(TypeError, match="set_state_from_observation"):
        RLSP(Corridor(), seed=0)


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
@pytest.mark.parametrize("horizon", [None, 1])
def test_sb3_finds_policies_where_states_can_be_enumerated_too(horizon):
    few = TINY.updated({"n_trajectories": 30, "inverse_policy": {"n_rollouts": 50}})
    kwargs = {"solver": "PPO", "solver_kwargs": {"batch_size": 50}, "horizon": horizon}
    learner = RLSP("RoomDefault-v0", hyperparameters=few, seed=0, **kwargs)
    if horizon == 1:
        start = learner.unwrapped_env.reset(seed=0)[0]
        learner = RLSP("RoomDefault-v0", start[None], hyperparameters=few, seed=0, **kwargs)
    before = learner.theta.copy()
    learner.learn(100)
    assert learner.num_timesteps == 100
    assert np.isfinite(learner.theta).all()
    assert (learner.theta != before).any()
