"""Exact RLSP finds the most likely reward, or says that it did not."""

import re
import warnings

import gymnasium as gym
import numpy as np
import pytest
from scipy.optimize import minimize

import rlsp_envs
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.rewards.priors import PRIORS

from helpers.corridor import Corridor
from helpers.problems import HORIZONS, PUBLISHED
from helpers.textbook import log_likelihood_and_gradient

assert rlsp_envs.__version__  # imported to register the environments
NOT_FOUND = "the reward is not the most likely one: after"


def log_posterior(learner, theta):
    prior = PRIORS[learner.prior](learner.prior_mean, learner.prior_std)
    return learner.log_likelihood(theta) + prior.log_prob(theta)


def slopes(learner, theta, step=1e-5):
    """Finite differences of the log posterior."""
    steps = step * np.eye(len(theta))
    return np.array(
        [
            (log_posterior(learner, theta + s) - log_posterior(learner, theta - s)) / (2 * step)
            for s in steps
        ]
    )


def found(learner, **kwargs):
    """The learner after learning, which must not warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return learner.learn(**kwargs)


def test_narrow_prior_has_a_maximum():
    learner = found(TabularRLSP("RoomDefault-v0", prior_std=0.1, seed=0))
    np.testing.assert_allclose(learner.theta, [-0.020, 0.005, -0.001, 0.012], atol=5e-4)


@pytest.mark.parametrize("prior_std", [1e-3, 0.1, 0.5, 2.0, 20.0])
@pytest.mark.parametrize("temperature", [0.2, 1.0, 50.0])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "ApplesDefault-v0"])
def test_posterior_is_flat_at_the_maximum(env_id, prior_std, temperature):
    arguments = {"prior_std": prior_std, "temperature": temperature, "n_epochs": 300}
    learner = found(TabularRLSP(env_id, seed=0, **arguments))
    unit = min(prior_std, temperature)
    assert learner.has_converged
    assert unit * learner.gradient_norm < 1e-5
    differences = unit * slopes(learner, learner.theta, 1e-4 * unit)
    np.testing.assert_allclose(differences, 0, atol=1e-5)


@pytest.mark.parametrize("prior", ["gaussian", "laplace"])
def test_maximum_is_that_of_brute_force(prior):
    learner = found(TabularRLSP(Corridor(), prior=prior, prior_std=1.5, seed=0))
    best = max(
        (
            minimize(
                lambda theta: -log_posterior(learner, theta),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-13, "maxiter": 10_000, "maxfev": 10_000},
            )
            for start in np.random.default_rng(0).normal(size=(5, 3))
        ),
        key=lambda result: -result.fun,
    )
    assert log_posterior(learner, learner.theta) >= -best.fun - 1e-10
    np.testing.assert_allclose(learner.theta, best.x, atol=1e-5)


@pytest.mark.parametrize("n_states", [5, 100])
@pytest.mark.parametrize("env_id", ["ApplesDefault-v0", "RoomDefault-v0"])
def test_maximum_of_several_observed_states(env_id, n_states):
    env = gym.make(env_id).unwrapped
    states = np.repeat(env.observed_states, n_states, axis=0)
    learner = found(TabularRLSP(env_id, states, seed=0))
    assert learner.gradient_norm < 1e-4
    np.testing.assert_allclose(slopes(learner, learner.theta), 0, atol=1e-4)
    with pytest.warns(UserWarning, match=NOT_FOUND):
        ascent = TabularRLSP(env_id, states, optimizer="ascent", seed=0).learn()
    assert log_posterior(learner, learner.theta) > log_posterior(ascent, ascent.theta)
    rng = np.random.default_rng(0)
    for start in rng.normal(scale=0.5, size=(3, len(learner.theta))):
        again = TabularRLSP(env_id, states, seed=0, n_epochs=200)
        again.theta = start
        found(again)
        reached = log_posterior(learner, learner.theta)
        assert reached >= log_posterior(again, again.theta) - 1e-6


@pytest.mark.parametrize("env_id", HORIZONS)
def test_both_optimizers_find_the_same(env_id):
    lbfgs, ascent = (
        found(
            TabularRLSP(
                env_id, horizon=HORIZONS[env_id], optimizer=optimizer, n_epochs=200, seed=seed
            )
        )
        for optimizer, seed in [("lbfgs", 0), ("ascent", 1)]
    )
    np.testing.assert_allclose(lbfgs.theta, ascent.theta, atol=1e-6)
    assert lbfgs.num_timesteps < 50


# The ascent.


@pytest.mark.parametrize("env_id", PUBLISHED)
def test_ascent_is_the_published_one(env_id):
    """Fifty steps of .1 along a gradient that another code computes, state by state."""
    learner = TabularRLSP(env_id, optimizer="ascent", seed=0)
    env, mdp, theta = learner.unwrapped_env, learner.mdp, learner.theta
    (observed,) = env.state_indices(learner.observed_states)
    for _ in range(50):
        _, gradient = log_likelihood_and_gradient(
            mdp, theta, observed, mdp.initial_distribution, learner.horizon
        )
        theta = theta + 0.1 * (gradient - theta / 0.5**2)
    np.testing.assert_allclose(learner.learn().theta, theta, rtol=0, atol=1e-8)


@pytest.mark.parametrize("total_timesteps", [None, 20])
def test_ascent_that_diverges_is_told(total_timesteps):
    learner = TabularRLSP("RoomDefault-v0", optimizer="ascent", learning_rate=0.5, seed=0)
    with pytest.warns(UserWarning, match=NOT_FOUND) as caught:
        learner.learn(total_timesteps)
    assert not learner.has_converged
    assert "smaller learning_rate" in str(caught[0].message)
    assert caught[0].filename == __file__


def test_ascent_that_underflows_names_its_learning_rate():
    learner = TabularRLSP("RoomDefault-v0", prior_std=0.1, optimizer="ascent", seed=0)
    with pytest.raises(FloatingPointError, match=r"learning_rate=0.1: .* optimizer=.lbfgs."):
        learner.learn()


@pytest.mark.parametrize("optimizer", ["ascent", "lbfgs"])
def test_few_steps_are_no_surprise_to_who_asked_for_them(optimizer):
    learner = TabularRLSP("RoomDefault-v0", optimizer=optimizer, seed=0)
    assert not found(learner, total_timesteps=3).has_converged


def test_lbfgs_has_no_learning_rate():
    message = 'learning_rate=0.5: expected none with optimizer="lbfgs"'
    with pytest.raises(ValueError, match=re.escape(message)):
        TabularRLSP("RoomDefault-v0", learning_rate=0.5)
    with pytest.raises(ValueError, match="optimizer='sgd': expected"):
        TabularRLSP("RoomDefault-v0", optimizer="sgd")


# L-BFGS-B.


def test_too_few_iterations_are_told():
    with pytest.warns(UserWarning, match=f"{NOT_FOUND} 2 timesteps .* n_epochs"):
        learner = TabularRLSP("ApplesDefault-v0", n_epochs=2, seed=0).learn()
    assert not learner.has_converged
    assert found(learner, total_timesteps=50).has_converged


def test_uniform_prior_has_no_maximum_where_the_likelihood_grows_for_ever():
    with pytest.warns(UserWarning, match=r"uniform.*: no reward is the most likely one"):
        learner = TabularRLSP("RoomDefault-v0", prior="uniform", seed=0).learn()
    assert learner.has_converged
    assert np.all(np.isfinite(learner.theta))


def test_learning_again_at_the_maximum_changes_nothing():
    learner = found(TabularRLSP("RoomDefault-v0", seed=0))
    theta, steps = learner.theta.copy(), learner.num_timesteps
    assert found(learner, reset_num_timesteps=False).num_timesteps == steps
    np.testing.assert_array_equal(learner.theta, theta)
    assert found(learner).num_timesteps == 0
    np.testing.assert_array_equal(learner.theta, theta)


def test_changed_weights_and_environments_are_started_from():
    learner = found(TabularRLSP("RoomDefault-v0", seed=0))
    maximum = learner.theta.copy()
    learner.theta = np.array([1.0, 0, 0, 0])
    np.testing.assert_allclose(found(learner).theta, maximum, atol=1e-6)
    other = gym.make("RoomDefault-v0").unwrapped
    learner = TabularRLSP(other, combination="bayesian", seed=0).learn(3)
    changed = gym.make("RoomDefault-v0").unwrapped
    changed.task_reward = -np.asarray(changed.task_reward)
    learner.set_env(changed)
    assert found(learner).has_converged
    np.testing.assert_allclose(slopes(learner, learner.theta), 0, atol=1e-6)


def test_callback_sees_each_iteration_and_stops():
    seen = []

    def note(local_variables, global_variables):
        learner = local_variables["self"]
        logged = learner.logger.name_to_value["rlsp/gradient_norm"]
        seen.append((learner.num_timesteps, logged))
        assert logged == learner.gradient_norm
        return learner.num_timesteps < 4

    learner = found(TabularRLSP("RoomDefault-v0", seed=0), callback=note)
    assert [steps for steps, _ in seen] == [1, 2, 3, 4]
    assert seen[-1][1] == learner.gradient_norm < seen[0][1]
    assert not learner.has_converged
    assert found(learner, reset_num_timesteps=False).has_converged
    np.testing.assert_array_equal(learner.theta, found(TabularRLSP("RoomDefault-v0", seed=0)).theta)
