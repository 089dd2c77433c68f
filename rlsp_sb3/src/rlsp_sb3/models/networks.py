"""Multi-layer perceptrons and convolutional networks."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_HIDDEN = (128, 128)
_IMAGE_CHANNELS = (16, 32, 32)
IMAGE_AXES = 3


def mlp(
    n_inputs: int,
    n_outputs: int,
    hidden: Sequence[int] = _HIDDEN,
    activation: type[nn.Module] = nn.ReLU,
) -> nn.Sequential:
    """A multi-layer perceptron with activations between its layers."""
    sizes = [n_inputs, *hidden]
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], n_outputs))


def one_hot(values: NDArray[np.int64], size: int) -> torch.Tensor:
    """Rows (N, size) that are 1 at the values (N,) and 0 elsewhere, as input of a network.

    Raises:
        RuntimeError: If a value is below 0, or is not below the size.
    """
    return nn.functional.one_hot(torch.as_tensor(values, dtype=torch.int64), size).float()


def draw(log_probabilities: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Draw from categorical distributions.

    Args:
        log_probabilities: (…, size), up to a constant.
        rng: The source of random numbers, rather than PyTorch's global one.

    Returns:
        Draws of shape (…).
    """
    uniform = torch.as_tensor(rng.random(log_probabilities.shape, dtype=np.float32))
    gumbel = -torch.log(-torch.log(uniform.clamp(1e-12, 1 - 1e-7)))
    return (log_probabilities + gumbel).argmax(dim=-1)


class ChannelsFirst(nn.Module):
    """Flat images (N, height·width·channels) as (N, channels, height, width)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, flat: torch.Tensor) -> torch.Tensor:
        """The images, as convolutions want them."""
        return flat.view(-1, *self.shape).permute(0, 3, 1, 2)


class ChannelsLast(nn.Module):
    """Images (N, channels, height, width) as flat ones (N, height·width·channels)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """The images, as observations have them."""
        return images.permute(0, 2, 3, 1).flatten(1)


def image_encoder(shape: tuple[int, ...], n_outputs: int) -> nn.Sequential:
    """A convolutional network from flat images to vectors.

    Args:
        shape: Height, width and channels of an image; height and width are multiples of 8.
        n_outputs: The size of the vectors.

    Raises:
        ValueError: If the shape is another one.
    """
    height, width = _eighths(shape)
    sizes = [shape[2], *_IMAGE_CHANNELS]
    layers: list[nn.Module] = [ChannelsFirst(shape)]
    for before, after in pairwise(sizes):
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(sizes[-1] * height * width, n_outputs))


def image_decoder(n_inputs: int, shape: tuple[int, ...]) -> nn.Sequential:
    """A convolutional network from vectors to flat images; see :func:`image_encoder`."""
    height, width = _eighths(shape)
    sizes = [*reversed(_IMAGE_CHANNELS), shape[2]]
    layers: list[nn.Module] = [
        nn.Linear(n_inputs, sizes[0] * height * width),
        nn.Unflatten(1, (sizes[0], height, width)),
    ]
    for before, after in pairwise(sizes):
        layers += [nn.LeakyReLU(), nn.ConvTranspose2d(before, after, 4, stride=2, padding=1)]
    return nn.Sequential(*layers, ChannelsLast())


def _eighths(shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 3 or shape[0] % 8 or shape[1] % 8:
        raise ValueError(
            f"observations have the shape {shape}: expected images (height, width, channels) with "
            "height and width that are multiples of 8; resize them"
        )
    return shape[0] // 8, shape[1] // 8


ACTIVATIONS: dict[str, type[nn.Module]] = {
    activation.__name__: activation
    for activation in (
        *(nn.CELU, nn.ELU, nn.GELU, nn.Hardswish, nn.Hardtanh, nn.LeakyReLU, nn.Mish, nn.ReLU),
        *(nn.ReLU6, nn.SELU, nn.SiLU, nn.Sigmoid, nn.Softplus, nn.Softsign, nn.Tanh),
    )
}
"""The activation functions that a policy may have, by name."""
