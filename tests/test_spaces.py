"""Each space is served or refused at construction, by every learner, as the guide says."""

from functools import partial
from importlib.util import find_spec

import numpy as np
import pytest

from rlsp_baselines import (
    AIRL,
    GAIL,
    AttainableUtility,
    AverageFeatures,
    Contrast,
    Deviation,
    RelativeReachability,
    RewardSampling,
    TaskReward,
    Waypoints,
)
from rlsp_sb3 import RLSP, TabularRLSP
from rlsp_sb3.data import Episode

from helpers.ring import RestoredRing, Ring, TabularRing
from helpers.space_table import ACTIONS, OBSERVATIONS, PAGE, page

HAS_IMITATION = find_spec("imitation") is not None
FIT = {"n_updates": 40, "batch_size": 32, "learning_rate": 1e-2}
TINY = {
    "n_transitions": 60,
    "n_trajectories": 10,
    "episode_length": 10,
    "dynamics": {"fit": FIT, "refit": FIT, "hidden": [32]},
    "inverse_policy": {"first_fit": FIT, "fit": FIT, "hidden": [8], "n_rollouts": 20},
    "solver": {
        "n_envs": 2,
        "n_steps": 32,
        "hidden": [8],
        "kwargs": {"learning_starts": 8, "batch_size": 8},
    },
}
DEEP = {"hyperparameters": TINY, "n_epochs": 1, "eval_interval": 0, "seed": 0}
ADVERSARIAL = {
    "solver_kwargs": {"n_steps": 16, "batch_size": 16, "n_epochs": 1},
    "n_rounds": 1,
    "demo_batch_size": 8,
    "seed": 0,
}
TRAINED = {
    "RLSP": partial(RLSP, horizon=3, **DEEP),
    "AverageFeatures": partial(AverageFeatures, **DEEP),
    "Waypoints": partial(Waypoints, **DEEP),
    "Contrast": partial(Contrast, horizon=3, **DEEP),
    "GAIL": partial(GAIL, **ADVERSARIAL),
    "AIRL": partial(AIRL, **ADVERSARIAL),
}
PLANNED = {
    "RLSP": TRAINED["RLSP"],
    "AverageFeatures": TRAINED["AverageFeatures"],
    "Waypoints": TRAINED["Waypoints"],
    "Contrast": TRAINED["Contrast"],
    "TabularRLSP": partial(TabularRLSP, seed=0),
    "TaskReward": TaskReward,
    "Deviation": Deviation,
    "RelativeReachability": RelativeReachability,
    "AttainableUtility": partial(AttainableUtility, seed=0),
    "RewardSampling": partial(RewardSampling, n_samples=5, burn_in=5, seed=0),
}
IMITATING = ("GAIL", "AIRL")
COMMON = {"float32", "Discrete"}
needs_imitation = pytest.mark.skipif(not HAS_IMITATION, reason="needs imitation")


def shown(env):
    """Observations of the environment, or what stands for them where it has no arrays."""
    return np.array(env.shown[1:]) if env.observation_space.shape is not None else [[0.0]]


def make(name, env, learners):
    if name not in IMITATING:
        return learners[name](env, shown(env))
    if None in (env.observation_space.shape, env.action_space.shape):
        return learners[name](env, demonstrations=[])
    actions = np.array([env.action_space.sample() for _ in range(2)])
    return learners[name](
        env, demonstrations=Episode(np.array(env.shown), actions, np.zeros(2), truncated=True)
    )


def refusals(observation, action, *kinds):
    """How the errors for two spaces begin and what they advise, for those that are refused."""
    rows = {"observation_space": observation, "action_space": action}
    return [
        (f"env has the {name} {row.space}", advice.error)
        for name, row in rows.items()
        for kind in kinds
        if (advice := getattr(row, kind)) is not None
    ]


def check_refused(name, env, learners, expected):
    with pytest.raises((TypeError, ValueError)) as raised:
        make(name, env, learners)
    message = str(raised.value)
    assert any(message.startswith(what) and advice in message for what, advice in expected), message


@pytest.mark.filterwarnings("ignore:the simulated pasts say nothing:UserWarning")
@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize(
    "name",
    [pytest.param(each, marks=[needs_imitation] * (each in IMITATING)) for each in TRAINED],
)
def test_trained_policies(name, observation, action):
    seen, done = OBSERVATIONS[observation], ACTIONS[action]
    # Where the environment is put into states, and where what follows is learned.
    ring = RestoredRing if action in ("float32", "MultiDiscrete") else Ring
    env = ring(seen.space, done.space)
    kinds = ("trained", "imitated") if name in IMITATING else ("trained",)
    if expected := refusals(seen, done, *kinds):
        check_refused(name, env, TRAINED, expected)
        return
    learner = make(name, env, TRAINED)
    if COMMON.isdisjoint((observation, action)):
        return  # each space is learned with in other pairs
    learner.learn()
    action, _ = learner.predict(env.reset()[0])
    assert env.action_space.contains(action[()])
    batch, _ = learner.predict(shown(env))
    assert batch.shape == (2, *env.action_space.shape)
    if name == "RLSP":
        if learner.sampling == "forward":
            learner = RLSP(env, shown(env), horizon=3, sampling="backward", **DEEP).learn()
        past = learner.gradient_estimator.past
        assert past.observations.dtype == env.observation_space.dtype
        assert all(env.observation_space.contains(each) for each in past.states[:5])
        assert all(env.action_space.contains(each[()]) for each in past.actions[0])


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
@pytest.mark.parametrize("observation", OBSERVATIONS)
@pytest.mark.parametrize("name", PLANNED)
def test_planned_policies(name, observation):
    seen = OBSERVATIONS[observation]
    for done in ACTIONS.values():
        env = TabularRing(seen.space, done.space)
        if expected := refusals(seen, done, "planned"):
            check_refused(name, env, PLANNED, expected)
            continue
        learner = make(name, env, PLANNED)
        learner.learn(1)
        action, _ = learner.predict(env.reset()[0])
        assert env.action_space.contains(action)


@pytest.mark.parametrize("name", sorted(PLANNED.keys() - TRAINED.keys()))
def test_only_tabular_environments_are_planned_in(name):
    env = Ring(OBSERVATIONS["float32"].space, ACTIONS["Discrete"].space)
    with pytest.raises(TypeError, match=f"{name} needs a tabular environment"):
        make(name, env, PLANNED)


def test_the_page_is_up_to_date():
    assert PAGE.read_text(encoding="utf-8") == page(), (
        f"in tests/, run `python -m {page.__module__}`"
    )
