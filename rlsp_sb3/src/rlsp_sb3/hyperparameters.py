"""Hyperparameters of Deep RLSP, split by what they are of.

:mod:`rlsp_sb3.presets` has the values: "fast", "paper" and "smoke".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from rlsp_sb3.utils.settings import Settings, has_all_entries, merged, validated

__all__ = [
    "DynamicsHyperparameters",
    "EncoderHyperparameters",
    "FitSettings",
    "ForwardHyperparameters",
    "InversePolicyHyperparameters",
    "RLSPHyperparameters",
    "SolverHyperparameters",
]

Count = Annotated[int, Ge(1)]
Positive = Annotated[float, Gt(0)]
Fraction = Annotated[float, Ge(0), Le(1)]
Hidden = tuple[Count, ...]
"""The sizes of the hidden layers of a network."""


@dataclass(frozen=True)
class FitSettings(Settings):
    """Settings for fitting a network to examples.

    Attributes:
        n_updates: The number of gradient steps, at least 1.
        batch_size: The number of examples of each, at least 1.
        learning_rate: The first step size of Adam, above 0; it falls to 0 like a cosine.
    """

    n_updates: Count
    batch_size: Count
    learning_rate: Positive


@dataclass(frozen=True)
class EncoderHyperparameters(Settings):
    """Hyperparameters of a variational autoencoder, if that is the encoder.

    Attributes:
        hidden: The sizes of its hidden layers.
        fit: The settings for fitting it.
    """

    hidden: Hidden
    fit: FitSettings


@dataclass(frozen=True)
class DynamicsHyperparameters(Settings):
    """Hyperparameters of the inverse dynamics model, and of a learned forward model.

    Attributes:
        hidden: The sizes of the hidden layers.
        fit: The settings for fitting it to the transitions that are collected first.
        refit: The same every :attr:`refit_interval` epochs, with transitions from training the
            policy beside; None for never.
        refit_interval: The number of epochs from one such fit to the next.
    """

    hidden: Hidden
    fit: FitSettings
    refit: FitSettings | None
    refit_interval: Count


@dataclass(frozen=True)
class InversePolicyHyperparameters(Settings):
    """Hyperparameters of the inverse policy.

    Attributes:
        hidden: The sizes of its hidden layers.
        first_fit: The settings for fitting it in the first epoch.
        fit: The same in all other epochs.
        warm_start: Whether each fit starts where the last one ended.
        n_rollouts: The number of trajectories of the policy that it is fitted to.
    """

    hidden: Hidden
    first_fit: FitSettings
    fit: FitSettings
    warm_start: bool
    n_rollouts: Count


@dataclass(frozen=True)
class ForwardHyperparameters(Settings):
    """Hyperparameters of sampling pasts forward.

    Attributes:
        n_trajectories: The number of trajectories that are sampled for each gradient.
        effective_share: The effective sample size for an observed state, above 0, as a share of
            the trajectories; each has a candidate at every time.
        kernel: The kernel that says how near a state on a trajectory is to an observed state.
        final_share: The fraction of timesteps, from 0 to 1, in which the policy is trained for
            the final reward, at temperature 0.
    """

    n_trajectories: Count
    effective_share: Positive
    kernel: Literal["gaussian", "cauchy"]
    final_share: Fraction


@dataclass(frozen=True)
class SolverHyperparameters(Settings):
    """Hyperparameters of the algorithm of SB3 that trains the policy, whichever it is.

    Attributes:
        n_envs: The number of copies of the environment that it trains in.
        n_steps: The number of environment steps that it trains for each gradient.
        hidden: The sizes of the hidden layers of its networks.
        past_start_fraction: The fraction of episodes, from 0 to 1, that starts in states of the
            simulated past, rather than where the environment starts them.
        standardize_rewards: Whether rewards are standardized over the replay buffer.
        kwargs: Other arguments of the algorithm, as far as it has them.
    """

    n_envs: Count
    n_steps: Count
    hidden: Hidden
    past_start_fraction: Fraction
    standardize_rewards: bool
    kwargs: dict[str, bool | int | float | str | tuple[int, str] | None]


@dataclass(frozen=True)
class RLSPHyperparameters(Settings):
    """Hyperparameters of Deep RLSP (Lindner et al. 2021, Algorithm 1 and appendix).

    Attributes:
        n_transitions: The number of transitions that are collected before anything is learned.
        episode_length: The number of steps of an episode, then and while the policy is trained.
        n_trajectories: The number of past trajectories that are simulated for each gradient.
        n_epochs: The number of gradients.
        learning_rate: The first step size of the gradient ascent.
        anneal: Whether it falls to 0 over all epochs.
        gradient_threshold: The next horizon comes early if the norm of the mean of the last ten
            gradients is below.
        encoder: Those of an autoencoder.
        dynamics: Those of the inverse dynamics model.
        inverse_policy: Those of the inverse policy.
        forward: Those of sampling pasts forward.
        solver: Those of the algorithm that trains the policy.
    """

    n_transitions: Count
    episode_length: Count
    n_trajectories: Count
    n_epochs: Count
    learning_rate: Positive
    anneal: bool
    gradient_threshold: Annotated[float, Ge(0)]
    encoder: EncoderHyperparameters
    dynamics: DynamicsHyperparameters
    inverse_policy: InversePolicyHyperparameters
    forward: ForwardHyperparameters
    solver: SolverHyperparameters

    def updated(
        self, changes: Mapping[str, Any], name: str = "hyperparameters"
    ) -> RLSPHyperparameters:
        """The same with changes, checked.

        Args:
            changes: A nested mapping of what differs, such as
                ``{"n_epochs": 40, "solver": {"n_steps": 20_000, "kwargs": {"gamma": 0.99}}}``.
                If it has every entry it is taken as it is: nothing is added to ``kwargs``.
            name: What they are called in errors.

        Raises:
            TypeError: If a value has a wrong type.
            ValueError: If there is no hyperparameter of a name, or a value is out of range.
        """
        if not isinstance(changes, Mapping):
            raise TypeError(
                f"{name}={changes!r}: expected a mapping of what differs from the preset, or an "
                "RLSPHyperparameters"
            )
        if not has_all_entries(RLSPHyperparameters, changes):
            changes = merged(asdict(self), changes)
        found: RLSPHyperparameters = validated(RLSPHyperparameters, changes, name)
        return found
