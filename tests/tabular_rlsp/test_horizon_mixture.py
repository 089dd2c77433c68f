"""The likelihood of several horizons is their mixture, found in one pass."""

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from numpy.typing import NDArray

from rlsp_sb3 import TabularRLSP, UnreachableStateError
from rlsp_sb3.planning import layers
from rlsp_sb3.tabular_rlsp import likelihood as likelihood_module
from rlsp_sb3.tabular_rlsp.horizons import scale_free
from rlsp_sb3.tabular_rlsp.likelihood import StateLikelihood

from helpers.problems import HORIZONS, LARGE
from helpers.textbook import World, central_differences, random_world

FIVE = np.array([0, 0.3, 0, 0.5, 0.2])


def likelihood_of(world: Any, observed: Any, horizon: Any, temperature: float = 1.0) -> Any:
    states = np.atleast_1d(observed)
    return StateLikelihood(world, states, world.initial_distribution, horizon, temperature)


def brute_force(
    world: World,
    theta: NDArray[Any],
    observed: list[int],
    horizon: NDArray[Any],
    temperature: float,
) -> float:
    """Σ_i log Σ_T p(T) P(s_T = s_i), with the probability of each T by a likelihood of its own."""
    total = 0.0
    for state in observed:
        mass = 0.0
        for n_states, probability in enumerate(horizon, start=1):
            if probability == 0:
                continue
            try:
                alone = likelihood_of(world, state, n_states, temperature)
            except UnreachableStateError:
                continue
            mass += probability * np.exp(alone.log_likelihood(theta))
        total += np.log(mass)
    return total


@pytest.mark.parametrize("temperature", [0.5, 2.0])
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_mixture_of_random_worlds(seed: int, deterministic: bool, temperature: float) -> None:
    world = random_world(seed, n_states=6, n_features=3, deterministic=deterministic)
    theta = np.random.default_rng(seed).normal(size=3)
    observed = [state for state in range(6) if np.any(world.dense[:, :, state] > 0)][:2]
    try:
        likelihood = likelihood_of(world, observed, FIVE, temperature)
    except UnreachableStateError:
        pytest.skip("this world has no way there")
    expected = brute_force(world, theta, observed, FIVE, temperature)
    value, gradient = likelihood.value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=1e-11)
    slope = central_differences(
        lambda at: brute_force(world, at, observed, FIVE, temperature), theta
    )
    np.testing.assert_allclose(gradient, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("env_id", sorted(set(HORIZONS) - set(LARGE)))
def test_point_mass_is_that_horizon(env_id: str) -> None:
    env, horizon = gym.make(f"rlsp_envs:{env_id}").unwrapped, HORIZONS[env_id]
    mdp, observed = env.mdp, env.state_indices(env.observed_states)
    theta = np.random.default_rng(0).normal(size=mdp.features.shape[1])
    one_hot = np.eye(horizon + 3)[horizon - 1]
    value, gradient = likelihood_of(mdp, observed, one_hot).value_and_gradient(theta)
    expected, slope = likelihood_of(mdp, observed, horizon).value_and_gradient(theta)
    assert value == expected
    np.testing.assert_array_equal(gradient, slope)


@pytest.mark.parametrize("initial", ["known", "uniform"])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0", "BatteriesDefault-v0"])
def test_mixture_in_gridworlds(env_id: str, initial: Any) -> None:
    env = gym.make(f"rlsp_envs:{env_id}").unwrapped
    horizons = [5, 8, 8, 11, 14]
    mixture = StateLikelihood.of_env(env, env.observed_states, initial, horizons, 0.7)
    theta = np.random.default_rng(1).normal(size=len(env.feature_names))
    known = env.mdp.initial_distribution
    start = known if initial == "known" else np.full(len(known), 1 / len(known))
    world = World(env.mdp.transitions, env.mdp.features, start)
    observed = env.state_indices(env.observed_states).tolist()
    probabilities = np.bincount(horizons)[1:] / 5
    expected = brute_force(world, theta, observed, probabilities, 0.7)
    value, gradient = mixture.value_and_gradient(theta)
    assert value == pytest.approx(expected, rel=1e-11)
    for direction in np.random.default_rng(2).normal(size=(2, len(theta))):
        (slope,) = central_differences(
            lambda step, d=direction: mixture.log_likelihood(theta + step * d), [0]
        )
        assert direction @ gradient == pytest.approx(slope, rel=1e-6, abs=1e-8)


def test_all_horizons_cost_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    n_backups = 0
    backup = likelihood_module.backup

    def counted(*arguments: Any) -> Any:
        nonlocal n_backups
        n_backups += 1
        return backup(*arguments)

    monkeypatch.setattr(likelihood_module, "backup", counted)
    mixture = StateLikelihood.of_env(env, env.observed_states, "known", range(1, 21), 1.0)
    mixture.log_likelihood(np.ones(4))
    assert n_backups == 19


def test_time_that_nobody_can_have_taken_is_left_out() -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    horizon = [1, 2, 7, 7]  # in 1 or 2 states nobody gets there
    mixture = StateLikelihood.of_env(env, env.observed_states, "known", horizon, 1.0)
    alone = StateLikelihood.of_env(env, env.observed_states, "known", 7, 1.0)
    theta = np.array([0.3, -0.2, 1, 0.5])
    expected = alone.log_likelihood(theta) + np.log(0.5)
    assert mixture.log_likelihood(theta) == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(mixture.gradient(theta), alone.gradient(theta), rtol=1e-10)


def test_what_no_horizon_reaches_is_an_error() -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    with pytest.raises(UnreachableStateError, match="any horizon of 1 to 3 states"):
        StateLikelihood.of_env(env, env.observed_states, "known", range(1, 4), 1.0)


@pytest.mark.parametrize("horizon", [[0.5, 0.6], [1.5, -0.5], [], [[1.0]], [np.nan, 1.0]])
def test_no_distribution_is_an_error(horizon: Any) -> None:
    world = random_world(0)
    with pytest.raises(ValueError, match="horizon"):
        likelihood_of(world, 0, np.array(horizon))


def test_layers_have_those_who_start_later() -> None:
    world = random_world(1, n_states=5, deterministic=True)
    starts = [np.array([0]), np.array([3, 4])]
    first, second, _ = layers.make_layers(world.transitions, starts, 3)
    following = {int(s) for s in np.flatnonzero(world.dense[0].sum(axis=0))}
    assert set(first.states) == {0}
    assert set(second.states) == following | {3, 4}
    n_actions = world.dense.shape[1]
    for i, state in enumerate(first.states):
        rows = first.transitions.toarray()[i * n_actions : (i + 1) * n_actions]
        np.testing.assert_array_equal(rows, world.dense[state][:, second.states])


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0"])
def test_many_weights_at_once_are_each_alone(env_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    env = gym.make(f"rlsp_envs:{env_id}").unwrapped
    states = np.concatenate([env.observed_states, env.observed_states])
    mixture = StateLikelihood.of_env(env, states, "known", range(1, 13), 1.0)
    thetas = np.random.default_rng(0).normal(size=(7, len(env.feature_names)))
    expected = [mixture.log_likelihood(theta) for theta in thetas]
    np.testing.assert_allclose(mixture.log_likelihoods(thetas), expected, rtol=1e-12)
    monkeypatch.setattr(likelihood_module, "_MAX_ENTRIES", 1)  # each by itself
    np.testing.assert_allclose(mixture.log_likelihoods(thetas), expected, rtol=1e-12)


def test_what_underflows_among_many_is_impossible() -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    likelihood = StateLikelihood.of_env(env, env.observed_states, "known", 7, 1.0)
    possible, impossible = likelihood.log_likelihoods(np.array([[0, 0, 1, 0], [0, 0, 1e4, -1e4]]))
    assert np.isfinite(possible)
    assert impossible == -np.inf


@pytest.mark.parametrize(("env_id", "shortest"), [("RoomDefault-v0", 5), ("TrainDefault-v0", 8)])
def test_auto_is_any_horizon_up_to_twice_the_shortest_way(env_id: str, shortest: int) -> None:
    env = gym.make(f"rlsp_envs:{env_id}").unwrapped
    observed, theta = env.observed_states, np.ones(len(env.feature_names))
    longest = 2 * shortest
    weights = 1 / np.arange(1, longest + 1)
    likelihood = StateLikelihood.of_env(env, observed, "known", "auto", 1.0)
    world = World(env.mdp.transitions, env.mdp.features, env.mdp.initial_distribution)
    states = env.state_indices(observed).tolist()
    expected = brute_force(world, theta, states, weights / weights.sum(), 1.0)
    assert likelihood.log_likelihood(theta) == pytest.approx(expected, rel=1e-11)


def test_auto_needs_a_start() -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    with pytest.raises(ValueError, match='horizon="auto" is told by the shortest way'):
        StateLikelihood.of_env(env, env.observed_states, "uniform", "auto", 1.0)


def test_auto_without_any_way_is_an_error() -> None:
    env = gym.make("rlsp_envs:RoomDefault-v0").unwrapped
    start = np.zeros(env.mdp.n_states)
    broken = env.mdp.features[:, list(env.feature_names).index("broken_vases")] > 0
    start[np.flatnonzero(broken)[0]] = 1
    whole = np.flatnonzero(~broken)[:1]
    horizon = scale_free(env.mdp, whole, start)
    with pytest.raises(UnreachableStateError):
        StateLikelihood(env.mdp, whole, start, horizon, 1.0)


def test_learner_is_told_no_horizon() -> None:
    env = gym.make("rlsp_envs:TrainDefault-v0")
    learner = TabularRLSP(env, horizon="auto", seed=0).learn()
    assert learner.has_converged
    assert learner.reward["broken_vases"] < 0
    several = TabularRLSP(env, horizon=range(8, 12), seed=0)
    assert several.horizon == [8, 9, 10, 11]
    assert TabularRLSP(env, horizon=[8], seed=0).log_likelihood(learner.theta) == pytest.approx(
        TabularRLSP(env, horizon=8, seed=0).log_likelihood(learner.theta), rel=1e-12
    )


@pytest.mark.parametrize("horizon", ["auto", [8, 9]])
def test_learner_without_a_horizon_is_saved(horizon: Any, tmp_path: Path) -> None:
    env = gym.make("rlsp_envs:TrainDefault-v0")
    learner = TabularRLSP(env, horizon=horizon, seed=0).learn(3)
    learner.save(tmp_path / "told")
    loaded = TabularRLSP.load(tmp_path / "told", env=env)
    assert loaded.horizon == horizon
    assert loaded.log_likelihood(learner.theta) == learner.log_likelihood(learner.theta)


@pytest.mark.parametrize(
    ("horizon", "error"),
    [("any", ValueError), ([], ValueError), ([0, 3], ValueError), ([2.5], TypeError)],
)
def test_wrong_horizons_are_refused(horizon: Any, error: type[Exception]) -> None:
    with pytest.raises(error, match="horizon"):
        TabularRLSP("RoomDefault-v0", horizon=horizon)
