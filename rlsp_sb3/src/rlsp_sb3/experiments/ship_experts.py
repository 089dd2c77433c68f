"""Command that makes those experts that the package ships, of what ``rlsp expert`` trained.

    rlsp expert Hopper-FW-v2 --solver FastPPO --timesteps 800000 --out experts/Hopper-FW-v2.zip
    python -m rlsp_sb3.experiments.ship_experts experts/Hopper-FW-v2.zip --also Hopper-FW-Penalty-v2

Measures each in 20 episodes, and writes the actor, 50 observed states, some demonstrations, and
what is known of it.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from rlsp_sb3.data.episodes import Episode, save_episodes
from rlsp_sb3.data.rollouts import rollout_env, sample_observed_states
from rlsp_sb3.env_util import make_env
from rlsp_sb3.evaluation.returns import measure_returns
from rlsp_sb3.io.json_file import write_json
from rlsp_sb3.io.npz import write_npz
from rlsp_sb3.policies.actor_file import write_actor
from rlsp_sb3.policies.loading import load_policy
from rlsp_sb3.policies.sb3_file import read_sb3
from rlsp_sb3.policies.shipped_experts import EXPERTS, ShippedExpert, folder, shipped_experts

EPISODES, SEED = 20, 1_000
N_STATES, N_DEMONSTRATIONS, DEMONSTRATION_STEPS = 50, 3, 100


def cut(episode: Episode) -> Episode:
    """The first steps of an episode."""
    n = min(len(episode), DEMONSTRATION_STEPS)
    is_cut = n < len(episode)
    return Episode(
        episode.observations[: n + 1].astype(np.float32),
        episode.actions[:n].astype(np.float32),
        episode.rewards[:n],
        terminated=episode.terminated and not is_cut,
        truncated=episode.truncated or is_cut,
    )


def ship(path: Path, env_id: str, also: list[str]) -> ShippedExpert:
    """Write the files of an expert, and measure it.

    Args:
        path: The file of FastPPO.
        env_id: The environment.
        also: Other environments that it is an expert of.
    """
    saved = read_sb3(path)
    timesteps, settings = saved.settings["num_timesteps"], saved.settings
    # Of a rollout that was interrupted nothing was learned.
    timesteps -= timesteps % (settings["n_steps"] * settings["n_envs"])
    command = f"rlsp expert {env_id} --solver FastPPO --timesteps {timesteps} --out expert.zip"
    expert = ShippedExpert(
        env_id,
        return_mean=0.0,
        return_std=0.0,
        episodes=EPISODES,
        length_mean=0.0,
        command=command,
        timesteps=timesteps,
        also=also,
    )
    folder().mkdir(exist_ok=True)
    write_actor(expert.actor, saved.states["policy"])
    env = make_env(env_id)
    policy = load_policy(expert.actor, env)
    returns = measure_returns(policy, env, EPISODES, seed=SEED)
    states = sample_observed_states(policy, N_STATES, SEED, env=env)
    write_npz(expert.states, {"states": np.asarray(states, dtype=np.float32)})
    episodes = rollout_env(policy, env, N_DEMONSTRATIONS, seed=SEED, deterministic=True)
    save_episodes(expert.demonstrations, [cut(each) for each in episodes])
    return replace(
        expert,
        return_mean=round(returns.mean, 1),
        return_std=round(returns.std, 1),
        length_mean=round(float(returns.lengths.mean()), 1),
    )


def ship_experts() -> None:
    """Ship the expert that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", type=Path, help="ENV.zip")
    parser.add_argument("--env", help="the environment; otherwise the name of the file")
    parser.add_argument("--also", nargs="*", default=[], metavar="ENV")
    chosen = parser.parse_args()
    env_id = chosen.env or chosen.file.stem
    listed = folder() / EXPERTS
    others = shipped_experts() if listed.exists() else {}
    experts = {**others, env_id: ship(chosen.file, env_id, chosen.also)}
    write_json(listed, [asdict(each) for each in experts.values()])


if __name__ == "__main__":
    ship_experts()
