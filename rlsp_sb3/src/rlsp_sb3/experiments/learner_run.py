"""Runs of a learner that leave a folder: what the command ``rlsp learn`` does, for Python.

>>> run = learn_into_folder("RoomDefault-v0", folder="runs/room", seed=0)
>>> run.learner.reward, run.config.true_return_fractions
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import ArrayLike
from stable_baselines3.common.type_aliases import MaybeCallback

from rlsp_sb3 import env_util
from rlsp_sb3.data.rollouts import sample_observed_states
from rlsp_sb3.encoders.base import EnvironmentFeatures, FunctionEncoder
from rlsp_sb3.encoders.encoder_entries import encoder_entries
from rlsp_sb3.evaluation.returns import Returns, measure_returns
from rlsp_sb3.experiments.config import load_config
from rlsp_sb3.experiments.equivalent_command import as_json_value, equivalent_command, source_of
from rlsp_sb3.io.file_names import env_file_name
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.learners.tabular import plans_policy
from rlsp_sb3.learners.true_return import true_return_fractions
from rlsp_sb3.plotting.reward_figure import log_reward_figure
from rlsp_sb3.plotting.style import save_png
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.protocols import ReportingLearner, TabularEnv
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run_config import (
    CONFIG_FILE,
    FIGURE_FILE,
    LEARNER_FILE,
    LOG_FILE,
    POLICY_FILM,
    REWARD_FIGURE,
    REWARD_FILE,
    ROBOT_FILM,
    RunConfig,
)
from rlsp_sb3.runs.run_folder import RunFolder, versions
from rlsp_sb3.utils.arguments import ARRAYS, SHORT
from rlsp_sb3.utils.checks import check_int
from rlsp_sb3.utils.errors import FeaturesNotSavedError, NotOfferedError, PluginError
from rlsp_sb3.utils.settings import merged
from rlsp_sb3.utils.type_checks import checks_types
from rlsp_sb3.video.recording import make_for_film, record, rendering
from rlsp_sb3.video.robot_gif import open_env_to_film, robot_gif

_TABULAR = "tabular-rlsp"
_CONFIGURED = "rlsp"  # the learner for which the package has configurations
DEFAULT_PRESET = "fast"
_N_EPISODES = 20
_MAX_EPISODE_STEPS = 10_000  # of episodes in environments without a limit, which may never end
_FILM_STEPS = 300


@checks_types
def learn_into_folder(
    env: str,
    learner: str | None = None,
    *,
    folder: str | Path | None = None,
    observed_states: str | Path | ArrayLike | None = None,
    n_states: int | None = None,
    vec_normalize: str | Path | None = None,
    preset: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    timesteps: int | None = None,
    seed: int = 0,
    log_interval: int = 1,
    callback: MaybeCallback = None,
    progress_bar: bool = False,
    force: bool = False,
) -> LearnerRun:
    """Infer a reward, and write all that ``rlsp learn`` writes into a folder.

    The learner, the reward, the configuration with true returns, the log (CSV and TensorBoard), a
    figure of the reward, and a film of the policy, as far as the environment and the learner allow
    it. Prints nothing but a progress bar, if there is to be one.

    Args:
        env: The id of an environment, such as "RoomDefault-v0" or "your_package:YourGrid-v0".
        learner: The name of an installed learner; None for :func:`default_learner`.
        folder: Where to; None for runs/ENV/LEARNER-seedN.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape), or what to sample them from: a policy (.zip), episodes (.npz,
            or .pkl as published), the id of a Minari dataset, or a file of states (.npy, .csv, or
            .npz with a single array). None for those that the environment offers.
        n_states: How many to sample; None for 1, and for all states of a file of states.
        vec_normalize: The statistics of a policy that was trained with SB3's VecNormalize, see
            :func:`~rlsp_sb3.load_policy`; for no other source of states.
        preset: For "rlsp" only: "paper", "fast" or "smoke", by the configurations of the package;
            None for "fast".
        arguments: Arguments of the learner's constructor. They come before those of the preset.
        timesteps: For how long to learn, in what the learner counts; None for as long as its
            arguments say.
        seed: Seeds all random numbers.
        log_interval: Log every so many timesteps.
        callback: Called while the learner learns, as SB3's are.
        progress_bar: Whether to show a progress bar.
        force: Whether to overwrite what an earlier run left in the folder.

    Returns:
        The run, with its learner and its folder.

    Raises:
        FileExistsError: If there is something in the folder.
        KeyboardInterrupt: If learning was interrupted. As after any error, what was learned so far
            is in the folder.
        OSError: If a file cannot be written; all others are.
        TypeError: If an argument has a wrong type.
        ValueError: If an argument is out of range.
    """
    run = LearnerRun(
        env,
        learner,
        folder=folder,
        observed_states=observed_states,
        n_states=n_states,
        vec_normalize=vec_normalize,
        preset=preset,
        arguments=arguments,
        timesteps=timesteps,
        seed=seed,
        log_interval=log_interval,
        force=force,
    )
    run.learn(callback, progress_bar=progress_bar)
    run.evaluate()
    run.write_results()
    return run


def default_learner(env: str) -> str:
    """The learner for an environment: "tabular-rlsp" if its states are known, and "rlsp" if not.

    Args:
        env: The id of the environment.
    """
    made = env_util.make_env(env)
    try:
        bare = made.unwrapped
        has_states = env_util.has_too_many_states(bare) or isinstance(bare, TabularEnv)
        return _TABULAR if has_states else _CONFIGURED
    finally:
        made.close()


class LearnerRun:
    """A run of a learner that leaves a folder, step by step.

    The constructor makes the learner and the folder, with a first configuration; then come
    :meth:`learn`, :meth:`evaluate` and :meth:`write_results`. :func:`learn_into_folder` does all of
    it, and documents the arguments.

    Attributes:
        learner: The learner.
        folder: Its folder; ``folder.path`` says where it is, and ``folder.left_out`` why a file is
            not in it.
        config: What ``config.json`` says.
        env_id: The id of the environment, without a package.
        without_fractions: Why there are no true-return fractions; empty if there are.
    """

    @checks_types
    def __init__(
        self,
        env: str,
        learner: str | None = None,
        *,
        folder: str | Path | None = None,
        observed_states: str | Path | ArrayLike | None = None,
        n_states: int | None = None,
        vec_normalize: str | Path | None = None,
        preset: str | None = None,
        arguments: Mapping[str, Any] | None = None,
        timesteps: int | None = None,
        seed: int = 0,
        log_interval: int = 1,
        force: bool = False,
    ) -> None:
        check_int("seed", seed, 0)
        if n_states is not None:
            check_int("n_states", n_states, 1)
            if not isinstance(observed_states, (str, Path)):
                raise ValueError(
                    f"n_states={n_states!r}: expected it with something to sample states from only "
                    "(--n-states and --states); all observed states of an array count"
                )
        if vec_normalize is not None and not _is_policy(observed_states):
            raise ValueError(
                f"vec_normalize={str(vec_normalize)!r}: expected it with a policy (.zip) to sample "
                "states from only (--vec-normalize and --states)"
            )
        check_int("log_interval", log_interval, 1)
        if timesteps is not None:
            check_int("timesteps", timesteps, 1)
            timesteps = int(timesteps)
        seed = int(seed)  # JSON knows no int of NumPy
        learner = default_learner(env) if learner is None else learner
        chosen = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in (arguments or {}).items()
        }
        if own := {"env", "observed_states", "seed"} & set(chosen):
            raise ValueError(f"arguments has {sorted(own)}: pass them by themselves")
        learner_class = registry.load_learner(learner)
        shipped = shipped_arguments(learner, env, preset)
        made = env_util.make_env(env)
        given = merged(shipped, chosen, SHORT)
        if observed_states is not None:
            given["observed_states"] = _sampled_states(
                observed_states, n_states, made, seed, vec_normalize
            )
        self.learner: RewardLearner = learner_class(made, seed=seed, **given)
        self.env_id: str = made.spec.id if made.spec else env
        self.without_fractions = ""
        self._env = env
        self._log_interval = log_interval
        self._timesteps = timesteps
        path = Path(folder or Path("runs", env_file_name(self.env_id), f"{learner}-seed{seed}"))
        source = source_of(observed_states)
        is_array = source is not None and not isinstance(observed_states, (str, Path))
        n_observed = None if source is None else len(self.learner.observed_states)
        options = {
            "timesteps": timesteps,
            "preset": (preset or DEFAULT_PRESET) if preset_option(learner) else None,
            "states": source,
            "n_states": n_observed,
            "vec_normalize": None if vec_normalize is None else str(vec_normalize),
            **{
                name: as_json_value(value)
                for name, value in chosen.items()
                if name not in ARRAYS or isinstance(value, str)
            },
        }
        words: dict[str, Any] = {
            "learner": learner,
            "seed": seed,
            "out": path,
            "timesteps": timesteps,
            "preset": preset,
            "states": source,
            "n-states": options["n_states"],
            "vec-normalize": options["vec_normalize"],
            "log-interval": None if log_interval == 1 else log_interval,
        }
        self.config = RunConfig(
            env=env,
            learner=learner,
            seed=seed,
            timestep=self.learner.timestep,
            options=options,
            arguments=_arguments_used(self.learner),
            command=None if is_array else equivalent_command(env, words, chosen),
            versions=versions(),
        )
        self.learner.check_savable()  # now, rather than after hours of work
        _warn_of_features(self.learner)
        self.folder = RunFolder(path, self.config, force=force)

    @checks_types
    def learn(self, callback: MaybeCallback = None, *, progress_bar: bool = False) -> None:
        """Let the learner learn, and write the learner and its reward.

        What was learned so far is written as well if learning fails or is interrupted.

        Args:
            callback: Called while it does, as SB3's are.
            progress_bar: Whether to show a progress bar.

        Raises:
            KeyboardInterrupt: If learning was interrupted.
        """
        self.learner.set_logger(self.folder.logger())
        start = time.perf_counter()
        try:
            self.learner.learn(
                self._timesteps,
                callback,
                log_interval=self._log_interval,
                progress_bar=progress_bar,
            )
            if self.learner.interrupted:
                raise KeyboardInterrupt
        except BaseException as error:
            try:
                self._write_learned()
            finally:
                self.folder.release()
                raise error  # whatever happens here, this is what went wrong
        else:
            self._write_learned()
        finally:
            self.folder.add(LOG_FILE, lambda _: self.learner.logger.close())
        self.config = replace(
            self.config,
            timesteps=self.learner.num_timesteps,
            wall_time_seconds=time.perf_counter() - start,
        )
        self._write_config()

    def evaluate(self) -> None:
        """Find out how good the result is, as far as the environment tells."""
        with self.folder.released_at_error():
            self._evaluate()

    def _evaluate(self) -> None:
        learner, fractions, returns = self.learner, None, None
        try:
            fractions = _fractions_of(learner)
        except NotOfferedError as error:
            self.without_fractions = str(error)
        if not plans_policy(learner) and _has_policy(learner):
            try:
                returns = self._measured_returns()
            except MemoryError as error:  # too many states to plan in
                self.without_fractions = str(error)
        self.config = replace(
            self.config,
            report=learner.report() if isinstance(learner, ReportingLearner) else {},
            true_return_fractions=fractions,
            true_returns=returns,
        )

    def write_results(self) -> None:
        """Write how good the result is, and pictures of it, as far as there are any.

        Raises:
            OSError: If a file cannot be written, or could not be after learning; all others are.
        """
        try:
            self._write_results()
            self.folder.check_written()
        finally:
            self.folder.release()

    def _write_config(self) -> None:
        self.folder.add(CONFIG_FILE, lambda _: self.folder.write_config(self.config))

    def _write_results(self) -> None:
        learner, env_id, folder = self.learner, self._env, self.folder

        def write_robots(path: Path) -> None:
            with open_env_to_film(learner, env_id) as (tabular, env):
                robot_gif(tabular, env, path)

        def write_reward_figure(path: Path) -> None:
            learner.set_logger(folder.tensorboard_logger())  # the one before is closed
            try:
                save_png(log_reward_figure(learner), path)
            finally:
                learner.logger.close()

        self._write_config()
        pictures: dict[str, Callable[[Path], None]] = {REWARD_FIGURE: write_reward_figure}
        if isinstance(learner, ReportingLearner):
            for name, write in learner.figures().items():
                pictures[FIGURE_FILE.format(name=name)] = write
        if plans_policy(learner):
            pictures[ROBOT_FILM] = write_robots
        else:
            pictures[POLICY_FILM] = lambda path: _film_policy(learner, env_id, path)
        with ExitStack() as stack:  # which calls all, and then raises what went wrong
            for name, write in reversed(pictures.items()):
                stack.callback(folder.add, name, write)

    def _write_learned(self) -> None:
        """Write the learner and its reward, before anything else can fail."""
        learner = self.learner

        def write_reward(path: Path) -> None:
            if not isinstance(learner.reward, LinearReward):
                raise NotOfferedError(
                    f"the reward is a {type(learner.reward).__name__}, not linear"
                )
            learner.reward.save(path)

        self.folder.add(LEARNER_FILE, learner.save)
        self.folder.add(REWARD_FILE, write_reward)

    def _measured_returns(self) -> Returns:
        """The true returns of the learner's policy, of episodes that end."""
        limit = step_limit(self.learner.env.get_attr("spec")[0])
        returns = measure_returns(
            self.learner, self._env, _N_EPISODES, seed=self.learner.seed, max_steps=limit
        )
        if limit and (n_cut := int(np.sum((returns.lengths == limit) & ~returns.terminated))):
            warnings.warn(
                f"{n_cut} of {_N_EPISODES} episodes of {self.env_id}, which has no time limit, did "
                f"not end within {limit:,} steps: their returns are those of so many steps; "
                "register the environment with max_episode_steps",
                stacklevel=3,
            )
        return returns


def _warn_of_features(learner: RewardLearner) -> None:
    """Warn before learning if the file of the reward will be without features."""
    encoder = getattr(learner, "encoder", None)
    if encoder is None and plans_policy(learner):
        encoder = EnvironmentFeatures(learner.unwrapped_env)
    if isinstance(encoder, FunctionEncoder):  # others are fitted by learning
        try:
            encoder_entries(encoder)
        except FeaturesNotSavedError as error:
            warnings.warn(
                f"{REWARD_FILE} will hold no more of a linear reward than its weights: {error}",
                stacklevel=4,
            )


def preset_option(learner: str) -> bool:
    """True if the option ``--preset`` is for a learner."""
    return learner == _CONFIGURED


def shipped_arguments(learner: str, env: str, preset: str | None) -> dict[str, Any]:
    """The arguments of RLSP that the configurations of the package have for an environment."""
    if preset_option(learner):
        return load_config(env, preset or DEFAULT_PRESET).rlsp
    if preset is not None:
        raise ValueError(
            f"preset={preset!r}: expected it with the learner {_CONFIGURED} only (--preset and "
            f"--learner {_CONFIGURED}); give {learner} arguments instead (--set)"
        )
    return {}


def _is_policy(source: Any) -> bool:
    """Return whether a source of observed states is the file of a policy."""
    return isinstance(source, (str, Path)) and str(source).endswith(".zip")


def _sampled_states(
    source: str | Path | ArrayLike,
    n: int | None,
    env: gym.Env[Any, Any],
    seed: int,
    vec_normalize: str | Path | None,
) -> ArrayLike:
    """States (n, *observation_shape) from a policy, a file or a dataset; or those given."""
    if not isinstance(source, (str, Path)):
        return source
    if _is_policy(source):
        policy = load_policy(source, env, vec_normalize=vec_normalize)
        return sample_observed_states(policy, n, seed, env=env, max_steps=step_limit(env.spec))
    states = sample_observed_states(source, n, seed)
    shape = env.observation_space.shape
    if str(source).endswith(".csv") and shape is not None and states[0].size == np.prod(shape):
        return states.reshape(-1, *shape)  # a row has no other shape
    return states


def step_limit(spec: EnvSpec | None) -> int | None:
    """A bound on the steps of an episode; None if the environment has a limit of its own."""
    return None if spec is not None and spec.max_episode_steps else _MAX_EPISODE_STEPS


def _arguments_used(learner: RewardLearner) -> dict[str, Any]:
    """The values of all arguments of the learner's constructor, but for arrays.

    They are those that its file has, the same for the same arguments: no object is among them.
    """
    saved = learner.saved_arguments()
    if "device" in saved:
        saved["device"] = str(saved["device"])
    return {name: value for name, value in saved.items() if name not in ARRAYS}


def _has_policy(learner: RewardLearner) -> bool:
    """Return whether a learner has a policy; one of another package may infer a reward only."""
    return hasattr(learner.policy, "predict")


def _fractions_of(learner: RewardLearner) -> dict[str, float]:
    """The true-return fractions of the learner's robots.

    Raises:
        NotOfferedError: If they cannot be computed exactly.
    """
    if env_util.has_too_many_states(learner.unwrapped_env):
        raise NotOfferedError("the environment has too many states to compute them exactly")
    if not plans_policy(learner):
        raise NotOfferedError(f"{type(learner).__name__} plans no policy")
    return true_return_fractions(learner)


def _film_policy(learner: RewardLearner, env_id: str, path: Path) -> None:
    """Film the policy of a learner."""
    if not _has_policy(learner):
        raise NotOfferedError(f"{type(learner).__name__} has no policy")
    try:
        env = make_for_film(env_id)
    except (gym.error.Error, PluginError, TypeError, ValueError) as error:
        raise NotOfferedError(f"the environment cannot be filmed: {error}") from error
    try:
        with rendering():
            record(learner, env, path, seed=learner.seed, max_steps=_FILM_STEPS)
    except MemoryError as error:  # too many states to plan in
        raise NotOfferedError(str(error)) from error
    finally:
        env.close()
