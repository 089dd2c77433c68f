"""Models of skills against formulas that are computed in another way."""

import numpy as np
import pytest
import torch
from gymnasium.wrappers import TimeLimit
from scipy.special import logsumexp, softmax
from scipy.stats import multivariate_normal
from stable_baselines3.common.env_util import make_vec_env

from rlsp_baselines.skills import DADS
from rlsp_baselines.skills.coordinates import Coordinates, SkillTransitions
from rlsp_baselines.skills.hyperparameters import PRESETS, find_hyperparameters
from rlsp_baselines.skills.skill_discriminator import SkillDiscriminator
from rlsp_baselines.skills.skill_dynamics import SkillDynamics
from rlsp_baselines.skills.skill_prior import SkillPrior
from rlsp_baselines.skills.skill_vec_env import SkillVecEnv

from helpers.plane import Plane

SETTINGS = find_hyperparameters("smoke", {"std": 0.7, "n_experts": 3, "n_prior_samples": 5})


def some(prior, n=6, size=4):
    rng = np.random.default_rng(1)
    before, after = rng.normal(size=(2, n, size))
    return SkillTransitions(before, after, prior.sample(n, rng))


def log_prob(model, before, changes, skill):
    """log q of one transition, by SciPy."""
    with torch.no_grad():
        outputs = model.network(torch.as_tensor(np.concatenate([before, skill])).float()).numpy()
    weights, means = softmax(outputs[:3].astype(float)), outputs[3:].reshape(3, -1)
    densities = [
        multivariate_normal(mean, SETTINGS.std**2 * np.eye(len(mean))).pdf(changes)
        for mean in means
    ]
    return np.log(weights @ densities)


@pytest.mark.parametrize("is_discrete", [True, False])
def test_intrinsic_reward_is_the_published_one(is_discrete):
    prior = SkillPrior(3, is_discrete)
    model = SkillDynamics(Coordinates(4, [0, 2], [3]), prior, SETTINGS)
    given = some(prior)
    model.update_statistics(given)
    found = model.rewards(given, np.random.default_rng(5)).numpy()
    changes = np.column_stack(
        [
            given.next_observations[:, 0] - given.observations[:, 0],
            given.next_observations[:, 2] - given.observations[:, 2],
            given.next_observations[:, 3],
        ]
    )
    scaled = (changes - changes.mean(0)) / changes.std(0)
    shown = given.observations[:, [0, 2]]
    before = (shown - shown.mean(0)) / shown.std(0)
    others = np.eye(3) if is_discrete else prior.sample(5, np.random.default_rng(5))
    for i, skill in enumerate(given.skills):
        own = log_prob(model, before[i], scaled[i], skill)
        all_skills = others if is_discrete else [*others, skill]
        alternatives = [log_prob(model, before[i], scaled[i], other) for other in all_skills]
        expected = own - (logsumexp(alternatives) - np.log(len(alternatives)))
        assert found[i] == pytest.approx(expected, abs=1e-4)
        assert found[i] <= np.log(len(alternatives)) + 1e-6


def test_discriminator_rewards_by_how_sure_it_is():
    prior = SkillPrior(3, True)
    model = SkillDiscriminator(Coordinates(4, [1, 3], []), prior, SETTINGS)
    given = some(prior)
    model.update_statistics(given)
    reached = given.next_observations[:, [1, 3]]
    scaled = (reached - reached.mean(0)) / reached.std(0)
    with torch.no_grad():
        logits = model.network(torch.as_tensor(scaled).float()).numpy().astype(float)
    probabilities = softmax(logits, axis=1)[np.arange(6), given.skills.argmax(1)]
    found = model.rewards(given, np.random.default_rng(0)).numpy()
    np.testing.assert_allclose(found, np.log(probabilities) - np.log(1 / 3), atol=1e-5)


@pytest.mark.parametrize("kind", [SkillDynamics, SkillDiscriminator])
def test_fitting_finds_what_skills_do(kind):
    """Two skills that go two ways: all of the mutual information, log 2, is there to be had."""
    prior = SkillPrior(2, True)
    rng = np.random.default_rng(0)
    before = rng.normal(size=(500, 1))
    skills = prior.sample(500, rng)
    given = SkillTransitions(before, before + 10 * (2 * skills[:, :1] - 1), skills)
    settings = find_hyperparameters("fast", {"std": 0.3, "n_updates": 200, "model_hidden": [16]})
    torch.manual_seed(0)
    model = kind(Coordinates(1, None, []), prior, settings)
    loss = model.fit(given, torch.optim.Adam(model.parameters(), 1e-2), rng)
    assert np.isfinite(loss)
    assert model.rewards(given, rng).mean() == pytest.approx(np.log(2), abs=0.02)


def test_scales_follow_what_changes():
    prior = SkillPrior(2, True)
    model = SkillDynamics(Coordinates(1, None, []), prior, SETTINGS)
    for factor in (1.0, 1.0, *[100.0] * 60):
        skills = prior.sample(50, np.random.default_rng(0))
        after = factor * np.linspace(-1, 1, 50)[:, None]
        model.update_statistics(SkillTransitions(np.zeros((50, 1)), after, skills))
    assert model.targets.variance.sqrt().item() == pytest.approx(after.std(), rel=0.01)
    np.testing.assert_array_equal(model.inputs(np.zeros((1, 1))), 0)  # which never changed


def test_a_skill_belongs_to_an_episode():
    prior = SkillPrior(3, False)
    inside = make_vec_env(lambda: TimeLimit(Plane(), 3), n_envs=2, seed=0)
    env = SkillVecEnv(inside, prior, np.random.default_rng(0))
    shown = env.reset()
    assert env.observation_space.shape == (5,)
    assert shown.shape == (2, 5)
    seen = [shown]
    for step in range(7):
        shown, rewards, dones, infos = env.step(np.ones((2, 2), np.float32))
        assert not rewards.any()
        assert dones.all() == (step % 3 == 2)
        before = seen[-1]
        if dones.all():
            assert (shown[:, 2:] != before[:, 2:]).any()
            for i, info in enumerate(infos):
                ended = info["terminal_observation"]
                np.testing.assert_allclose(ended[:2], before[i, :2] + 0.1)
                np.testing.assert_array_equal(ended[2:], before[i, 2:])
        else:
            np.testing.assert_array_equal(shown[:, 2:], before[:, 2:])
        seen.append(shown)
    found = env.take_transitions()
    assert len(found.skills) == 14
    np.testing.assert_allclose(found.next_observations, found.observations + 0.1)
    np.testing.assert_allclose(
        np.hstack([found.observations, found.skills]), np.concatenate(seen[:-1]), rtol=1e-6
    )


def test_replayed_rewards_are_those_of_the_current_dynamics():
    dads = DADS(Plane(), 3, solver="SAC", preset="smoke", seed=0).learn(80)
    buffer = dads.model.replay_buffer
    with torch.no_grad():
        samples = buffer._get_samples(np.arange(10))
    before = samples.observations.numpy()
    given = SkillTransitions(
        before[:, :2], samples.next_observations.numpy()[:, :2], before[:, 2:].astype(np.float32)
    )
    expected = dads.skill_model.rewards(given, dads.rng)
    np.testing.assert_array_equal(samples.rewards[:, 0], expected)
    with torch.no_grad():
        for parameter in dads.skill_model.parameters():
            parameter.add_(1.0)
    assert (buffer._get_samples(np.arange(10)).rewards != samples.rewards).any()


def test_presets_are_complete():
    assert set(PRESETS) == {"fast", "paper", "smoke"}
    paper = PRESETS["paper"]
    assert paper.n_envs * paper.episode_length == 2_000
    dads = DADS(Plane(), skill_dim=2, preset="paper", seed=0)
    assert type(dads.model).__name__ == "SAC"
    assert dads.model.ent_coef == 0.1
    assert dads.model.gamma == 0.995
    assert dads.model.replay_buffer.buffer_size * dads.model.n_envs == 2_000
