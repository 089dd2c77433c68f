"""Parts of an epoch of Deep RLSP on the half cheetah, and a whole one on the inverted pendulum."""

import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.hyperparameters import FitSettings
from rlsp_sb3.presets import FAST
from rlsp_sb3.simulators import rollout_simulator

HORIZON = 31  # 30 actions
PUBLISHED = {"sampling": "backward", "solver": "FastSAC"}
BRIEF = FAST.updated(
    {
        "n_transitions": 2_000,
        "dynamics": {"fit": {"n_updates": 50}},
        "solver": {"n_steps": 1_000},
    }
)


def make_learner(env="HalfCheetah-v5", hyperparameters=BRIEF, **arguments):
    states = np.zeros((1, 17 if env == "HalfCheetah-v5" else 4))
    arguments = {"horizon": HORIZON, "seed": 0, "eval_interval": 0, **PUBLISHED, **arguments}
    learner = RLSP(env, states, hyperparameters=hyperparameters, **arguments)
    return learner.learn(hyperparameters.solver.n_steps)  # one epoch


def gradient(learner):
    estimator = learner.gradient_estimator
    return estimator.feature_differences(estimator.simulate_past(HORIZON, np.random.default_rng(0)))


@pytest.mark.benchmark(group="gradient from pasts of 30 actions")
@pytest.mark.parametrize("n", [1, 200])
def test_gradient(benchmark, n):
    """200 at once take far less than 200 times as long as 1, which the published code does."""
    learner = make_learner(n_trajectories=n)
    benchmark.pedantic(gradient, args=(learner,), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="update of the inverse policy")
@pytest.mark.parametrize(
    ("n_states", "settings"),
    [(3_000, FAST.inverse_policy.fit), (100_000, FitSettings(200, 500, 1e-4))],
    ids=["fast: 3,000 states", "published: 100,000 states, one pass"],
)
def test_inverse_policy_update(benchmark, n_states, settings):
    learner = make_learner()
    estimator, rng = learner.gradient_estimator, np.random.default_rng(0)
    starts = estimator.simulator.reset(1_000).repeat(n_states // 3_000 + 1, axis=0)[: n_states // 3]

    def update():
        seen = rollout_simulator(estimator.simulator, estimator.solver.act, starts, 3)
        after = seen.observations[1:].reshape(-1, 17)
        return estimator.inverse_policy.fit(seen.actions.reshape(-1, 6), after, settings, rng)

    benchmark.pedantic(update, rounds=2, warmup_rounds=0)


@pytest.mark.benchmark(group="epoch of Deep RLSP")
def test_epoch(benchmark):
    """At the full horizon, with the default hyperparameters."""
    learner = make_learner("InvertedPendulum-v5", FAST, n_epochs=1)
    steps = FAST.solver.n_steps
    benchmark.pedantic(
        learner.learn,
        args=(steps,),
        kwargs={"reset_num_timesteps": False},
        rounds=3,
        warmup_rounds=1,
    )
