"""Diagnosed runs of RLSP: what the command ``rlsp diagnose`` does, for Python.

>>> rows = diagnose("InvertedPendulum-v5", "expert.zip", folder="runs/diagnosis").rows
>>> [row.cosine for row in rows if row.is_used]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rlsp_sb3 import env_util
from rlsp_sb3.data.episodes import Episode
from rlsp_sb3.data.rollouts import episodes_of, rollout_env, sample_observed_states
from rlsp_sb3.diagnosis.callback import DiagnosisCallback
from rlsp_sb3.diagnosis.gradient_diagnosis import DiagnosisRow
from rlsp_sb3.diagnosis.real_pasts import check_episodes
from rlsp_sb3.experiments.equivalent_command import equivalent_command
from rlsp_sb3.experiments.learner_run import LearnerRun, default_learner, step_limit
from rlsp_sb3.io.file_names import env_file_name
from rlsp_sb3.plotting.diagnosis_figure import diagnosis_figure
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.rlsp.rlsp import RLSP
from rlsp_sb3.runs.run_config import DIAGNOSIS_FIGURE, DIAGNOSIS_FILE
from rlsp_sb3.utils.checks import MAX_COUNT, check_int
from rlsp_sb3.utils.type_checks import checks_types, shown

_LEARNER = "rlsp"
_N_EPISODES = 10


@checks_types
def diagnose(
    env: str,
    expert: str | Path | Sequence[Episode],
    *,
    n_states: int = 1,
    n_episodes: int | None = None,
    vec_normalize: str | Path | None = None,
    folder: str | Path | None = None,
    preset: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    timesteps: int | None = None,
    seed: int = 0,
    interval: int = 1,
    progress_bar: bool = False,
    force: bool = False,
) -> DiagnosisRun:
    """Run RLSP on states of an expert, and compare its gradients with those of real pasts.

    Writes all that :func:`learn_into_folder` writes, and the diagnosis as a table and a figure.

    Args:
        env: The id of an environment whose states cannot be enumerated.
        expert: Who left the observed states: the file of a policy (.zip), episodes, or a file of
            episodes (.npz, or .pkl as published), or the id of a Minari dataset.
        n_states: How many observed states to sample, at least 1, from the second halves of
            episodes, so that there are long pasts.
        n_episodes: How many episodes a policy acts, at least 1; None for 10, or for ``n_states`` if
            that is more. For nothing but a policy.
        vec_normalize: The statistics of a policy that was trained with SB3's VecNormalize, see
            :func:`~rlsp_sb3.load_policy`.
        folder: Where to; None for runs/ENV/diagnosis-seedN.
        preset: "paper", "fast" or "smoke"; None for "fast".
        arguments: Arguments of :class:`~rlsp_sb3.RLSP`. They come before those of the preset.
        timesteps: For how many environment steps to learn; None for as long as the arguments say.
        seed: Seeds all random numbers.
        interval: Every how many epochs to diagnose, at least 1.
        progress_bar: Whether to show a progress bar.
        force: Whether to overwrite what an earlier run left in the folder.

    Returns:
        The run, with its learner, its folder and what was found.

    Raises:
        FileExistsError: If there is something in the folder.
        KeyboardInterrupt: If learning was interrupted. As after any error, what was learned so far
            is in the folder.
        OSError: If a file cannot be written; all others are.
        TypeError: If an argument has a wrong type.
        ValueError: If an argument is out of range, the environment can be planned in, or the
            episodes are of another environment.
    """
    run = DiagnosisRun(
        env,
        expert,
        n_states=n_states,
        n_episodes=n_episodes,
        vec_normalize=vec_normalize,
        folder=folder,
        preset=preset,
        arguments=arguments,
        timesteps=timesteps,
        seed=seed,
        interval=interval,
        force=force,
    )
    run.learn(progress_bar=progress_bar)
    run.write_results()
    return run


class DiagnosisRun:
    """A run of RLSP that is diagnosed, step by step.

    The constructor makes the learner and the folder; then come :meth:`learn` and
    :meth:`write_results`. :func:`diagnose` does all of it, and documents the arguments.

    Attributes:
        run: The run, with its learner and its folder.
        callback: The callback that diagnoses it.
    """

    @checks_types
    def __init__(
        self,
        env: str,
        expert: str | Path | Sequence[Episode],
        *,
        n_states: int = 1,
        n_episodes: int | None = None,
        vec_normalize: str | Path | None = None,
        folder: str | Path | None = None,
        preset: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        timesteps: int | None = None,
        seed: int = 0,
        interval: int = 1,
        force: bool = False,
    ) -> None:
        check_int("seed", seed, 0)
        check_int("n_states", n_states, 1, MAX_COUNT)
        if default_learner(env) != _LEARNER:
            raise ValueError(
                f"env={env!r}: expected one whose states cannot be enumerated; here TabularRLSP "
                "computes the gradient exactly, and there is nothing to diagnose"
            )
        if n_episodes is None and _is_policy(expert):
            n_episodes = max(_N_EPISODES, n_states)
        episodes = _expert_episodes(env, expert, n_episodes, vec_normalize, seed)
        self.callback = DiagnosisCallback(episodes, interval)
        late = [_second_half(episode) for episode in episodes]
        folder = Path(folder or Path("runs", env_file_name(env), f"diagnosis-seed{seed}"))
        self.run = LearnerRun(
            env,
            _LEARNER,
            folder=folder,
            observed_states=sample_observed_states(late, n_states, seed),
            preset=preset,
            arguments=arguments,
            timesteps=timesteps,
            seed=seed,
            force=force,
        )
        if isinstance(expert, (str, Path)):
            words = {
                "expert": expert,
                "n-states": n_states,
                "episodes": n_episodes,
                "vec-normalize": vec_normalize,
                "preset": preset,
                "timesteps": timesteps,
                "seed": seed,
                "interval": interval,
                "out": folder,
            }
            command = equivalent_command(env, words, arguments or {}, "diagnose")
            self.run.config = replace(self.run.config, command=command)

    @property
    def rows(self) -> list[DiagnosisRow]:
        """Rows of the diagnosis, by epoch and length of pasts."""
        return self.callback.rows

    @checks_types
    def learn(self, *, progress_bar: bool = False) -> None:
        """Let RLSP learn, and write it, its reward and the table of the diagnosis.

        Args:
            progress_bar: Whether to show a progress bar.

        Raises:
            KeyboardInterrupt: If learning was interrupted.
        """
        try:
            self.run.learn(self.callback, progress_bar=progress_bar)
        finally:
            self.run.folder.add(DIAGNOSIS_FILE, self.callback.save)

    def write_results(self) -> None:
        """Find out how good the result is, and write that and the figures.

        Raises:
            OSError: If a file cannot be written; all others are.
        """
        self.run.evaluate()
        sampling = cast(RLSP, self.run.learner).sampling
        title = f"{self.run.env_id}, pasts sampled {sampling}"
        self.run.folder.add(DIAGNOSIS_FIGURE, lambda path: diagnosis_figure(self.rows, path, title))
        self.run.write_results()


def _is_policy(expert: Any) -> bool:
    return isinstance(expert, (str, Path)) and str(expert).endswith(".zip")


def _expert_episodes(
    env: str,
    expert: str | Path | Sequence[Episode],
    n_episodes: int | None,
    vec_normalize: str | Path | None,
    seed: int,
) -> list[Episode]:
    """The episodes of an expert, with observations of the environment.

    Raises:
        ValueError: If something is given that is for policies only, or they are of another
            environment.
    """
    made = env_util.make_env(env)
    try:
        if _is_policy(expert):
            policy = load_policy(str(expert), made, vec_normalize=vec_normalize)
            check_int("n_episodes", n_episodes, 1, MAX_COUNT)
            n, limit = int(n_episodes or 0), step_limit(made.spec)
            return rollout_env(policy, made, n, seed=seed, max_steps=limit)
        for name, value in {"n_episodes": n_episodes, "vec_normalize": vec_normalize}.items():
            if value is not None:
                raise ValueError(
                    f"{name}={value!r}: expected it with a policy (.zip) as the expert only"
                )
        episodes = episodes_of(expert) if isinstance(expert, (str, Path)) else list(expert)
        check_episodes("expert", episodes)
        shape = made.observation_space.shape
        if episodes[0].observations.shape[1:] != shape:
            raise ValueError(
                f"expert={shown(expert)} has observations of the shape "
                f"{episodes[0].observations.shape[1:]}: expected {shape}, that of env={env!r}; let "
                "the expert act there, or leave out what the environment does not show"
            )
        return episodes
    finally:
        made.close()


def _second_half(episode: Episode) -> Episode:
    """The second half of an episode, or its last step, so that there are long pasts."""
    middle = len(episode) // 2
    return Episode(
        episode.observations[middle:], episode.actions[middle:], episode.rewards[middle:]
    )
