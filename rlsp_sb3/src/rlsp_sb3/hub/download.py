"""Learners from the Hugging Face Hub."""

from __future__ import annotations

from urllib.parse import quote

import torch
from stable_baselines3.common.type_aliases import GymEnv

from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.runs.run_config import LEARNER_FILE
from rlsp_sb3.utils.type_checks import checks_types


@checks_types
def from_pretrained(
    repo_id: str,
    env: GymEnv | str,
    *,
    revision: str | None = None,
    device: torch.device | str = "auto",
) -> RewardLearner:
    """Load a learner that :func:`push_to_hub` put on the Hugging Face Hub.

    No code of the repository is run. Other files of it, such as ``reward.json``, are read wherever
    a path is taken, by an address such as "hf://org/repo/reward.json".

    Args:
        repo_id: The repository, such as "org/repo".
        env: The environment, a vector environment of SB3, or an id; the repository has none.
        revision: A branch, a tag or a commit; None for the main branch.
        device: Where networks run.

    Raises:
        ConnectionError: If the Hub cannot be reached, and there is no copy here.
        DependencyNotInstalled: If huggingface_hub is not installed.
        FileNotFoundError: If there is no such repository or revision, or no learner in it.
        ValueError: If it holds something else, or the learner does not fit to the environment.
    """
    at = "" if revision is None else f"@{quote(revision, safe='')}"
    learner = load_policy(f"hf://{repo_id}{at}/{LEARNER_FILE}", env, device)
    if not isinstance(learner, RewardLearner):
        raise ValueError(
            f"repo_id={repo_id!r} has a {LEARNER_FILE} of {type(learner).__name__}, which is no "
            "learner: load it by load_policy"
        )
    return learner
