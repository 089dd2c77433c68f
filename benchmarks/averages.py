"""AverageFeatures and Waypoints on states of the balanced inverted pendulum.

    python benchmarks/averages.py EXPERT --n-states 1 10 --seeds 3 --out averages.csv

See pendulum.py; the policy trains as long as RLSP's does, for the one reward from the beginning.
Runs that are in the file already are not repeated.
"""

from __future__ import annotations

import argparse
import csv
import time
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pendulum import ENV, load_expert

from rlsp_baselines import AverageFeatures, Waypoints
from rlsp_sb3 import sample_observed_states
from rlsp_sb3.evaluation import measure_returns

LEARNERS = {"average-features": AverageFeatures, "waypoints": Waypoints}
COLUMNS = ("learner", "encoder", "states", "seed", "true_return", "seconds")


def run(name: str, encoder: str, expert: Any, n: int, seed: int) -> dict[str, Any]:
    """One run."""
    observed = sample_observed_states(expert, n, seed, env=ENV)
    start = time.perf_counter()
    learner = LEARNERS[name](ENV, observed, encoder=encoder, seed=seed, eval_interval=0).learn()
    seconds = time.perf_counter() - start
    true_return = measure_returns(learner, ENV, 20, seed=seed).mean
    values = (name, encoder, n, seed, round(true_return, 1), round(seconds, 1))
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    """Run what is asked for, and print means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("expert", help="the file of a policy that balances the pendulum")
    parser.add_argument("--n-states", type=int, nargs="+", default=[1, 10])
    parser.add_argument("--encoders", nargs="+", default=["fourier", "vae"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("averages.csv"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    expert = load_expert(options.expert)
    if not options.out.exists():
        options.out.write_text(",".join(COLUMNS) + "\n")
    with options.out.open(newline="") as file:
        rows: list[dict[str, Any]] = list(csv.DictReader(file))
    known = {tuple(row[name] for name in COLUMNS[:4]) for row in rows}
    settings = list(product(LEARNERS, options.encoders, options.states))
    for (name, encoder, n), seed in product(settings, range(options.seeds)):
        if (name, encoder, str(n), str(seed)) in known:
            continue
        row = run(name, encoder, expert, n, seed)
        rows.append(row)
        print(row, flush=True)
        with options.out.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS).writerow(row)
    for setting in settings:
        found = [
            float(row["true_return"])
            for row in rows
            if (row["learner"], row["encoder"], int(row["states"])) == setting
        ]
        print(*setting, f"mean {np.mean(found):.1f}", f"of {found}")


if __name__ == "__main__":
    main()
