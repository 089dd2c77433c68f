"""Likelihood of observed states under a Boltzmann-rational person, and its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.env_util import has_too_many_states
from rlsp_sb3.planning.dynamic_programming import backup
from rlsp_sb3.planning.layers import make_layers
from rlsp_sb3.protocols import ReachableEnv, TabularEnv, TabularMDP
from rlsp_sb3.tabular_rlsp.horizons import Horizon, equally_likely, scale_free
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import (
    MAX_HORIZON,
    check_array,
    check_distribution,
    check_int,
    check_positive,
)
from rlsp_sb3.utils.type_checks import checks_types

InitialStates = Literal["known", "uniform"]
"""Initial states of the person: those of the environment, or any."""


_MAX_ENTRIES = 4_000_000  # of an array, at which many weights are not looked at at once


class UnreachableStateError(ValueError):
    """An observed state cannot be reached within the horizon."""


class StateLikelihood:
    """The log probability of observed states for reward weights θ, and its gradient.

    The person is Boltzmann-rational for the reward θ·f(s) with a finite horizon (Shah et al. 2019,
    section 3). Only the states that can be passed through on the way to an observed one are looked
    at, and what else can happen from there.

    The gradient is that of section 4 of the paper, by another way. With w_t(s, a) the probability
    that the state at time t is s and the action a, given the observed state, the derivative of the
    log likelihood by log π_t(a | s) is w_t(s, a), so that by Q_t(s, a) it is
    g_t(s, a) = (w_t(s, a) - π_t(a | s) Σ_a' w_t(s, a')) / τ. Since Q_t depends on V_{t+1}, and this
    on Q_{t+1}, derivatives accumulate forward in time: q_t = g_t + π_t v_t and v_{t+1} = P^T q_t,
    with v_0 = 0, and the gradient is Σ_t Σ_s f(s) Σ_a q_t(s, a), plus Σ_s f(s) v_{T-1}(s). All
    recursions are over scalars for each state, however many features there are.

    With several horizons T the likelihood is their mixture, Σ_T p(T) α_{T-1}(s_T). What a person
    does depends on how many steps are left, and not on when they began. So a single pass backward
    from the end has the likelihood of every T, and somebody who acted for less time than the
    longest is one who starts later.

    Args:
        mdp: The environment.
        observed: The indices (n,) of the observed states, which count as independent.
        initial_distribution: The probability of each state at the start (S,).
        horizon: The number T of states of a trajectory, at least 1; or the probability of each T
            from 1 on (n,), that of each observed state independent of the others.
        temperature: τ, above 0.

    Raises:
        UnreachableStateError: If an observed state has probability 0 whatever the reward.
    """

    @checks_types
    def __init__(
        self,
        mdp: TabularMDP,
        observed: NDArray[np.int64],
        initial_distribution: FloatArray,
        horizon: int | FloatArray,
        temperature: float,
    ) -> None:
        n_states = len(mdp.initial_distribution)
        if isinstance(horizon, np.ndarray):
            horizons = check_distribution("horizon", horizon, MAX_HORIZON)
        else:
            check_int("horizon", horizon, 1, MAX_HORIZON)
            horizons = np.eye(1, horizon, horizon - 1)[0]
        check_positive("temperature", temperature)
        check_array("initial_distribution", initial_distribution, (n_states,))
        for state in check_array("observed", observed, ("n",)).tolist():
            check_int("observed", int(state) if state.is_integer() else state, 0, n_states - 1)
        self._mdp = mdp
        self._temperature = temperature
        self._observed, self._counts = np.unique(observed, return_counts=True)
        starts = self._starts(initial_distribution, horizons)
        self._layers = make_layers(mdp.transitions, starts, len(starts))
        # p(T) p_0(s) of the states of each layer: who acts for T states starts T from the end.
        self._initial = [np.zeros(len(layer.states)) for layer in self._layers]
        for t, first in enumerate(starts):
            places = np.searchsorted(self._layers[t].states, first)
            probability = horizons[len(starts) - t - 1]
            self._initial[t][places] = probability * initial_distribution[first]

    @classmethod
    def of_env(
        cls,
        env: TabularEnv | ReachableEnv,
        observed_states: NDArray[Any],
        initial_states: InitialStates,
        horizon: Horizon,
        temperature: float,
    ) -> StateLikelihood:
        """The likelihood of observations.

        Of an environment with too many states it knows those that the person can have passed
        through.

        Args:
            env: The environment.
            observed_states: The observations (n, *observation_shape).
            initial_states: "known" for the environment's initial distribution, "uniform" for any
                state.
            horizon: The number of states of a trajectory, at least 1; several that are equally
                likely; or "auto" for any up to twice the shortest way, with a probability in
                proportion to 1 / T.
            temperature: τ, above 0.

        Raises:
            UnreachableStateError: If an observed state has probability 0 whatever the reward.
            ValueError: If an observation is of no state of the environment, or the horizon is
                "auto" where there is no shortest way: from any state, or among too many of them.
        """
        if horizon == "auto" and (initial_states == "uniform" or has_too_many_states(env)):
            raise ValueError(
                'horizon="auto" is told by the shortest way from where the person started, which '
                "is not known here: expected an int, or several"
            )
        tabular = (
            _part_of(env, observed_states, initial_states, int(np.max(horizon)))
            if has_too_many_states(env)
            else cast(TabularEnv, env)
        )
        known = tabular.mdp.initial_distribution
        uniform = np.full(len(known), 1 / len(known))
        observed = tabular.state_indices(observed_states)
        if observed.min() < 0 or observed.max() >= len(known):
            raise ValueError(
                f"observed_states are the states {observed} of the environment, which has only "
                f"those from 0 to {len(known) - 1}"
            )
        initial = known if initial_states == "known" else uniform
        horizons: int | FloatArray
        if horizon == "auto":
            horizons = scale_free(tabular.mdp, observed, initial)
        else:
            horizons = horizon if isinstance(horizon, int) else equally_likely(horizon)
        return cls(tabular.mdp, observed, initial, horizons, temperature)

    def log_likelihood(self, theta: FloatArray) -> float:
        """Σ_i log α_{T-1}(s_i), the log probability of the observed states s_i for weights (F,).

        Raises:
            FloatingPointError: If it underflows.
        """
        return _checked(float(self.log_likelihoods(theta[None])[0]))

    def log_likelihoods(self, thetas: FloatArray) -> FloatArray:
        """The log probability (M,) of the observed states for each of M weights (M, F).

        It is -inf where it underflows.
        """
        largest = max(layer.transitions.shape[0] for layer in self._layers)
        n_at_once = max(_MAX_ENTRIES // max(largest * len(self._observed), 1), 1)
        return np.concatenate(
            [
                self._log_likelihoods(thetas[first : first + n_at_once])
                for first in range(0, len(thetas), n_at_once)
            ]
        )

    def _log_likelihoods(self, thetas: FloatArray) -> FloatArray:
        passes = zip(self._backward(thetas), reversed(self._initial), strict=True)
        totals: FloatArray = np.logaddexp.reduce(
            [step.log_masses(initial) for step, initial in passes]
        )
        return self._counts @ totals

    def gradient(self, theta: FloatArray) -> FloatArray:
        """The gradient (F,) of the log likelihood."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """The log likelihood and its gradient (F,)."""
        steps = list(self._backward(theta[None]))[::-1]
        # Σ_T p(T) α_T-1(s_k) = Σ_t,s p(T) p_0(s) β_t(s, k), as forward by α_t+1 = α_t π_t P.
        passes = list(zip(steps, self._initial, strict=True))
        masses = np.array([step.log_masses(initial)[:, 0] for step, initial in passes])
        totals = np.logaddexp.reduce(masses)
        value = _checked(float(self._counts @ totals))
        # Times how often each observed state s_k was observed: P(start at t | s_k), and then
        # P(s_t = s | s_k), of who has started.
        starts = np.exp(masses - totals) * self._counts
        derivative = np.zeros(len(self._mdp.features))  # by the reward of each state
        posterior, v = np.zeros((1, 1)), np.zeros(1)
        for t, (step, initial) in enumerate(passes):
            layer, reach = self._layers[t], step.reach[:, :, 0]
            start = initial[:, None] * reach
            mass = start.sum(axis=0)
            posterior = posterior + start * np.divide(
                starts[t], mass, out=np.zeros_like(mass), where=mass > 0
            )
            if t == len(steps) - 1:
                break
            policy, onward = step.policy[:, :, 0], step.onward[:, :, :, 0]
            # w_t(s, a) = Σ_k P(s_t = s | s_k) π_t(a | s) β_t(s, a, k) / β_t(s, k)
            arrival = (policy[:, :, None] * onward).sum(axis=1)
            share = np.divide(posterior, arrival, out=np.zeros_like(posterior), where=arrival > 0)
            flow = policy[:, :, None] * share[:, None, :]
            w = (flow * onward).sum(axis=2)
            # q_t = (w_t - π_t Σ_a w_t) / τ + π_t v_t, by softmax and V_t = τ log Σ_a exp(Q_t / τ)
            q = (w - policy * w.sum(axis=1, keepdims=True)) / self._temperature
            q += policy * v[:, None]
            derivative[layer.states] += q.sum(axis=1)
            # v_t+1 = P^T q_t, and P(s_t+1 = s' | s_k) = β_t+1(s', k) (P^T flow_t)(s', k)
            columns = np.concatenate([q.reshape(-1, 1), flow.reshape(q.size, -1)], axis=1)
            arriving = layer.transitions.T @ columns
            v = arriving[:, 0]
            posterior = arriving[:, 1:] * steps[t + 1].reach[:, :, 0]
        derivative[self._layers[-1].states] += v
        # ∇_θ log L = Σ_s f(s) ∂ log L / ∂ r(s), since r(s) = θ·f(s). It is that of the paper,
        # (1/τ) Σ_t E[f(s_t) + Σ_s' P(s' | s_t, a_t) F_t+1(s') - F_t(s_t) | s_T-1], with the
        # features F_t(s) expected from t on.
        return value, self._mdp.features.T @ derivative

    def _backward(self, thetas: FloatArray) -> Iterator[_Step]:
        """Plan for M weights (M, F), and find how likely each observed state is from each state on.

        From the last time to the first.
        """
        rewards = self._mdp.features @ thetas.T
        last = self._layers[-1].states
        # V_T-1 = r and β_T-1(s, k) = [s = s_k]; then backward in time, by backup:
        # Q_t(s, a) = r(s) + Σ_s' P(s' | s, a) V_t+1(s'), π_t = exp((Q_t - V_t) / τ),
        # β_t(s, a, k) = Σ_s' P(s' | s, a) β_t+1(s', k), β_t(s, k) = Σ_a π_t(a | s) β_t(s, a, k).
        values = rewards[last]
        # Rescaled at each time, so that it does not underflow where the observed state is unlikely.
        shape = (len(last), len(self._observed), len(thetas))
        reach = np.broadcast_to((last[:, None] == self._observed)[:, :, None], shape)
        reach = reach.astype(np.float64)
        log_scale = np.zeros(shape[1:])
        yield _Step(np.empty((0, 0, 0)), np.empty((0, 0, 0, 0)), reach, log_scale)
        for layer in reversed(self._layers[:-1]):
            policy, values = backup(
                layer.transitions, rewards[layer.states], values, self._temperature
            )
            onward = layer.transitions @ reach.reshape(len(reach), -1)
            onward = onward.reshape(*policy.shape[:2], *shape[1:])
            reach = (policy[:, :, None] * onward).sum(axis=1)
            scale = reach.max(axis=0)
            scale[scale == 0] = 1  # where nobody gets there in the time that is left
            reach = reach / scale
            log_scale = log_scale + np.log(scale)
            yield _Step(policy, onward, reach, log_scale)

    def _starts(
        self, initial_distribution: FloatArray, horizon: FloatArray
    ) -> list[NDArray[np.int64]]:
        """The states (n,) to start from at each time of the longest horizon that is possible.

        Those are the ones from which an observed state can be reached in the time that is left.
        """
        n_states = len(initial_distribution)
        can_reach = np.zeros((n_states, len(self._observed)), dtype=np.bool_)
        can_reach[self._observed, np.arange(len(self._observed))] = True
        is_possible = np.zeros(len(self._observed), dtype=np.bool_)
        starts = []
        for n_steps, probability in enumerate(horizon):
            if n_steps > 0:
                onward = self._mdp.transitions @ can_reach.astype(np.float64)
                can_reach = (onward.reshape(n_states, -1, len(self._observed)) > 0).any(axis=1)
            possible = (initial_distribution[:, None] * probability > 0) & can_reach
            is_possible |= possible.any(axis=0)
            starts.append(np.flatnonzero(possible.any(axis=1)))
        if not is_possible.all():
            state = self._observed[is_possible.argmin()]
            raise UnreachableStateError(
                f"observed state {state} cannot be reached from the initial states within "
                f"{_described(horizon)}: raise the horizon, or pass "
                'initial_states="uniform" if the start is not known'
            )
        while not len(starts[-1]):
            starts.pop()
        return starts[::-1]


def _described(horizon: FloatArray) -> str:
    """Horizons in an error."""
    possible = np.flatnonzero(horizon) + 1
    if len(possible) == 1:
        return f"horizon={possible[0]} states, {possible[0] - 1} actions"
    return f"any horizon of {possible[0]} to {possible[-1]} states"


def _part_of(
    env: ReachableEnv, observed_states: NDArray[Any], initial_states: InitialStates, horizon: int
) -> TabularEnv:
    """The part that the person can have passed through, of an environment with too many states."""
    if initial_states == "uniform":
        raise ValueError(
            'initial_states="uniform": this environment has too many states for a start in any of '
            'them: expected "known"'
        )
    part = env.reachable(horizon)
    for i, state in enumerate(part.state_indices(observed_states)):
        if state < 0:
            raise UnreachableStateError(
                f"observed_states[{i}] cannot be reached from the initial states within "
                f"horizon={horizon} states, {horizon - 1} actions: raise the horizon"
            )
    return part


class _Step(NamedTuple):
    """Messages of the backward pass at a time t, for M weights and k observed states.

    Attributes:
        policy: π_t(a | s), (n, A, M); empty at the last time.
        onward: How likely each observed state is after each action (n, A, k, M), up to a factor;
            empty at the last time.
        reach: How likely each observed state is from each state on (n, k, M), up to a factor.
        log_scale: The logarithm of this factor (k, M).
    """

    policy: FloatArray
    onward: FloatArray
    reach: FloatArray
    log_scale: FloatArray

    def log_masses(self, initial: FloatArray) -> FloatArray:
        """The log probability (k, M) of each observed state and to start now.

        Args:
            initial: The probability to start now in each state (n,).
        """
        mass = np.einsum("s,skm->km", initial, self.reach)
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(mass) + self.log_scale)


def _checked(log_likelihood: float) -> float:
    """Raise a FloatingPointError if a likelihood is 0."""
    if not np.isfinite(log_likelihood):
        raise FloatingPointError(
            "an observed state is so unlikely for these reward weights that its probability "
            "underflows: scale the weights down or raise the temperature"
        )
    return log_likelihood
