"""AverageFeatures: reward weights that are the mean features of the observed states."""

from __future__ import annotations

import numpy as np

from rlsp_baselines.observed_features import ObservedFeaturesLearner
from rlsp_sb3 import LinearReward
from rlsp_sb3.rewards import FeatureFn
from rlsp_sb3.type_aliases import FloatArray


class AverageFeatures(ObservedFeaturesLearner):
    """Reward weights θ = Σ φ(s_i), the mean features of the observed states, normalized.

    The inferred reward is θ·φ(s) with θ = Σ_i φ(s_i) / ‖Σ_i φ(s_i)‖ (Lindner et al. 2021, section
    4): what :class:`~rlsp_sb3.RLSP` begins with, so that what the two infer differs by what
    the simulated past tells.

    Features without bounds, such as those of a "vae", can be had more of elsewhere than in the
    observed states, and then the policy goes there; random Fourier features have most of it near
    them.

    The encoder and the observed states of an RLSP learner may be used again, as published:

    >>> AverageFeatures(env, rlsp.observed_states, encoder=rlsp.encoder).learn()

    **Environments to plan in** (with ``mdp``, such as the gridworlds of rlsp-envs) are planned in,
    for the task reward plus the inferred one, and there are no timesteps to take.

    **All other environments**: a timestep is a step of the solver. It trains from nothing for the
    one reward, in episodes as RLSP's and for as many timesteps by default, a fifth of them from
    the observed states.

    Args:
        env: The environment, a ``DummyVecEnv`` of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        encoder: The features φ, as for RLSP: an :class:`~rlsp_sb3.encoders.Encoder` (one that is
            fitted is used as it is), "features" (the environment's own), "fourier", "vae",
            "identity", a mapping such as ``{"name": "fourier", "bandwidth": 0.5}``, or a function
            from observations (N, *observation_shape) to features (N, F). "auto" for the
            environment's own features, or else the encoder of the preset.
        solver: What finds the policy, as for RLSP: "planning", an algorithm of SB3, sb3-contrib or
            sbx, its class or its name; "auto" is planning in environments that offer ``mdp``,
            FastPPO where there is a simulator, and otherwise FastSAC or, for discrete actions, PPO.
        solver_kwargs: Arguments of the solver's class.
        preset: Where the encoder and the hyperparameters come from if they are not given: "fast",
            "paper" or "smoke", as for RLSP.
        hyperparameters: What differs from those of the preset, such as
            ``{"solver": {"n_steps": 20_000}}``, or an
            :class:`~rlsp_sb3.hyperparameters.RLSPHyperparameters`. Those of simulating the past are
            not used.
        n_epochs: How many times ``solver.n_steps`` the solver is trained for if ``learn`` is not
            told, at least 1; None for what the hyperparameters say. Callbacks are called each time.
        forward_model: "simulator" to train in copies of the environment, which can be put into
            states; "learned" to train in the environment as it is, as RLSP does with a learned
            forward model, which is not needed here; "auto" for the simulator where there is one.
        keep_termination: Whether the end of an episode by the environment counts while the policy
            is trained; it leaks the true reward. Needs ``forward_model="learned"``.
        inferred_weight: How much the policy minds the inferred reward beside the task reward, at
            least 0, if it is planned and the environment offers a task reward.
        eval_interval: Every how many epochs the reward and the policy are compared with the true
            reward, if there is one, to be logged; 0 for never. It is not used to learn.
        checkpoint_dir: The folder for checkpoints, from which ``load(...)`` and then
            ``learn(reset_num_timesteps=False)`` go on to the same result to the bit; None for none.
        checkpoint_interval: Every how many epochs one is written.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where the solver's networks run.

    Raises:
        ImportError: If the solver's package is not installed.
        TypeError: If an argument has a wrong type, the environment does not offer what it takes, or
            there is a ``checkpoint_dir`` and checkpoints cannot hold an argument.
        ValueError: If an argument is out of range, there are no observed states, or the solver does
            not fit to the environment.
    """

    @property
    def theta(self) -> FloatArray:
        """The inferred weights (F,), of norm 1; 0 if the features add up to 0."""
        total = self.observed_features.sum(axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-12))

    @property
    def reward(self) -> LinearReward:
        """The inferred reward."""
        return self._reward_of(self.encoder)

    def _reward_of(self, features: FeatureFn | None) -> LinearReward:
        return LinearReward(self.theta, self.feature_names, features)
