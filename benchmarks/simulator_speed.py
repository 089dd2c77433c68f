"""Speed of our simulator of MuJoCo beside ``mujoco.rollout`` alone and, if installed, EnvPool.

    pip install envpool
    python benchmarks/simulator_speed.py

One thread, the same number of copies and the same arbitrary actions for all. Rounds of one and the
other alternate, and a ratio is the median of those of the rounds, so that whatever else the machine
does slows both. Time is CPU time of all threads.
"""

import argparse
import importlib.util
import time

import gymnasium as gym
import mujoco
import numpy as np
from mujoco import rollout

from rlsp_sb3.simulators import make_simulator

GO_ON = {"terminate_when_unhealthy": False}
ENVS = {  # what it is called, its id, and arguments of Gymnasium and of EnvPool
    "half cheetah": ("HalfCheetah-v5", {}, {}),
    "hopper": ("Hopper-v5", {}, GO_ON),
    "pendulum": ("InvertedPendulum-v5", {}, {}),
    "swimmer": ("Swimmer-v5", {}, {}),
    "ant": (
        "Ant-v5",
        {"include_cfrc_ext_in_observation": False},
        {**GO_ON, "use_contact_force": False},
    ),
}
FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS


def nothing():
    """Prepare nothing: each round starts from the same states."""


def ours(env, env_id, pool_arguments, actions):
    """Steps of all copies with states kept in between, as a solver takes them."""
    simulator = make_simulator(env, np.random.default_rng(0), n_threads=1)
    starts = simulator.states(simulator.reset(actions.shape[1]))

    def simulate():
        states = starts
        for now in actions:
            states, _ = simulator.advance(states, now)

    return nothing, simulate


def rollout_alone(env, env_id, pool_arguments, actions):
    """One call for all copies and steps: nobody could choose actions in between."""
    env = env.unwrapped
    data, starts = mujoco.MjData(env.model), []
    for seed in range(actions.shape[1]):
        env.reset(seed=seed)
        start = np.empty(mujoco.mj_stateSize(env.model, FULL))
        mujoco.mj_getState(env.model, env.data, start, FULL)
        starts.append(start)
    controls = np.repeat(actions.swapaxes(0, 1).astype(np.float64), env.frame_skip, axis=1)
    return nothing, lambda: rollout.rollout(env.model, data, np.array(starts), controls)


def envpool(env, env_id, pool_arguments, actions):
    """Steps of all copies; where the pendulum falls it starts anew, which in others it does not."""
    import envpool

    n = actions.shape[1]
    envs = envpool.make(env_id, env_type="gymnasium", num_envs=n, num_threads=1, **pool_arguments)

    def simulate():
        for now in actions:
            envs.step(now.astype(np.float64))

    return envs.reset, simulate


def measure(simulations, n_rounds):
    """CPU seconds (rounds, simulations), which alternate, without what prepares a round."""
    for prepare, simulate in simulations:
        prepare()
        simulate()
    seconds = np.empty((n_rounds, len(simulations)))
    for i in range(n_rounds):
        for j, (prepare, simulate) in enumerate(simulations):
            prepare()
            start = time.process_time()
            simulate()
            seconds[i, j] = time.process_time() - start
    return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--copies", type=int, default=128)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    others = [rollout_alone, *([envpool] if importlib.util.find_spec("envpool") else [])]
    names = ["ours", "`mujoco.rollout`", "EnvPool"][: 1 + len(others)]
    columns = ["", *names, *(f"ours / {name}" for name in names[1:])]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for title, (env_id, arguments, pool_arguments) in ENVS.items():
        space = gym.make(env_id, **arguments).action_space
        rng = np.random.default_rng(0)
        shape = (given.steps, given.copies, *space.shape)
        actions = rng.uniform(space.low, space.high, shape).astype(space.dtype)
        simulations = [
            make(gym.make(env_id, **arguments), env_id, pool_arguments, actions)
            for make in (ours, *others)
        ]
        seconds = measure(simulations, given.rounds)
        ratios = seconds[:, 1:] / seconds[:, :1]
        speeds = given.steps * given.copies / np.median(seconds, axis=0)
        middle, low, high = (f(ratios, axis=0) for f in (np.median, np.min, np.max))
        cells = [f"{speed:,.0f}" for speed in speeds]
        cells += [
            f"{m:.2f} ({a:.2f} to {b:.2f})" for m, a, b in zip(middle, low, high, strict=True)
        ]
        print(f"| {title} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
