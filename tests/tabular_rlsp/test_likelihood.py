"""The likelihood of observed states adds up over trajectories, and its gradient is its slope."""

from functools import cache

import gymnasium as gym
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from rlsp_sb3 import TabularRLSP, UnreachableStateError
from rlsp_sb3.planning.dynamic_programming import value_iteration
from rlsp_sb3.rewards.priors import PRIORS
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood

from helpers.problems import HORIZONS, LARGE, PUBLISHED, published_figures
from helpers.textbook import (
    World,
    central_differences,
    log_likelihood_and_gradient,
    plan,
    random_world,
    trajectories,
)

STARTS = ["known", "uniform"]
TEMPERATURES = [0.5, 1, 2]


@cache
def env_of(env_id):
    return gym.make(f"rlsp_envs:{env_id}")


def make_learner(env_id, **kwargs):
    return TabularRLSP(env_of(env_id), **{"horizon": HORIZONS[env_id], "seed": 0, **kwargs})


def start_of(learner):
    mdp = learner.mdp
    n_states = len(mdp.initial_distribution)
    known = learner.initial_states == "known"
    return mdp.initial_distribution if known else np.full(n_states, 1 / n_states)


def observed_index(learner):
    return learner.unwrapped_env.state_indices(learner.observed_states)[0]


def random_theta(learner, seed=0, scale=1.0):
    return scale * np.random.default_rng(seed).normal(size=len(learner.feature_names))


def likelihood_of(world, observed, horizon, temperature=1.0):
    observed = np.atleast_1d(observed)
    return StateLikelihood(world, observed, world.initial_distribution, horizon, temperature)


def enumerated(world, theta, observed, horizon, temperature):
    """The log probability to end in a state: the sum over all trajectories that do."""
    policy = plan(world, world.features @ theta, horizon, temperature)
    total = sum(
        probability * start_probability
        for start, start_probability in enumerate(world.initial_distribution)
        if start_probability
        for path, probability in trajectories(world, policy, start)
        if path[-1] == observed
    )
    return np.log(total)


# Against enumeration.


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_random_worlds_agree_with_all_trajectories(seed, deterministic, temperature):
    world = random_world(seed, deterministic=deterministic)
    theta = np.random.default_rng(seed).normal(size=2)
    observed = next(s for s in range(3) if np.any(world.dense[:, :, s] > 0))
    likelihood = likelihood_of(world, observed, 4, temperature)

    def brute_force(theta):
        return enumerated(world, theta, observed, 4, temperature)

    assert likelihood.log_likelihood(theta) == pytest.approx(brute_force(theta), rel=1e-11)
    np.testing.assert_allclose(
        likelihood.gradient(theta), central_differences(brute_force, theta), rtol=1e-6, atol=1e-8
    )


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_room_agrees_with_all_trajectories(temperature):
    learner = make_learner("RoomDefault-v0", horizon=5, temperature=temperature)
    mdp, theta = learner.mdp, random_theta(learner)
    world = World(mdp.transitions, mdp.features, mdp.initial_distribution)
    expected = enumerated(world, theta, observed_index(learner), 5, temperature)
    assert learner.log_likelihood(theta) == pytest.approx(expected, rel=1e-11)


# Against differences, the textbook and the published figures.


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("env_id", HORIZONS)
def test_gradient_is_the_slope_of_the_likelihood(env_id, temperature, initial_states):
    learner = make_learner(env_id, temperature=temperature, initial_states=initial_states)
    n_features = len(learner.feature_names)
    rng = np.random.default_rng(1)
    directions = rng.normal(size=(3, n_features)) if env_id in LARGE else np.eye(n_features)
    for theta in rng.normal(size=(1 if env_id in LARGE else 3, n_features)):
        slopes = [
            central_differences(
                lambda step, d=d, at=theta: learner.log_likelihood(at + step * d), [0]
            )
            for d in directions
        ]
        gradient = learner.log_likelihood_gradient(theta)
        assert gradient.shape == (n_features,)
        np.testing.assert_allclose(directions @ gradient, np.ravel(slopes), rtol=1e-6, atol=1e-7)
        assert np.linalg.norm(gradient) > 1e-3


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("prior", PRIORS)
@pytest.mark.parametrize("env_id", HORIZONS)
def test_a_step_of_learning_follows_the_slope_of_the_posterior(
    env_id, prior, temperature, initial_states
):
    learner = make_learner(
        env_id,
        prior=prior,
        prior_std=0.7,
        temperature=temperature,
        initial_states=initial_states,
        optimizer="ascent",
        learning_rate=0.03,
    )
    theta = random_theta(learner, seed=2)
    density = PRIORS[prior](np.zeros_like(theta), 0.7)
    learner.theta = theta.copy()
    gradient = (learner.learn(1).theta - theta) / 0.03
    for direction in np.random.default_rng(3).normal(size=(2, len(theta))):

        def log_posterior(step, direction=direction):
            point = theta + step * direction
            return learner.log_likelihood(point) + density.log_prob(point)

        slope = central_differences(log_posterior, [0])[0]
        assert direction @ gradient == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("env_id", HORIZONS)
def test_textbook_on_the_whole_state_space_agrees(env_id, temperature, initial_states):
    learner = make_learner(env_id, temperature=temperature, initial_states=initial_states)
    theta = random_theta(learner)
    value, gradient = log_likelihood_and_gradient(
        learner.mdp,
        theta,
        observed_index(learner),
        start_of(learner),
        HORIZONS[env_id],
        temperature,
    )
    assert learner.log_likelihood(theta) == pytest.approx(value, rel=1e-11)
    np.testing.assert_allclose(
        learner.log_likelihood_gradient(theta), gradient, rtol=1e-8, atol=1e-10
    )


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(2, 7),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 7),
    st.booleans(),
    st.floats(0.2, 5),
)
def test_textbook_agrees_in_random_worlds(
    seed, n_states, n_actions, n_features, horizon, deterministic, temperature
):
    world = random_world(seed, n_states, n_actions, n_features, deterministic)
    theta = np.random.default_rng(seed).normal(size=n_features)
    uniform = plan(world, np.zeros(n_states), horizon, 1)
    reached = world.initial_distribution
    for pi in uniform:
        reached = world.transitions.T @ (reached[:, None] * pi).ravel()
    for observed in range(n_states):
        if reached[observed] == 0:
            with pytest.raises(UnreachableStateError):
                likelihood_of(world, observed, horizon, temperature)
            continue
        value, gradient = log_likelihood_and_gradient(
            world, theta, observed, world.initial_distribution, horizon, temperature
        )
        likelihood = likelihood_of(world, observed, horizon, temperature)
        assert likelihood.log_likelihood(theta) == pytest.approx(value, rel=1e-9, abs=1e-9)
        np.testing.assert_allclose(likelihood.gradient(theta), gradient, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("env_id", PUBLISHED)
def test_published_figures_are_reproduced(env_id, initial_states):
    figures = published_figures(env_id)
    learner = make_learner(env_id, horizon=None, initial_states=initial_states)
    assert learner.horizon == figures["horizon"]
    cases = [case for case in figures["gradients"] if case["initial_states"] == initial_states]
    assert len(cases) == 3
    for case in cases:
        probability = np.exp(learner.log_likelihood(case["theta"]))
        assert probability == pytest.approx(case["probability_of_observed_state"], rel=1e-8)
        np.testing.assert_allclose(
            learner.log_likelihood_gradient(case["theta"]),
            case["gradient_of_log_probability"],
            rtol=1e-8,
            atol=1e-12,
        )


def test_pixels_change_nothing():
    pixels = TabularRLSP("rlsp_envs:RoomDefaultPixel-v0")
    learner = make_learner("RoomDefault-v0")
    theta = random_theta(learner)
    assert pixels.log_likelihood(theta) == learner.log_likelihood(theta)


# Invariants.


@pytest.mark.parametrize("env_id", HORIZONS)
def test_probabilities_of_all_states_add_up_to_one(env_id):
    learner = make_learner(env_id)
    mdp, theta = learner.mdp, random_theta(learner)
    reached = mdp.initial_distribution
    for pi in plan(mdp, mdp.features @ theta, 4, 1.0):
        reached = mdp.transitions.T @ (reached[:, None] * pi).ravel()
    log_likelihoods = [
        likelihood_of(mdp, state, 4).log_likelihood(theta) for state in np.flatnonzero(reached)
    ]
    assert len(log_likelihoods) > 1
    assert np.exp(log_likelihoods).sum() == pytest.approx(1, rel=1e-12)


def test_feature_that_is_the_same_everywhere_has_no_gradient():
    world = random_world(0, n_states=5, n_features=3)
    world.features[:, 1] = 4
    gradient = likelihood_of(world, 2, 6).gradient(np.array([0.3, -0.2, 1]))
    assert gradient[1] == pytest.approx(0, abs=1e-12)
    assert np.all(np.abs(gradient[[0, 2]]) > 1e-3)


def test_temperature_only_scales_the_weights():
    learner, warm = make_learner("TrainDefault-v0"), make_learner("TrainDefault-v0", temperature=2)
    theta = random_theta(learner)
    assert warm.log_likelihood(2 * theta) == pytest.approx(learner.log_likelihood(theta), rel=1e-12)
    np.testing.assert_allclose(
        2 * warm.log_likelihood_gradient(2 * theta), learner.log_likelihood_gradient(theta)
    )


# Several observed states.


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0", "ApplesDefault-v0"])
def test_several_observed_states_count_as_independent(env_id, initial_states):
    env = env_of(env_id).unwrapped
    env.reset(seed=0)
    states = [env.observed_states[0]]
    for seed in range(3):  # where random walks end
        env.reset()
        env.action_space.seed(seed)
        for _ in range(HORIZONS[env_id] - 1):
            observation = env.step(env.action_space.sample())[0]
        states.append(observation)
    assert len(np.unique(states, axis=0)) > 2
    together = make_learner(env_id, observed_states=states, initial_states=initial_states)
    alone = [
        make_learner(env_id, observed_states=[state], initial_states=initial_states)
        for state in states
    ]
    theta = random_theta(together)
    assert together.log_likelihood(theta) == pytest.approx(
        sum(learner.log_likelihood(theta) for learner in alone), rel=1e-12
    )
    np.testing.assert_allclose(
        together.log_likelihood_gradient(theta),
        sum(learner.log_likelihood_gradient(theta) for learner in alone),
        rtol=1e-9,
        atol=1e-11,
    )


def test_state_observed_twice_counts_twice():
    learner = make_learner("TrainDefault-v0")
    twice = make_learner(
        "TrainDefault-v0", observed_states=np.repeat(learner.observed_states, 2, 0)
    )
    theta = random_theta(learner)
    assert twice.log_likelihood(theta) == pytest.approx(2 * learner.log_likelihood(theta))
    np.testing.assert_allclose(
        twice.log_likelihood_gradient(theta), 2 * learner.log_likelihood_gradient(theta)
    )


def test_one_unreachable_state_among_several_is_an_error():
    env = env_of("RoomDefault-v0").unwrapped
    beginning = env.observations([env.mdp.index(env.initial_state)])
    states = np.concatenate([beginning, env.observed_states])
    index = env.state_indices(env.observed_states)[0]
    with pytest.raises(UnreachableStateError, match=f"observed state {index} cannot be reached"):
        make_learner("RoomDefault-v0", observed_states=states, horizon=3)


# The limits of the horizon.


@pytest.mark.parametrize("initial_states", STARTS)
@pytest.mark.parametrize("env_id", HORIZONS)
def test_exactly_the_horizons_that_are_too_short_are_an_error(env_id, initial_states):
    learner = make_learner(env_id, initial_states=initial_states)
    reached, index = start_of(learner) > 0, observed_index(learner)
    outcomes = set()
    for horizon in range(1, HORIZONS[env_id] + 1):
        outcomes.add(reached[index])
        if reached[index]:
            make_learner(env_id, horizon=horizon, initial_states=initial_states)
        else:
            with pytest.raises(UnreachableStateError, match=f"horizon={horizon} states"):
                make_learner(env_id, horizon=horizon, initial_states=initial_states)
        reached = learner.mdp.transitions.T @ np.repeat(reached, learner.mdp.n_actions) > 0
    assert outcomes == ({False, True} if initial_states == "known" else {True})


def test_unreachable_states_are_value_errors():
    assert issubclass(UnreachableStateError, ValueError)


@pytest.mark.parametrize("initial_states", STARTS)
def test_horizon_of_one_state_asks_for_the_initial_distribution(initial_states):
    env = env_of("RoomDefault-v0").unwrapped
    beginning = env.observations([env.mdp.index(env.initial_state)])
    learner = make_learner(
        "RoomDefault-v0", observed_states=beginning, horizon=1, initial_states=initial_states
    )
    expected = 0 if initial_states == "known" else -np.log(29)
    theta = random_theta(learner)
    assert learner.log_likelihood(theta) == pytest.approx(expected, abs=1e-14)
    np.testing.assert_array_equal(learner.log_likelihood_gradient(theta), np.zeros(4))


# The limits of floating-point numbers.


def chain(length, seed=0):
    """States in a row, and a trap at the end: each step leads on rarely and else into the trap."""
    rng = np.random.default_rng(seed)
    transitions = np.zeros((length + 1, 2, length + 1))
    transitions[..., length] = 1
    onward = np.arange(length - 1)
    likely = rng.uniform(1e-4, 1e-2, size=(length - 1, 2))
    transitions[onward, :, onward + 1] = likely
    transitions[onward, :, length] = 1 - likely
    return World(
        csr_array(transitions.reshape(-1, length + 1)),
        rng.normal(size=(length + 1, 3)),
        np.eye(length + 1)[0],
    )


def test_likelihood_below_the_smallest_float_is_exact():
    length, theta = 200, np.array([2.0, -30.0, 10.0])
    world = chain(length)
    likelihood = likelihood_of(world, length - 1, length)  # always onward: there is no other way
    policy = value_iteration(world.transitions, world.features @ theta, length).policy
    expected = sum(np.log(policy[t, t] @ world.dense[t, :, t + 1]) for t in range(length - 1))
    assert expected < 1.2 * np.log(np.finfo(float).tiny)
    assert likelihood.log_likelihood(theta) == pytest.approx(expected, rel=1e-12)
    slope = central_differences(likelihood.log_likelihood, theta, step=1e-4)
    np.testing.assert_allclose(likelihood.gradient(theta), slope, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("scale", [10, 30, 80])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0"])
def test_gradient_at_extreme_weights_is_still_the_slope(env_id, scale):
    learner = make_learner(env_id)
    theta = random_theta(learner, scale=scale)
    slope = central_differences(learner.log_likelihood, theta, step=1e-4)
    np.testing.assert_allclose(learner.log_likelihood_gradient(theta), slope, rtol=1e-5, atol=1e-5)


def test_underflow_is_an_error_that_says_what_to_do():
    learner = make_learner("RoomDefault-v0")
    theta = np.array([0, 0, 1e4, -1e4])
    for function in (learner.log_likelihood, learner.log_likelihood_gradient):
        with pytest.raises(FloatingPointError, match="scale the weights down"):
            function(theta)


def test_weights_without_a_prior_stay_finite():
    ascent = {"optimizer": "ascent", "learning_rate": 1.0}
    learner = make_learner("RoomDefault-v0", prior="uniform", **ascent)
    with pytest.warns(UserWarning, match="not the most likely one"):
        learner.learn(300)
    assert np.all(np.isfinite(learner.theta))
