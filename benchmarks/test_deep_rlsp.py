"""Parts of an epoch of Deep RLSP on the half cheetah, and a whole one on the inverted pendulum."""

from dataclasses import replace

import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.models import FitSettings
from rlsp_sb3.presets import FAST
from rlsp_sb3.rlsp import simulate_past
from rlsp_sb3.simulators import rollout_simulator

HORIZON = 31  # 30 actions
BRIEF = replace(FAST, n_transitions=2_000, dynamics=FitSettings(50, 500, 1e-3), solver_steps=1_000)


def make_learner(env="HalfCheetah-v5", budget=BRIEF, **arguments):
    states = np.zeros((1, 17 if env == "HalfCheetah-v5" else 4))
    learner = RLSP(
        env, states, horizon=HORIZON, budget=budget, seed=0, eval_interval=0, **arguments
    )
    return learner.learn(budget.solver_steps)  # one epoch


def gradient(learner, n):
    estimator, rng = learner.gradient_estimator, np.random.default_rng(0)
    past = simulate_past(
        estimator.observed,
        estimator.inverse_policy,
        estimator.inverse_dynamics,
        HORIZON,
        n,
        rng,
        estimator.observation_bounds,
    )
    return estimator.feature_differences(past)


@pytest.mark.benchmark(group="gradient from pasts of 30 actions")
@pytest.mark.parametrize("n", [1, 200])
def test_gradient(benchmark, n):
    """200 at once take far less than 200 times as long as 1, which the published code does."""
    learner = make_learner()
    benchmark.pedantic(gradient, args=(learner, n), rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="update of the inverse policy")
@pytest.mark.parametrize(
    ("n_states", "schedule"),
    [(3_000, FAST.inverse_policy), (100_000, FitSettings(200, 500, 1e-4))],
    ids=["fast: 3,000 states", "published: 100,000 states, one pass"],
)
def test_inverse_policy_update(benchmark, n_states, schedule):
    learner = make_learner()
    estimator, rng = learner.gradient_estimator, np.random.default_rng(0)
    starts = estimator.simulator.reset(1_000).repeat(n_states // 3_000 + 1, axis=0)[: n_states // 3]

    def update():
        seen = rollout_simulator(estimator.simulator, estimator.solver.act, starts, 3)
        after = seen.observations[1:].reshape(-1, 17)
        return estimator.inverse_policy.fit(seen.actions.reshape(-1, 6), after, schedule, rng)

    benchmark.pedantic(update, rounds=2, warmup_rounds=0)


@pytest.mark.benchmark(group="epoch of Deep RLSP")
def test_epoch(benchmark):
    """At the full horizon, with the default budget."""
    learner = make_learner("InvertedPendulum-v5", FAST, n_epochs=1)
    steps = FAST.solver_steps
    benchmark.pedantic(
        learner.learn,
        args=(steps,),
        kwargs={"reset_num_timesteps": False},
        rounds=3,
        warmup_rounds=1,
    )
