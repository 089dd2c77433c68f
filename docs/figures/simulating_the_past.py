"""Draw what simulating the past is: who ends in the observed state, and how they came there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import TabularRLSP
from rlsp_sb3.plotting import INFERRED, INK, TASK, save_png

N_FORWARD = 20_000  # random walks, of which one in 128 ends in the observed state
N_DRAWN = 60
OUT = Path(__file__).with_suffix(".png")


def walks(env: Any, rng: np.random.Generator) -> NDArray[np.int64]:
    """States (N, T) of somebody who wants nothing: every action is as likely as any other."""
    mdp = env.mdp
    next_state = mdp.transitions.argmax(axis=1).reshape(mdp.n_states, mdp.n_actions)
    states = np.full((N_FORWARD, env.horizon), mdp.initial_distribution.argmax())
    for t in range(1, env.horizon):
        states[:, t] = next_state[states[:, t - 1], rng.integers(mdp.n_actions, size=N_FORWARD)]
    return states


def draw_walks(axes: Axes, env: Any, states: NDArray[np.int64], rng: np.random.Generator) -> None:
    """Draw some walks over a picture of the room, those that break a vase in another color."""
    env.reset(options={"observation": env.observed_states[0]})
    picture = env.render()
    rows, columns, _ = env.grid_shape
    axes.imshow(picture, extent=(-0.5, columns - 0.5, rows - 0.5, -0.5), alpha=0.45)
    breaks = env.mdp.features[states][:, -1, env.feature_names.index("broken_vases")] > 0
    for walk, broken in zip(states[:N_DRAWN], breaks[:N_DRAWN], strict=True):
        cells = np.array([env.mdp.state(s)["agent"] for s in walk], dtype=float)
        cells += rng.uniform(-0.22, 0.22, size=2)
        color = TASK if broken else INFERRED
        axes.plot(cells[:, 1], cells[:, 0], color=color, linewidth=1.2, alpha=0.55)
    axes.set_xlabel(f"{breaks.mean():.0%} break the vase", color=INK)
    axes.set(xticks=[], yticks=[])


def main() -> None:
    """Draw the figure and write it beside this script."""
    rng = np.random.default_rng(0)
    env: Any = gym.make("RoomDefault-v0", render_mode="rgb_array").unwrapped
    forward = walks(env, rng)
    observed = env.state_indices(env.observed_states)[0]
    past = forward[forward[:, -1] == observed]
    names = env.feature_names
    gradient = TabularRLSP(env, seed=0).log_likelihood_gradient(np.zeros(len(names)))
    # The exact gradient is what the walks show: means of summed features, less those of everybody.
    sums = [env.mdp.features[states].sum(axis=1).mean(axis=0) for states in (past, forward)]
    np.testing.assert_allclose(sums[0] - sums[1], gradient, atol=0.25)

    figure, axes = plt.subplot_mosaic("ab;cc", figsize=(8, 5), layout="constrained")
    panels = list(axes.values())
    draw_walks(panels[0], env, forward, rng)
    draw_walks(panels[1], env, past, rng)
    panels[0].set_title("1. What people may do in six actions", color=INK)
    panels[1].set_title("2. Those who end as observed", color=INK)
    panels[2].set_title("3. What sets them apart", color=INK)
    panels[2].set_xlabel("gradient of the log likelihood, by weight", color=INK)
    panels[2].barh(names, gradient, color=[TASK if g < 0 else INFERRED for g in gradient])
    panels[2].axvline(0, color=INK, linewidth=0.8)
    panels[2].invert_yaxis()
    panels[2].spines[["top", "right", "left"]].set_visible(False)
    panels[2].tick_params(axis="y", length=0)
    save_png(figure, OUT)


if __name__ == "__main__":
    main()
