"""STARC distance of two rewards of a tabular environment, which is exact (Skalse et al. 2023).

It compares rewards by how they order policies, as the EPIC distance does, but knows the dynamics:
rewards that differ only where no policy ever gets, or in transitions that cannot happen, are equal.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import eye_array
from scipy.sparse.linalg import splu

from rlsp_sb3.protocols import TabularMDP
from rlsp_sb3.type_aliases import FloatArray
from rlsp_sb3.utils.checks import check_array, check_between
from rlsp_sb3.utils.type_checks import checks_types

LARGEST_DISCOUNT = 1 - 1e-6
"""Above it values are so large that their differences are rounded away."""

_ROUNDING = 1e-12


@checks_types
def starc_distance(
    mdp: TabularMDP, reward: ArrayLike, other: ArrayLike, *, discount: float = 0.99
) -> float:
    """The standardized reward comparison (STARC) of two rewards.

    Both are levelled by their values under uniformly random actions π (Skalse et al. 2023, arXiv
    2309.15257, definition 4, "VAL"),

        C(R)(s, a) = E[R(s, a, S') + γ V^π(S') - V^π(s)],

    the advantages of actions if one acts at random afterwards. The distance is half of that of
    C(R) / ‖C(R)‖₂ and C(R') / ‖C(R')‖₂. It is 0 if and only if all policies are ordered alike.

    Args:
        mdp: The environment.
        reward: A reward of S states (S,), or of states and actions (S, A), as expected over what
            follows.
        other: Another one.
        discount: γ, from 0 to 1 - 1e-6.

    Returns:
        The distance, from 0 (the same order of policies) to 1 (the opposite order). A reward to
        which all policies are alike has a distance of 1/2 to all others.

    Raises:
        ValueError: If a reward has another shape or is not finite, or the discount is out of range.
    """
    check_between("discount", discount, 0, LARGEST_DISCOUNT)
    n_states = len(mdp.initial_distribution)
    n_actions = mdp.transitions.shape[0] // n_states
    shapes = (n_states,), (n_states, n_actions)
    # V^π = (I - γ P_π)^-1 R_π, with P_π the mean of P(s' | s, a) over actions.
    random_steps = mdp.transitions.reshape((n_states, -1))
    by_action = [random_steps[:, a * n_states : (a + 1) * n_states] for a in range(n_actions)]
    factors = splu((eye_array(n_states) - discount / n_actions * sum(by_action)).tocsc())

    def direction(name: str, given: ArrayLike) -> FloatArray:
        rewards = check_array(name, given, *shapes).reshape(n_states, -1)
        rewards = rewards / (np.abs(rewards).max() or 1.0)
        values = factors.solve(rewards.mean(axis=1))
        onward = (mdp.transitions @ values).reshape(n_states, n_actions)
        levelled = rewards + discount * onward - values[:, None]
        norm = float(np.linalg.norm(levelled))
        scale = max(1.0, float(np.abs(values).max())) * np.sqrt(levelled.size)
        return levelled / norm if norm > _ROUNDING * scale else np.zeros_like(levelled)

    difference = direction("reward", reward) - direction("other", other)
    return float(min(np.linalg.norm(difference) / 2, 1.0))
