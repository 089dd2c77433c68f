"""Learners and runs, put on the Hugging Face Hub."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from rlsp_sb3.hub.model_card import CARD_FILE, CardFacts, model_card
from rlsp_sb3.io.hub_files import hub_errors, import_hub
from rlsp_sb3.learners.base import RewardLearner
from rlsp_sb3.plotting.reward_figure import plot_reward
from rlsp_sb3.plotting.style import save_png
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run import read_run
from rlsp_sb3.runs.run_config import (
    CONFIG_FILE,
    CONTENTS,
    LEARNER_FILE,
    REWARD_FIGURE,
    REWARD_FILE,
    RunConfig,
)
from rlsp_sb3.runs.run_folder import versions
from rlsp_sb3.utils.errors import NotOfferedError
from rlsp_sb3.utils.type_checks import checks_types


@checks_types
def push_to_hub(source: RewardLearner | str | Path, repo_id: str, *, private: bool = False) -> str:
    """Put a learner, or a run of ``rlsp learn``, on the Hugging Face Hub.

    The files are those that ``save`` or ``rlsp learn`` writes, and hold no code; a model card says
    what they are, with the figure of the reward, and of a run its returns, command and versions.
    The repository is made if it is not there; files of the same names are replaced.

    Args:
        source: A learner that has learned, or the folder of a run.
        repo_id: The repository, such as "org/repo".
        private: Whether a repository that is made is private.

    Returns:
        The URL of the commit.

    Raises:
        ConnectionError: If the Hub cannot be reached.
        DependencyNotInstalled: If huggingface_hub is not installed.
        FileNotFoundError: If there is no such folder.
        PermissionError: If the Hub refuses it: log in by ``hf auth login``.
        TypeError: If a file cannot hold an argument of the learner.
        ValueError: If learning has not ended, or there can be no such repository.
    """
    hub = import_hub()
    with TemporaryDirectory() as temporary:
        if isinstance(source, RewardLearner):
            folder = Path(temporary)
            facts = _write_learner(source, folder)
        else:
            folder = Path(source)
            facts = _facts_of_run(folder)
        files = sorted(file for name in CONTENTS for file in folder.glob(name))
        card = model_card(repo_id, facts, [file.name for file in files])
        contents = {CARD_FILE: card.encode(), **{file.name: file for file in files}}
        with hub_errors(f"repo_id={repo_id!r}"):
            api = hub.HfApi()
            api.create_repo(repo_id, private=private, exist_ok=True)
            commit = api.create_commit(
                repo_id,
                [
                    hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=content)
                    for name, content in contents.items()
                ],
                commit_message=f"Add {facts.title}",
            )
    return str(commit.commit_url)


def _write_learner(learner: RewardLearner, folder: Path) -> CardFacts:
    """Write the files of a learner."""
    learner.save(folder / LEARNER_FILE)
    reward = learner.reward if isinstance(learner.reward, LinearReward) else None
    if reward is not None:
        reward.save(folder / REWARD_FILE)
    with suppress(NotOfferedError):
        save_png(plot_reward(learner), folder / REWARD_FIGURE)
    spec = learner.unwrapped_env.spec
    return CardFacts(
        learner=type(learner).__name__,
        env=None if spec is None else spec.id,
        timesteps=learner.num_timesteps,
        timestep=learner.timestep,
        reward=reward,
        versions=versions(),
    )


def _facts_of_run(folder: Path) -> CardFacts:
    """Facts of a run.

    Raises:
        ValueError: If learning has not ended.
    """
    run = read_run(folder)
    config = RunConfig.read(folder / CONFIG_FILE)
    if config.timesteps is None:
        raise ValueError(
            f"{folder}: learning has not ended: expected a run that is over, or pass the learner "
            "itself"
        )
    return CardFacts(
        learner=config.learner,
        env=config.env,
        timesteps=config.timesteps,
        timestep=config.timestep,
        reward=run.reward,
        versions=config.versions,
        command=config.command,
        true_returns=config.true_returns,
        fractions=config.true_return_fractions or {},
    )
