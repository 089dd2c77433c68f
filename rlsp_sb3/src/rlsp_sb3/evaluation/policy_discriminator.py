"""Discriminator of two policies: the cross-entropy of telling their states apart.

Two policies that visit the same states cannot be told apart: the cross-entropy of the best
classifier is log 2, that of a guess. The more they differ, the closer it gets to 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray
from torch import nn

from rlsp_sb3.models.networks import mlp
from rlsp_sb3.models.normalization import Normalizer
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.observations import check_array_space, is_categorical, space_bounds
from rlsp_sb3.utils.type_checks import check_type, checks_types

_SEGMENT = 8  # steps
_GAP = 2  # steps
_MAX_FOLDS = 5
_HIDDEN = (10,)  # as published
N_UPDATES = 500
_LEARNING_RATE = 3e-3
_L2 = 0.03  # or else 100 states are learned by heart
MEASURE_EVERY = 10  # updates

Segments = Sequence[NDArray[Any]]


class CrossEntropyCurve(NamedTuple):
    """The cross-entropy while a classifier is trained.

    Attributes:
        steps: After how many gradient steps (K,), from 0 on.
        cross_entropy: That of the states which were held out (K,), in nats.
    """

    steps: NDArray[np.int64]
    cross_entropy: NDArray[np.float64]


def segments(
    observations: ArrayLike, length: int = _SEGMENT, gap: int = _GAP
) -> list[NDArray[Any]]:
    """Cut the states of an episode into segments of time.

    States that follow each other are alike, so that a classifier would know a state that is held
    out by its neighbors. Hence segments are held out whole, and states between them are left out.

    Args:
        observations: The observations of one episode in their order (L, *observation_shape).
        length: The number of states of a segment, at least 1.
        gap: The number of states between two segments, at least 0.

    Returns:
        As many segments (length, *observation_shape) as there is room for.
    """
    check_int("length", length, 1)
    check_int("gap", gap, 0)
    array = np.asarray(observations)
    starts = range(0, len(array) - length + 1, length + gap)
    return [array[start : start + length] for start in starts]


@checks_types
def held_out_cross_entropy(
    first: Segments,
    second: Segments,
    seed: int = 0,
    *,
    observation_space: spaces.Space[Any] | None = None,
) -> CrossEntropyCurve:
    """Train a classifier to tell states of two kinds apart, and test it on states it never saw.

    The test is that of Lindner et al. (2021, section 3.4 and its code), with a classifier as small
    as theirs. They report the cross-entropy of what it is trained on, which are five states at a
    time. Here it is that of single states which it never saw, and says how alike the policies are
    rather than how well the classifier remembers: segments are dealt to folds, and each fold is
    held out from a classifier of its own. Both kinds count the same, however many states they have.

    Args:
        first: Segments of states of the one kind, (N_i, *observation_shape) each; at least 2.
        second: Segments of states of the other kind; at least 2.
        seed: Seeds the weights of the classifiers.
        observation_space: The space of the observations, whose categories the classifier sees
            one-hot; None for numbers.

    Returns:
        The mean over all states that were held out.

    Raises:
        ValueError: If there are fewer than 2 segments of a kind, or if observations differ in
            shape, are not finite, or are no categories of the space.
    """
    check_int("seed", seed, 0)
    kinds = [_checked("first", first), _checked("second", second)]
    shapes = [kind[0].shape[1:] for kind in kinds]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"first has observations of shape {shapes[0]} and second of {shapes[1]}: expected one "
            "shape"
        )
    if observation_space is not None:
        for name, kind in zip(("first", "second"), kinds, strict=True):
            _check_space(name, kind, observation_space)
    space = shapes[0] if observation_space is None else observation_space
    n_folds = min(_MAX_FOLDS, *map(len, kinds))
    curves = []
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(seed)
        for fold in range(n_folds):
            seen = [np.concatenate(_except(kind, fold, n_folds)) for kind in kinds]
            unseen = [np.concatenate(kind[fold::n_folds]) for kind in kinds]
            curves.append(_curve(seen, unseen, Normalizer(space)))
    return CrossEntropyCurve(np.arange(0, N_UPDATES + 1, MEASURE_EVERY), np.mean(curves, axis=0))


def _curve(seen: Segments, unseen: Segments, normalizer: Normalizer) -> list[float]:
    """The cross-entropy of what is unseen, while a classifier is trained on what is seen."""
    normalizer.fit(np.concatenate(seen))
    inputs, weights, labels = _batch(seen, normalizer)
    test = _batch(unseen, normalizer)
    network = mlp(inputs.shape[1], 1, _HIDDEN)
    optimizer = torch.optim.Adam(network.parameters(), _LEARNING_RATE, weight_decay=_L2)
    curve = []
    for step in range(N_UPDATES + 1):
        if step % MEASURE_EVERY == 0:
            with torch.no_grad():
                curve.append(float(_loss(network, *test)))
        optimizer.zero_grad()
        _loss(network, inputs, weights, labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return curve


def _batch(
    kinds: Segments, normalizer: Normalizer
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """States of both kinds, how much each counts, and of which kind it is."""
    inputs = torch.cat([normalizer.scale(states) for states in kinds])
    sizes = torch.tensor([len(states) for states in kinds])
    weights = torch.repeat_interleave(1 / (2 * sizes), sizes)
    labels = torch.repeat_interleave(torch.tensor([0.0, 1.0]), sizes)
    return inputs, weights, labels


def _loss(
    network: nn.Module, inputs: torch.Tensor, weights: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    logits = network(inputs)[:, 0]
    loss = nn.functional.binary_cross_entropy_with_logits
    return loss(logits, labels, weights, reduction="sum")


def _except(kind: Segments, fold: int, n_folds: int) -> list[NDArray[Any]]:
    return [segment for i, segment in enumerate(kind) if i % n_folds != fold]


def _checked(name: str, kind: Segments) -> list[NDArray[Any]]:
    """The segments, if they are as they should be."""
    for i, segment in enumerate(kind):
        check_type(f"{name}[{i}]", segment, ArrayLike)
    arrays = [np.atleast_1d(np.asarray(segment, dtype=np.float64)) for segment in kind]
    if len(arrays) < 2:
        raise ValueError(
            f"{name} has {len(arrays)} segments: expected at least 2, one to train on and one that "
            "is held out; take a longer episode, or more of them"
        )
    if len({array.shape[1:] for array in arrays}) > 1 or not all(map(len, arrays)):
        shapes = [array.shape for array in arrays]
        raise ValueError(f"{name} has segments of the shapes {shapes}: expected states in each")
    if not all(np.isfinite(array).all() for array in arrays):
        raise ValueError(f"{name} has observations that are not finite: expected numbers")
    return arrays


def _check_space(name: str, kind: Segments, space: spaces.Space[Any]) -> None:
    """Raise an error if states cannot be those of an observation space."""
    check_array_space(space)
    if kind[0].shape[1:] != space.shape:
        raise ValueError(
            f"{name} has observations of shape {kind[0].shape[1:]}: expected {space.shape}, as in "
            f"observation_space={space}"
        )
    if is_categorical(space):
        low, high = space_bounds(space)
        if not all(np.all((low <= e) & (e <= high) & (e == np.round(e))) for e in kind):
            raise ValueError(f"{name} has observations that are not in observation_space={space}")
