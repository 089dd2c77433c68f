"""Errors of inverse dynamics by where transitions come from."""

from __future__ import annotations

import copy

import numpy as np

from rlsp_sb3.data.transitions import Transitions
from rlsp_sb3.diagnosis.expert_states import ExpertStates
from rlsp_sb3.rlsp.past_trajectories import InverseDynamics, Observations
from rlsp_sb3.simulators.base import Simulator, finite
from rlsp_sb3.simulators.rollout import BatchPolicy, rollout_simulator
from rlsp_sb3.type_aliases import Array

N_ROLLOUTS, N_STEPS = 20, 100
MAX_TRANSITIONS = N_ROLLOUTS * N_STEPS


def inverse_dynamics_error(
    model: InverseDynamics, seen: Transitions, scale: ExpertStates, rng: np.random.Generator
) -> float:
    """Relative error of inverse dynamics in one step.

    The root of the mean squared error, in standard deviations of the expert's states, divided by
    the same for who says that nothing changes: 0 is perfect, 1 is useless.

    Args:
        model: The inverse dynamics.
        seen: Transitions; the last of too many are left out.
        scale: The scale of entries.
        rng: The source of random numbers.
    """
    before, actions, after = (
        each[:MAX_TRANSITIONS] for each in (seen.observations, seen.actions, seen.next_observations)
    )
    said = model.sample(after, actions, np.zeros(len(after), np.int64), rng)
    error = scale.squared_distances(said, before).mean()
    change = scale.squared_distances(after, before).mean()
    return float(np.sqrt(error / max(change, float(np.finfo(np.float64).tiny))))


def transitions_of(simulator: Simulator, policy: BatchPolicy) -> Transitions:
    """The transitions of a policy from where episodes start."""
    seen = rollout_simulator(simulator, policy, simulator.reset(N_ROLLOUTS), N_STEPS)
    before, after = seen.observations[:-1], seen.observations[1:]
    known = finite(after.reshape(-1, *after.shape[2:]))

    def flat(values: Array) -> Array:
        return values.reshape(-1, *values.shape[2:])[known]

    return Transitions(flat(before), flat(seen.actions), flat(after))


def random_actions(simulator: Simulator, rng: np.random.Generator) -> BatchPolicy:
    """A policy that draws actions uniformly."""
    space = copy.deepcopy(simulator.action_space)  # nobody else's numbers change
    space.seed(int(rng.integers(2**31)))

    def act(observations: Observations, time: int) -> Array:
        return np.array([space.sample() for _ in observations])

    return act
