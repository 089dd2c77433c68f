"""Statistics of SB3's VecNormalize, with which policies normalize what they observe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from rlsp_sb3.io.file_names import env_file_name
from rlsp_sb3.io.hub_files import find_file
from rlsp_sb3.io.restricted_pickle import PickledObject, read_pickle
from rlsp_sb3.policies.sb3_file import SavedModel
from rlsp_sb3.protocols import Policy
from rlsp_sb3.utils.observations import check_without_info

_VEC_NORMALIZE = "stable_baselines3.common.vec_env.vec_normalize.VecNormalize"
_RUNNING_MEAN_STD = "stable_baselines3.common.running_mean_std.RunningMeanStd"
_WANTED = {
    _VEC_NORMALIZE: ("norm_obs", "obs_rms", "clip_obs", "epsilon"),
    _RUNNING_MEAN_STD: ("mean", "var"),
}
_CHECKPOINT = re.compile(r"(.+)_(\d+_steps)")


@dataclass(frozen=True, eq=False)
class ObservationStatistics:
    """Statistics of observations, as they were when VecNormalize was saved.

    Attributes:
        mean: The means (*observation_shape).
        variance: The variances (*observation_shape).
        epsilon: Is added to variances.
        clip: Largest absolute value of a normalized observation.
    """

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    clip: float

    def normalize(self, observations: NDArray[Any]) -> NDArray[np.float32]:
        """Normalize an observation (*observation_shape), or several, as VecNormalize does.

        Raises:
            ValueError: If they have another shape.
        """
        shape = self.mean.shape
        if observations.shape[observations.ndim - len(shape) :] != shape:
            raise ValueError(
                f"observation has the shape {observations.shape}: expected {shape}, or several "
                "observations of that shape"
            )
        scaled = (observations - self.mean) / np.sqrt(self.variance + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)


@dataclass(frozen=True, eq=False)
class NormalizedPolicy:
    """A policy that normalizes observations before it acts.

    Attributes:
        policy: The policy of SB3, which acts on normalized observations.
        statistics: The statistics; they stay as they are.
        file: Where they are from.
    """

    policy: Policy
    statistics: ObservationStatistics
    file: Path

    def predict(
        self,
        observation: NDArray[Any],
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """The action of an observation as the environment shows it, or those of several.

        Args:
            observation: One (*observation_shape), or several (n, *observation_shape).
            state: What a recurrent policy returned before; None at the start.
            episode_start: Whether an episode starts, for each observation.
            deterministic: Whether to take the most probable action.

        Returns:
            The action, and the state of a recurrent policy, as the policy of SB3 returns them.

        Raises:
            ValueError: If observations have another shape, or one comes with what else
                ``env.reset()`` returns.
        """
        check_without_info(observation)
        shown = self.statistics.normalize(np.asarray(observation))
        return self.policy.predict(shown, state, episode_start, deterministic)


def read_vec_normalize(path: str | Path) -> ObservationStatistics | None:
    """Read what VecNormalize's ``save`` wrote, without running code from it.

    Args:
        path: The file.

    Returns:
        The statistics of observations; None if only rewards were normalized.

    Raises:
        FileNotFoundError: If there is no such file.
        RefusedPickleError: If the statistics hold anything but numbers.
        ValueError: If it is no such file, or observations are dictionaries.
    """
    where = f"vec_normalize={str(path)!r}"
    if not Path(path).is_file():
        raise FileNotFoundError(f"{where}: there is no such file")
    found = read_pickle(path, _WANTED)
    if not isinstance(found, PickledObject) or found.class_name != _VEC_NORMALIZE:
        raise ValueError(f"{where} holds no VecNormalize: expected what its `save` wrote")
    wrapper = found.attributes
    if wrapper.get("norm_obs") is False:
        return None
    statistics = wrapper.get("obs_rms")
    if isinstance(statistics, dict):
        raise ValueError(
            f"{where} has statistics of observations that are dictionaries "
            f"({', '.join(map(str, statistics))}): expected those of arrays; train the policy in "
            "an environment wrapped in gymnasium.wrappers.FlattenObservation"
        )
    try:
        if not isinstance(statistics, PickledObject):
            raise TypeError("obs_rms is no RunningMeanStd")
        mean, variance = (
            np.asarray(statistics.attributes[name], np.float64) for name in ("mean", "var")
        )
        epsilon, clip = float(wrapper["epsilon"]), float(wrapper["clip_obs"])
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{where} has no statistics of observations: {error}") from error
    if mean.shape != variance.shape or not np.all(np.isfinite([mean, variance])):
        raise ValueError(f"{where} has means and variances that are no finite numbers")
    if not (np.all(variance + epsilon > 0) and clip > 0):
        raise ValueError(
            f"{where} has variances, epsilon={epsilon} or clip_obs={clip} out of range: expected "
            "variances of at least 0, and the others above"
        )
    return ObservationStatistics(mean, variance, epsilon, clip)


def was_normalized(saved: SavedModel, space: spaces.Space[Any]) -> bool | None:
    """Return whether a policy was trained on normalized observations; None if nobody can tell.

    SB3 does not say it, but keeps the last observation that the policy saw and, with VecNormalize,
    what the environment had shown in its place. Algorithms with a replay buffer keep the
    observation before instead if there is no VecNormalize.

    Args:
        saved: The file of the algorithm.
        space: The observations of the environment.
    """
    last, original = (saved.arrays.get(name) for name in ("_last_obs", "_last_original_obs"))
    if last is None:
        return None
    if original is None:
        return False
    if original.dtype != np.float32:  # which VecNormalize makes of all others
        return last.dtype == np.float32
    if "buffer_size" not in saved.settings:
        return True
    if isinstance(space, spaces.Box) and last.shape[1:] == original.shape[1:] == space.shape:
        outside = [np.any((shown < space.low) | (shown > space.high)) for shown in (last, original)]
        if outside == [True, False]:
            return True
    return None


def find_vec_normalize(path: Path, env_id: str | None) -> Path | None:
    """The file of VecNormalize that belongs to a policy, by where SB3 and its tools write it.

    It is that of the same checkpoint of SB3's CheckpointCallback, ``vecnormalize.pkl`` in a folder
    named after the environment or in that of the policy (RL Zoo), or ``vec_normalize.pkl`` there
    (the Hugging Face Hub).

    Args:
        path: The file of the policy; or its address on the Hugging Face Hub.
        env_id: The id of the environment; None if it has none.

    Returns:
        The file; None if there is none.
    """
    places = [path.with_name("vecnormalize.pkl"), path.with_name("vec_normalize.pkl")]
    if env_id is not None:
        places.insert(0, path.parent / env_file_name(env_id) / "vecnormalize.pkl")
    if checkpoint := _CHECKPOINT.fullmatch(path.stem):
        places.insert(0, path.with_name("{}_vecnormalize_{}.pkl".format(*checkpoint.groups())))
    return next((found for place in places if (found := find_file(place))), None)
