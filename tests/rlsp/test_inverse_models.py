"""What was before: changes, and actions, as models of numbers learn them."""

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium import spaces

from rlsp_sb3.data.transitions import Transitions, collect
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import load_module, module_arrays
from rlsp_sb3.models.delta_model import DeltaModel
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec
from rlsp_sb3.rlsp.inverse_dynamics import DeltaInverseDynamics
from rlsp_sb3.rlsp.inverse_models import InverseModels
from rlsp_sb3.rlsp.inverse_policy import StationaryInversePolicy
from rlsp_sb3.simulators.learned import LearnedSimulator
from rlsp_sb3.simulators.rollout import Trajectories

from helpers.point import STEP, Point

A = np.array([[0.9, 0.2], [-0.1, 0.8]])
B = np.array([[1.0], [0.5]])
ACTIONS = spaces.Box(-2, 2, (1,), np.float32)
SETTINGS = FitSettings(500, 128, 5e-3)
QUICK = FitSettings(5, 16, 1e-3)


def linear_system(n=2000, seed=0):
    """Transitions s' = A s + B a."""
    rng = np.random.default_rng(seed)
    before = rng.normal(scale=3, size=(n, 2)).astype(np.float32)
    actions = rng.uniform(-2, 2, size=(n, 1)).astype(np.float32)
    after = (before @ A.T + actions @ B.T).astype(np.float32)
    return Transitions(before, actions, after)


def fitted_forward(settings):
    model = DeltaModel((2,), ACTIONS, hidden=(32, 32))
    before, actions, after, _ = linear_system()
    return model, model.fit(before, actions, after, settings, np.random.default_rng(0))


@pytest.fixture(scope="module")
def forward():
    return fitted_forward(SETTINGS)


def relative_error(predicted, wanted, change):
    return np.sqrt(np.mean((predicted - wanted) ** 2) / np.mean(change**2))


def test_a_delta_model_learns_a_linear_system_forward(forward):
    model, loss = forward
    assert loss < 1e-2
    fresh = linear_system(500, seed=1)
    predicted = model(fresh.observations, fresh.actions)
    change = fresh.next_observations - fresh.observations
    assert relative_error(predicted, fresh.next_observations, change) < 0.1


def test_inverse_dynamics_learn_a_linear_system_backward():
    dynamics = DeltaInverseDynamics(DeltaModel((2,), ACTIONS, hidden=(32, 32)))
    loss = dynamics.fit(linear_system(), SETTINGS, np.random.default_rng(0))
    assert loss < 1e-2
    fresh = linear_system(500, seed=1)
    times = np.zeros(500, dtype=np.int64)
    before = dynamics.sample(
        fresh.next_observations, fresh.actions, times, np.random.default_rng(0)
    )
    change = fresh.next_observations - fresh.observations
    assert relative_error(before, fresh.observations, change) < 0.1
    # Nothing is random, and time does not matter.
    again = dynamics.sample(
        fresh.next_observations, fresh.actions, times + 9, np.random.default_rng(1)
    )
    np.testing.assert_array_equal(before, again)


def test_changes_stay_within_the_range_that_was_seen(forward):
    model, _ = forward
    seen = linear_system()
    changes = seen.next_observations.astype(np.float64) - seen.observations
    far = np.array([[1e4, -1e4], [-1e4, 1e4]])
    moved = model(far, np.zeros((2, 1))) - far
    assert (moved >= changes.min(axis=0) - 1e-9).all()
    assert (moved <= changes.max(axis=0) + 1e-9).all()
    assert np.isclose(np.abs(moved), np.maximum(-model.low, model.high)).any()


def test_the_range_grows_when_a_model_is_fitted_again_and_the_scale_stays():
    model = DeltaModel((1,), ACTIONS, hidden=(4,))
    rng, settings = np.random.default_rng(0), FitSettings(1, 4, 1e-3)
    origins, actions = np.zeros((8, 1)), np.zeros((8, 1))
    model.fit(origins, actions, origins + np.linspace(-1, 1, 8)[:, None], settings, rng)
    std = model.change.std.copy()
    model.fit(origins, actions, origins + np.linspace(0, 5, 8)[:, None], settings, rng)
    assert (model.low.item(), model.high.item()) == (-1, 5)
    np.testing.assert_array_equal(model.change.std, std)


def test_discrete_actions_and_integer_observations_will_do():
    rng = np.random.default_rng(0)
    before = rng.integers(100, 200, size=(1000, 2)).astype(np.uint8)
    actions = rng.integers(5, 7, size=1000)
    after = before.copy()
    after[:, 0] += np.where(actions == 5, 3, 0).astype(np.uint8)
    after[:, 1] -= np.where(actions == 6, 2, 0).astype(np.uint8)  # changes may be negative
    model = DeltaModel((2,), spaces.Discrete(2, start=5), hidden=(16,))
    model.fit(before, actions, after, FitSettings(300, 100, 1e-2), rng)
    np.testing.assert_allclose(model(before, actions), after, atol=0.2)


def test_categories_change_to_categories():
    rng = np.random.default_rng(0)
    ring = spaces.Discrete(5)
    before = rng.integers(5, size=1000)
    actions = rng.integers(2, size=1000)
    after = (before + 2 * actions - 1) % 5
    model = DeltaModel(ring, spaces.Discrete(2), hidden=(32,))
    model.fit(before, actions, after, FitSettings(300, 100, 1e-2), rng)
    np.testing.assert_array_equal(model(before, actions), after)
    restored = DeltaModel(ring, spaces.Discrete(2), hidden=(32,), seed=1)
    restored.set_arrays(model.arrays())
    np.testing.assert_array_equal(restored(before, actions), after)


def test_a_delta_model_comes_back_from_its_arrays_to_the_bit():
    model, _ = fitted_forward(QUICK)
    restored = DeltaModel((2,), ACTIONS, hidden=(32, 32), seed=5)
    assert restored.arrays() == {}
    restored.set_arrays({})
    assert not restored.is_fitted
    restored.set_arrays(model.arrays())
    assert restored.is_fitted
    fresh = linear_system(50, seed=1)
    np.testing.assert_array_equal(
        restored(fresh.observations, fresh.actions), model(fresh.observations, fresh.actions)
    )
    # It goes on from there, too.
    rng = np.random.default_rng
    losses = [
        each.fit(fresh.observations, fresh.actions, fresh.next_observations, QUICK, rng(3))
        for each in (model, restored)
    ]
    assert losses[0] == losses[1]


# The inverse policy.


def mixture(**kwargs):
    space = spaces.Box(-1, 1, (1,), np.float32)
    return StationaryInversePolicy((2,), space, hidden=(32,), **kwargs)


@pytest.mark.parametrize("n_components", [1, 5])
def test_the_density_of_actions_integrates_to_1(n_components):
    policy = mixture(n_components=n_components, seed=3)
    for parameter in policy.parameters():
        parameter.data *= 3  # not too smooth
    grid = torch.linspace(-40, 40, 80_001)
    for after in (np.zeros((1, 2)), np.full((1, 2), 4.0)):
        inputs = policy.after.scale(after).expand(len(grid), -1)
        density = policy._log_prob(inputs, grid[:, None]).exp().detach()
        assert torch.trapezoid(density, grid).item() == pytest.approx(1, abs=1e-3)


def test_samples_are_of_the_density():
    policy = mixture(seed=3)
    last = policy.network[-1]
    last.weight.data[5:] = 0
    last.bias.data[5:10] = torch.tensor([-0.6, -0.3, 0.0, 0.3, 0.6])
    last.bias.data[10:] = torch.linspace(-4, -2, 5)  # narrow, so that few have to be clipped
    after = np.tile([[0.3, -0.7]], (50_000, 1))
    drawn = policy.sample(after, np.zeros(len(after), dtype=np.int64), np.random.default_rng(0))
    assert drawn.shape == (50_000, 1)
    edges = np.linspace(-1, 1, 21)
    share = np.histogram(drawn, edges)[0] / len(drawn)
    grid = torch.linspace(-1, 1, 20_001)
    inputs = policy.after.scale(after[:1]).expand(len(grid), -1)
    density = policy._log_prob(inputs, grid[:, None]).exp().detach().numpy()
    expected = [np.mean(density[1000 * i : 1000 * (i + 1)]) * 0.1 for i in range(20)]
    np.testing.assert_allclose(share, expected, atol=0.01)


def test_a_mixture_learns_actions_of_two_kinds():
    rng = np.random.default_rng(0)
    after = rng.normal(size=(4000, 2))
    right = rng.random(4000) < 0.3
    actions = (np.where(right, 0.7, -0.5) + rng.normal(scale=0.1, size=4000))[:, None]
    policy = mixture()
    loss = policy.fit(actions, after, FitSettings(500, 200, 5e-3), rng)
    entropy = 0.5 * np.log(2 * np.pi * np.e * 0.1**2) - 0.3 * np.log(0.3) - 0.7 * np.log(0.7)
    assert loss == pytest.approx(entropy, abs=0.15)  # the least possible
    drawn = policy.sample(after, np.zeros(4000, dtype=np.int64), rng)[:, 0]
    assert np.mean(drawn > 0.1) == pytest.approx(0.3, abs=0.05)
    assert np.mean(np.abs(drawn - 0.1) < 0.2) < 0.02  # nothing in between
    assert drawn[drawn > 0.1].mean() == pytest.approx(0.7, abs=0.05)
    assert drawn[drawn < 0.1].mean() == pytest.approx(-0.5, abs=0.05)


def test_a_mixture_learns_which_action_led_where():
    rng = np.random.default_rng(0)
    policy = StationaryInversePolicy((2,), ACTIONS, hidden=(32, 32))
    after = rng.uniform(-10, 30, size=(3000, 2))
    actions = 2 * np.tanh((after[:, :1] - 10) / 10)
    policy.after.fit(after)
    policy.fit(actions, after, FitSettings(500, 200, 5e-3), rng)
    drawn = policy.sample(after, np.zeros(3000, dtype=np.int64), rng)
    assert np.sqrt(np.mean((drawn - actions) ** 2)) < 0.25
    assert drawn.dtype == np.float32
    assert all(ACTIONS.contains(each) for each in drawn[:100])


def test_no_gaussian_is_narrower_than_the_smallest_width():
    policy = mixture(min_std=0.05)
    rng = np.random.default_rng(0)
    policy.fit(np.zeros((200, 1)), np.zeros((200, 2)), FitSettings(300, 50, 1e-2), rng)
    _, _, stds = policy._mixture(torch.zeros(1, 2))
    assert (stds >= 0.05).all()


def test_discrete_actions_are_learned_by_their_frequencies():
    rng = np.random.default_rng(0)
    space = spaces.Discrete(3, start=4)
    policy = StationaryInversePolicy((1,), space, hidden=(32,))
    side = rng.integers(2, size=6000)
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 0.5, 0.5]])
    numbers = (rng.random((6000, 1)) > probabilities.cumsum(axis=1)[side]).sum(axis=1)
    after = (2.0 * side - 1)[:, None]
    loss = policy.fit(numbers + 4, after, FitSettings(400, 300, 1e-2), rng)
    positive = probabilities[probabilities > 0]
    assert loss == pytest.approx(-(positive * np.log(positive)).sum() / 2, abs=0.08)
    for i, end in enumerate((-1.0, 1.0)):
        drawn = policy.sample(np.full((20_000, 1), end), np.zeros(20_000, dtype=np.int64), rng)
        frequencies = np.bincount(drawn - 4, minlength=3) / 20_000
        np.testing.assert_allclose(frequencies, probabilities[i], atol=0.05)


@pytest.mark.parametrize("space", [spaces.MultiDiscrete([3, 2]), spaces.MultiBinary(2)], ids=str)
def test_each_entry_of_an_action_is_learned(space):
    rng = np.random.default_rng(0)
    policy = StationaryInversePolicy(spaces.Discrete(2), space, hidden=(32,))
    side = rng.integers(2, size=6000)
    # The first entry tells the side, the second one does not.
    actions = np.stack([side, rng.random(6000) < 0.3], axis=1).astype(space.dtype)
    loss = policy.fit(actions, side, FitSettings(300, 300, 1e-2), rng)
    entropy = -(0.3 * np.log(0.3) + 0.7 * np.log(0.7))
    assert loss == pytest.approx(entropy, abs=0.08)
    drawn = policy.sample(side, np.zeros(6000, dtype=np.int64), rng)
    assert all(space.contains(each) for each in drawn[:20])
    assert (drawn[:, 0] == side).mean() > 0.98
    for i in range(2):
        assert drawn[side == i, 1].mean() == pytest.approx(0.3, abs=0.06)


def test_to_reinitialize_forgets_and_its_rng_decides():
    rng = np.random.default_rng(0)
    policy, other = mixture(), mixture(seed=1)
    first = module_arrays(policy)
    policy.fit(rng.uniform(-1, 1, (100, 1)), rng.normal(size=(100, 2)), FitSettings(3, 9, 0.1), rng)
    for each in (policy, other):
        each.reinitialize(np.random.default_rng(5))
    for name, value in module_arrays(policy).items():
        assert (value != first[name]).any()
        np.testing.assert_array_equal(value, module_arrays(other)[name])


def test_an_inverse_policy_comes_back_from_its_arrays_to_the_bit():
    rng = np.random.default_rng(0)
    policy, restored = mixture(), mixture(seed=1)
    after = rng.normal(size=(50, 2))
    policy.fit(rng.uniform(-1, 1, (50, 1)), after, FitSettings(5, 9, 1e-2), rng)
    load_module(restored, module_arrays(policy))
    times = np.zeros(50, dtype=np.int64)
    samples = [each.sample(after, times, np.random.default_rng(1)) for each in (policy, restored)]
    np.testing.assert_array_equal(*samples)


def test_global_generators_play_no_part():
    state = torch.random.get_rng_state()
    mixture().fit(
        np.zeros((9, 1)), np.zeros((9, 2)), FitSettings(2, 3, 1e-2), np.random.default_rng(0)
    )
    fitted_forward(QUICK)
    mixture().reinitialize(np.random.default_rng(0))
    assert torch.equal(torch.random.get_rng_state(), state)


# A simulator that was learned.


def test_a_learned_simulator_steps_as_the_environment_would():
    env, rng = Point(), np.random.default_rng(0)
    simulator = LearnedSimulator(env, rng, DeltaModel((1,), env.action_space, (32,)), n_initial=20)
    loss = simulator.fit(collect(env, 600, rng), FitSettings(300, 100, 1e-2), rng)
    assert loss < 0.01
    starts = simulator.reset(300)
    assert starts.dtype == np.float32
    assert np.abs(starts).max() <= 0.1
    assert len(np.unique(starts)) <= 20
    actions = rng.uniform(-1, 1, size=(300, 1)).astype(np.float32)
    following = simulator.step(starts, actions)
    assert following.dtype == np.float32
    np.testing.assert_allclose(following, starts + STEP * actions, atol=0.1)


def test_a_learned_simulator_comes_back_from_its_arrays_to_the_bit():
    env = gym.make("CartPole-v1").unwrapped
    simulators = []
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        model = DeltaModel((4,), env.action_space, (8,), seed=seed)
        simulators.append(LearnedSimulator(env, rng, model, n_initial=5))
    first, restored = simulators
    first.fit(collect(env, 60, first.rng), FitSettings(3, 8, 1e-2), first.rng)
    restored.set_arrays(first.arrays())
    for simulator in simulators:
        simulator.seed(4)
    starts = first.reset(30)
    np.testing.assert_array_equal(starts, restored.reset(30))
    actions = np.ones(30, dtype=np.int64)
    np.testing.assert_array_equal(first.step(starts, actions), restored.step(starts, actions))


def test_a_learned_simulator_keeps_at_least_one_initial_observation():
    model = DeltaModel((1,), Point().action_space)
    with pytest.raises(ValueError, match="n_initial=0"):
        LearnedSimulator(Point(), np.random.default_rng(0), model, n_initial=0)


# Both models together, of observations that take few values.


def coins(n, rng):
    """Trajectories (3, n, 2): of action 0 and then 1; each flips a coin, and the other stays."""
    observations = rng.integers(2, size=(3, n, 2)).astype(np.float32)
    observations[1, :, 1] = observations[0, :, 1]
    observations[2, :, 0] = observations[1, :, 0]
    return Trajectories(observations, np.repeat([[0], [1]], n, axis=1))


def test_models_that_are_told_the_time_learn_what_was_before():
    rng = np.random.default_rng(0)
    rollouts = coins(2000, rng)
    models = InverseModels(CategoricalCodec(rollouts.observations.reshape(-1, 2)), 2, 2, rng)
    models.fit(rollouts, rollouts.observations, None, 150, rng)
    after = rng.integers(2, size=(3000, 2)).astype(np.float32)
    for time in (0, 1):
        times = np.full(3000, time)
        actions = models.policy.sample(after, times, rng)
        assert np.mean(actions == time) > 0.99
        before = models.dynamics.sample(after, actions, times, rng)
        assert np.mean(before[:, 1 - time] == after[:, 1 - time]) > 0.98
        assert np.mean(before[:, time]) == pytest.approx(0.5, abs=0.05)


def test_arrays_of_both_are_copies_that_restore_them_to_the_bit():
    rng = np.random.default_rng(0)
    rollouts = coins(100, rng)
    codec = CategoricalCodec(rollouts.observations.reshape(-1, 2))
    models, restored = (InverseModels(codec, 2, 2, rng) for _ in range(2))
    new = models.arrays()
    models.fit(rollouts, rollouts.observations, None, 3, np.random.default_rng(1))
    saved = models.arrays()
    models.fit(rollouts, rollouts.observations, None, 3, np.random.default_rng(2))
    for arrays in (saved, new):  # also of models that were never fitted
        restored.set_arrays(arrays)
        assert restored.arrays().keys() == arrays.keys()
    restored.set_arrays(saved)
    restored.fit(rollouts, rollouts.observations, None, 3, np.random.default_rng(2))
    for name, array in models.arrays().items():
        np.testing.assert_array_equal(array, restored.arrays()[name], err_msg=name)
