"""The commands ``rlsp rollout``, ``rlsp evaluate`` and ``rlsp video``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlsp_sb3.cli.console import ProgressOption, check_output, say, stdout, user_errors
from rlsp_sb3.io.atomic_write import atomic_write

if TYPE_CHECKING:
    import gymnasium as gym

    from rlsp_sb3.data.episodes import Episode
    from rlsp_sb3.protocols import Policy

app = typer.Typer()

PolicyArgument = Annotated[
    Path,
    typer.Argument(
        metavar="POLICY",
        help="A policy: the zip file of an algorithm of SB3 or sb3-contrib, or of a learner; or "
        "hf://ORG/REPO/FILE on the Hugging Face Hub. No code in it is run.",
    ),
]
EnvArgument = Annotated[
    str, typer.Argument(metavar="ENV", help="The id of an environment, as in `rlsp learn`.")
]
DeterministicOption = Annotated[
    bool,
    typer.Option(
        "--deterministic/--stochastic",
        help="Whether the policy takes its most probable action, or draws one.",
    ),
]
VecNormalizeOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The statistics of a policy of SB3 that was trained with VecNormalize, as its `save` "
        "wrote them; otherwise vecnormalize.pkl beside POLICY, or in a folder named ENV there. No "
        "code in it is run.",
    ),
]
SeedOption = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Seeds the environment, the actions and the noise."),
]
MaxStepsOption = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Cut episodes after N steps.")
]


@app.command(
    "rollout",
    epilog="""Examples:

- `rlsp rollout expert.zip HalfCheetah-FW-v2 --episodes 10 --out data.npz`

- `rlsp rollout expert.zip Pendulum-v1 --episodes 50 --noise 0.12 --minari pendulum/noisy-v0`
""",
)
def rollout_command(
    policy: PolicyArgument,
    env: EnvArgument,
    episodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many episodes to write.")
    ] = 10,
    noise: Annotated[
        float,
        typer.Option(
            min=0, max=1, metavar="P", help="The probability, at each step, of a random action."
        ),
    ] = 0.0,
    deterministic: DeterministicOption = False,
    vec_normalize: VecNormalizeOption = None,
    seed: SeedOption = 0,
    max_steps: MaxStepsOption = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write an npz file.")] = None,
    minari: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Write a Minari dataset, such as halfcheetah/expert-v0."),
    ] = None,
) -> None:
    """Let a policy act, and write the episodes to a file or a Minari dataset.

    From both, **rlsp_sb3.sample_observed_states** samples states to learn from.
    """
    from rlsp_sb3.data.episodes import check_npz_name, save_episodes
    from rlsp_sb3.data.minari_datasets import check_new_dataset, save_minari
    from rlsp_sb3.data.rollouts import rollout_env
    from rlsp_sb3.env_util import make_env
    from rlsp_sb3.utils.progress import show_progress

    with user_errors(), show_progress():
        if (out is None) == (minari is None):
            raise ValueError("expected either --out FILE.npz or --minari ID")
        if out is not None:
            check_npz_name(out)
            check_output(out)
        if minari is not None:
            check_new_dataset(minari)
        made = make_env(env)
        loaded = _load(policy, made, vec_normalize)
        written = rollout_env(
            loaded,
            made,
            episodes,
            seed=seed,
            deterministic=deterministic,
            noise=noise,
            max_steps=max_steps,
        )
        if out is not None:
            save_episodes(out, written)
        if minari is not None:
            save_minari(minari, written, made, algorithm_name=policy.stem)
    say(f"{_summary(written)} in {out or f'the Minari dataset {minari}'}")


@app.command(
    "evaluate",
    epilog="""Examples:

- `rlsp evaluate expert.zip HalfCheetah-FW-v2`

- `rlsp evaluate runs/room/learner.zip RoomDefault-v0 --stochastic --out returns.json`
""",
)
def evaluate_command(
    policy: PolicyArgument,
    env: EnvArgument,
    episodes: Annotated[int, typer.Option(min=1, metavar="N", help="How many episodes.")] = 100,
    deterministic: DeterministicOption = True,
    vec_normalize: VecNormalizeOption = None,
    seed: SeedOption = 0,
    max_steps: MaxStepsOption = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all of it as JSON, too.")
    ] = None,
    progress: ProgressOption = True,
) -> None:
    """Measure what a policy earns: the return of its own actions, without a discount.

    The reward is the environment's. The confidence interval of the mean is bootstrapped over
    episodes, of which it takes five, and says nothing about how other seeds of the training would
    have done.
    """
    from rlsp_sb3.cli.printed_tables import returns_table
    from rlsp_sb3.env_util import make_env
    from rlsp_sb3.evaluation.returns import measure_returns

    with user_errors():
        if out is not None:
            check_output(out)
        made = make_env(env)
        loaded = _load(policy, made, vec_normalize)
        returns = measure_returns(
            loaded,
            made,
            episodes,
            seed=seed,
            deterministic=deterministic,
            max_steps=max_steps,
            progress_bar=progress,
        )
        stdout.print(returns_table(returns))
        if out is not None:
            about = {
                "policy": str(policy),
                "env": env,
                "vec_normalize": _statistics_of(loaded),
                "episodes": episodes,
                "deterministic": deterministic,
                "seed": seed,
                "max_steps": max_steps,
            }
            text = json.dumps({**about, **returns.to_dict()}, indent=2)
            with atomic_write(out) as unfinished:
                unfinished.write_text(text + "\n", encoding="utf-8")
            say(f"{out} holds all returns")


@app.command(
    "video",
    epilog="""Examples:

- `rlsp video expert.zip HalfCheetah-FW-v2 --out cheetah.mp4`

- `rlsp video runs/room/learner.zip RoomDefault-v0 --out robot.gif --episodes 2 --fps 2`
""",
)
def video_command(
    policy: PolicyArgument,
    env: EnvArgument,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The film: .gif, or .mp4, which needs `pip install imageio-ffmpeg`.",
        ),
    ],
    episodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="How many episodes, one after the other.")
    ] = 1,
    fps: Annotated[
        float | None,
        typer.Option(metavar="N", help="Steps a second; otherwise as the environment says."),
    ] = None,
    deterministic: DeterministicOption = True,
    vec_normalize: VecNormalizeOption = None,
    seed: SeedOption = 0,
    max_steps: MaxStepsOption = None,
) -> None:
    """Film a policy.

    A GIF is at most 480 pixels wide and high.
    """
    from rlsp_sb3.utils.progress import show_progress
    from rlsp_sb3.video.recording import check_film, make_for_film, record

    with user_errors(), show_progress():
        check_film(out)
        check_output(out)
        made = make_for_film(env)
        loaded = _load(policy, made, vec_normalize)
        filmed = record(
            loaded,
            made,
            out,
            episodes,
            fps=fps,
            seed=seed,
            deterministic=deterministic,
            max_steps=max_steps,
        )
    say(f"{_summary(filmed)} in {out}")


def _load(path: Path, env: gym.Env[Any, Any], vec_normalize: Path | None) -> Policy:
    """A policy from a file; says by what it normalizes observations, if it does."""
    from rlsp_sb3.policies.loading import load_policy

    loaded = load_policy(path, env, vec_normalize=vec_normalize)
    if file := _statistics_of(loaded):
        say(f"Observations are normalized by {file}")
    return loaded


def _statistics_of(policy: Policy) -> str | None:
    """The file of the statistics by which a policy normalizes observations; None if it does not."""
    from rlsp_sb3.policies.vec_normalize import NormalizedPolicy

    return str(policy.file) if isinstance(policy, NormalizedPolicy) else None


def _summary(episodes: list[Episode]) -> str:
    steps = sum(map(len, episodes))
    mean = sum(episode.total_reward for episode in episodes) / len(episodes)
    count = f"{len(episodes):,} episode{'s' if len(episodes) > 1 else ''}"
    return f"{count} of {steps:,} steps in all, with a mean return of {mean:,.1f},"
