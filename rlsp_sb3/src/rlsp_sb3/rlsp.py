"""Reward learning by simulating the past (Lindner et al. 2021)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.checks import check_int
from rlsp_sb3.gradient_ascent import GradientAscentLearner, PriorName
from rlsp_sb3.inverse_models import InverseModels
from rlsp_sb3.past import (
    Observations,
    Past,
    count_impossible,
    effective_sample_size,
    feature_advantages,
    simulate_past,
    weigh,
)
from rlsp_sb3.planned_policy import PlannedPolicy
from rlsp_sb3.planning import FloatArray, value_iteration
from rlsp_sb3.simulate import make_simulator, rollout
from rlsp_sb3.vocabulary import Vocabulary

N_TRIES = 32  # of each step that could have happened; one does where nothing is random
N_EXPLORED = 8192  # random trajectories from the start, and as many from the end
SMALLEST_SHARE = 0.05  # of the trajectories that count, as effective sample size


class RLSP(GradientAscentLearner):
    """Deep RLSP: the reward under which simulated pasts of the observed states make sense.

    For each gradient step (Lindner et al. 2021, Algorithm 1):

    1. plan the Boltzmann-rational policy for the reward θ·φ(s);
    2. let it act from initial states of the environment, and fit models of which action, and which
       observation before it, led to an observation at each time;
    3. simulate the past of the observed states with these models;
    4. compare the features that followed each action of the past with those that the policy
       collects from the same state, and change θ such that the actions were worth it.

    What differs from the paper, because it makes inferred rewards come out as exact RLSP has them:
    the inverse models are told the time and see trajectories that start where the person did, so
    that simulated pasts lead there; they are trained most where the simulated past was in the step
    before, which does not change what they estimate; trajectories that the simulator cannot
    reproduce do not count; and step 4 simulates forward from each state of the past instead of the
    first one only, which is what the gradient is where dynamics are random.

    So far the environment has to be tabular, to be planned in, with observations whose entries
    take few values. Only ``mdp`` is planned with: everything else is simulated.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        horizon: The number T of states that the person passed through, the first and the observed
            one included, at least 1; None for what the environment says.
        prior: "gaussian", "laplace" or "uniform", centred at 0.
        prior_std: The width of the prior, above 0: the standard deviation of the Gaussian, the
            scale of the Laplace distribution.
        learning_rate: The step size of the gradient ascent, above 0.
        n_epochs: How many gradient steps ``learn`` takes if it is not told, at least 1.
        n_trajectories: How many pasts are simulated for each, at least 1.
        n_rollouts: How many trajectories of the policy the inverse models see for each, at least 1.
        n_updates: How many gradient steps the inverse models take for each, at least 1.
        inferred_weight: How much the final policy minds the inferred reward beside the task reward
            that the environment offers, if any.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Accepted as in SB3; these small networks run on the CPU.

    Raises:
        TypeError: If an argument has a wrong type or the environment is not tabular.
        ValueError: If an argument is out of range, there is no horizon, or the observations do not
            look discrete.
    """

    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        horizon: int | None = None,
        prior: PriorName = "gaussian",
        prior_std: float = 0.5,
        learning_rate: float = 0.1,
        n_epochs: int = 50,
        n_trajectories: int = 3000,
        n_rollouts: int = 16384,
        n_updates: int = 80,
        inferred_weight: float = 1.0,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        for name, value in (
            ("n_trajectories", n_trajectories),
            ("n_rollouts", n_rollouts),
            ("n_updates", n_updates),
        ):
            check_int(name, value, 1)
        super().__init__(
            env,
            observed_states,
            horizon=horizon,
            prior=prior,
            prior_std=prior_std,
            learning_rate=learning_rate,
            n_epochs=n_epochs,
            inferred_weight=inferred_weight,
            seed=seed,
            verbose=verbose,
            tensorboard_log=tensorboard_log,
            device=device,
        )
        self.n_trajectories = n_trajectories
        self.n_rollouts = n_rollouts
        self.n_updates = n_updates
        self.simulator = make_simulator(self.unwrapped_env, self.rng)
        self._past: Past | None = None
        n_actions = self.mdp.transitions.shape[0] // self.mdp.transitions.shape[1]
        vocabulary = Vocabulary(self._explore(n_actions))
        self.models = InverseModels(vocabulary, self.horizon - 1, n_actions, self.rng)

    def _likelihood_gradient(self) -> tuple[FloatArray, dict[str, float]]:
        policy = self._boltzmann_policy()
        starts = self.simulator.reset(self.n_rollouts)
        rollouts = rollout(self.simulator, policy.act, starts, self.horizon - 1)
        focus = None if self._past is None else self._features(self._past.observations)
        losses = self.models.fit(
            rollouts, self._features(rollouts.observations), focus, self.n_updates, self.rng
        )
        past = simulate_past(
            self.observed_states,
            self.models.policy,
            self.models.dynamics,
            self.horizon,
            self.n_trajectories,
            self.rng,
        )
        impossible = count_impossible(past, self.simulator, N_TRIES)
        weights = weigh(impossible, SMALLEST_SHARE * self.n_trajectories)
        self._past = past
        gradient = weights @ feature_advantages(past, policy.act, self.simulator, self._features)
        return gradient, {
            **losses,
            "possible_pasts": float(np.mean(impossible == 0)),
            "effective_pasts": effective_sample_size(weights),
        }

    def _boltzmann_policy(self) -> PlannedPolicy:
        """The policy of a person for whom θ is the reward."""
        plan = value_iteration(self.mdp.transitions, self.inferred_rewards, self.horizon)
        return PlannedPolicy(self.unwrapped_env, plan.policy, self.rng)

    def _explore(self, n_actions: int) -> Observations:
        """Observations of all kinds: what random actions lead to from the start and the end."""
        rng = np.random.default_rng(0)  # for a loaded learner to know the same ones
        simulator = make_simulator(self.unwrapped_env, rng)
        ends = self.observed_states[rng.integers(len(self.observed_states), size=N_EXPLORED)]
        starts = np.concatenate([simulator.reset(N_EXPLORED), ends])

        def act(states: Observations, time: int) -> NDArray[np.int64]:
            return rng.integers(n_actions, size=len(states))

        explored = rollout(simulator, act, starts, self.horizon - 1).observations
        return explored.reshape(-1, *starts.shape[1:])

    def _features(self, observations: Observations) -> FloatArray:
        """The features (…, F) of observations (…, *observation_shape)."""
        shape = self.observation_space.shape or ()
        leading = observations.shape[: observations.ndim - len(shape)]
        flat = self.unwrapped_env.features(observations.reshape(-1, *shape))
        return np.asarray(flat).reshape(*leading, -1)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        past = {} if self._past is None else self._past._asdict()
        return {
            **super()._arrays(),
            **{f"past.{name}": array for name, array in past.items()},
            **{f"models.{name}": array for name, array in self.models.arrays().items()},
        }

    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        super()._set_arrays(arrays)
        if "past.actions" in arrays:
            self._past = Past(arrays["past.observations"], arrays["past.actions"])
        models = {
            name.removeprefix("models."): array
            for name, array in arrays.items()
            if name.startswith("models.")
        }
        self.models.set_arrays(models)
