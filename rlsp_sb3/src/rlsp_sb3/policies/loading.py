"""Policies from files, read without running code from them."""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress
from pathlib import Path

import torch
from stable_baselines3.common.type_aliases import GymEnv
from stable_baselines3.common.vec_env import VecEnv, unwrap_vec_normalize

from rlsp_sb3.env_util import as_vec_env
from rlsp_sb3.io.hub_files import is_hub_address, local_file
from rlsp_sb3.io.save_util import archive_path, read_archive
from rlsp_sb3.learners import registry
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.policies.actor_file import MARK, make_actor
from rlsp_sb3.policies.sb2_import import sb2_file_error
from rlsp_sb3.policies.sb3_file import SavedModel, member_names, read_sb3
from rlsp_sb3.policies.sb3_policy import make_sb3_policy
from rlsp_sb3.policies.vec_normalize import (
    NormalizedPolicy,
    find_vec_normalize,
    read_vec_normalize,
    was_normalized,
)
from rlsp_sb3.protocols import Policy
from rlsp_sb3.utils.errors import PluginError
from rlsp_sb3.utils.type_checks import checks_types

logger = logging.getLogger(__name__)


@checks_types
def load_policy(
    path: str | Path,
    env: GymEnv | str,
    device: torch.device | str = "cpu",
    *,
    vec_normalize: str | Path | None = None,
) -> Policy:
    """Load a policy that acts, from the file of an algorithm of SB3 or of a learner.

    No code in the file is run, other than by SB3's ``load``: what SB3 pickled is left alone. The
    sizes of the networks are read off their parameters, and the activation function from its name.
    So it works for the policies ``"MlpPolicy"`` and ``"CnnPolicy"`` of A2C, DDPG, DQN, PPO, SAC and
    TD3, of QRDQN, TQC and TRPO of sb3-contrib, and for ``"MlpLstmPolicy"`` and ``"CnnLstmPolicy"``
    of its RecurrentPPO, with any hidden layers and the activation functions of PyTorch, and not for
    one's own classes. Images are turned to channels first where SB3 did so in training.

    It acts as the algorithm's ``predict`` does, but that of DQN and QRDQN is always greedy: the
    random actions that they explore with are not their policy's.

    A policy that was trained with VecNormalize is given its statistics, and normalizes what it
    observes: ``predict`` takes observations as the environment shows them. The statistics are
    looked for where SB3's CheckpointCallback, the RL Zoo and the Hugging Face Hub have them, such
    as ``vecnormalize.pkl`` beside the policy, and stay as they are. They are not looked for if the
    last observations in the file show that there was no VecNormalize, nor if ``env`` is one itself;
    if they show that there was one, and there are no statistics, a warning says so.

    The actors that the package ships, which `rlsp experts` lists, are npz files of FastPPO.

    Args:
        path: The file; ".zip" may be left out. Or one on the Hugging Face Hub,
            "hf://org/repo/file.zip"; statistics are looked for there, too.
        env: The environment in which it is to act, a vector environment of SB3, or an id.
        device: Where it runs.
        vec_normalize: The file of statistics, which VecNormalize's ``save`` wrote; None to look for
            it.

    Returns:
        The policy of an algorithm, or a learner.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If it is a policy of sb3-contrib, and that is not installed.
        RefusedPickleError: If parameters are not made of tensors only, or statistics of numbers.
        TypeError: If the environment is none.
        ValueError: If it is no such file, if the policy is of another kind, or if it or the
            statistics do not fit to the observations and actions of the environment.
    """
    source, path = Path(path), archive_path(path)
    names = member_names(path)
    if "data.json" in names:
        if vec_normalize is not None:
            raise ValueError(
                f"vec_normalize={str(vec_normalize)!r}: expected None, since "
                f"path={str(path)!r} is a learner, which was trained without VecNormalize"
            )
        return _load_learner(path, env, device)
    if MARK in names:
        if vec_normalize is not None:
            raise ValueError(
                f"vec_normalize={str(vec_normalize)!r}: expected None, since path={str(path)!r} is "
                "an actor, which normalizes observations by itself"
            )
        return make_actor(path, as_vec_env(env), device)
    if "policy.pth" in names:
        source = source if is_hub_address(source) else path
        return _load_sb3(path, source, as_vec_env(env), device, vec_normalize)
    if {"data", "parameters"} <= names:
        raise sb2_file_error(path)
    raise ValueError(
        f"path={str(path)!r} holds no policy: expected what `save` of an algorithm of SB3 or of a "
        "learner wrote"
    )


def _load_sb3(
    path: Path,
    source: Path,
    env: VecEnv,
    device: torch.device | str,
    vec_normalize: str | Path | None,
) -> Policy:
    """The policy of an algorithm, which normalizes observations if it was trained so.

    Statistics are looked for beside its source, which may be on the Hugging Face Hub.
    """
    saved = read_sb3(path, device)
    file = _statistics_file(source, saved, env, vec_normalize)
    statistics = None if file is None else read_vec_normalize(file)
    if file is None or statistics is None:
        return make_sb3_policy(path, saved, env, device)
    if statistics.mean.shape != env.observation_space.shape:
        raise ValueError(
            f"vec_normalize={str(file)!r} has statistics of observations of the shape "
            f"{statistics.mean.shape}, and env has the observation_space {env.observation_space}: "
            "expected those that were saved with the policy, and the environment in which it was "
            "trained"
        )
    logger.info("%s normalizes observations by %s", path, file)
    policy = make_sb3_policy(path, saved, env, device, statistics)
    return NormalizedPolicy(policy, statistics, file)


def _statistics_file(
    path: Path, saved: SavedModel, env: VecEnv, given: str | Path | None
) -> Path | None:
    """The file of VecNormalize that a policy is to be used with; None for none."""
    wrapper = unwrap_vec_normalize(env)
    if wrapper is not None and wrapper.norm_obs:
        if given is not None:
            raise ValueError(
                f"vec_normalize={str(given)!r}: expected None, since env is a VecNormalize, which "
                "shows normalized observations"
            )
        return None
    if given is not None:
        return local_file(given)
    is_normalized = was_normalized(saved, env.observation_space)
    if is_normalized is False:
        return None
    spec = env.get_attr("spec")[0]
    found = find_vec_normalize(path, spec.id if spec else None)
    if found is None and is_normalized:
        warnings.warn(
            f"path={str(path)!r} has a policy that was trained with VecNormalize, and there is no "
            "vecnormalize.pkl beside it: unless only rewards were normalized, it acts wrongly "
            "without; pass the file that VecNormalize's `save` wrote as vec_normalize "
            "(--vec-normalize)",
            stacklevel=5,
        )
    return found


def _load_learner(path: Path, env: GymEnv | str, device: torch.device | str) -> RewardLearner:
    wanted = read_archive(path)[0]["class"]
    for name in registry.learner_names():
        with suppress(PluginError):
            learner_class = registry.load_learner(name)
            if learner_class.__name__ == wanted:
                return learner_class.load(path, env, device)
    raise ValueError(
        f"path={str(path)!r} holds a learner of the class {wanted}, and no installed package "
        f"offers one: installed are {', '.join(registry.learner_names()) or 'none'}"
    )
