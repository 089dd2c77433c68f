"""Samples of rewards are those of the posterior, and the learner says how good they are."""

import inspect
import json
import warnings
from itertools import product

import gymnasium as gym
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from stable_baselines3.common.callbacks import ConvertCallback

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import RewardSampling
from rlsp_baselines.reward_sampling import diagnostics
from rlsp_baselines.reward_sampling.diagnostics import (
    effective_sample_size,
    find_arviz,
    split_r_hat,
)
from rlsp_baselines.reward_sampling.posterior_plot import posterior_plot
from rlsp_sb3.protocols import ReportingLearner

from helpers.command import ok
from helpers.corridor import Corridor


def learned(**kwargs):
    arguments = {"seed": 0, "n_samples": 40, "burn_in": 20, **kwargs}
    return RewardSampling("RoomDefault-v0", **arguments).learn()


# Diagnostics.


def chains(kind):
    rng = np.random.default_rng(5)
    noise = rng.standard_normal((4, 1000))
    if kind == "independent":
        return noise
    if kind == "apart":
        return noise + np.array([0, 0, 0, 1.0])[:, None]
    if kind == "drifting":
        return noise + np.linspace(0, 2, 1000)
    x = noise.copy()
    rho = -0.5 if kind == "alternating" else 0.9
    for t in range(1, 1000):
        x[:, t] += rho * x[:, t - 1]
    return x


ARVIZ = {  # rhat(method="split") and ess(method="mean") of ArviZ 0.23.4
    "independent": (0.9996307991411383, 3785.279),
    "autocorrelated": (1.010338997888918, 210.404),
    "alternating": (0.9992179966126946, 12277.74),
    "apart": (1.1080352192239737, 24.948),
    "drifting": (1.1297545957937118, 19.606),
}


needs_arviz = pytest.mark.skipif(
    find_arviz() is None, reason='needs ArviZ, which `pip install "rlsp-baselines[arviz]"` brings'
)
with_and_without_arviz = pytest.mark.parametrize(
    "arviz", [False, pytest.param(True, marks=needs_arviz)], indirect=True
)


@pytest.fixture
def arviz(request, monkeypatch):
    """Whether ArviZ computes the diagnostics."""
    if not request.param:
        monkeypatch.setattr(diagnostics, "find_arviz", lambda: None)
    return request.param


@with_and_without_arviz
@pytest.mark.parametrize("kind", ARVIZ)
def test_diagnostics_are_those_of_arviz(arviz, kind):
    r_hat, size = ARVIZ[kind]
    samples = np.stack([chains(kind), chains("independent")], axis=2)
    np.testing.assert_allclose(split_r_hat(samples)[0], r_hat, rtol=1e-12)
    np.testing.assert_allclose(effective_sample_size(samples)[0], size, rtol=5e-5)
    assert split_r_hat(samples)[1] == split_r_hat(samples[..., 1:])[0]


@needs_arviz
@pytest.mark.parametrize(("n_chains", "n_draws"), [(1, 200), (2, 20), (3, 101), (4, 400)])
def test_formulas_agree_with_the_arviz_that_is_installed(monkeypatch, n_chains, n_draws):
    walk = np.random.default_rng(1).standard_normal((n_chains, n_draws, 3))
    for t in range(1, n_draws):
        walk[:, t] += [0, 0.5, 0.9] * walk[:, t - 1]
    by_arviz = split_r_hat(walk), effective_sample_size(walk)
    monkeypatch.setattr(diagnostics, "find_arviz", lambda: None)
    np.testing.assert_allclose(split_r_hat(walk), by_arviz[0], rtol=1e-12)
    np.testing.assert_allclose(effective_sample_size(walk), by_arviz[1], rtol=1e-12)


@needs_arviz
def test_arviz_takes_the_posterior():
    learner = learned()
    summary = find_arviz().summary(learner.posterior, round_to=12)
    assert list(summary.index) == list(learner.feature_names)
    np.testing.assert_allclose(summary["mean"].astype(float), learner.theta)


def test_diagnostics_of_autocorrelated_chains_are_known():
    # A chain x_t = ρ x_t-1 + noise is worth (1 - ρ) / (1 + ρ) of its length.
    size = effective_sample_size(chains("autocorrelated")[..., None])[0]
    assert size == pytest.approx(4000 * 0.1 / 1.9, rel=0.2)


@with_and_without_arviz
@pytest.mark.parametrize("shape", [(4, 3, 2), (4, 0, 2)])
def test_diagnostics_of_few_draws_are_not_known(arviz, shape):
    assert np.isnan(split_r_hat(np.zeros(shape))).all()
    assert np.isnan(effective_sample_size(np.zeros(shape))).all()


@with_and_without_arviz
def test_diagnostics_of_what_never_changed_are_not_known(arviz):
    assert np.isnan(split_r_hat(np.ones((2, 10, 1)))).all()
    assert np.isnan(effective_sample_size(np.ones((2, 10, 1)))).all()
    apart = np.array([0.0, 1.0])[:, None, None] * np.ones((2, 10, 1))
    assert split_r_hat(apart) == np.inf


# What is inferred.


@pytest.fixture(scope="module")
def corridor():
    """A learner with the default arguments, which warned of nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return RewardSampling(Corridor(), seed=0).learn()


def integrated(learner, n=10):
    """Mean and standard deviation of the posterior for a Gaussian prior, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    n_features = len(learner.feature_names)
    thetas = learner.prior_mean + learner.prior_std * np.array([*product(nodes, repeat=n_features)])
    prior = np.prod([*product(weights, repeat=n_features)], axis=1)
    likelihood = np.exp([learner._likelihood.log_likelihood(theta) for theta in thetas])
    posterior = prior * likelihood / (prior @ likelihood)
    mean = posterior @ thetas
    return mean, np.sqrt(posterior @ (thetas - mean) ** 2)


@pytest.mark.parametrize(
    "arguments", [{}, {"step_size": 1.0}, {"temperature": 0.3, "initial_states": "uniform"}]
)
def test_samples_are_those_of_the_posterior(arguments, corridor):
    learner = RewardSampling(Corridor(), seed=0, **arguments).learn() if arguments else corridor
    mean, std = integrated(learner)
    assert mean[2] > 0.1 > -0.1 > mean[0]  # the person went from the left to the right
    samples = learner.samples.reshape(-1, 3)
    np.testing.assert_allclose(learner.theta, samples.mean(axis=0))
    sizes = learner.diagnostics.effective_sample_size
    assert (np.abs(learner.theta - mean) < 4 * std / np.sqrt(sizes)).all()
    np.testing.assert_allclose(samples.std(axis=0), std, rtol=0.08)
    assert learner.diagnostics.r_hat.max() < 1.02
    np.testing.assert_array_equal(learner.reward.weights, learner.theta)


@pytest.mark.parametrize("combination", ["additive", "bayesian"])
@pytest.mark.parametrize(("prior", "std"), [("gaussian", 0.8), ("laplace", 0.8 * np.sqrt(2))])
def test_posterior_is_the_prior_if_the_state_says_nothing(prior, std, combination):
    env = Corridor()
    env.task_reward = np.array([0.0, 2.0, -1.0])
    start = np.array([[1.0, 0.0, 0.0]], dtype=np.float32)
    learner = RewardSampling(
        env, start, horizon=1, prior=prior, prior_std=0.8, combination=combination, seed=0
    ).learn()
    mean = env.task_reward if combination == "bayesian" else np.zeros(3)
    np.testing.assert_allclose(learner.theta, mean, atol=0.12)
    np.testing.assert_allclose(learner.samples.std(axis=(0, 1)), std, rtol=0.1)


def test_task_as_prior_is_planned_for_once():
    learner = learned(combination="bayesian")
    np.testing.assert_array_equal(learner.planned_rewards, learner.mdp.features @ learner.theta)
    learner = learned(inferred_weight=0.5)
    expected = learner.mdp.features @ (learner.unwrapped_env.task_reward + 0.5 * learner.theta)
    np.testing.assert_allclose(learner.planned_rewards, expected)


def test_rewards_of_transitions_and_policy():
    learner = learned()
    env = learner.unwrapped_env
    observations = env.observations(np.arange(10))
    nothing = np.zeros(10)
    rewards = learner.reward(observations, nothing, observations, nothing)
    np.testing.assert_allclose(rewards, learner.inferred_rewards[:10])
    expected = learner.plan(learner.planned_rewards).table
    np.testing.assert_array_equal(learner.policy.table, expected)
    before = learner.planned_rewards
    learner.learn(10, reset_num_timesteps=False)
    assert not np.array_equal(learner.planned_rewards, before)
    expected = learner.plan(learner.planned_rewards).table
    np.testing.assert_array_equal(learner.policy.table, expected)


def test_log_posterior_is_likelihood_and_prior():
    learner = RewardSampling("RoomDefault-v0", prior_std=2.0)
    one, other = np.array([0.1, 0.2, -0.3, 0.4]), np.zeros(4)
    difference = learner.log_posterior(one) - learner.log_posterior(other)
    likelihood = learner._likelihood.log_likelihood
    assert difference == pytest.approx(likelihood(one) - likelihood(other) - one @ one / 8)
    with pytest.raises(ValueError, match="theta"):
        learner.log_posterior([1.0, 2.0])


def test_impossible_rewards_are_not_accepted():
    learner = RewardSampling("RoomDefault-v0", prior_std=1e6, n_samples=5, burn_in=300, seed=0)
    assert learner.log_posterior([1e6, 1e6, -1e6, -1e6]) == -np.inf
    with np.errstate(all="raise"):
        learner.learn()
    assert np.isfinite([learner.log_posterior(theta) for theta in learner.samples[:, -1]]).any()


# Chains.


def test_burn_in_is_not_kept_and_tunes_the_steps():
    learner = RewardSampling("RoomDefault-v0", n_samples=300, burn_in=400, n_chains=3, seed=0)
    assert learner.samples.shape == (3, 0, 4)
    learner.learn(400)
    assert learner.samples.shape == (3, 0, 4)
    assert np.isnan(learner.diagnostics.acceptance_rate).all()
    assert np.isnan(learner.standard_errors).all()
    scale = learner._scale
    learner.learn()
    assert learner.num_timesteps == 300
    assert learner.samples.shape == (3, 300, 4)
    assert learner._scale == scale
    assert learner.diagnostics.acceptance_rate.shape == (3,)
    assert 0.15 < learner.diagnostics.acceptance_rate.mean() < 0.5
    moved = (np.diff(learner.samples, axis=1) != 0).all(axis=2).sum(axis=1)
    rates = learner.diagnostics.acceptance_rate * 300
    assert (np.abs(rates - moved) <= 1).all()  # the first may have been accepted


def test_chosen_step_size_is_kept():
    learner = learned(step_size=0.01)
    assert learner._scale == learner.step_size == 0.01
    assert learner.diagnostics.acceptance_rate.mean() > 0.9
    assert learner.diagnostics.r_hat.max() > 1.5  # and the chains are far from agreeing


def test_chains_that_do_not_agree_are_warned_of(corridor):
    with pytest.warns(UserWarning, match=r"have not converged: split-R̂ is .*raise n_samples=40"):
        learned(step_size=0.01)
    assert corridor.diagnostics.r_hat.max() <= 1.01


def test_standard_errors_are_those_of_runs_with_other_seeds():
    arguments = {"n_samples": 400, "burn_in": 200}
    runs = [RewardSampling(Corridor(), seed=i, **arguments).learn() for i in range(12)]
    spread = np.std([run.theta for run in runs], axis=0)
    claimed = np.mean([run.standard_errors for run in runs], axis=0)
    assert ((spread / claimed > 0.5) & (spread / claimed < 2)).all()


def test_same_seed_same_bits():
    np.testing.assert_array_equal(learned().samples, learned().samples)
    assert not np.array_equal(learned(seed=1).samples, learned().samples)


@pytest.mark.parametrize("first", [5, 30])
def test_saved_learner_goes_on_to_the_bit(tmp_path, first):
    learner = RewardSampling("RoomDefault-v0", n_samples=40, burn_in=20, seed=0).learn(first)
    learner.save(tmp_path / "learner")
    loaded = RewardSampling.load(tmp_path / "learner", "RoomDefault-v0")
    np.testing.assert_array_equal(loaded.samples, learner.samples)
    np.testing.assert_array_equal(loaded.theta, learner.theta)
    loaded.learn(60 - first, reset_num_timesteps=False)
    assert loaded.num_timesteps == 60
    np.testing.assert_array_equal(loaded.samples, learned().samples)
    np.testing.assert_array_equal(
        loaded.diagnostics.acceptance_rate, learned().diagnostics.acceptance_rate
    )


OTHER_THAN_DEFAULT = {
    "horizon": 8,
    "temperature": 0.7,
    "prior": "laplace",
    "prior_std": 0.3,
    "n_samples": 7,
    "n_chains": 2,
    "burn_in": 3,
    "step_size": 0.2,
    "initial_states": "uniform",
    "inferred_weight": 2.5,
    "combination": "bayesian",
    "seed": 11,
    "verbose": 2,
    "tensorboard_log": "events",
    "device": "cpu",
}


@pytest.mark.parametrize("name", sorted(set(OTHER_THAN_DEFAULT) - {"tensorboard_log"}))
def test_every_argument_comes_back(tmp_path, name):
    RewardSampling("RoomDefault-v0", **{name: OTHER_THAN_DEFAULT[name]}).save(tmp_path / "learner")
    loaded = RewardSampling.load(tmp_path / "learner", "RoomDefault-v0")
    assert str(getattr(loaded, name)) == str(OTHER_THAN_DEFAULT[name])
    parameters = set(inspect.signature(RewardSampling).parameters)
    assert set(OTHER_THAN_DEFAULT) == parameters - {"env", "observed_states"}


def test_file_that_does_not_fit_is_an_error(tmp_path):
    learned().save(tmp_path / "learner")
    with pytest.raises(ValueError, match="samples has shape"):
        RewardSampling.load(tmp_path / "learner", "RoomDefault-v0", n_chains=3)


def test_another_environment_is_learned_about_from_then_on():
    learner = learned()
    learner.set_env("RoomAlt-v0")
    other = RewardSampling("RoomAlt-v0", learner.observed_states, horizon=7)
    assert learner.log_posterior(learner.theta) == other.log_posterior(learner.theta)
    assert learner.learn(3, reset_num_timesteps=False).samples.shape == (4, 43, 4)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        *(("temperature", value, ValueError) for value in (0, -1.0, np.nan)),
        *(("prior", value, ValueError) for value in ("uniform", "normal", None)),
        *(("prior_std", value, ValueError) for value in (0, np.inf)),
        *(("n_samples", value, ValueError) for value in (0, -1)),
        *(("n_chains", value, ValueError) for value in (0, -1)),
        *(("n_chains", value, TypeError) for value in (2.0, None, True)),
        ("burn_in", -1, ValueError),
        ("burn_in", 1.5, TypeError),
        *(("step_size", value, ValueError) for value in (0, -1.0, np.nan)),
        ("step_size", "1", TypeError),
        ("initial_states", "all", ValueError),
        ("combination", "both", ValueError),
        ("horizon", 0, ValueError),
        ("horizon", 2.0, TypeError),
    ],
)
def test_bad_arguments_are_named_with_their_value(name, value, error):
    with pytest.raises(error) as raised:
        RewardSampling("RoomDefault-v0", **{name: value})
    assert str(raised.value).startswith(f"{name}={value!r}")
    assert ": expected" in str(raised.value)


def test_horizon_has_to_be_known():
    env = Corridor()
    env.horizon = None
    with pytest.raises(ValueError, match="horizon=None"):
        RewardSampling(env)


# What is shown.


def test_callbacks_and_progress_bar():
    seen = []

    def look(locals_, globals_):
        seen.append(locals_["self"].num_timesteps)
        return len(seen) < 30

    learner = RewardSampling("RoomDefault-v0", seed=0, burn_in=10)
    learner.learn(callback=ConvertCallback(look), progress_bar=True)
    assert seen == list(range(1, 31))
    assert learner.samples.shape == (4, 20, 4)


def test_command(tmp_path):
    folder = tmp_path / "run"
    settings = ("n_samples=150", "burn_in=50", "step_size=none")
    result = ok(
        *("learn", "RoomDefault-v0", "--learner", "reward-sampling", "--out", folder),
        *(word for setting in settings for word in ("--set", setting)),
    )
    assert "200 sampling steps in" in result.out
    learner = RewardSampling.load(folder / "learner.zip", "RoomDefault-v0")
    assert isinstance(learner, ReportingLearner)
    for name, figure in learner.report().items():
        assert f"{name}" in result.out
        assert json.loads((folder / "config.json").read_text())["report"][name] == figure
    assert "figure-posterior.png" in result.out
    with Image.open(folder / "figure-posterior.png") as picture:
        assert min(picture.size) > 300
    log = (folder / "progress.csv").read_text().splitlines()
    columns = log[0].split(",")
    for name in ("acceptance_rate", "log_posterior", "step_size", "r_hat", "effective_sample_size"):
        assert f"sampling/{name}" in columns
    last = dict(zip(columns, log[-1].split(","), strict=True))
    assert float(last["sampling/r_hat"]) == pytest.approx(learner.diagnostics.r_hat.max())


def test_posterior_plot_shows_each_feature(tmp_path):
    figure = posterior_plot(learned(), tmp_path / "posterior.png")
    assert isinstance(figure, Figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["broken_vases", "on_carpet", "on_goal_1", "on_goal_2"]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        *("posterior, by chain", "posterior mean", "prior", "task weight", "true weight")
    }
    assert "RoomDefault-v0" in figure.get_suptitle()
    assert (tmp_path / "posterior.png").stat().st_size > 10_000


def test_posterior_plot_of_an_environment_that_offers_little():
    figure = posterior_plot(RewardSampling(Corridor(), seed=0, burn_in=0, n_samples=9).learn())
    assert [axes.get_title() for axes in figure.axes][:3] == ["left", "middle", "right"]
    assert "Corridor" in figure.get_suptitle()


def test_posterior_plot_needs_samples():
    learner = RewardSampling(gym.make("RoomDefault-v0"))
    with pytest.raises(ValueError, match="no samples yet"):
        posterior_plot(learner)
    assert learner.figures() == {}
