"""How a learner is doing: measures, retrained policies, checkpoints, time."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import RLSP
from rlsp_sb3.env_util import first_base_env
from rlsp_sb3.learners.callbacks import Checkpoints, checkpoints
from rlsp_sb3.learners.eval_metrics import correlation, measure_learner
from rlsp_sb3.policies.retrain import retrain_policy
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.solvers.fast_sac import FastSAC
from rlsp_sb3.utils.timer import Timer

from helpers.point import TINY, Point, distance_from_one

OBSERVED = np.ones((1, 1), np.float32)


def make_learner(env=None, theta=1.0, **kwargs):
    kwargs = {
        "encoder": distance_from_one,
        "horizon": 4,
        "hyperparameters": TINY,
        "seed": 0,
        **kwargs,
    }
    learner = RLSP(env or gym.wrappers.TimeLimit(Point(), 10), OBSERVED, **kwargs)
    learner.theta = np.array([theta])
    return learner


class GoRight:
    """A policy that goes right."""

    def predict(self, observation, state=None, episode_start=None, deterministic=False):
        return np.ones_like(observation), state


def test_returns_of_an_episode_by_both_rewards():
    learner = make_learner(theta=2.0)
    learner.gradient_estimator.solver.model.policy = GoRight()
    measured = measure_learner(learner, np.random.default_rng(0))
    # From x near 0 by ½ a step: the environment's reward is x, the inferred one -2 |x - 1|.
    x = 0.5 * np.arange(1, 11)
    assert measured["true_return"] == pytest.approx(x.sum(), abs=1.01)
    assert measured["inferred_return"] == pytest.approx(-2 * np.abs(x - 1).sum(), abs=2.01)
    expected = correlation(x, -np.abs(x - 1))
    assert measured["reward_correlation"] == pytest.approx(expected, abs=0.02)


def test_where_it_can_be_planned_the_fraction_of_the_best_return():
    learner = RLSP("RoomDefault-v0", seed=0, n_epochs=1, n_trajectories=10)
    learner.theta = np.array([-1.0, 0.0, 0.0, 0.0])  # vases must not break
    learner._policy = None
    measured = measure_learner(learner, np.random.default_rng(0))
    assert measured["true_return_fraction"] == pytest.approx(1)
    assert -1 <= measured["reward_correlation"] <= 1


def test_correlation_is_pearson_s_or_nan_where_nothing_varies():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 50))
    assert correlation(first, second) == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert correlation(first, 3 - 2 * first) == pytest.approx(-1)
    for other in (np.zeros(50), np.full(50, 7.3)):
        assert np.isnan(correlation(first, other))
        assert np.isnan(correlation(other, first))
    assert np.isnan(correlation(np.ones(1), np.ones(1)))


def test_the_base_env_is_the_first_one_without_monitors():
    points = [gym.wrappers.TimeLimit(Point(), 5) for _ in range(2)]
    venv = DummyVecEnv([lambda: Monitor(Monitor(points[0])), lambda: points[1]])
    assert first_base_env(venv) is points[0]


# A retrained policy.


@pytest.mark.parametrize(
    ("forward_model", "algorithm"), [("simulator", FastPPO), ("learned", FastSAC)]
)
def test_a_retrained_policy_is_trained_for_the_inferred_reward(forward_model, algorithm):
    learner = make_learner(forward_model=forward_model, sampling="backward")
    assert learner.gradient_estimator.is_learned == (forward_model == "learned")
    before = learner.gradient_estimator.solver.arrays()
    model = retrain_policy(learner, 1500, seed=1)
    assert isinstance(model, algorithm)
    assert model.num_timesteps >= 1500
    x = np.zeros((1, 1), np.float32)
    for _ in range(10):
        x = x + 0.5 * model.predict(x, deterministic=True)[0]
    assert x.item() == pytest.approx(1, abs=0.4)
    # The learner is as it was.
    for name, array in learner.gradient_estimator.solver.arrays().items():
        np.testing.assert_array_equal(array, before[name])


def test_the_seed_decides_the_retrained_policy():
    learner = make_learner()
    weights = []
    for seed in (0, 0, 1):
        model = retrain_policy(learner, 60, seed=seed)
        weights.append(np.concatenate([p.detach().ravel() for p in model.policy.parameters()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()


def test_step_sizes_of_a_retrained_policy_fall_to_zero():
    model = retrain_policy(make_learner(), 100)
    assert model.lr_schedule(1.0) == pytest.approx(1e-2)
    assert model.lr_schedule(0.0) == 0


def test_a_retrained_policy_needs_a_class_of_algorithms():
    planned = RLSP("RoomDefault-v0", seed=0, n_epochs=1, n_trajectories=10)
    named = RLSP("RoomDefault-v0", seed=0, n_epochs=1, n_trajectories=10, solver="planning")
    algorithm = SAC("MlpPolicy", gym.wrappers.TimeLimit(Point(), 10), device="cpu")
    for learner in (planned, named, make_learner(solver=algorithm)):
        with pytest.raises(TypeError, match="expected the class or the name of an algorithm"):
            retrain_policy(learner, 10)
    with pytest.raises(ValueError, match="total_timesteps=0"):
        retrain_policy(make_learner(), 0)


@pytest.mark.parametrize("name", ["average-features", "waypoints"])
def test_a_retrained_policy_is_trained_for_other_learners_of_rewards(name):
    baselines = pytest.importorskip("rlsp_baselines")
    learner_class = {
        "average-features": baselines.AverageFeatures,
        "waypoints": baselines.Waypoints,
    }[name]
    rlsp = make_learner()
    learner = learner_class(
        gym.wrappers.TimeLimit(Point(), 10),
        np.ones((2, 1), np.float32),
        encoder=lambda x: np.exp(-((x - 1) ** 2)),
        hyperparameters=rlsp.hyperparameters,
        solver_kwargs=rlsp.solver_kwargs,
        seed=0,
    )
    learner.learn(0)
    model = retrain_policy(learner, 1500, seed=1)
    x = np.zeros((1, 1), np.float32)
    for _ in range(10):
        x = x + 0.5 * model.predict(x, deterministic=True)[0]
    assert x.item() == pytest.approx(1, abs=0.4)


def test_a_retrained_policy_needs_a_reward_of_states():
    learner = make_learner()
    learner.__class__ = type("Other", (type(learner),), {"reward": lambda *transition: 0})
    with pytest.raises(TypeError, match="expected a learner with a reward of states"):
        retrain_policy(learner, 10)


# Callbacks and time.


class Saves:
    """Something with steps that can be saved."""

    def __init__(self):
        self.num_timesteps, self.saved, self.logger = 0, [], None

    def get_env(self):
        return None

    def save(self, path, include_replay):
        assert include_replay
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(self.num_timesteps))
        self.saved.append(self.num_timesteps)


def test_checkpoints_are_written_every_so_often_and_the_newest_two_stay(tmp_path):
    learner, folder = Saves(), tmp_path / "runs" / "one"
    written = Checkpoints(folder, 3)
    written.init_callback(learner)
    written.on_training_start({}, {})
    for step in range(1, 14):
        learner.num_timesteps = 900 * step
        written.end_epoch()
    assert learner.saved == [900 * each for each in (3, 6, 9, 12)]
    assert [path.read_text() for path in checkpoints(folder)] == ["8100", "10800"]
    assert checkpoints(tmp_path / "nothing") == []


def test_a_stopwatch_adds_up_the_time_of_each_part(monkeypatch):
    times = iter([0.0, 1.0, 10.0, 12.0, 20.0, 20.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    clock = Timer()
    with clock("a"):
        pass
    with clock("b"):
        pass
    with pytest.raises(KeyError), clock("a"):
        raise KeyError
    assert clock.seconds == {"a": 1.5, "b": 2.0}
