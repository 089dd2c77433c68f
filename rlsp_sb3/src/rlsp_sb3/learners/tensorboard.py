"""Hyperparameters and figures of a learner in TensorBoard, which shows more than numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from stable_baselines3.common.logger import HParam, Logger, TensorBoardOutputFormat

from rlsp_sb3.utils.arguments import PER_RUN
from rlsp_sb3.utils.settings import flatten_mapping


def log_hparams(
    logger: Logger, arguments: Mapping[str, Any], metrics: Iterable[str], step: int
) -> None:
    """Log the arguments of a learner as hyperparameters, in TensorBoard only.

    Args:
        logger: The logger.
        arguments: The arguments by name; entries of mappings go by names with dots.
        metrics: The names of what was logged that hyperparameters are to be compared by. If there
            is none, nothing is logged.
        step: The timestep.
    """
    names = sorted(metrics)
    if not names:
        return
    chosen = {name: value for name, value in arguments.items() if name not in PER_RUN - {"seed"}}
    entries = {name: _scalar(value) for name, value in flatten_mapping(chosen).items()}
    log_to_tensorboard(logger, "hparams", HParam(entries, dict.fromkeys(names, 0.0)), step)


def log_to_tensorboard(logger: Logger, name: str, value: Any, step: int) -> None:
    """Log a value that nothing but TensorBoard can show, such as a figure."""
    for output in logger.output_formats:
        if isinstance(output, TensorBoardOutputFormat):
            output.write({name: value}, {name: ()}, step)


def _scalar(value: Any) -> bool | int | float | str:
    """A value as TensorBoard takes it: of an object the name of its class."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if value is None or isinstance(value, (list, tuple)):
        return str(value)
    return type(value).__name__
