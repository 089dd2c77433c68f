"""Model card of a learner: what people read, and search for, on the Hugging Face Hub."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from rlsp_sb3.evaluation.returns import Returns
from rlsp_sb3.plotting.feature_weights import are_named
from rlsp_sb3.rewards.reward import LinearReward
from rlsp_sb3.runs.run_config import (
    CONTENTS,
    LEARNER_FILE,
    POLICY_FILM,
    REWARD_FIGURE,
    REWARD_FILE,
    ROBOT_FILM,
)

CARD_FILE = "README.md"
_PICTURES = (REWARD_FIGURE, ROBOT_FILM, POLICY_FILM)
_HOMEPAGE = "https://github.com/rlsp/rlsp"


@dataclass(frozen=True, kw_only=True)
class CardFacts:
    """Facts of a model card.

    Attributes:
        learner: The learner, by its name.
        env: The id of the environment; None if it has none.
        timesteps: How many timesteps the learner took.
        timestep: What it counts, such as "gradient step".
        reward: The inferred reward; None if it is not linear.
        versions: The versions of Python and packages; None for what is not installed.
        command: The command that does the same; None if none does.
        true_returns: The true returns of its policy; None if they were not measured.
        fractions: The fraction of the best true return of each robot, by its name.
    """

    learner: str
    env: str | None
    timesteps: int
    timestep: str
    reward: LinearReward | None
    versions: Mapping[str, str | None]
    command: str | None = None
    true_returns: Returns | None = None
    fractions: Mapping[str, float] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The learner and its environment."""
        return f"{self.learner} on {self.env or 'an environment without an id'}"


def model_card(repo_id: str, facts: CardFacts, files: Sequence[str]) -> str:
    """The model card, in Markdown with metadata in YAML.

    Args:
        repo_id: The repository.
        facts: What it says.
        files: The names of the files beside it.
    """
    sections = [
        f"# {facts.title}",
        f"The reward that explains the state in which somebody left the environment, inferred by "
        f"[RLSP]({_HOMEPAGE}) in {facts.timesteps:,} {facts.timestep}s. No file here holds code.",
        *_pictures(files),
        *_results(facts),
        *_weights(facts.reward),
        *_use(repo_id, facts, files),
        *_origin(facts),
    ]
    metadata = yaml.safe_dump(_metadata(facts), sort_keys=False)
    return f"---\n{metadata}---\n\n" + "\n\n".join(sections) + "\n"


def _metadata(facts: CardFacts) -> dict[str, Any]:
    """Metadata, which the Hub sorts models by; results as in those of SB3's models."""
    tags = ["reinforcement-learning", "reward-learning", "stable-baselines3", "rlsp"]
    entries: dict[str, Any] = {
        "library_name": "rlsp-sb3",
        "pipeline_tag": "reinforcement-learning",
        "tags": [*tags, *([facts.env] if facts.env else [])],
    }
    if facts.true_returns is not None and facts.env:
        value = f"{facts.true_returns.mean:.2f} +/- {facts.true_returns.std:.2f}"
        result = {
            "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
            "dataset": {"type": facts.env, "name": facts.env},
            "metrics": [{"type": "mean_reward", "name": "mean_reward", "value": value}],
        }
        entries["model-index"] = [{"name": facts.learner, "results": [result]}]
    return entries


def _pictures(files: Sequence[str]) -> Iterator[str]:
    for name in _PICTURES:
        if name in files:
            about = CONTENTS[name]
            yield f"![{about[0].upper()}{about[1:]}]({name})"


def _results(facts: CardFacts) -> Iterator[str]:
    rows = [
        (f"fraction of the best true return, {robot}", f"{fraction:.3f}")
        for robot, fraction in facts.fractions.items()
    ]
    returns = facts.true_returns
    if returns is not None:
        rows.append(("true return, mean", f"{returns.mean:,.1f}"))
        rows.append(("true return, standard deviation", f"{returns.std:,.1f}"))
        if returns.interval is not None:
            low, high = returns.interval
            rows.append(("95 % confidence interval of the mean", f"{low:,.1f} to {high:,.1f}"))
        rows.append(("episodes", f"{len(returns.returns):,}"))
    if rows:
        yield "## Results"
        yield _table("measure", "value", rows)


def _weights(reward: LinearReward | None) -> Iterator[str]:
    if reward is not None:
        yield "## Reward"
        if are_named(reward.feature_names):
            names = zip(reward.feature_names, reward.weights, strict=True)
            yield _table(
                "feature", "weight", [(f"`{name}`", f"{weight:+.4f}") for name, weight in names]
            )
        else:
            yield f"Linear in {len(reward.weights)} learned features, which have no names."


def _use(repo_id: str, facts: CardFacts, files: Sequence[str]) -> Iterator[str]:
    yield "## Use"
    env = repr(facts.env) if facts.env else "env"
    lines = [
        "from rlsp_sb3 import load_reward",
        "from rlsp_sb3.hub import from_pretrained",
        "",
        f'learner = from_pretrained("{repo_id}", {env})',
        f'reward = load_reward("hf://{repo_id}/{REWARD_FILE}")',
    ]
    if REWARD_FILE not in files:
        lines = lines[1:-1]
    yield "\n".join(["```python", *lines, "```"])
    if facts.env:
        command = f"rlsp video hf://{repo_id}/{LEARNER_FILE} {facts.env} --out robot.gif"
        yield f"```bash\n{command}\n```"
    yield f"How to install it: {_HOMEPAGE}."


def _origin(facts: CardFacts) -> Iterator[str]:
    yield "## How it was made"
    if facts.command is not None:
        yield f"```bash\n{facts.command}\n```"
    rows = [(name, version) for name, version in facts.versions.items() if version is not None]
    yield _table("package", "version", rows)


def _table(first: str, second: str, rows: Sequence[tuple[str, str]]) -> str:
    lines = [f"| {first} | {second} |", "|---|---|", *(f"| {a} | {b} |" for a, b in rows)]
    return "\n".join(lines)
