"""Inverse models, which simulate the past, and their training."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rlsp_sb3.io.state_arrays import (
    flatten_arrays,
    load_module,
    load_optimizer,
    module_arrays,
    optimizer_arrays,
    subtree,
)
from rlsp_sb3.rlsp.categorical_codec import CategoricalCodec
from rlsp_sb3.rlsp.inverse_dynamics import DiscreteInverseDynamics
from rlsp_sb3.rlsp.inverse_policy import CategoricalInversePolicy
from rlsp_sb3.simulators.rollout import Trajectories

_BATCH_SIZE = 256
LEARNING_RATE = 8e-3
SHARE_IN_FOCUS = 0.7


class InverseModels:
    """An inverse policy and inverse dynamics, fitted together and kept from fit to fit.

    Args:
        codec: The values of the observations.
        n_times: The number of actions of a trajectory.
        n_actions: The number of actions to choose from.
        rng: Seeds the parameters.
    """

    def __init__(
        self,
        codec: CategoricalCodec,
        n_times: int,
        n_actions: int,
        rng: np.random.Generator,
    ) -> None:
        with torch.random.fork_rng():
            torch.manual_seed(int(rng.integers(2**31)))
            self.policy = CategoricalInversePolicy(codec, n_times, n_actions)
            self.dynamics = DiscreteInverseDynamics(codec, n_times, n_actions)
        parameters = [*self.policy.parameters(), *self.dynamics.parameters()]
        self._optimizer = torch.optim.Adam(parameters, LEARNING_RATE)

    def fit(
        self,
        rollouts: Trajectories,
        features: NDArray[np.float64],
        focus: NDArray[np.float64] | None,
        n_updates: int,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Fit both models to trajectories of the policy.

        Args:
            rollouts: N trajectories of T states.
            features: The features of their observations (T, N, F).
            focus: The features of the simulated past (T, M, F), if there is one: most examples
                are drawn such that the observations after their actions have the features of the
                past at that time as often as the past has. What the models estimate is conditional
                on these observations, and stays the same.
            n_updates: The number of gradient steps.
            rng: Draws the examples.

        Returns:
            The losses over the last tenth of the updates, by name.
        """
        n_times, n = rollouts.actions.shape[:2]
        if n_times == 0:
            return {}
        probabilities = _focused(features[1:], None if focus is None else focus[1:])
        drawn = draw_evenly(probabilities, n_updates, _BATCH_SIZE, rng)
        losses = []
        for update, examples in enumerate(drawn):
            # Each fit ends with small steps, which average over the noise of the examples.
            self._optimizer.param_groups[0]["lr"] = LEARNING_RATE * (1 - update / n_updates)
            times, rows = np.divmod(examples, n)
            before = rollouts.observations[times, rows]
            actions = rollouts.actions[times, rows]
            after = rollouts.observations[times + 1, rows]
            policy_loss = self.policy.loss(actions, after, times)
            dynamics_loss = self.dynamics.loss(before, actions, after, times)
            self._optimizer.zero_grad()
            (policy_loss + dynamics_loss).backward()  # type: ignore[no-untyped-call]
            self._optimizer.step()
            losses.append((policy_loss.item(), dynamics_loss.item()))
        policy_mean, dynamics_mean = np.mean(losses[-max(1, n_updates // 10) :], axis=0)
        return {
            "inverse_policy_loss": float(policy_mean),
            "inverse_dynamics_loss": float(dynamics_mean),
        }

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All parameters and what the optimizer remembers, by name."""
        return flatten_arrays(
            policy=module_arrays(self.policy),
            dynamics=module_arrays(self.dynamics),
            optimizer=optimizer_arrays(self._optimizer),
        )

    def set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what :meth:`arrays` returned."""
        load_module(self.policy, subtree(arrays, "policy"))
        load_module(self.dynamics, subtree(arrays, "dynamics"))
        load_optimizer(self._optimizer, subtree(arrays, "optimizer"))


def draw_evenly(
    probabilities: NDArray[np.float64], n_batches: int, size: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw batches (n_batches, size) in which each example is as often as expected, give or take 1.

    What comes after one another, such as the examples of one time, is as often as expected too,
    so that batches differ less from each other than independent draws would.
    """
    points = (rng.random((n_batches, 1)) + np.arange(size)) / size
    cumulative = probabilities.cumsum()
    drawn = np.searchsorted(cumulative / cumulative[-1], points, side="right")
    return np.minimum(drawn, len(probabilities) - 1)


def _focused(
    features: NDArray[np.float64], focus: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Probabilities of drawing each example, by the features (T, N, F) after its action."""
    n_times, n, n_features = features.shape
    uniform = np.full(n_times * n, 1 / (n_times * n))
    if focus is None:
        return uniform
    # Each time and features get a number of their own, up to coincidences of no consequence.
    weights = np.random.default_rng(0).standard_normal(1 + n_features)
    times = weights[0] * np.arange(n_times)[:, None]
    numbers = [(times + each @ weights[1:]).ravel() for each in (features, focus)]
    _, key = np.unique(np.concatenate(numbers).round(9), return_inverse=True)
    example_keys, focus_keys = np.split(key, [n_times * n])
    size = int(key.max()) + 1
    n_examples = np.bincount(example_keys, minlength=size)
    wanted = np.bincount(focus_keys, minlength=size) * (n_examples > 0)
    if not wanted.any():
        return uniform
    focused = (wanted / wanted.sum() / np.maximum(n_examples, 1))[example_keys]
    mixture: NDArray[np.float64] = SHARE_IN_FOCUS * focused + (1 - SHARE_IN_FOCUS) * uniform
    return np.asarray(mixture / mixture.sum())
