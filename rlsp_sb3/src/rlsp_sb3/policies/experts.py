"""Experts: policies that SB3 trains for the environment's own reward."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.buffers import ReplayBuffer
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.save_util import recursive_getattr

from rlsp_sb3.env_util import make_env
from rlsp_sb3.io.atomic_write import atomic_write
from rlsp_sb3.io.file_names import env_file_name
from rlsp_sb3.io.folder_lock import lock_folder
from rlsp_sb3.io.json_file import read_json, write_json
from rlsp_sb3.io.npz import read_npz, write_npz
from rlsp_sb3.io.save_util import with_suffix
from rlsp_sb3.io.unwritten_files import reason
from rlsp_sb3.learners.callbacks import ProgressCallback
from rlsp_sb3.policies.expert_hyperparameters import find_expert_hyperparameters
from rlsp_sb3.policies.sb3_file import read_sb3
from rlsp_sb3.presets import ON_POLICY
from rlsp_sb3.solvers.fast_ppo import FastPPO
from rlsp_sb3.solvers.sb3_arguments import (
    POLICY,
    constructor_arguments,
    default_solver,
    find_sb3_algorithm,
)
from rlsp_sb3.solvers.spaces import check_spaces
from rlsp_sb3.utils.checks import MAX_COUNT, check_int, check_names
from rlsp_sb3.utils.type_checks import checks_types

_SETTINGS = "settings.json"
BUFFER = "replay_buffer.npz"
_CHECKPOINT = re.compile(r"expert_(\d+)_steps\.zip")
_COUNTERS = ("num_timesteps", "_episode_num", "_n_updates", "_n_calls")
_BUFFER_ARRAYS = ("observations", "next_observations", "actions", "rewards", "dones", "timeouts")


class ExpertRun:
    """Trains an expert, with checkpoints in a folder beside the file that it is written to.

    The checkpoints of ``expert.zip`` are in ``expert.checkpoints``: files of SB3, the replay buffer
    of the newest one, and the settings. All of them are read without running code from them.

    A run that was stopped goes on from the newest checkpoint, with the networks, the optimizers,
    the replay buffer and the counters of that time. Episodes start anew and random numbers are
    others, so that the result is not to the bit that of a run that was not stopped.

    No other process writes to the file or the checkpoints until :meth:`learn` returns or fails,
    :meth:`release`, or the end of this one.

    Args:
        env: The id of an environment.
        out: Where to write the expert; ".zip" is added if there is no suffix.
        solver: The name of an algorithm of SB3; None for SAC or, if actions are not numbers, PPO.
        seed: Seeds all random numbers.
        n_envs: How many copies of the environment to act in; None for 128 with FastPPO, and 1
            with others.
        settings: Hyperparameters other than those shipped, see
            :func:`~rlsp_sb3.policies.find_expert_hyperparameters`.
        tensorboard_log: The folder for TensorBoard events; None for none.
        resume: Whether to go on with a run that was stopped, if there is one.
        force: Whether to overwrite an expert and its checkpoints.

    Attributes:
        model: The algorithm of SB3.
        env_id: The id of the environment, without a package.
        arguments: The hyperparameters that are not SB3's defaults.

    Raises:
        FileExistsError: If there is an expert or a checkpoint, which is to be neither overwritten
            nor gone on with.
        InUseError: If another run writes to the same file.
        TypeError: If an argument has a wrong type.
        ValueError: If an argument is out of range, if the algorithm is not for this environment, or
            if checkpoints are of a run with other settings.
    """

    @checks_types
    def __init__(
        self,
        env: str,
        out: str | Path,
        *,
        solver: str | None = None,
        seed: int = 0,
        n_envs: int | None = None,
        settings: Iterable[str] = (),
        tensorboard_log: str | Path | None = None,
        resume: bool = False,
        force: bool = False,
    ) -> None:
        check_int("seed", seed, 0, 2**32 - 1)  # NumPy's, which SB3 seeds
        settings = check_names("settings", settings)
        self.out = with_suffix(out)
        self.folder = self.out.with_suffix(".checkpoints")
        chosen = find_sb3_algorithm(solver) if solver else None
        if n_envs is None:
            n_envs = ON_POLICY.n_envs if chosen is FastPPO else 1
        check_int("n_envs", n_envs, 1, MAX_COUNT)
        vec_env = make_vec_env(lambda: make_env(env), n_envs, seed=seed)
        action_space = vec_env.action_space
        check_spaces(vec_env.observation_space, action_space)
        solver_class = chosen or default_solver(action_space)
        spec = vec_env.get_attr("spec")[0]
        self.env_id: str = spec.id if spec else env
        self.arguments = find_expert_hyperparameters(solver_class, self.env_id, settings)
        try:
            self.model: BaseAlgorithm = solver_class(
                POLICY,
                vec_env,
                seed=seed,
                tensorboard_log=str(tensorboard_log) if tensorboard_log else None,
                **constructor_arguments(self.arguments, action_space),
            )
        except (AssertionError, ValueError) as error:  # SB3 asserts what it wants
            raise ValueError(f"{solver_class.__name__} on {self.env_id}: {error}") from error
        run_settings = {
            "env": self.env_id,
            "solver": solver_class.__name__,
            "seed": seed,
            "n_envs": n_envs,
            "arguments": self.arguments,
        }
        if not (resume and self._settings_file.exists()) and not force:
            self._check_new()  # before there is a folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock()
        try:
            self._prepare_folder(run_settings, resume)
        except BaseException:
            self.release()
            raise

    @checks_types
    def learn(
        self, timesteps: int, checkpoint_every: int | None = None, progress_bar: bool = False
    ) -> None:
        """Train until a number of steps in the environment is reached, and write the expert.

        Args:
            timesteps: The number, which counts steps before a stop too. PPO and A2C finish the
                batch that they are in.
            checkpoint_every: Write a checkpoint after so many steps; None for ten in all. There is
                one at the end in any case, and one if the user interrupts.
            progress_bar: Whether to show a progress bar.

        Raises:
            InUseError: If another run has begun to write to the same file since the last call.
            OSError: If the expert cannot be written. That a checkpoint cannot be is a warning.
            ValueError: If a number is out of range.
        """
        check_int("timesteps", timesteps, 1)
        if checkpoint_every is None:
            checkpoint_every = max(timesteps // 10, 1)
        check_int("checkpoint_every", checkpoint_every, 1)
        if not self._file_lock.is_locked:
            self._lock()
        try:
            self._learn(timesteps, checkpoint_every, progress_bar)
            self._save()
        finally:
            self.release()

    def release(self) -> None:
        """Let other processes write to the file; :meth:`learn` does so at its end."""
        self._file_lock.release()

    @property
    def recent_return(self) -> float | None:
        """The mean return of the last 100 episodes of the training; None if there were none."""
        returns = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        return float(np.mean(returns)) if returns else None

    @property
    def _settings_file(self) -> Path:
        return self.folder / _SETTINGS

    def _lock(self) -> None:
        """Keep other runs away from the file and the folder."""
        self._file_lock = lock_folder(self.folder, "another file by --out")

    def _learn(self, timesteps: int, checkpoint_every: int, progress_bar: bool) -> None:
        done = self.model.num_timesteps
        if done >= timesteps:
            return
        callbacks: list[BaseCallback] = [ExpertCheckpoints(self.folder, checkpoint_every)]
        if progress_bar:
            callbacks.append(ProgressCallback())
        try:
            self.model.learn(
                timesteps - done,
                callback=callbacks,
                tb_log_name=f"{type(self.model).__name__}_{env_file_name(self.env_id)}",
                reset_num_timesteps=done == 0,
            )
        except KeyboardInterrupt:
            try_checkpoint(self.model, self.folder)
            raise

    def _save(self) -> None:
        """Write the expert."""
        try:
            save_model(self.model, self.out)
        except OSError as error:
            raise OSError(
                f"{self.out} cannot be written ({reason(error)}): go on by --resume from the "
                f"newest checkpoint in {self.folder} when there is room"
            ) from error

    def _check_new(self) -> None:
        """Raise a FileExistsError if there is a run or an expert."""
        for found in (self._settings_file, self.out):
            if found.exists():
                go_on = "go on with that run by --resume, " if found != self.out else ""
                raise FileExistsError(
                    f"{found} exists: choose another file by --out, {go_on}or overwrite it by "
                    "--force"
                )

    def _prepare_folder(self, settings: dict[str, Any], resume: bool) -> None:
        """Go on with the run in the folder, or start one."""
        path = self._settings_file
        if resume and path.exists():
            _check_same(path, settings)
            checkpoints = newest_first(self.folder)
            if checkpoints:
                _restore(self.model, checkpoints[0], self.folder / BUFFER)
                # Other random numbers than those from which the run started.
                steps = self.model.num_timesteps
                self.model.set_random_seed(
                    int(np.random.default_rng([settings["seed"], steps]).integers(2**31))
                )
            return
        for old in (*newest_first(self.folder), self.folder / BUFFER):
            old.unlink(missing_ok=True)
        write_json(path, settings)


class ExpertCheckpoints(BaseCallback):
    """Writes checkpoints as SB3's CheckpointCallback does, but each whole or not at all.

    Args:
        folder: Where to.
        every: After how many steps in the environment, counted over all of its copies.
    """

    def __init__(self, folder: Path, every: int) -> None:
        super().__init__()
        self.folder = folder
        self.every = every
        self._last = 0

    def _on_training_start(self) -> None:
        self._last = self.model.num_timesteps

    def _on_step(self) -> bool:
        if self.num_timesteps // self.every > self._last // self.every:
            self._save()
        return True

    def _on_training_end(self) -> None:
        if self.model.num_timesteps > self._last:
            self._save()

    def _save(self) -> None:
        try_checkpoint(self.model, self.folder)
        self._last = self.model.num_timesteps


def write_checkpoint(model: BaseAlgorithm, folder: Path) -> None:
    """Write an algorithm and its replay buffer."""
    buffer = getattr(model, "replay_buffer", None)
    if isinstance(buffer, ReplayBuffer):
        write_npz(folder / BUFFER, _buffer_arrays(buffer), compressed=False)
    save_model(model, folder / f"expert_{model.num_timesteps}_steps.zip")


def try_checkpoint(model: BaseAlgorithm, folder: Path) -> None:
    """Write a checkpoint, or warn that it cannot be written: training is worth more."""
    try:
        write_checkpoint(model, folder)
    except OSError as error:
        warnings.warn(
            f"the checkpoint at {model.num_timesteps:,} steps cannot be written to {folder}: "
            f"{reason(error)}",
            stacklevel=3,
        )


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Write the file of an algorithm, all of it or nothing."""
    with atomic_write(path) as unfinished, unfinished.open("wb") as file:
        model.save(file)


def newest_first(folder: Path) -> list[Path]:
    """The checkpoints in a folder."""
    steps = {
        path: int(found[1])
        for path in folder.glob("*.zip")
        if (found := _CHECKPOINT.fullmatch(path.name))
    }
    return sorted(steps, key=steps.__getitem__, reverse=True)


def _check_same(path: Path, settings: dict[str, Any]) -> None:
    """Raise a ValueError if the run in a folder has other settings."""
    try:
        before = read_json(path)
        differing = [name for name in settings if before[name] != settings[name]]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{path} does not hold the settings of a run: {error}") from error
    if differing:
        name = differing[0]
        raise ValueError(
            f"the run in {path.parent} had {name}={before[name]!r}, and not {settings[name]!r}: "
            "resume it with the same settings, or choose another file by --out"
        )


def _restore(model: BaseAlgorithm, checkpoint: Path, buffer_file: Path) -> None:
    """Put an algorithm into the state of a checkpoint, without running code from it."""
    saved = read_sb3(checkpoint, model.device)
    states: dict[str, Any] = saved.states  # SB3's annotation does not know dictionaries of them
    try:
        model.set_parameters(states, exact_match=True, device=model.device)
        for name, tensor in saved.variables.items():
            with torch.no_grad():
                recursive_getattr(model, name).copy_(tensor)
        for name in _COUNTERS:
            if hasattr(model, name):
                setattr(model, name, int(saved.settings[name]))
        buffer = getattr(model, "replay_buffer", None)
        if isinstance(buffer, ReplayBuffer):
            _fill_buffer(buffer, read_npz(buffer_file.read_bytes()))
    except (ValueError, LookupError, TypeError, RuntimeError, AttributeError) as error:
        raise ValueError(f"{checkpoint} cannot be gone on with: {error}") from error


def _buffer_arrays(buffer: ReplayBuffer) -> dict[str, NDArray[Any]]:
    """The part of a replay buffer that is filled, as arrays."""
    arrays: dict[str, NDArray[Any]] = {
        name: getattr(buffer, name) for name in _BUFFER_ARRAYS if hasattr(buffer, name)
    }
    # If memory is saved, the next observation of the last one is in the row behind it.
    n = buffer.buffer_size if buffer.full else min(buffer.pos + 1, buffer.buffer_size)
    arrays = {name: array[:n] for name, array in arrays.items()}
    return {**arrays, "position": np.array([buffer.pos, buffer.full])}


def _fill_buffer(buffer: ReplayBuffer, arrays: dict[str, NDArray[Any]]) -> None:
    position, full = arrays.pop("position")
    for name, array in arrays.items():
        getattr(buffer, name)[: len(array)] = array
    buffer.pos, buffer.full = int(position), bool(full)
