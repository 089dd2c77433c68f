"""Diagnosis of gradients of which it is known whether they are right."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from rlsp_sb3 import RLSP, sample_observed_states
from rlsp_sb3.data import Episode, Transitions
from rlsp_sb3.diagnosis import DiagnosisCallback, gradient_diagnosis
from rlsp_sb3.diagnosis.expert_states import ExpertStates
from rlsp_sb3.diagnosis.gradient_diagnosis import GradientDiagnosis, cosine
from rlsp_sb3.diagnosis.inverse_dynamics_errors import inverse_dynamics_error
from rlsp_sb3.rlsp.gradient_estimator import GradientEstimate
from rlsp_sb3.utils.timer import Timer

from helpers.point import STEP, TINY, Point
from helpers.walk import episode, walker


@pytest.fixture(autouse=True)
def many_rollouts(monkeypatch):
    monkeypatch.setattr(gradient_diagnosis, "N_ROLLOUTS", 2_000)


def diagnosed(sign=1):
    """The last row of a walk to where only one way leads, of which nothing is unknown."""
    estimator = walker([4])
    estimate = estimator.estimate(5, np.random.default_rng(0), Timer())
    estimate = estimate._replace(gradient=sign * estimate.gradient)
    diagnosis = GradientDiagnosis(estimator, [episode(0, 1, 2, 3, 4)])
    return diagnosis.rows(estimate, 5, 0, epoch=3, timesteps=7)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_perfect_gradient_has_the_cosine_one_and_a_reversed_one_minus_one(sign):
    *_, row = diagnosed(sign)
    assert (row.epoch, row.timesteps, row.length, row.is_used) == (3, 7, 5, 1)
    assert row.cosine == pytest.approx(sign, abs=0.01)
    # (10 - 0, 30 - 10) / 4 for x and x²
    assert row.real_norm == pytest.approx(np.linalg.norm([2.5, 5]), rel=0.1)
    assert row.simulated_norm == pytest.approx(row.real_norm, rel=0.1)
    assert row.start_distance == pytest.approx(0, abs=1e-6)  # there is one way to 4 in 4 steps
    assert np.isnan(row.error_expert)


def test_shorter_pasts_are_compared_as_well():
    rows = diagnosed()
    assert [row.length for row in rows] == [2, 3, 5]
    assert [row.is_used for row in rows] == [0, 0, 1]
    assert rows[0].real_norm == pytest.approx(np.linalg.norm([1, 6]), rel=0.1)  # 3 to 4


def test_another_past_than_the_real_one_starts_elsewhere():
    estimator = walker([2], n=2_000, horizon=3)
    estimate = estimator.estimate(3, np.random.default_rng(0), Timer())
    diagnosis = GradientDiagnosis(estimator, [episode(4, 3, 2, 1)])
    row = diagnosis.rows(estimate, 3, 0, epoch=1, timesteps=0)[-1]
    std = np.std([4, 3, 2, 1])
    assert row.start_distance == pytest.approx(4 / std, rel=0.02)  # from 0, and not from 4
    assert row.support == 0


def test_the_cosine_of_nothing_is_not_known():
    assert np.isnan(cosine(np.zeros(2), np.ones(2)))
    assert cosine(np.array([1.0, 1]), np.array([1.0, 0])) == pytest.approx(0.5**0.5)


# What it is measured by.


def normal_episodes(n=4, length=1_000):
    rng = np.random.default_rng(0)
    shape = (length, 3)
    scales = [1, 10, 100]
    return [
        Episode(rng.normal(size=shape) * scales, np.zeros((length - 1, 1)), np.zeros(length - 1))
        for _ in range(n)
    ]


SPACE = spaces.Box(-np.inf, np.inf, (3,), np.float64)


@pytest.mark.parametrize("n_episodes", [1, 2, 5])
def test_distances_are_in_standard_deviations_and_the_support_has_most_states(n_episodes):
    expert = ExpertStates(normal_episodes(n_episodes), SPACE)
    rng = np.random.default_rng(1)
    new, other = rng.normal(size=(2, 4_000, 3)) * [1, 10, 100]
    squared = expert.squared_distances(new, other)
    assert np.sqrt(squared.mean()) == pytest.approx(2**0.5, rel=0.05)
    off = expert.squared_distances(new, new + np.array([0, 10, 0]))
    np.testing.assert_allclose(np.sqrt(off), 1 / 3**0.5, rtol=0.1)
    assert expert.supports(new).mean() == pytest.approx(0.95, abs=0.03)
    assert not expert.supports(new + np.array([0, 0, 1_000])).any()


class Says:
    """Inverse dynamics that say a share of the true change."""

    def __init__(self, share):
        self.share = share

    def sample(self, after, actions, times, rng):
        return after - self.share * actions


@pytest.mark.parametrize(("share", "error"), [(1, 0), (0, 1), (0.5, 0.5), (-1, 2)])
def test_errors_of_inverse_dynamics_are_shares_of_the_change(share, error):
    rng = np.random.default_rng(0)
    before, actions = rng.normal(size=(2, 100, 3))
    seen = Transitions(before, actions, before + actions)
    expert = ExpertStates(normal_episodes(), SPACE)
    found = inverse_dynamics_error(Says(share), seen, expert, rng)
    assert found == pytest.approx(error, abs=1e-6)


# The learner.


def expert_episodes(n=3):
    """A point that goes up as fast as it can, from where episodes start."""
    starts = np.random.default_rng(0).uniform(-0.1, 0.1, n).astype(np.float32)
    paths = [start + STEP * np.arange(9, dtype=np.float32)[:, None] for start in starts]
    return [Episode(path, np.ones((8, 1), np.float32), np.zeros(8)) for path in paths]


def make_learner(sampling="backward", **kwargs):
    arguments = {"encoder": "identity", "horizon": 5, "n_epochs": 3, "seed": 0, **kwargs}
    if sampling == "backward":
        arguments |= {"hyperparameters": TINY, "solver": "SAC"}
    else:
        arguments |= {"preset": "smoke"}
    states = np.array([each.observations[-1] for each in expert_episodes()[:2]])
    env = gym.wrappers.TimeLimit(Point(), 10)
    return RLSP(env, states, sampling=sampling, **arguments)


@pytest.mark.parametrize("direction", [1, -1])
def test_exact_inverse_models_are_right_and_reversed_ones_are_wrong(direction, monkeypatch):
    learner = make_learner(horizon=8, trajectory_weights="uniform")
    learner.learn(50)
    estimator = learner.gradient_estimator
    monkeypatch.setattr(
        estimator.inverse_policy, "sample", lambda after, *_: np.full_like(after, direction)
    )
    monkeypatch.setattr(
        estimator.inverse_dynamics, "sample", lambda after, *_: after - STEP * direction
    )
    past = estimator.simulate_past(8, learner.rng)
    gradient = estimator.compare(past, Timer()).mean.value / 7
    diagnosis = GradientDiagnosis(estimator, expert_episodes())
    estimate = GradientEstimate(gradient, 1.0, {}, {})
    rows = diagnosis.rows(estimate, 8, 0, epoch=1, timesteps=0)
    assert [row.length for row in rows] == [2, 3, 5, 8]
    assert [row.is_used for row in rows] == [0, 0, 0, 1]
    for row in rows:
        assert row.cosine == pytest.approx(direction)  # there is one feature
        if direction == 1:
            assert row.start_distance == pytest.approx(0, abs=1e-5)
            assert row.error_expert == pytest.approx(0, abs=1e-5)
    if direction == -1:
        assert rows[-1].support == 0
        assert rows[-1].error_expert == pytest.approx(2, rel=1e-5)


@pytest.mark.parametrize("sampling", ["backward", "forward"])
def test_the_callback_logs_and_leaves_the_learner_as_it_is(sampling, tmp_path):
    plain = make_learner(sampling).learn()
    learner = make_learner(sampling, tensorboard_log=None)
    callback = DiagnosisCallback(expert_episodes())
    logged = {}
    record = learner._record

    def remember(group, values):
        logged.update({f"{group}/{name}": value for name, value in values.items()})
        record(group, values)

    learner._record = remember
    learner.learn(callback=callback)
    np.testing.assert_array_equal(learner.theta, plain.theta)
    observations = np.linspace(-1, 1, 9, dtype=np.float32)[:, None]
    acted, expected = (
        each.predict(observations, deterministic=True)[0] for each in (learner, plain)
    )
    np.testing.assert_array_equal(acted, expected)
    assert type(learner.gradient_estimator) is type(plain.gradient_estimator)
    (used,) = [row for row in callback.rows if row.is_used][-1:]
    assert logged["rlsp/oracle_cosine"] == used.cosine
    assert -1 <= used.cosine <= 1
    assert ("rlsp/inverse_dynamics_error_expert" in logged) == (sampling == "backward")
    callback.save(tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(lines) == 1 + len(callback.rows)
    assert lines[0].startswith("epoch,timesteps,length,is_used,cosine")


def test_it_can_be_done_every_few_epochs_and_again():
    learner = make_learner(n_epochs=4)
    callback = DiagnosisCallback(expert_episodes(), interval=2)
    learner.learn(callback=callback)
    assert {row.epoch for row in callback.rows} == {2, 4}
    again = DiagnosisCallback(expert_episodes(), interval=2)
    make_learner(n_epochs=4).learn(callback=again)
    assert again.rows == callback.rows


def test_what_is_saved_on_the_way_goes_on_without_it(tmp_path):
    arguments = {"checkpoint_dir": tmp_path, "checkpoint_interval": 1, "n_epochs": 2}
    learner = make_learner(**arguments)
    learner.learn(callback=DiagnosisCallback(expert_episodes()))
    env = gym.wrappers.TimeLimit(Point(), 10)
    resumed = RLSP.load(min(tmp_path.glob("checkpoint_*.zip")), env)
    resumed.learn(reset_num_timesteps=False)
    np.testing.assert_array_equal(resumed.theta, learner.theta)


def test_what_cannot_be_diagnosed_is_refused():
    with pytest.raises(ValueError, match="episodes is empty"):
        DiagnosisCallback([])
    with pytest.raises(ValueError, match="interval=0"):
        DiagnosisCallback(expert_episodes(), interval=0)
    with pytest.raises(TypeError, match=r"gradient_estimator=.*TabularRLSP"):
        RLSP("RoomDefault-v0").learn(1, DiagnosisCallback(expert_episodes()))
    learner = make_learner()
    others = [Episode(e.observations + 50, e.actions, e.rewards) for e in expert_episodes()]
    with pytest.raises(ValueError, match=r"observed_states\[0\] is in none of the 3 episodes"):
        learner.learn(callback=DiagnosisCallback(others))
    assert sample_observed_states(others, 1, 0) not in learner.observed_states
