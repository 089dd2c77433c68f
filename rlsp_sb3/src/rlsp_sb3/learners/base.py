"""Base classes of all learners, with the surface of an SB3 algorithm."""

from __future__ import annotations

import sys
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from stable_baselines3.common.callbacks import (
    BaseCallback,
    CallbackList,
)
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.type_aliases import GymEnv, MaybeCallback
from stable_baselines3.common.utils import configure_logger, get_system_info
from stable_baselines3.common.vec_env import (
    VecEnv,
    VecNormalize,
    unwrap_vec_normalize,
)

from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.io.save_util import archive_path, check_json, read_archive, write_archive
from rlsp_sb3.learners.callbacks import ProgressCallback, as_callback
from rlsp_sb3.learners.observed_states import find_observed_states
from rlsp_sb3.learners.saved_entries import PATHS, check_data, check_entry, naming, refusing
from rlsp_sb3.learners.tensorboard import log_hparams
from rlsp_sb3.protocols import Policy
from rlsp_sb3.rewards.reward import RewardFn
from rlsp_sb3.utils.arguments import ARRAYS, arguments_of
from rlsp_sb3.utils.checks import check_device, check_int
from rlsp_sb3.utils.html import html_table
from rlsp_sb3.utils.observations import check_without_info
from rlsp_sb3.utils.type_checks import check_type, checks_types

_METRICS = ("eval/", "rlsp/")
"""The groups of the log that hyperparameters are compared by in TensorBoard."""

SelfLearner = TypeVar("SelfLearner", bound="Learner")


class Learner(ABC):
    """Learns in an environment by ``learn()``, and is saved without code.

    Has what SB3's callbacks and ``evaluate_policy`` need, so they work with a learner as with any
    algorithm. A subclass keeps each argument of its constructor as an attribute of the same name,
    and implements the abstract methods.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        seed: Seeds all random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where networks run: "cpu", "cuda", or "auto".

    Raises:
        TypeError: If an argument has a wrong type, or observations are no arrays.
        ValueError: If a number is out of range.
    """

    timestep: str = "environment step"
    """Unit of ``num_timesteps``."""

    loaded_from: Path | None = None
    """The file that it was loaded from; None if it was made."""

    interrupted: bool = False
    """True if Ctrl-C ended the last ``learn()``."""

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        *,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        if seed is not None:
            check_int("seed", seed, 0)
            seed = int(seed)  # Gymnasium takes no int of NumPy
        check_int("verbose", verbose, 0)
        self.seed = seed
        self.verbose = verbose
        self.tensorboard_log = tensorboard_log
        self.device = check_device(device)
        self.num_timesteps = 0
        self._target: int | None = None
        self._logger: Logger | None = None
        self._custom_logger = False
        self._metrics: set[str] = set()
        self._before_epoch: tuple[dict[str, Any], dict[str, NDArray[Any]]] | None = None
        self.start_time = time.time_ns()
        self.set_env(env)
        self.set_random_seed(seed)

    # What a subclass defines.

    @property
    @abstractmethod
    def policy(self) -> Policy:
        """The policy that was learned."""

    @property
    @abstractmethod
    def _default_timesteps(self) -> int:
        """Default number of timesteps of ``learn()``."""

    @abstractmethod
    def _learn(self, total_timesteps: int, callback: BaseCallback, log_interval: int) -> None:
        """Learn until ``num_timesteps`` is ``total_timesteps`` or the callback says to stop."""

    @abstractmethod
    def _arrays(self) -> dict[str, NDArray[Any]]:
        """Learned parameters, to be saved."""

    @abstractmethod
    def _set_arrays(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over what was saved."""

    # Learning.

    def learn(
        self: SelfLearner,
        total_timesteps: int | None = None,
        callback: MaybeCallback = None,
        log_interval: int | None = 1,
        tb_log_name: str | None = None,
        reset_num_timesteps: bool = True,
        progress_bar: bool = False,
    ) -> SelfLearner:
        """Learn.

        Args:
            total_timesteps: How many timesteps to take; None for as many as are configured, or for
                those that are left if a run was stopped and goes on.
            callback: SB3 callbacks, called at every step of the environment that the policy is
                trained in, as by SB3's algorithms; where it is not trained, at every timestep.
            log_interval: Log every so many timesteps, at least 1; None for never.
            tb_log_name: The name of the run in TensorBoard; None for the name of the class.
            reset_num_timesteps: Whether to count timesteps from 0, rather than to go on where the
                last run stopped. What was learned is kept.
            progress_bar: Whether to show a progress bar.

        Returns:
            This learner.

        Raises:
            TypeError: If an argument has a wrong type.
            ValueError: If a number is out of range.
        """
        # By hand: warnings point to the line that calls this method.
        check_type("tb_log_name", tb_log_name, str | None)
        check_type("reset_num_timesteps", reset_num_timesteps, bool)
        check_type("progress_bar", progress_bar, bool)
        if log_interval is None:
            log_interval = sys.maxsize
        check_int("log_interval", log_interval, 1)
        if total_timesteps is not None:
            check_int("total_timesteps", total_timesteps, 0)
        if reset_num_timesteps:
            self.num_timesteps = 0
            self._target = None
        if total_timesteps is not None:
            total_timesteps += self.num_timesteps
        elif self._target is not None:
            total_timesteps = self._target
        else:
            total_timesteps = self.num_timesteps + self._default_timesteps
        self._target = total_timesteps
        tb_log_name = tb_log_name or type(self).__name__
        self.start_time = time.time_ns()
        if not self._custom_logger:
            folder = None if self.tensorboard_log is None else str(self.tensorboard_log)
            self._logger = configure_logger(self.verbose, folder, tb_log_name, reset_num_timesteps)
        self.interrupted = False
        callback = self._init_callback(callback, progress_bar)
        callback.on_training_start(
            {"total_timesteps": total_timesteps, "tb_log_name": tb_log_name, "self": self}, {}
        )
        try:
            self._learn(total_timesteps, callback, log_interval)
        except KeyboardInterrupt:
            self.interrupted = True
            warnings.warn(
                f"interrupted after {self.num_timesteps:,} of {total_timesteps:,} timesteps: what "
                "was learned so far is kept, save() writes it to a file, and "
                "learn(reset_num_timesteps=False) goes on",
                stacklevel=2,
            )
        finally:
            callback.on_training_end()
        if self.num_timesteps >= total_timesteps:
            self._target = None
        log_hparams(self.logger, self.saved_arguments(), self._metrics, self.num_timesteps)
        return self

    def _init_callback(self, callback: MaybeCallback, progress_bar: bool) -> BaseCallback:
        callback = as_callback(callback)
        if progress_bar:
            callback = CallbackList([callback, ProgressCallback()])
        callback.init_callback(self)  # type: ignore[arg-type]
        return callback

    @contextmanager
    def _in_epoch(self) -> Iterator[None]:
        """An epoch; what is saved before it is over goes on from its beginning."""
        self._before_epoch = self._saved_data(), self._arrays()
        try:
            yield
        finally:
            self._before_epoch = None

    def _end_step(self, callback: BaseCallback) -> bool:
        """Tell callbacks that a step is over, which counts as an episode; False to stop."""
        callback.update_locals({"dones": np.ones(self.env.num_envs, dtype=np.bool_)})
        return callback.on_step()

    def _record(self, group: str, values: Mapping[str, float]) -> None:
        """Log values by name."""
        for name, value in values.items():
            self.logger.record(f"{group}/{name}", value)

    def dump_logs(self) -> None:
        """Write out what was logged for the current timestep."""
        names = self.logger.name_to_value
        self._metrics.update(name for name in names if name.startswith(_METRICS))
        elapsed = (time.time_ns() - self.start_time) / 1e9
        self.logger.record("time/time_elapsed", round(elapsed, 3), exclude="tensorboard")
        self.logger.record("time/total_timesteps", self.num_timesteps, exclude="tensorboard")
        self.logger.dump(self.num_timesteps)

    # Acting.

    @checks_types
    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Choose actions by the policy.

        Args:
            observation: One observation or a batch of them.
            state: What the last call returned as its second value, if the policy has a memory.
            episode_start: Which environments were just reset.
            deterministic: Whether to take the most probable action.

        Returns:
            The action or actions, and the state for the next call.

        Raises:
            TypeError: If ``deterministic`` is no bool.
            ValueError: If the observation is all that ``env.reset()`` of Gymnasium returns.
        """
        check_without_info(observation)
        return self.policy.predict(observation, state, episode_start, deterministic)

    def _repr_html_(self) -> str:
        """A table of what it is, for notebooks."""
        return html_table(self._facts().items(), caption=type(self).__name__)

    def _facts(self) -> dict[str, str]:
        """Facts that are shown of it, by name."""
        spec = self.env.get_attr("spec")[0]
        return {
            "environment": spec.id if spec else type(self.unwrapped_env).__name__,
            "seed": str(self.seed),
            f"{self.timestep}s": f"{self.num_timesteps:,}",
        }

    # Environment, logger, random numbers.

    @checks_types
    def set_env(self, env: GymEnv | str, force_reset: bool = True) -> None:
        """Use another environment, with the same spaces as before.

        An environment that does not fit is an error and changes nothing.

        Args:
            env: The environment.
            force_reset: Accepted as in SB3; episodes begin anew in any case.

        Raises:
            TypeError: If it does not offer what this learner needs.
            ValueError: If its spaces differ from those of the environment before, or it does not
                fit what was learned.
        """
        vec_env = as_vec_env(env, arrays=True)
        for name in ("observation_space", "action_space"):
            before, after = getattr(self, name, None), getattr(vec_env, name)
            if before is not None and before != after:
                raise ValueError(
                    f"env has the {name} {after}: expected that of the environment before, {before}"
                )
        unwrapped_env = vec_env.get_attr("unwrapped")[0]
        self._check_wrappers(vec_env, unwrapped_env)
        self._prepare(unwrapped_env)
        self.env = vec_env
        self.observation_space = vec_env.observation_space
        self.action_space = vec_env.action_space
        self.unwrapped_env = unwrapped_env

    def _check_wrappers(self, env: VecEnv, unwrapped_env: Any) -> None:  # noqa: B027 (a hook)
        """Check what is around an environment that is about to be used."""

    def _prepare(self, env: Any) -> None:  # noqa: B027 (a hook)
        """Check an environment that is about to be used, and derive what depends on it."""

    def get_env(self) -> VecEnv:
        """The environment, as a vector environment of SB3."""
        return self.env

    def get_vec_normalize_env(self) -> VecNormalize | None:
        """The environment's ``VecNormalize`` wrapper, if it has one."""
        return unwrap_vec_normalize(self.env)

    @property
    def logger(self) -> Logger:
        """The logger of SB3, from the first ``learn`` or ``set_logger`` on."""
        if self._logger is None:
            raise RuntimeError("there is no logger yet: call learn or set_logger first")
        return self._logger

    @checks_types
    def set_logger(self, logger: Logger) -> None:
        """Use a logger of one's own instead of the one that ``learn`` makes.

        Raises:
            TypeError: If it is none of SB3.
        """
        self._logger = logger
        self._custom_logger = True

    def set_random_seed(self, seed: int | None = None) -> None:
        """Seed the random numbers of the learner and of its environment.

        Args:
            seed: At least 0; None for an unpredictable one.

        Raises:
            TypeError: If it is no int.
            ValueError: If it is negative.
        """
        if seed is not None:
            check_int("seed", seed, 0)
            seed = int(seed)
        self.rng = np.random.default_rng(seed)
        if seed is not None:
            self.env.seed(seed)
            self.action_space.seed(seed)

    # Files.

    @checks_types
    def save(self, path: str | Path | IO[bytes], include_replay: bool = False) -> None:
        """Write everything but the environment, and folders that are written to, to a file.

        What a callback saves in the middle of an epoch is what was learned before that epoch, so
        that a learner that is loaded goes on from its beginning.

        Args:
            path: The file; ".zip" is added if it has no suffix. Or an open binary file.
            include_replay: Whether to write the transitions, too, that the training of a policy
                replays: without them a learner that is loaded goes on with none.

        Raises:
            TypeError: If a file cannot hold an argument of the constructor or what was learned;
                nothing is written then.
        """
        data, learned = self._saved_state()
        replay = self._replay_arrays() if include_replay else {}
        arrays = {**self._given_arrays(), **learned, **replay}
        write_archive(path, data, arrays)

    def check_savable(self) -> None:
        """Raise an error now if :meth:`save` would, rather than after hours of work.

        Raises:
            TypeError: If a file cannot hold an argument of the constructor or what is learned.
        """
        self._saved_data()
        self._arrays()

    def _saved_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Data and learned parameters for a file, which belong together."""
        if self._before_epoch is not None:
            return self._before_epoch
        return self._saved_data(), self._arrays()

    @classmethod
    @checks_types
    def load(
        cls: type[SelfLearner],
        path: str | Path | IO[bytes],
        env: GymEnv | str,
        device: torch.device | str = "auto",
        print_system_info: bool = False,
        **kwargs: Any,
    ) -> SelfLearner:
        """Read a learner from a file.

        Args:
            path: The file; ".zip" may be left out. Or an open binary file, or the address of one
                on the Hugging Face Hub, "hf://org/repo/learner.zip".
            env: The environment; files do not contain it.
            device: Where networks run.
            print_system_info: Whether to print the versions of what is installed here.
            **kwargs: Arguments of the constructor, to replace saved ones; folders to write to, such
                as ``tensorboard_log``, are never taken from a file.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is not the file of a learner of this class, or has other entries than
                that writes.
        """
        if print_system_info:
            get_system_info()
        if isinstance(path, (str, Path)):
            path = archive_path(path)
        data, arrays = read_archive(path)
        if data.get("class") != cls.__name__:
            raise ValueError(
                f"path={str(path)!r} holds a {data.get('class')}, not a {cls.__name__}: use "
                f"{data.get('class')}.load"
            )
        with refusing(path):
            check_data(data, [name for name in cls._argument_names() if name not in ARRAYS])
            saved = dict(arrays)
            given = cls._take_given_arrays(saved)
        # Paths in a file are those of whoever wrote it: nothing is written there.
        own = {name: value for name, value in data["arguments"].items() if name not in PATHS}
        with naming(path):
            learner = cls(env, **{**given, **own, "device": device, **kwargs})
        learner.num_timesteps = data["num_timesteps"]
        learner._target = data["target"]
        if isinstance(path, Path):
            learner.loaded_from = path.resolve()
        with refusing(path):
            learner.rng.bit_generator.state = data["rng"]
            learner._set_arrays(saved)
            learner._check_arrays(arrays, replaced=set(kwargs))
        return learner

    def _check_arrays(self, saved: Mapping[str, NDArray[Any]], replaced: set[str]) -> None:
        """Raise a ValueError if a file holds other arrays than this learner would write.

        Args:
            saved: The arrays that were taken over.
            replaced: Arguments that do not come from the file.
        """
        own = {**self._given_arrays(), **self._arrays()}
        if not set(saved) <= set(own):
            own.update(self._replay_arrays())
        for name in sorted(set(own) | set(saved)):
            if name.partition(".")[0] not in replaced:
                check_entry(name, saved.get(name), own.get(name))

    def _saved_data(self) -> dict[str, Any]:
        """Data that go into a file beside arrays: class, arguments and random state.

        Raises:
            TypeError: If it cannot hold an argument.
        """
        arguments = {**self.saved_arguments(), "device": str(self.device)}
        arguments.update((name, None) for name in PATHS & set(arguments))
        check_json(arguments)
        return {
            "class": type(self).__name__,
            "arguments": arguments,
            "num_timesteps": self.num_timesteps,
            "target": self._target,
            "rng": self.rng.bit_generator.state,
        }

    def saved_arguments(self) -> dict[str, Any]:
        """The arguments for making such a learner again, as JSON can hold them."""
        return {name: getattr(self, name) for name in self._argument_names()}

    def _given_arrays(self) -> dict[str, NDArray[Any]]:
        """The arguments of the constructor that are arrays, to be saved."""
        return {}

    @classmethod
    def _take_given_arrays(cls, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """Take the arguments of the constructor that are arrays out of what was saved."""
        return {}

    def _replay_arrays(self) -> dict[str, NDArray[Any]]:
        """The transitions that are replayed, to be saved."""
        return {}

    @classmethod
    def _argument_names(cls) -> list[str]:
        """The arguments of the constructor that go into a file as they are."""
        return list(arguments_of(cls))


class RewardLearner(Learner):
    """Infers a reward, and a policy for it, by ``learn()``.

    Args:
        env: The environment, a vector environment of SB3, or the id of a registered one.
        observed_states: The states that the person left behind, as observations
            (n, *observation_shape); None for those that the environment offers.
        seed: Seeds all random numbers; None for an unpredictable seed.
        verbose: 0 for no output, 1 to print the log.
        tensorboard_log: The folder for TensorBoard events; None for none.
        device: Where networks run: "cpu", "cuda", or "auto".

    Raises:
        TypeError: If an argument has a wrong type, or observations are no arrays.
        ValueError: If there are no observed states, or one is not finite or has another shape
            than an observation.
    """

    @checks_types
    def __init__(
        self,
        env: GymEnv | str,
        observed_states: ArrayLike | None = None,
        *,
        seed: int | None = None,
        verbose: int = 0,
        tensorboard_log: str | Path | None = None,
        device: torch.device | str = "auto",
    ) -> None:
        super().__init__(
            env, seed=seed, verbose=verbose, tensorboard_log=tensorboard_log, device=device
        )
        self.observed_states = find_observed_states(observed_states, self.env)

    @property
    @abstractmethod
    def reward(self) -> RewardFn:
        """The inferred reward."""

    def _facts(self) -> dict[str, str]:
        return {**super()._facts(), "observed states": f"{len(self.observed_states):,}"}

    def _repr_html_(self) -> str:
        """A table of what it is, and of the reward that it has inferred."""
        show = getattr(self.reward, "_repr_html_", None) if self.num_timesteps else None
        return super()._repr_html_() + (show() if show else "")

    def _given_arrays(self) -> dict[str, NDArray[Any]]:
        return {"observed_states": self.observed_states}

    @classmethod
    def _take_given_arrays(cls, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
        return {"observed_states": arrays.pop("observed_states")}

    @classmethod
    def _argument_names(cls) -> list[str]:
        return [name for name in super()._argument_names() if name != "observed_states"]
