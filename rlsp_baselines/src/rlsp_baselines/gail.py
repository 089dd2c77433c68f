"""Generative adversarial imitation learning, GAIL (Ho and Ermon 2016)."""

from __future__ import annotations

from typing import Any

from rlsp_baselines.adversarial import AdversarialLearner, import_imitation


class GAIL(AdversarialLearner):
    """Generative adversarial imitation learning: the comparison of Lindner et al. (2021).

    In each round the generator, an algorithm of SB3, acts for the reward -log(1 - D(s, a)), where D
    is what the discriminator takes for the probability that somebody has demonstrated to do a in s;
    then the discriminator learns to tell what the generator did from the demonstrations. Both are
    imitation's (``pip install imitation``). A single demonstrated pair of state and
    action is enough.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: Not used, but checked; None for the states of the demonstrations.
        demonstrations: An :class:`~rlsp_sb3.data.Episode`, a trajectory of imitation, or a list
            of such; transitions of imitation; the path of an npz file or a pickle of the published
            code, from which no code is run; a Minari dataset or its id. Actions that are numbers
            are clipped to the action space.
        solver: The generator: an algorithm of SB3, its class or its name ("PPO", "SAC", …). One
            that replays transitions replays them with the rewards of today.
        solver_kwargs: Arguments of the solver's class.
        n_rounds: How many rounds ``learn`` takes if it is not told, at least 1.
        round_steps: How many environment steps the generator takes in a round, at least 1, rounded
            up to what it takes at once; None for that, or for 1,000 if it replays transitions.
            Episodes start anew in each round.
        demo_batch_size: How many demonstrated steps, and as many of the generator's, the
            discriminator learns from at once, at least 1. They are drawn with replacement, so there
            may be fewer demonstrated steps.
        discriminator_hidden: The sizes of the discriminator's hidden layers.
        discriminator_learning_rate: The step size of its optimizer, above 0.
        n_discriminator_updates: How many steps its optimizer takes in a round, at least 1.
        keep_termination: Whether the end of an episode by the environment counts while the
            generator is trained; it leaks the true reward.
        seed: Seeds the random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where networks run: "cpu", "cuda", or "auto".

    Raises:
        ImportError: If imitation or the solver's package is not installed.
        TypeError: If an argument has a wrong type.
        ValueError: If an argument is out of range, or demonstrations or the solver do not fit to
            the environment.
    """

    @staticmethod
    def _trainer_class() -> Any:
        return import_imitation("algorithms.adversarial.gail").GAIL
