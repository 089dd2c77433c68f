"""What networks are fitted with: scales, settingss, draws, and arrays that restore them."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import nn

from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.io.state_arrays import (
    flatten_arrays,
    load_module,
    load_optimizer,
    module_arrays,
    optimizer_arrays,
    subtree,
)
from rlsp_sb3.models.networks import draw, mlp, one_hot
from rlsp_sb3.models.normalization import ActionNormalizer, Normalizer
from rlsp_sb3.models.training import fit


@pytest.mark.parametrize("shape", [(), (3,), (2, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8])
def test_normalizer_standardizes_and_its_inverse_undoes_that(shape, dtype):
    values = np.random.default_rng(0).uniform(10, 200, size=(500, *shape)).astype(dtype)
    normalizer = Normalizer(shape)
    normalizer.fit(values)
    scaled = normalizer.scale(values)
    assert scaled.dtype == torch.float32
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose(scaled.std(0, correction=0), 1, atol=1e-5)
    assert normalizer.unscale(scaled).shape == values.shape
    np.testing.assert_allclose(normalizer.unscale(scaled), values, rtol=1e-5)


def test_normalizer_leaves_entries_alone_that_never_vary():
    normalizer = Normalizer((2,))
    normalizer.fit(np.array([[4.0, 1.0], [4.0, 3.0]]))
    np.testing.assert_allclose(
        normalizer.scale(np.array([[4.0, 2.0], [5.0, 2.0]])), [[0, 0], [1, 0]]
    )


def test_a_new_normalizer_changes_nothing_and_arrays_restore_it():
    values = np.random.default_rng(0).normal(3, 2, size=(20, 4)).astype(np.float32)
    new, fitted = Normalizer((4,)), Normalizer((4,))
    np.testing.assert_array_equal(new.scale(values), values)
    fitted.fit(values)
    new.set_arrays(fitted.arrays())
    assert torch.equal(new.scale(values), fitted.scale(values))


def test_box_actions_are_brought_to_the_unit_range_and_back():
    space = spaces.Box(np.array([[-2, 0]]), np.array([[2, 10]]), dtype=np.float32)
    normalizer = ActionNormalizer(space)
    corners = np.stack([space.low, space.high, (space.low + space.high) / 2])
    np.testing.assert_allclose(normalizer.scale(corners), [[-1, -1], [1, 1], [0, 0]])
    actions = np.stack([space.sample() for _ in range(50)])
    np.testing.assert_allclose(normalizer.unscale(normalizer.scale(actions)), actions, atol=1e-5)
    wild = normalizer.unscale(torch.tensor([[-7.0, 9.0]]))
    np.testing.assert_array_equal(wild, [[[-2, 10]]])
    assert space.contains(wild[0])


def test_huge_bounds_do_not_overflow():
    space = spaces.Box(-1e38, 1e38, (1,), np.float32)
    scaled = ActionNormalizer(space).scale(np.array([[1e38], [-1e38], [0]], np.float32))
    np.testing.assert_allclose(scaled, [[1], [-1], [0]])


CATEGORIES = {
    "Discrete": (spaces.Discrete(3, start=-1), [-1, 1], [[1, 0, 0], [0, 0, 1]]),
    "MultiDiscrete": (spaces.MultiDiscrete([2, 3]), [[1, 0]], [[0, 1, 1, 0, 0]]),
    "MultiBinary": (spaces.MultiBinary((1, 2)), [[[1, 0]]], [[0, 1, 1, 0]]),
}


@pytest.mark.parametrize(("space", "elements", "codes"), CATEGORIES.values(), ids=CATEGORIES)
def test_categories_are_one_hot(space, elements, codes):
    elements = np.array(elements, space.dtype)
    np.testing.assert_array_equal(ActionNormalizer(space).scale(elements), codes)
    normalizer = Normalizer(space)
    np.testing.assert_array_equal(normalizer.scale(elements), codes)
    normalizer.fit(np.stack([space.sample() for _ in range(50)]))
    back = normalizer.unscale(normalizer.scale(elements) + 0.1)
    np.testing.assert_array_equal(back, elements)
    assert back.dtype == elements.dtype
    with pytest.raises(RuntimeError):
        normalizer.scale(elements + 5)


@pytest.mark.parametrize(
    "space",
    [
        spaces.Box(-np.inf, np.inf, (1,)),
        spaces.Box(np.array([0.0, 2.0]), np.array([1.0, 2.0])),
        spaces.Text(3),
    ],
)
def test_other_action_spaces_are_refused(space):
    with pytest.raises(TypeError, match="expected a Box with bounds, each low below its high, or"):
        ActionNormalizer(space)


def linear_problem(n=400):
    rng = np.random.default_rng(0)
    inputs = torch.as_tensor(rng.normal(size=(n, 3)), dtype=torch.float32)
    targets = inputs @ torch.tensor([[1.0], [-2.0], [0.5]]) + 1
    network = nn.Linear(3, 1)
    with torch.no_grad():
        network.weight.zero_()
        network.bias.zero_()

    def loss(rows):
        index = torch.as_tensor(rows)
        return ((network(inputs[index]) - targets[index]) ** 2).mean()

    return network, loss


def test_fit_finds_the_minimum_and_returns_the_loss_held_out():
    network, loss = linear_problem()
    held_out = fit(
        network.parameters(), loss, 400, FitSettings(400, 50, 0.05), np.random.default_rng(0)
    )
    assert held_out < 1e-4
    np.testing.assert_allclose(network.weight.detach(), [[1, -2, 0.5]], atol=0.02)


def test_fit_never_trains_on_what_is_held_out():
    network, loss = linear_problem()
    batches = []

    def recorded(rows):
        batches.append(set(rows.tolist()))
        return loss(rows)

    fit(network.parameters(), recorded, 400, FitSettings(100, 64, 1e-3), np.random.default_rng(0))
    *training, held_out = batches
    assert len(training) == 100
    assert len(held_out) == 20
    assert not held_out & set().union(*training)
    assert set().union(*training) | held_out == set(range(400))


def test_the_step_size_falls_like_a_cosine_to_zero():
    # With a constant gradient, each step of Adam is as long as its step size.
    parameter = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    places = []

    def loss(rows):
        places.append(parameter.item())
        return parameter.sum()

    fit([parameter], loss, 10, FitSettings(8, 1, 0.1), np.random.default_rng(0))
    expected = 0.1 * (1 + np.cos(np.pi * np.arange(8) / 8)) / 2
    np.testing.assert_allclose(-np.diff(places), expected, rtol=1e-6)


def test_a_single_example_is_enough_and_none_is_an_error():
    network, loss = linear_problem()
    settings = FitSettings(2, 3, 1e-3)
    assert np.isfinite(fit(network.parameters(), loss, 1, settings, np.random.default_rng(0)))
    with pytest.raises(ValueError, match="no examples"):
        fit(network.parameters(), loss, 0, settings, np.random.default_rng(0))


def test_same_rng_fits_the_same_bits():
    weights = []
    for seed in (0, 0, 1):
        network, loss = linear_problem()
        fit(network.parameters(), loss, 400, FitSettings(5, 8, 0.01), np.random.default_rng(seed))
        weights.append(network.weight.detach().clone())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_draws_have_the_probabilities_given():
    probabilities = torch.tensor([0.5, 0.2, 0.3, 0.0])
    logits = torch.log(probabilities) + 7  # up to a constant
    drawn = draw(logits.expand(100_000, 4), np.random.default_rng(0))
    frequencies = np.bincount(drawn, minlength=4) / 100_000
    errors = np.sqrt(probabilities.numpy() * (1 - probabilities.numpy()) / 100_000)
    assert (np.abs(frequencies - probabilities.numpy()) <= 4 * errors).all()
    assert draw(torch.zeros(2, 3, 4), np.random.default_rng(0)).shape == (2, 3)


def test_one_hot_rows():
    for dtype in (np.int64, np.int32, np.uint8):
        rows = one_hot(np.array([2, 0], dtype), 3)
        assert rows.dtype == torch.float32
        np.testing.assert_array_equal(rows, [[0, 0, 1], [1, 0, 0]])
    assert one_hot(np.array([], np.int64), 3).shape == (0, 3)


@pytest.mark.parametrize("value", [-1, 3])
def test_there_is_no_row_of_a_value_out_of_range(value):
    with pytest.raises(RuntimeError, match="Class values must be"):
        one_hot(np.array([0, value]), 3)


def test_parts_come_apart_as_they_were_joined():
    first, second = {"a": np.ones(1), "b.c": np.zeros(2)}, {"a": np.full(1, 3)}
    arrays = flatten_arrays(one=first, one_more=second)
    assert subtree(arrays, "one").keys() == first.keys()
    assert subtree(arrays, "one_more")["a"] is second["a"]
    assert subtree(arrays, "other") == {}


def train_a_little(network, optimizer, seed):
    generator = torch.Generator().manual_seed(seed)
    for _ in range(3):
        optimizer.zero_grad()
        (network(torch.randn(8, 4, generator=generator)) ** 2).mean().backward()
        optimizer.step()


def test_networks_and_optimizers_go_on_to_the_bit():
    network = mlp(4, 2, (8,))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    train_a_little(network, optimizer, 0)
    saved = module_arrays(network), optimizer_arrays(optimizer)
    train_a_little(network, optimizer, 1)  # what was saved is a copy

    other = mlp(4, 2, (8,))
    other_optimizer = torch.optim.Adam(other.parameters(), 0.01)
    train_a_little(other, other_optimizer, 5)
    load_module(other, saved[0])
    load_optimizer(other_optimizer, saved[1])
    train_a_little(other, other_optimizer, 1)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


def test_an_optimizer_that_never_stepped_forgets():
    network = mlp(4, 2, (8,))
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    new = optimizer_arrays(optimizer)
    assert new == {}
    train_a_little(network, optimizer, 0)
    load_optimizer(optimizer, new)
    assert optimizer_arrays(optimizer) == {}


def test_parameters_of_another_network_are_refused():
    with pytest.raises(ValueError, match=r"has shape \(9, 4\).*expected shape \(8, 4\)"):
        load_module(mlp(4, 2, (8,)), module_arrays(mlp(4, 2, (9,))))
