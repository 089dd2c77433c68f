"""Exact RLSP infers the published rewards, and is an SB3 algorithm to whoever uses it."""

from functools import partial

import gymnasium as gym
import numpy as np
import pytest
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

import rlsp_envs
from rlsp_sb3 import RewardLearner, TabularRLSP, UnreachableStateError
from rlsp_sb3.learners.true_return import robots, true_return_fractions
from rlsp_sb3.planning.dynamic_programming import expected_sums, value_iteration
from rlsp_sb3.planning.return_fraction import true_return_fraction

from helpers.corridor import Corridor
from helpers.problems import HORIZONS, PUBLISHED, StartAt, published_figures
from helpers.textbook import LineEnv

assert rlsp_envs.__version__  # imported to register the environments
OBSERVED = gym.make("RoomDefault-v0").unwrapped.observed_states


def learned(env_id="RoomDefault-v0", **kwargs):
    return TabularRLSP(env_id, **{"seed": 0, **kwargs}).learn()


# What is inferred.


@pytest.mark.parametrize("env_id", PUBLISHED)
def test_inferred_weights_are_the_published_ones(env_id):
    # The published code starts where NumPy's old generator says, and stops early.
    published = published_figures(env_id)["final_reward_vector_task_plus_inferred_rlsp"]
    learner = TabularRLSP(env_id, optimizer="ascent")
    start = np.random.RandomState(0).normal(size=len(published))
    learner.theta, gradient = 0.01 * start, np.inf
    while np.linalg.norm(gradient) >= 1e-3:
        before = learner.theta
        gradient = (learner.learn(1).theta - before) / 0.1
    inferred = learner.unwrapped_env.task_reward + learner.reward.weights
    np.testing.assert_allclose(inferred, published, rtol=0, atol=5.1e-5)
    # All fifty epochs lead on to the maximum, a little further, from anywhere.
    for optimizer in ("ascent", "lbfgs"):
        maximum = learned(env_id, seed=1, optimizer=optimizer).reward.weights
        inferred = learner.unwrapped_env.task_reward + maximum
        np.testing.assert_allclose(inferred, published, rtol=0, atol=2e-4)


@pytest.mark.parametrize(("prior_std", "learning_rate"), [(0.5, 0.1), (0.3, 0.04)])
@pytest.mark.parametrize("env_id", HORIZONS)
def test_learning_ends_where_likelihood_and_prior_are_in_balance(env_id, prior_std, learning_rate):
    learner = learned(
        env_id,
        horizon=HORIZONS[env_id],
        prior_std=prior_std,
        optimizer="ascent",
        learning_rate=learning_rate,
        n_epochs=100,
    )
    np.testing.assert_allclose(
        learner.log_likelihood_gradient(learner.theta), learner.theta / prior_std**2, atol=1e-6
    )
    assert np.abs(learner.theta).max() > 0.01


def fraction(learner, weight=1.0):
    """What the robot reaches that starts where the person left off."""
    env, mdp = learner.unwrapped_env, learner.mdp
    planned = mdp.features @ (env.task_reward + weight * learner.theta)
    start = env.state_indices(learner.observed_states)[0]
    return true_return_fraction(mdp, planned, mdp.features @ env.true_reward, start)


@pytest.mark.parametrize("optimizer", ["lbfgs", "ascent"])
@pytest.mark.parametrize("env_id", PUBLISHED)
def test_true_return_fractions_are_the_published_ones(env_id, optimizer):
    published = published_figures(env_id)["true_return_fraction"]
    known = learned(env_id, optimizer=optimizer)
    uniform = learned(env_id, optimizer=optimizer, initial_states="uniform")
    expected = {
        "task_reward_only": fraction(known, weight=0),
        "rlsp(50 epochs, seed 0)": fraction(known),
        "rlsp(50 epochs, seed 0, uniform initial states)": fraction(uniform),
    }
    for name, value in expected.items():
        assert value == pytest.approx(published[name], rel=1e-12), name


@pytest.mark.parametrize("env_id", ["ApplesDefault-v0", "BatteriesEasy-v0", "BatteriesDefault-v0"])
def test_robot_does_what_the_person_wants_with_apples_and_batteries(env_id):
    learner = learned(env_id)
    assert 0.998 <= fraction(learner) <= 1
    if env_id != "BatteriesEasy-v0":  # there the task alone says enough
        assert fraction(learner, weight=0) < 0.9


@pytest.mark.parametrize("initial_states", ["known", "uniform"])
@pytest.mark.parametrize("prior", ["gaussian", "uniform"])
@pytest.mark.parametrize("optimizer", ["lbfgs", "ascent"])
@pytest.mark.parametrize("env_id", HORIZONS)
def test_each_step_makes_the_reward_more_likely(env_id, prior, initial_states, optimizer):
    learner = TabularRLSP(
        env_id,
        horizon=HORIZONS[env_id],
        prior=prior,
        initial_states=initial_states,
        optimizer=optimizer,
        seed=0,
    )
    before = learner.log_likelihood(learner.theta)
    posteriors = []

    def note(local_variables, global_variables):
        theta = learner.theta
        penalty = theta @ theta / (2 * 0.5**2) if prior == "gaussian" else 0
        posteriors.append(learner.log_likelihood(theta) - penalty)
        return True

    learner.learn(10 if initial_states == "uniform" else 50, callback=note)
    assert np.all(np.diff(posteriors) >= -1e-9)
    assert learner.log_likelihood(learner.theta) > before + 1e-3


def test_prior_width_and_learning_rate_matter():
    ascent = partial(learned, optimizer="ascent", n_epochs=200)
    narrow = ascent(prior_std=0.1, learning_rate=0.005)
    wide = ascent(prior_std=2.0, learning_rate=0.05)
    assert np.linalg.norm(narrow.theta) < 0.2 * np.linalg.norm(wide.theta)
    with pytest.warns(UserWarning, match="not the most likely one: after 50 timesteps .* norm"):
        slow = learned(optimizer="ascent", learning_rate=1e-9)
    assert np.linalg.norm(slow.theta) < 0.1


def test_laplace_prior_keeps_weights_at_zero_that_matter_little():
    arguments = {"learning_rate": 0.002, "n_epochs": 1000}
    with pytest.warns(UserWarning, match="not the most likely one"):  # it jumps about the kink
        ascent = learned(prior="laplace", prior_std=1.5, optimizer="ascent", **arguments)
    assert np.abs(ascent.reward["on_goal_1"]) < 0.01
    assert np.abs(ascent.reward["on_goal_2"]) > 0.1
    exact = learned(prior="laplace", prior_std=1.5)
    assert exact.has_converged
    np.testing.assert_array_equal(exact.theta == 0, [False, True, True, False])
    posteriors = [
        learner.log_likelihood(learner.theta) - np.abs(learner.theta).sum() / 1.5
        for learner in (ascent, exact)
    ]
    assert posteriors[0] < posteriors[1]


def test_reward_is_that_of_the_states():
    learner = learned()
    env, mdp = learner.unwrapped_env, learner.mdp
    every = env.observations(np.arange(mdp.n_states))
    rewards = learner.reward(every, np.zeros(len(every)), every, np.zeros(len(every), bool))
    np.testing.assert_allclose(rewards, mdp.features @ learner.theta, atol=1e-15)
    np.testing.assert_allclose(rewards, learner.inferred_rewards, atol=1e-15)
    assert learner.reward.feature_names == env.feature_names


# Learning in pieces, and again.


@pytest.mark.parametrize(("optimizer", "first", "rest"), [("ascent", 20, 30), ("lbfgs", 4, 3)])
def test_learning_in_two_pieces_is_learning_at_once(optimizer, first, rest):
    at_once = TabularRLSP("RoomDefault-v0", seed=3, optimizer=optimizer).learn(first + rest)
    pieces = TabularRLSP("RoomDefault-v0", seed=3, optimizer=optimizer).learn(first)
    assert pieces.num_timesteps == first
    assert not np.array_equal(pieces.theta, at_once.theta)
    pieces.learn(rest, reset_num_timesteps=False)
    assert pieces.num_timesteps == at_once.num_timesteps == first + rest
    np.testing.assert_array_equal(pieces.theta, at_once.theta)


@pytest.mark.parametrize(("optimizer", "first", "rest"), [("ascent", 20, 30), ("lbfgs", 4, 3)])
def test_counting_from_zero_again_keeps_what_was_learned(optimizer, first, rest):
    at_once = TabularRLSP("RoomDefault-v0", seed=3, optimizer=optimizer).learn(first + rest)
    pieces = TabularRLSP("RoomDefault-v0", seed=3, optimizer=optimizer).learn(first).learn(rest)
    assert pieces.num_timesteps == rest
    np.testing.assert_array_equal(pieces.theta, at_once.theta)


def test_number_of_steps_is_n_epochs_unless_told():
    assert TabularRLSP("RoomDefault-v0", n_epochs=7).learn().num_timesteps == 7
    learner = TabularRLSP("RoomDefault-v0", n_epochs=7)
    assert learner.learn(0) is learner
    assert learner.num_timesteps == 0


def test_same_seed_gives_the_same_bits_and_another_one_another_start():
    one, same, other = (TabularRLSP("TrainDefault-v0", seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.theta, same.theta)
    assert np.all(one.theta != other.theta)
    assert 0.001 < np.abs(one.theta).mean() < 0.03  # N(0, 0.01²)
    np.testing.assert_array_equal(one.learn().theta, same.learn().theta)


def test_without_a_seed_starts_differ():
    assert np.all(TabularRLSP("RoomDefault-v0").theta != TabularRLSP("RoomDefault-v0").theta)


def test_numpy_global_random_numbers_are_left_alone():
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    learned(seed=None).predict(OBSERVED)
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


# The policy.


@pytest.mark.parametrize("inferred_weight", [0.0, 1.0, 2.5])
def test_policy_is_the_best_plan_for_task_and_inferred_reward(inferred_weight):
    learner = learned("TrainDefault-v0", inferred_weight=inferred_weight)
    mdp, task = learner.mdp, learner.unwrapped_env.task_reward
    rewards = mdp.features @ (task + inferred_weight * learner.theta)
    plan = value_iteration(mdp.transitions, rewards, 21, temperature=0)  # 20 actions
    np.testing.assert_array_equal(learner.policy.table, plan.policy)


@pytest.mark.parametrize("prior", ["gaussian", "laplace"])
def test_task_as_prior_is_in_the_inferred_reward_already(prior):
    arguments = {"seed": 0, "optimizer": "ascent"}
    learner = TabularRLSP("RoomDefault-v0", **arguments, combination="bayesian", prior=prior)
    task = learner.unwrapped_env.task_reward
    np.testing.assert_allclose(learner.theta, task, atol=0.05)  # where it starts
    start = learner.theta
    expected = learner.log_likelihood_gradient(start)
    expected += (task - start) / 0.25 if prior == "gaussian" else np.sign(task - start) / 0.5
    np.testing.assert_allclose(learner.learn(1).theta, start + 0.1 * expected)
    np.testing.assert_array_equal(learner.planned_rewards, learner.mdp.features @ learner.theta)
    additive = TabularRLSP("RoomDefault-v0", seed=0).learn()
    bayesian = learner.learn().theta
    assert bayesian[0] < (-0.2 if prior == "gaussian" else 0)  # vases are to stay whole
    assert bayesian @ task > additive.theta @ task
    assert list(robots(learner)) == ["task reward only", "inferred reward, task as prior"]
    maximum = learned(combination="bayesian", prior=prior)
    assert maximum.has_converged
    if prior == "gaussian":
        np.testing.assert_allclose(maximum.theta, bayesian, atol=1e-3)
    else:  # the task is the maximum, about which the ascent jumps
        np.testing.assert_array_equal(maximum.theta, task)


@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0"])
def test_task_as_prior_leads_to_the_best_true_return(env_id):
    learner = TabularRLSP(env_id, seed=0, combination="bayesian").learn()
    fractions = true_return_fractions(learner)
    assert fractions["inferred reward, task as prior"] == pytest.approx(1)


def test_prior_follows_the_task_of_the_environment():
    learner = TabularRLSP("RoomDefault-v0", seed=0, combination="bayesian")
    other = gym.make("RoomDefault-v0").unwrapped
    other.task_reward = -np.asarray(other.task_reward)
    learner.set_env(other)
    np.testing.assert_array_equal(learner.prior_mean, other.task_reward)
    untasked = gym.make("RoomDefault-v0").unwrapped
    learner = TabularRLSP(untasked, seed=0)
    np.testing.assert_array_equal(learner.prior_mean, np.zeros(4))


def test_predicted_actions_are_those_of_the_time_step():
    learner = learned("TrainDefault-v0")
    every = learner.unwrapped_env.observations(np.arange(learner.mdp.n_states))
    best = learner.policy.table.argmax(axis=2)
    assert not np.array_equal(best[0], best[-1])  # the time step matters
    state = None
    for step in range(25):
        actions, state = learner.predict(every, state, deterministic=step % 2 == 0)
        np.testing.assert_array_equal(actions, best[min(step, 19)])


def test_one_observation_gives_one_action():
    learner = learned("TrainDefault-v0")
    env = learner.unwrapped_env
    best = learner.policy.table.argmax(axis=2)
    state = None
    for step, index in enumerate([0, 100, 383]):
        action, state = learner.predict(env.observations([index])[0], state)
        assert isinstance(action, np.ndarray)  # as SB3's policies return it
        assert action.shape == ()
        assert learner.action_space.contains(action)
        assert action == best[step, index]


def test_environments_that_were_reset_start_the_plan_again():
    learner = learned("TrainDefault-v0")
    best = learner.policy.table.argmax(axis=2)
    # A state in which the first, the second and the last but one action differ.
    index = np.flatnonzero((best[0] != best[-1]) & (best[0] == best[1]))[0]
    observations = learner.unwrapped_env.observations([index, index])
    steps = (np.array([19, 19]),)
    same, _ = learner.predict(observations, steps, np.array([False, False]))
    np.testing.assert_array_equal(same, best[[19, 19], index])
    mixed, state = learner.predict(observations, steps, np.array([True, False]))
    np.testing.assert_array_equal(mixed, best[[0, 19], index])
    np.testing.assert_array_equal(state[0], [1, 20])
    assert same[0] != mixed[0]


@pytest.mark.parametrize("n_envs", [1, 3])
@pytest.mark.parametrize("reward", ["task", "true"])
@pytest.mark.parametrize("env_id", ["RoomDefault-v0", "TrainDefault-v0", "BatteriesDefault-v0"])
def test_evaluation_measures_the_planned_return(env_id, reward, n_envs):
    learner = learned(env_id)
    env, mdp = learner.unwrapped_env, learner.mdp
    start = int(env.state_indices(learner.observed_states)[0])
    weights = {"task": env.task_reward, "true": env.true_reward}[reward]
    rewards = mdp.features @ weights
    sums = expected_sums(mdp.transitions, learner.policy.table, rewards)
    expected = sums[0, start] - rewards[start]  # a step is rewarded for where it leads

    def make():
        return Monitor(StartAt(gym.make(env_id, reward=reward), start))

    mean, std = evaluate_policy(learner, DummyVecEnv([make] * n_envs), n_eval_episodes=4)
    assert mean == pytest.approx(expected, abs=1e-6)
    assert std < 1e-6
    assert expected != 0


def test_planned_value_is_reached_when_the_environment_is_told_where_to_start():
    learner = learned("TrainDefault-v0", inferred_weight=0.0)
    start = int(learner.unwrapped_env.state_indices(learner.observed_states)[0])
    venv = DummyVecEnv([lambda: Monitor(gym.make("TrainDefault-v0"))])
    venv.set_options({"state": start})
    mean, _ = evaluate_policy(learner, venv, n_eval_episodes=1)
    task_rewards = learner.mdp.features @ learner.unwrapped_env.task_reward
    plan = value_iteration(learner.mdp.transitions, task_rewards, 21, temperature=0)
    assert mean == pytest.approx(plan.values[0, start] - task_rewards[start])
    assert mean > 10


def test_policy_is_planned_again_after_more_learning():
    learner = TabularRLSP("RoomDefault-v0", seed=0, inferred_weight=5.0)
    before = learner.policy
    assert learner.policy is before
    learner.learn()
    assert not np.array_equal(learner.policy.table, before.table)
    changed = learner.policy.table
    learner.theta = -learner.theta
    learner.learn(1)
    assert not np.array_equal(learner.policy.table, changed)


@pytest.mark.parametrize("limit", [5, 33])
def test_policy_plans_for_the_time_limit_of_the_environment(limit):
    learner = TabularRLSP(gym.make("RoomDefault-v0", max_episode_steps=limit))
    assert len(learner.policy.table) == limit


def test_observation_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match=r"observations have shape \(3,\)"):
        learned().predict(np.zeros(3))


# Environments of all kinds.


def sub_env():
    return gym.make("rlsp_envs:RoomDefault-v0")


@pytest.mark.parametrize(
    "make",
    [
        lambda: "RoomDefault-v0",
        lambda: "rlsp_envs:RoomDefault-v0",
        lambda: gym.make("RoomDefault-v0"),
        lambda: gym.make("RoomDefault-v0").unwrapped,
        lambda: gym.wrappers.TransformReward(gym.make("RoomDefault-v0"), lambda reward: 3 * reward),
        lambda: Monitor(gym.make("RoomDefault-v0")),
        lambda: DummyVecEnv([sub_env]),
        lambda: DummyVecEnv([sub_env] * 3),
        lambda: SubprocVecEnv([sub_env] * 2, start_method="forkserver"),
        lambda: "RoomDefaultPixel-v0",
    ],
    ids=["id", "module:id", "env", "raw", "wrapped", "monitored", "dummy", "3", "subproc", "pixel"],
)
def test_kind_of_environment_does_not_matter(make):
    learner = TabularRLSP(make(), seed=0)
    reference = TabularRLSP("RoomDefault-v0", seed=0)
    np.testing.assert_array_equal(learner.learn(20).theta, reference.learn(20).theta)
    assert repr(learner.reward) == repr(reference.reward)
    np.testing.assert_array_equal(learner.policy.table, reference.policy.table)
    venv = learner.get_env()
    observations = venv.reset()
    actions, _ = learner.predict(observations)
    assert actions.shape == (venv.num_envs,)
    venv.step(actions)
    venv.close()


def test_environments_are_monitored_once():
    def layers(env):
        return 0 if env is env.unwrapped else isinstance(env, Monitor) + layers(env.env)

    for env in (gym.make("RoomDefault-v0"), Monitor(gym.make("RoomDefault-v0"))):
        assert layers(TabularRLSP(env).get_env().envs[0]) == 1


def test_learner_needs_no_more_of_an_environment_than_the_protocol():
    learner = TabularRLSP(LineEnv(), observed_states=[4], horizon=4, seed=0).learn()
    assert isinstance(learner, RewardLearner)
    assert learner.reward["right_end"] > 0.1 > 0 > learner.reward["left_end"]
    actions, _ = learner.predict(np.array([0, 3]))  # there is no task
    np.testing.assert_array_equal(actions, [1, 1])
    action, _ = learner.predict(2)
    assert action == 1
    np.testing.assert_allclose(
        learner.reward(np.array([3]), np.array([1]), np.array([4]), np.array([False])),
        learner.reward["right_end"],
    )
    with pytest.raises(UnreachableStateError):
        TabularRLSP(LineEnv(), observed_states=[4], horizon=2)


def test_observed_states_of_the_user_stay_as_they_are():
    states = np.concatenate([OBSERVED, OBSERVED])
    before = states.copy()
    learner = TabularRLSP("RoomDefault-v0", states).learn()
    np.testing.assert_array_equal(states, before)
    states[:] = 0
    np.testing.assert_array_equal(learner.observed_states, before)
    assert not np.shares_memory(learner.observed_states, states)


# Another environment.


def test_another_environment_is_learned_about_from_then_on():
    learner = TabularRLSP("RoomDefault-v0", seed=0)
    alternative = TabularRLSP("RoomAlt-v0", horizon=7, seed=0)
    theta = np.array([-1.0, 0.2, 0.3, 0.5])
    assert learner.log_likelihood(theta) != alternative.log_likelihood(theta)
    before = learner.policy
    learner.set_env("RoomAlt-v0")
    assert learner.log_likelihood(theta) == alternative.log_likelihood(theta)
    assert learner.policy is not before
    np.testing.assert_array_equal(learner.learn().theta, alternative.learn().theta)
    assert learner.get_env().get_attr("spec")[0].id == "RoomAlt-v0"


@pytest.mark.parametrize(
    ("env", "error", "message"),
    [
        ("TrainDefault-v0", ValueError, "observation_space"),
        ("CartPole-v1", ValueError, "observation_space"),
        (3, TypeError, "env=3"),
    ],
)
def test_environment_that_does_not_fit_is_refused(env, error, message):
    learner = TabularRLSP("RoomDefault-v0", seed=0)
    before = learner.get_env()
    with pytest.raises(error, match=message):
        learner.set_env(env)
    assert learner.get_env() is before
    learner.learn(1)


# Errors.

NAN = float("nan")
BAD_ARGUMENTS = [
    *(("horizon", value, TypeError) for value in (7.0, True, NAN)),
    *(("horizon", value, ValueError) for value in (0, -1, "7", [])),
    *(("temperature", value, TypeError) for value in ("1", None, True, [1.0])),
    *(("temperature", value, ValueError) for value in (0, -1.0, NAN, np.inf)),
    *(("prior", value, ValueError) for value in ("normal", "Gaussian", None, 3)),
    *(("prior_std", value, TypeError) for value in ("1", None, False)),
    *(("prior_std", value, ValueError) for value in (0, -0.5, NAN, np.inf)),
    *(("learning_rate", value, TypeError) for value in ("1", None, True)),
    *(("learning_rate", value, ValueError) for value in (0, -0.1, NAN, np.inf)),
    *(("n_epochs", value, TypeError) for value in (50.0, "50", None, True)),
    *(("n_epochs", value, ValueError) for value in (0, -1)),
    *(("initial_states", value, ValueError) for value in ("Known", "all", None, 0)),
    *(("inferred_weight", value, TypeError) for value in ("1", None, True)),
    *(("inferred_weight", value, ValueError) for value in (-0.5, NAN, np.inf)),
    *(("combination", value, ValueError) for value in ("Additive", "both", None, 0)),
    *(("seed", value, TypeError) for value in (0.0, "0", True)),
    ("seed", -1, ValueError),
    *(("verbose", value, TypeError) for value in ("1", None, True)),
    ("verbose", -1, ValueError),
]


@pytest.mark.parametrize(
    ("env", "arguments", "message"),
    [
        ("RoomDefault-v0", {"prior": "uniform"}, 'prior="uniform" has no center'),
        ("RoomDefault-v0", {"inferred_weight": 2.0}, "inferred_weight=2.0: expected 1"),
        (Corridor(), {}, "offers no task_reward"),
    ],
)
def test_task_as_prior_needs_a_task_and_a_center(env, arguments, message):
    with pytest.raises(ValueError, match=message):
        TabularRLSP(env, combination="bayesian", **arguments)


@pytest.mark.parametrize(("name", "value", "error"), BAD_ARGUMENTS)
def test_bad_arguments_are_named_with_their_value(name, value, error):
    with pytest.raises(error) as raised:
        TabularRLSP("RoomDefault-v0", **{name: value})
    assert str(raised.value).startswith(f"{name}={value!r}")
    assert ": expected" in str(raised.value)


BAD_OBSERVED_STATES = {
    "one observation": (OBSERVED[0], r"shape \(75,\): expected \(n, 75\)"),
    "none": (OBSERVED[:0], r"shape \(0, 75\): expected \(n, 75\) with n of at least 1"),
    "another shape": (OBSERVED[:, :-1], r"shape \(1, 74\): expected \(n, 75\)"),
    "a number": (3, r"shape \(\): expected \(n, 75\)"),
    "NaN": (np.full_like(OBSERVED, np.nan), "not all finite"),
    "infinity": (np.full_like(OBSERVED, np.inf), "not all finite"),
    "out of bounds": (np.concatenate([OBSERVED, OBSERVED + 1]), r"observed_states\[1\] is not in"),
}


@pytest.mark.parametrize("case", BAD_OBSERVED_STATES)
def test_bad_observed_states_are_errors(case):
    states, message = BAD_OBSERVED_STATES[case]
    with pytest.raises(ValueError, match=message):
        TabularRLSP("RoomDefault-v0", states)


@pytest.mark.parametrize("states", [[["a"] * 75], [[1, 2], [3]]], ids=["text", "ragged"])
def test_observed_states_that_are_no_numbers_are_an_error(states):
    with pytest.raises(TypeError, match=r"observed_states=.*: expected an array of numbers"):
        TabularRLSP("RoomDefault-v0", states)


@pytest.mark.parametrize("change", [256, -256, 0.5])
def test_pixels_are_neither_rounded_nor_wrapped_around(change):
    states = gym.make("RoomDefaultPixel-v0").unwrapped.observed_states.astype(float)
    TabularRLSP("RoomDefaultPixel-v0", states)
    states[0, 30, 30, 0] += change
    with pytest.raises(ValueError, match=r"observed_states\[0\] is not in the observation space"):
        TabularRLSP("RoomDefaultPixel-v0", states)


@pytest.mark.parametrize("states", [4, [5], [-1], [2.5], [[4]], []])
def test_observed_states_that_are_no_numbers_of_states_are_an_error(states):
    with pytest.raises(ValueError, match="observed_states"):
        TabularRLSP(LineEnv(), states, horizon=4)


def test_unreachable_observed_state_is_an_error():
    with pytest.raises(UnreachableStateError, match="horizon=4 states, 3 actions: raise the"):
        TabularRLSP("RoomDefault-v0", horizon=4)


@pytest.mark.parametrize(
    ("env", "kwargs", "error", "message"),
    [
        (None, {}, TypeError, "env=None: expected a Gymnasium environment"),
        (lambda: "RoomDefault-v0", {}, TypeError, "env=<function"),
        (gym.Env, {}, TypeError, "env=<class"),
        ("CartPole-v1", {}, TypeError, "needs a tabular environment"),
        ("CartPole-v1", {"observed_states": np.zeros((1, 4))}, TypeError, "needs a tabular env"),
        ("RoomAlt-v0", {}, ValueError, "horizon=None"),
        ("Room-v0", {"horizon": 7}, ValueError, "observed_states=None"),
        ("RoomDefualt-v0", {}, gym.error.NameNotFound, "RoomDefault"),
    ],
)
def test_environment_that_cannot_be_learned_from_is_an_error(env, kwargs, error, message):
    with pytest.raises(error, match=message):
        TabularRLSP(env, **kwargs)


@pytest.mark.parametrize(
    ("theta", "message"),
    [
        ([0, 0, 0], r"theta has shape \(3,\): expected \(4,\)"),
        (np.zeros((4, 1)), r"theta has shape \(4, 1\)"),
        (0.0, r"theta has shape \(\)"),
        ([0, 0, NAN, 0], "theta=.*nan.*: expected finite numbers"),
        ([0, 0, np.inf, 0], "theta=.*inf.*: expected finite numbers"),
        ("abcd", "theta='abcd': expected 4 numbers"),
        ([[0], [0, 0], 0, 0], "theta=.*: expected 4 numbers"),
    ],
)
def test_bad_weights_are_errors(theta, message):
    learner = TabularRLSP("RoomDefault-v0")
    for function in (learner.log_likelihood, learner.log_likelihood_gradient):
        with pytest.raises(ValueError, match=message):
            function(theta)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"total_timesteps": -1}, ValueError, "total_timesteps=-1"),
        ({"total_timesteps": 10.0}, TypeError, "total_timesteps=10.0"),
        ({"log_interval": 0}, ValueError, "log_interval=0"),
        ({"log_interval": 1.5}, TypeError, "log_interval=1.5"),
    ],
)
def test_bad_arguments_of_learn_are_errors(arguments, error, message):
    learner = TabularRLSP("RoomDefault-v0")
    with pytest.raises(error, match=message):
        learner.learn(**arguments)


def test_nobody_asks_for_a_logger_before_there_is_one():
    with pytest.raises(RuntimeError, match="call learn or set_logger first"):
        assert TabularRLSP("RoomDefault-v0").logger


def test_numbers_of_numpy_are_numbers():
    plain = partial(TabularRLSP, "RoomDefault-v0")
    learner = plain(
        horizon=np.int64(7),
        temperature=np.float32(0.5),
        prior_std=np.float64(0.5),
        n_epochs=np.int32(5),
        seed=np.int64(1),
    )
    expected = plain(horizon=7, temperature=0.5, prior_std=0.5, n_epochs=5, seed=1)
    np.testing.assert_array_equal(learner.learn().theta, expected.learn().theta)
