"""Which solver: true returns by seconds of CPU time, for each problem, algorithm and seed.

    pip install sb3-contrib sbx-rl
    python benchmarks/solver_study.py run --out runs/solvers
    python benchmarks/solver_study.py report runs/solvers
    python benchmarks/solver_study.py run --endless --out runs/endless

Each cell is a process of its own with one thread. Its rows are in ``returns.jsonl`` as soon as they
are known, and a cell that is whole there is not run again. Evaluations are not counted. Endless
problems belong in a folder of their own, since the report does not tell them apart.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from solver_problems import ENDLESS, PROBLEMS, algorithms
from solver_report import FILE, read, report
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3.simulators import make_simulator

MARKS = (2, 5, 10, 20, 30, 60, 120, 300)
"""Seconds of CPU time after which the policy is evaluated."""
ONE_THREAD = {
    **dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NPROC"), "1"),
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
}


def true_return(problem, simulator, act, n=8):
    """Mean return of n episodes from the same starts."""
    simulator.seed(7)
    env, observations = simulator.env.unwrapped, simulator.reset(n)
    states, total, alive = simulator.states(observations), np.zeros(n), np.ones(n, dtype=bool)
    for _ in range(problem.evaluation_length):
        states, shown = simulator.advance(states, act(observations))
        alive &= np.isfinite(shown.reshape(n, -1)).all(axis=1)
        observations = np.where(alive.reshape(-1, *[1] * (shown.ndim - 1)), shown, observations)
        alive &= problem.alive(observations)
        total += alive * problem.reward(env, observations)
        if not alive.any():
            break
    return float(total.mean())


class Evaluation(BaseCallback):
    """Evaluates the deterministic policy between rollouts, and ends the training after the last.

    Args:
        marks: After how many seconds of CPU time.
        evaluate: Returns the true return.
        record: Called with the mark, the seconds, the steps and the return.
    """

    def __init__(self, marks, evaluate, record):
        super().__init__()
        self.marks, self.evaluate, self.record = list(marks), evaluate, record

    def _on_training_start(self):
        self.start = time.process_time()

    def _on_rollout_start(self):
        now = time.process_time()
        seconds = now - self.start
        passed = [mark for mark in self.marks if mark <= seconds]
        if passed:
            self.marks = self.marks[len(passed) :]
            self.record(passed[-1], seconds, self.num_timesteps, self.evaluate())
            self.start += time.process_time() - now

    def _on_step(self):
        return bool(self.marks)


def run_cell(name, algorithm, seed, seconds, endless, out):
    """Train, and append what the policy earns to the file."""
    torch.set_num_threads(1)
    if algorithm.startswith("sbx:") and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # JAX takes all it sees
    problem = replace(PROBLEMS[name], endless=endless)
    model = algorithms(problem)[algorithm](problem, seed)
    judge = make_simulator(problem.make(), np.random.default_rng(7), n_threads=1)
    normalize = model.get_vec_normalize_env()

    def act(observations):
        if normalize is not None:
            observations = normalize.normalize_obs(observations)
        return model.predict(observations, deterministic=True)[0]

    def record(mark, seconds, steps, value):
        row = {
            "problem": name,
            "algorithm": algorithm,
            "endless": endless,
            "seed": seed,
            "mark": mark,
            "seconds": round(seconds, 2),
            "steps": steps,
            "return": round(value, 2),
        }
        with (out / FILE).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    marks = [mark for mark in MARKS if mark <= seconds]
    callback = Evaluation(marks, lambda: true_return(problem, judge, act), record)
    model.learn(ENDLESS, callback=callback, log_interval=None)


def run(names, chosen, seeds, seconds, endless, out):
    """Run each cell that is not whole yet in a process; return how many failed."""
    out.mkdir(parents=True, exist_ok=True)
    failed = 0
    for seed in seeds:
        for name in names:
            for algorithm in algorithms(PROBLEMS[name]):
                limit = seconds or PROBLEMS[name].seconds
                last = max(mark for mark in MARKS if mark <= limit)
                cells = read(out, name, algorithm, seed)
                marks = [row["mark"] for row in cells if row["endless"] == endless]
                if (chosen and algorithm not in chosen) or max(marks, default=0) >= last:
                    continue
                cell = ["--problems", name, "--algorithms", algorithm, "--seeds", str(seed)]
                command = [sys.executable, __file__, "cell", *cell, "--seconds", str(limit)]
                command += ["--endless"] * endless
                done = subprocess.run(
                    [*command, "--out", str(out)], env={**os.environ, **ONE_THREAD}, check=False
                )
                failed += done.returncode != 0
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("run", "cell"):  # a cell is what run starts
        sub = commands.add_parser(command)
        sub.add_argument("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
        sub.add_argument("--algorithms", nargs="+")
        sub.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
        sub.add_argument("--seconds", type=float, help="of CPU time, for all problems")
        sub.add_argument("--endless", action="store_true", help="let no episode terminate")
        sub.add_argument("--out", type=Path, default=Path("runs/solvers"))
    commands.add_parser("report").add_argument("folder", type=Path)
    given = parser.parse_args()
    if given.command == "report":
        report(given.folder)
    elif given.command == "cell":
        (name,), (algorithm,), (seed,) = given.problems, given.algorithms, given.seeds
        run_cell(name, algorithm, seed, given.seconds, given.endless, given.out)
    else:
        cells = (given.problems, given.algorithms, given.seeds, given.seconds, given.endless)
        sys.exit(run(*cells, given.out) > 0)


if __name__ == "__main__":
    main()
