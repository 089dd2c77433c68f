"""Attainable utility preservation: a penalty for changing what could be attained (Turner 2020)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_baselines.inaction import InactionPenaltyLearner
from rlsp_sb3.learners import check_int, checks_types, read_scalar
from rlsp_sb3.planning import value_iteration
from rlsp_sb3.type_aliases import FloatArray


class AttainableUtility(InactionPenaltyLearner):
    """Penalty for gaining or losing the ability to pursue other goals (AUP).

    The penalty of a state s at a time is (1/n) Σ_i |V_i(s) - V_i(b)|, the mean over n auxiliary
    rewards, with b the state in which the environment would be at that time if the robot had done
    nothing since the observed state, and V_i the best return for auxiliary reward i from there on;
    scaled such that the largest penalty is 1 (Turner et al. 2020, "Conservative agency via
    attainable utility preservation"). An auxiliary reward gives each state a random number between
    0 and 1, as there.

    Of the variants in that paper this is "inaction AUP", which compares with not having acted since
    the beginning; its main one compares each action with doing nothing in that step alone. The
    planner takes rewards of states at times, and what methods are compared with here is then the
    same as that of :class:`~rlsp_baselines.RelativeReachability`, so that their results differ by
    what they measure. What delayed effects a single action has counts as well.

    Args:
        env: A tabular environment, a vector environment of SB3, or the id of a registered one.
            Its ``mdp`` must say what its ``default_action``, doing nothing, is.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        inferred_weight: How much the policy minds the penalty beside the task reward, at least 0.
        n_auxiliary_rewards: How many auxiliary rewards are drawn, at least 1.
        horizon: For how many states auxiliary rewards are gathered, and for how many the
            environment without the robot is looked at; at least 1.
        seed: Seeds the random numbers, and so the auxiliary rewards; None for an unpredictable
            seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; everything runs on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment is not tabular.
        ValueError: If an argument is out of range.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        inferred_weight: float = 0.5,
        n_auxiliary_rewards: int = 20,
        horizon: int = 20,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        check_int("n_auxiliary_rewards", n_auxiliary_rewards, 1, 10**6)
        self.n_auxiliary_rewards = n_auxiliary_rewards
        super().__init__(
            env,
            observed_states,
            inferred_weight=inferred_weight,
            horizon=horizon,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self.auxiliary_seed = int(self.rng.integers(2**63))

    @property
    def auxiliary_rewards(self) -> FloatArray:
        """The auxiliary rewards of each state (n_auxiliary_rewards, S)."""
        rng = np.random.default_rng(self.auxiliary_seed)
        return rng.random((self.n_auxiliary_rewards, len(self.mdp.features)))

    def _penalties_against(self, baselines: NDArray[np.int64]) -> FloatArray:
        values = np.stack([self._attainable(rewards) for rewards in self.auxiliary_rewards])
        found = [np.abs(values - values[:, [b]]).mean(axis=0) for b in baselines]
        return np.stack(found)

    def _attainable(self, rewards: FloatArray) -> FloatArray:
        """The best return from each state (S,)."""
        plan = value_iteration(self.mdp.transitions, rewards, self.horizon, 0)
        return np.asarray(plan.values[0])

    def _arrays(self) -> dict[str, NDArray[Any]]:
        return {"auxiliary_seed": np.array(self.auxiliary_seed)}

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.auxiliary_seed = read_scalar(arrays, "auxiliary_seed", int)
        check_int("auxiliary_seed", self.auxiliary_seed, 0)
        self._penalties = None
