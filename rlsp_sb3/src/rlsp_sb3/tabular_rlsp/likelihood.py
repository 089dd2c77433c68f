"""Likelihood of observed states under a Boltzmann-rational person, and its gradient."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from rlsp_sb3.env_util import has_too_many_states
from rlsp_sb3.planning.dynamic_programming import backup
from rlsp_sb3.planning.layers import make_layers
from rlsp_sb3.protocols import ReachableEnv, TabularEnv, TabularMDP
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import MAX_HORIZON, check_array, check_int, check_positive
from rlsp_sb3.utils.type_checks import checks_types

InitialStates = Literal["known", "uniform"]
"""Initial states of the person: those of the environment, or any."""


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

    Args:
        mdp: The environment.
        observed: The indices (n,) of the observed states, which count as independent.
        initial_distribution: The probability of each state at the start (S,).
        horizon: The number T of states of a trajectory, at least 1.
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
        horizon: int,
        temperature: float,
    ) -> None:
        n_states = len(mdp.initial_distribution)
        check_int("horizon", horizon, 1, MAX_HORIZON)
        check_positive("temperature", temperature)
        check_array("initial_distribution", initial_distribution, (n_states,))
        for state in check_array("observed", observed, ("n",)).tolist():
            check_int("observed", int(state) if state.is_integer() else state, 0, n_states - 1)
        self._mdp = mdp
        self._temperature = temperature
        self._observed, self._counts = np.unique(observed, return_counts=True)
        starts = self._starts(initial_distribution, horizon)
        self._initial = initial_distribution[starts]
        self._layers = make_layers(mdp.transitions, starts, horizon)

    @classmethod
    def of_env(
        cls,
        env: TabularEnv | ReachableEnv,
        observed_states: NDArray[Any],
        initial_states: InitialStates,
        horizon: int,
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
            horizon: The number of states of a trajectory, at least 1.
            temperature: τ, above 0.

        Raises:
            UnreachableStateError: If an observed state has probability 0 whatever the reward.
            ValueError: If an observation is of no state of the environment.
        """
        tabular = (
            _part_of(env, observed_states, initial_states, horizon)
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
        return cls(tabular.mdp, observed, initial, horizon, temperature)

    def log_likelihood(self, theta: FloatArray) -> float:
        """Σ_i log α_{T-1}(s_i), the log probability of the observed states s_i for weights (F,)."""
        return self._backward(theta).log_likelihood

    def gradient(self, theta: FloatArray) -> FloatArray:
        """The gradient (F,) of the log likelihood."""
        return self.value_and_gradient(theta)[1]

    def value_and_gradient(self, theta: FloatArray) -> tuple[float, FloatArray]:
        """The log likelihood and its gradient (F,)."""
        passed = self._backward(theta)
        derivative = np.zeros(len(self._mdp.features))  # by the reward of each state
        # P(s_t = s | s_T-1 = s_k) for each observed state s_k, times how often it was observed.
        posterior = passed.start * self._counts  # (n, k)
        v = np.zeros(len(posterior))
        for t, layer in enumerate(self._layers[:-1]):
            policy, onward = passed.policies[t], passed.onward[t]
            # w_t(s, a) = Σ_k P(s_t = s | s_k) π_t(a | s) β_t(s, a, k) / β_t(s, k)
            reach = (policy[:, :, None] * onward).sum(axis=1)
            share = np.divide(posterior, reach, out=np.zeros_like(posterior), where=reach > 0)
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
            posterior = arriving[:, 1:] * passed.reach[t + 1]
        derivative[self._layers[-1].states] += v
        # ∇_θ log L = Σ_s f(s) ∂ log L / ∂ r(s), since r(s) = θ·f(s). It is that of the paper,
        # (1/τ) Σ_t E[f(s_t) + Σ_s' P(s' | s_t, a_t) F_t+1(s') - F_t(s_t) | s_T-1], with the
        # features F_t(s) expected from t on.
        return passed.log_likelihood, self._mdp.features.T @ derivative

    def _backward(self, theta: FloatArray) -> _BackwardPass:
        """Plan for θ, and find how likely each observed state (k of them) is from each state on."""
        rewards = self._mdp.features @ theta
        last = self._layers[-1].states
        # V_T-1 = r and β_T-1(s, k) = [s = s_k]; then backward in time, by backup:
        # Q_t(s, a) = r(s) + Σ_s' P(s' | s, a) V_t+1(s'), π_t = exp((Q_t - V_t) / τ),
        # β_t(s, a, k) = Σ_s' P(s' | s, a) β_t+1(s', k), β_t(s, k) = Σ_a π_t(a | s) β_t(s, a, k).
        values = rewards[last]
        # Rescaled at each time, so that it does not underflow where the observed state is unlikely.
        reach = (last[:, None] == self._observed).astype(np.float64)
        log_scale = np.zeros(len(self._observed))
        policies, onwards, reaches = [], [], [reach]
        for layer in reversed(self._layers[:-1]):
            policy, values = backup(
                layer.transitions, rewards[layer.states], values, self._temperature
            )
            onward = (layer.transitions @ reach).reshape(*policy.shape, -1)
            reach = (policy[:, :, None] * onward).sum(axis=1)
            scale = reach.max(axis=0)
            if not np.all(scale > 0):
                raise FloatingPointError(
                    "an observed state is so unlikely for these reward weights that its "
                    "probability underflows: scale the weights down or raise the temperature"
                )
            reach = reach / scale
            log_scale += np.log(scale)
            policies.append(policy)
            onwards.append(onward)
            reaches.append(reach)
        # α_T-1(s_k) = Σ_s p_0(s) β_0(s, k), the same as forward by α_t+1 = α_t π_t P.
        start = self._initial[:, None] * reach
        total = start.sum(axis=0)
        return _BackwardPass(
            log_likelihood=float(self._counts @ (np.log(total) + log_scale)),
            policies=policies[::-1],
            onward=onwards[::-1],
            reach=reaches[::-1],
            start=start / total,
        )

    def _starts(self, initial_distribution: FloatArray, horizon: int) -> NDArray[np.int64]:
        """The states (n,) to start from from which an observed one can be reached in time."""
        n_states = len(initial_distribution)
        can_reach = np.zeros((n_states, len(self._observed)))
        can_reach[self._observed, np.arange(len(self._observed))] = 1
        for _ in range(horizon - 1):
            onward = self._mdp.transitions @ can_reach
            can_reach = (onward.reshape(n_states, -1, len(self._observed)) > 0).any(axis=1)
            can_reach = can_reach.astype(np.float64)
        possible = (initial_distribution[:, None] > 0) & (can_reach > 0)
        for k, state in enumerate(self._observed):
            if not possible[:, k].any():
                raise UnreachableStateError(
                    f"observed state {state} cannot be reached from the initial states within "
                    f"horizon={horizon} states, {horizon - 1} actions: raise the horizon, or pass "
                    'initial_states="uniform" if the start is not known'
                )
        return np.flatnonzero(possible.any(axis=1))


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


class _BackwardPass(NamedTuple):
    """Messages of the backward pass that the gradient needs, for each time t from the first.

    Attributes:
        log_likelihood: The log probability of the observed states.
        policies: π_t(a | s), (n, A).
        onward: How likely each observed state is after each action (n, A, k), up to a factor.
        reach: How likely each observed state is from each state on (n, k), up to a factor.
        start: The probability of each state at the start given each observed state (n, k).
    """

    log_likelihood: float
    policies: list[FloatArray]
    onward: list[FloatArray]
    reach: list[FloatArray]
    start: FloatArray
