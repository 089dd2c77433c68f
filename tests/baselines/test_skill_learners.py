"""Discovered skills: what is known of the best ones, and SB3's surface."""

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.callbacks import EvalCallback
from stable_baselines3.common.env_util import make_vec_env

from rlsp_baselines.skills import DADS, DIAYN, skill_predictability
from rlsp_sb3.data import rollout_env

from helpers.plane import N_CELLS, Plane, RingOfCells
from helpers.point import Point

SMALL = {"n_envs": 32, "episode_length": 20, "model_hidden": (32,)}
N_STEPS = 20
N_SKILLS = 8


def on_the_plane(learner_class):
    return learner_class(Plane(), N_SKILLS, seed=0, hyperparameters=SMALL).learn(32_000)


@pytest.fixture(scope="module")
def dads():
    return on_the_plane(DADS)


@pytest.fixture(scope="module")
def diayn():
    return on_the_plane(DIAYN)


def episodes(learner, env, skill, n=10):
    return rollout_env(learner.skill_policy(skill), env, n, seed=skill, max_steps=N_STEPS)


def changes_by_skill(learner):
    return [
        np.concatenate(
            [np.diff(each.observations, axis=0) for each in episodes(learner, Plane(), skill)]
        )
        for skill in range(N_SKILLS)
    ]


# What is known of the best skills.


def mutual_information(learner, n_skills):
    """I(s'; z | s) of skills in the ring, by counting."""
    counts = np.zeros((n_skills, N_CELLS, N_CELLS))
    for skill in range(n_skills):
        for episode in episodes(learner, RingOfCells(), skill, n=30):
            cells = episode.observations.argmax(axis=1)
            np.add.at(counts[skill], (cells[:-1], cells[1:]), 1)
    joint = counts / counts.sum()
    # Σ p(z, s, s') log p(z, s, s') p(s) / p(z, s) p(s, s')
    split = joint.sum(axis=2)[:, :, None] * joint.sum(axis=0)[None]
    here = joint.sum(axis=(0, 2))[None, :, None]
    there = joint > 0
    return float((joint[there] * np.log((joint * here)[there] / split[there])).sum())


@pytest.mark.parametrize(
    ("n_skills", "share"), [(2, 0.9), pytest.param(3, 0.7, marks=pytest.mark.expensive)]
)
def test_mutual_information_comes_near_what_a_ring_allows(n_skills, share):
    dads = DADS(RingOfCells(), n_skills, seed=0, hyperparameters=SMALL)
    before = mutual_information(dads, n_skills)
    found = mutual_information(dads.learn(20_000), n_skills)
    best = np.log(min(n_skills, 3))
    assert before < 0.1 * best
    assert share * best < found <= best + 1e-9


def test_skills_go_in_different_directions(dads):
    ways = np.array([changes.mean(axis=0) for changes in changes_by_skill(dads)])
    angles = np.sort(np.arctan2(ways[:, 1], ways[:, 0]))
    gaps = np.degrees(np.diff(np.append(angles, angles[0] + 2 * np.pi)))
    assert gaps.max() < 120  # they go all ways
    assert (gaps > 15).sum() >= N_SKILLS - 2
    assert np.sort(np.linalg.norm(ways, axis=1))[1] > 0.05  # of .1 along an axis; one may stay


def test_skills_are_more_predictable_than_those_that_can_only_be_told_apart(dads, diayn):
    found, control = (skill_predictability(changes_by_skill(each)) for each in (dads, diayn))
    assert found > 0.85
    assert control < found - 0.2


def test_predictability_is_the_share_of_variance_between_skills():
    rng = np.random.default_rng(0)
    means = np.array([0.0, 3.0, 9.0])
    found = skill_predictability([mean + rng.normal(size=(5_000, 1)) for mean in means])
    assert found == pytest.approx(means.var() / (means.var() + 1), abs=0.01)
    still = np.zeros((4, 2))
    assert skill_predictability([still, still]) == 0
    assert skill_predictability([still, still + np.eye(2)[0]]) == 1
    with pytest.raises(ValueError, match="1 skills: expected at least 2"):
        skill_predictability([still])


# SB3's surface.


def smoke(env=None, n_skills=4, **kwargs):
    return DADS(env or Plane(), n_skills, **{"preset": "smoke", "seed": 0, **kwargs})


VARIANTS = {
    "numbered": {},
    "continuous": {"n_skills": None, "skill_dim": 2},
    "SB3's PPO": {"solver": "PPO"},
    "replayed": {"solver": "SAC", "solver_kwargs": {"gradient_steps": 4, "batch_size": 16}},
    "velocities": {"velocities": [1]},
}
EPOCH = 4 * 20  # steps


def same(first, second):
    one, other = first._arrays(), second._arrays()
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize("kwargs", VARIANTS.values(), ids=VARIANTS)
def test_goes_on_to_the_bit_after_saving(tmp_path, kwargs):
    whole = smoke(**kwargs).learn(4 * EPOCH)
    again = smoke(**kwargs).learn(4 * EPOCH)
    same(whole, again)
    half = smoke(**kwargs).learn(2 * EPOCH)
    half.save(tmp_path / "half")
    loaded = DADS.load(tmp_path / "half", Plane())
    same(half, loaded)
    loaded.learn(2 * EPOCH, reset_num_timesteps=False)
    assert loaded.num_timesteps == whole.num_timesteps == 4 * EPOCH
    same(whole, loaded)


def test_another_seed_gives_other_skills():
    first, second = (smoke(seed=seed).learn(EPOCH) for seed in (0, 1))
    with pytest.raises(AssertionError):
        same(first, second)


def test_arguments_come_back(tmp_path):
    kwargs = {
        "coordinates": [1],
        "velocities": [0],
        "solver": "SAC",
        "solver_kwargs": {"gradient_steps": 2},
        "hyperparameters": {"n_envs": 2, "std": 0.3},
        "verbose": 0,
    }
    smoke(**kwargs).save(tmp_path / "skills")
    loaded = DADS.load(tmp_path / "skills", Plane())
    saved = loaded.saved_arguments()
    for name in ("coordinates", "velocities", "solver", "solver_kwargs"):
        assert saved[name] == kwargs[name]
    assert saved["n_skills"] == 4
    assert saved["hyperparameters"]["std"] == 0.3
    assert saved["hyperparameters"]["n_envs"] == 2
    assert loaded.model.n_envs == 2


def test_what_a_callback_saves_goes_on_from_the_beginning_of_the_epoch(tmp_path):
    def save(local_variables, global_variables):
        if dads.num_timesteps == EPOCH + 40:
            dads.save(tmp_path / "early")
        return True

    dads = smoke()
    dads.learn(2 * EPOCH, callback=save)
    loaded = DADS.load(tmp_path / "early", Plane())
    assert loaded.num_timesteps == EPOCH
    same(loaded.learn(EPOCH, reset_num_timesteps=False), dads)


def test_callbacks_of_sb3_work_and_may_stop(tmp_path):
    evaluation = EvalCallback(
        make_vec_env(lambda: gym.wrappers.TimeLimit(Plane(), 5)),
        eval_freq=20,
        log_path=str(tmp_path),
        verbose=0,
    )
    smoke().learn(EPOCH, callback=evaluation)
    assert (tmp_path / "evaluations.npz").exists()
    stopped = smoke()
    stopped.learn(10 * EPOCH, callback=lambda *_: stopped.num_timesteps < 2 * EPOCH)
    assert stopped.num_timesteps == 2 * EPOCH


def test_an_environment_that_cannot_be_put_into_states_is_used_as_it_is():
    class Closed(Point):
        set_state_from_observation = property()

    env = make_vec_env(lambda: gym.wrappers.TimeLimit(Closed(), 7), n_envs=3)
    dads = smoke(env).learn(3 * 20)
    assert dads.num_timesteps == 60
    assert dads.model.n_envs == 3


# Acting.


def test_a_chosen_skill_acts_alike_and_others_do_not(dads):
    observation = np.zeros(2)
    alone, _ = dads.predict(observation, deterministic=True, skill=3)
    batch, skills = dads.predict(np.zeros((5, 2)), deterministic=True, skill=3)
    np.testing.assert_allclose(batch, np.tile(alone, (5, 1)), rtol=1e-6)
    np.testing.assert_array_equal(skills.argmax(axis=1), 3)
    actions = [dads.predict(observation, deterministic=True, skill=k)[0] for k in range(N_SKILLS)]
    assert len(np.unique(np.round(actions, 3), axis=0)) == N_SKILLS


def test_a_drawn_skill_stays_for_the_episode(dads):
    observations = np.zeros((200, 2))
    _, skills = dads.predict(observations)
    assert set(skills.argmax(axis=1)) == set(range(N_SKILLS))
    _, kept = dads.predict(observations, skills, np.zeros(200, bool))
    np.testing.assert_array_equal(kept, skills)
    starts = np.arange(200) < 100
    _, drawn = dads.predict(observations, skills, starts)
    np.testing.assert_array_equal(drawn[100:], skills[100:])
    assert (drawn[:100] != skills[:100]).any()


WRONG = {
    "both numbers": ({"skill_dim": 2}, "n_skills=4 and skill_dim=2: expected one"),
    "no number": ({"n_skills": None}, "n_skills=None and skill_dim=None: expected one"),
    "one skill": ({"n_skills": 1}, "n_skills=1: expected at least 2"),
    "no entry": ({"coordinates": []}, "expected at least one entry"),
    "far entry": ({"velocities": [2]}, "velocities=2: expected at most 1"),
    "preset": ({"preset": "fest"}, "preset='fest'"),
    "hyperparameter": ({"hyperparameters": {"n_env": 3}}, "hyperparameters='n_env'"),
    "range": ({"hyperparameters": {"std": 0.0}}, "std=0.0: expected a number above 0"),
    "solver": ({"solver": "PPPO"}, "solver='PPPO'"),
    "planning": ({"solver": "planning"}, "planning"),
    "argument": ({"solver_kwargs": {"n_stepz": 3}}, "n_stepz"),
}


@pytest.mark.parametrize(("kwargs", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_named(kwargs, message):
    with pytest.raises(ValueError, match=message):
        smoke(**kwargs)


def test_a_skill_has_to_be_one_of_them():
    numbered, continuous = smoke(), smoke(n_skills=None, skill_dim=2)
    with pytest.raises(ValueError, match="skill=4: expected at most 3"):
        numbered.skill_policy(4)
    with pytest.raises(TypeError, match="expected an int"):
        numbered.skill_policy([0.5, 0.5])
    with pytest.raises(ValueError, match="numbers from -1 to 1"):
        continuous.skill_policy([0.5, 1.5])
    with pytest.raises(ValueError, match=r"expected \(2,\)"):
        continuous.skill_policy([0.5])


def test_observations_have_to_be_vectors():
    with pytest.raises(TypeError, match="FlattenObservation"):
        DADS("FrozenLake-v1", 4, preset="smoke")


def test_the_control_tells_a_number_of_skills_apart():
    with pytest.raises(ValueError, match="use n_skills"):
        DIAYN(Plane(), skill_dim=2, preset="smoke")
