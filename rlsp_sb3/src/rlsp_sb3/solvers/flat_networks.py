"""Small networks, trained with few calls: on such networks the calls are what takes the time.

All parameters of a network are views of one flat tensor, so that one call changes them all; several
networks of the same shape are computed at once; and gradients are written by hand, without a graph.
The parameters still belong to the modules, and the moments to the optimizer: what changes, saves or
loads them there need not know. Room for results is kept from call to call, because on large
networks fresh memory costs as much as the arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

# With room for the result; PyTorch has no other name for these.
relu_backward = torch.ops.aten.threshold_backward.grad_input
tanh_backward = torch.ops.aten.tanh_backward.grad_input


class FlatParameters:
    """Parameters that are views of one flat tensor, and a flat tensor for their gradient.

    Attributes:
        values: The parameters (P,).
        gradient: Their gradient (P,), for the caller to write.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.values = torch.cat([p.detach().flatten() for p in self.parameters])
        self.gradient = torch.zeros_like(self.values)
        self._views = self.split(self.values)
        self.attach()

    def split(self, flat: Tensor) -> list[Tensor]:
        """A view for each parameter of a flat tensor (P,)."""
        ends = accumulate((p.numel() for p in self.parameters), initial=0)
        pairs = zip(self.parameters, pairwise(ends), strict=True)
        return [flat[start:end].view(p.shape) for p, (start, end) in pairs]

    def attach(self) -> None:
        """Take over parameters that were replaced, as by ``to`` or a copy of the module."""
        for parameter, view in zip(self.parameters, self._views, strict=True):
            if parameter.data_ptr() != view.data_ptr():
                view.copy_(parameter.data)
                parameter.data = view


class FlatAdam:
    """The steps of a ``torch.optim.Adam``, for all parameters at once.

    The moments are kept in that optimizer. Call :meth:`attach` before the first of some steps and
    :meth:`detach` after the last.
    """

    def __init__(self, parameters: FlatParameters) -> None:
        self.parameters = parameters
        values = parameters.values
        self._mean, self._square = torch.zeros_like(values), torch.zeros_like(values)
        self._root = torch.empty_like(values)
        # Each has its own, because PyTorch counts in place.
        self._counts = torch.zeros(len(parameters.parameters))
        self._views = list(
            zip(
                parameters.split(self._mean),
                parameters.split(self._square),
                self._counts.unbind(),
                strict=True,
            )
        )

    def attach(self, optimizer: torch.optim.Optimizer) -> None:
        """Take over the settings and the moments of an optimizer.

        Raises:
            ValueError: If it took more steps for some parameters than for others.
        """
        (group,) = optimizer.param_groups
        (self._beta1, self._beta2), self._eps, self._lr = group["betas"], group["eps"], group["lr"]
        for parameter, views in zip(self.parameters.parameters, self._views, strict=True):
            state = optimizer.state[parameter]
            for name, view in zip(("exp_avg", "exp_avg_sq", "step"), views, strict=True):
                if name not in state:
                    view.zero_()
                elif state[name].data_ptr() != view.data_ptr():
                    view.copy_(state[name])
                state[name] = view
        n_steps, *others = sorted(set(self._counts.tolist()))
        if others:
            raise ValueError(
                f"optimizer took {n_steps:.0f} steps for some parameters and {others[-1]:.0f} for "
                "others: expected as many for all"
            )
        self._n_steps = int(n_steps)

    def detach(self) -> None:
        """Tell the optimizer how many steps were taken."""
        self._counts.fill_(self._n_steps)

    def step(self) -> None:
        """Step along the gradient, as ``torch.optim.Adam`` does."""
        self._n_steps += 1
        gradient = self.parameters.gradient
        scale = math.sqrt(1 - self._beta2**self._n_steps)
        self._mean.lerp_(gradient, 1 - self._beta1)
        self._square.mul_(self._beta2).addcmul_(gradient, gradient, value=1 - self._beta2)
        root = torch.sqrt(self._square, out=self._root).add_(self._eps * scale)
        step_size = self._lr * scale / (1 - self._beta1**self._n_steps)
        self.parameters.values.addcdiv_(self._mean, root, value=-step_size)


class StackedMLP:
    """C multilayer perceptrons of the same shape, computed at once.

    Args:
        layers: The linear modules of each layer. They are C, one for each network; or, if C is 1,
            also several, whose outputs are side by side.
        n_networks: The number of networks C.
        activation: What follows each layer but the last: ``nn.ReLU`` or ``nn.Tanh``.
    """

    def __init__(
        self, layers: Sequence[Sequence[nn.Linear]], n_networks: int, activation: type[nn.Module]
    ) -> None:
        parameters: list[Tensor] = []
        for layer in layers:
            parameters += [linear.weight for linear in layer]
            parameters += [linear.bias for linear in layer]
        self.parameters = FlatParameters(parameters)
        self._is_relu = activation is nn.ReLU
        sizes = [
            sum(p.numel() for p in ps)
            for layer in layers
            for ps in ([m.weight for m in layer], [m.bias for m in layer])
        ]

        def views(flat: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            weights, biases = [], []
            parts = iter(torch.split(flat, sizes))
            for layer in layers:
                weights.append(next(parts).view(n_networks, -1, layer[0].in_features))
                biases.append(next(parts).view(n_networks, 1, -1))
            return weights, biases

        self.n_networks = n_networks
        self._weights, self._biases = views(self.parameters.values)
        self._transposed = [weight.mT for weight in self._weights]
        self._weight_gradients, self._bias_gradients = views(self.parameters.gradient)
        self._outputs = self._inner_gradients = self._room(0)

    def _room(self, n: int) -> list[Tensor]:
        """Tensors (C, n, out) for what comes out of each layer."""
        return [b.new_empty(self.n_networks, n, b.shape[2]) for b in self._biases]

    def forward(self, inputs: Tensor) -> list[Tensor]:
        """The inputs (C, N, in) and what comes out of each layer, at last (C, N, out).

        They are overwritten in the next call.

        Args:
            inputs: The inputs (N, in) of all networks.
        """
        if self._outputs[0].shape[1] != len(inputs):
            self._outputs = self._room(len(inputs))
        x = inputs.expand(self.n_networks, *inputs.shape)
        outputs = [x]
        for i, output in enumerate(self._outputs):
            if i > 0:
                x = x.relu_() if self._is_relu else x.tanh_()
            x = torch.baddbmm(self._biases[i], x, self._transposed[i], out=output)
            outputs.append(x)
        return outputs

    def backward(self, outputs: Sequence[Tensor], gradient: Tensor) -> None:
        """Write the gradient with respect to the parameters.

        Args:
            outputs: What :meth:`forward` returned.
            gradient: The gradient (C, N, out) with respect to the last of them.
        """
        for i in range(len(self._weights) - 1, -1, -1):
            torch.bmm(gradient.mT, outputs[i], out=self._weight_gradients[i])
            torch.sum(gradient, 1, keepdim=True, out=self._bias_gradients[i])
            if i > 0:
                gradient = self._through(i, outputs, gradient)

    def input_gradient(self, outputs: Sequence[Tensor], gradient: Tensor, start: int) -> Tensor:
        """The gradient (N, in - start) with respect to the inputs from a column on.

        Args:
            outputs: What :meth:`forward` returned.
            gradient: The gradient (C, N, out) with respect to the last of them.
            start: The first column.
        """
        for i in range(len(self._weights) - 1, 0, -1):
            gradient = self._through(i, outputs, gradient)
        return torch.bmm(gradient, self._weights[0][:, :, start:]).sum(0)

    def _through(self, i: int, outputs: Sequence[Tensor], gradient: Tensor) -> Tensor:
        """The gradient before the activation and layer i, from that after them."""
        if self._inner_gradients[0].shape[1] != gradient.shape[1]:
            self._inner_gradients = self._room(gradient.shape[1])
        inner = torch.bmm(gradient, self._weights[i], out=self._inner_gradients[i - 1])
        if self._is_relu:
            relu_backward(inner, outputs[i], 0, grad_input=inner)
        else:
            tanh_backward(inner, outputs[i], grad_input=inner)
        return inner
