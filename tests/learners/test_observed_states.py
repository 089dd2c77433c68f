"""Spaces without arrays are refused, and wrappers are blamed for what wrappers do."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.wrappers import FlattenObservation
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize, VecTransposeImage

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import GAIL, AverageFeatures, Deviation, Waypoints
from rlsp_sb3 import RLSP, TabularRLSP

BOX = spaces.Box(-1, 1, (2,), np.float32)


class Parts(gym.Env):
    """Shows an observation that is no array."""

    metadata = {"render_modes": []}

    def __init__(self, space):
        self.observation_space = space
        self.action_space = spaces.Box(-1, 1, (1,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        return self.observation_space.sample(), 0.0, False, False, {}


class Negative(gym.ObservationWrapper):
    """Shows other observations of the same space."""

    def observation(self, observation):
        return 1 - observation


class Stands(gym.Wrapper):
    """Changes nothing."""


SPACES = {
    "Dict": spaces.Dict({"position": BOX, "goal": BOX}),
    "Tuple": spaces.Tuple((BOX, spaces.Discrete(3))),
    "nested": spaces.Dict({"robot": spaces.Dict({"arm": BOX})}),
}


@pytest.mark.parametrize("learner_class", [RLSP, AverageFeatures, Waypoints])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_observations_of_parts_are_refused_by_naming_the_wrapper(learner_class, space):
    with pytest.raises(TypeError, match=r"gymnasium\.wrappers\.FlattenObservation"):
        learner_class(Parts(space), [[0.0, 0.0]])


def test_gail_refuses_parts_before_it_looks_at_demonstrations():
    pytest.importorskip("imitation")
    with pytest.raises(TypeError, match=r"gymnasium\.wrappers\.FlattenObservation"):
        GAIL(Parts(SPACES["Dict"]), [])


def test_parts_of_a_vector_environment_are_refused_too():
    with pytest.raises(TypeError, match=r"each one.*gymnasium\.wrappers\.FlattenObservation"):
        RLSP(DummyVecEnv([lambda: Parts(SPACES["Dict"])]), [[0.0, 0.0]])


def test_what_no_wrapper_flattens_is_refused_without_naming_one():
    space = spaces.Graph(BOX, None)
    with pytest.raises(TypeError, match="expected one of arrays") as raised:
        RLSP(Parts(space), [[0.0, 0.0]])
    assert "FlattenObservation" not in str(raised.value)


def test_flattened_parts_are_served():
    env = FlattenObservation(Parts(SPACES["Tuple"]))
    learner = RLSP(env, [[0, 0, 1, 0, 0]], encoder="identity")
    assert learner.observed_states.shape == (1, 5)


def vectorized(wrapper):
    return lambda env: wrapper(DummyVecEnv([lambda: env]))


CHANGES = {
    "FlattenObservation": ("RoomDefaultPixel-v0", FlattenObservation),
    "Negative": ("RoomDefault-v0", Negative),
    "VecTransposeImage": ("RoomDefaultPixel-v0", vectorized(VecTransposeImage)),
    "VecNormalize": ("BatteriesEasy-v0", vectorized(VecNormalize)),
}


@pytest.mark.parametrize("learner_class", [RLSP, TabularRLSP, AverageFeatures])
@pytest.mark.parametrize(("name", "change"), CHANGES.items(), ids=CHANGES)
def test_a_wrapper_is_blamed_for_states_that_nobody_passed(learner_class, name, change):
    env_id, wrap = change
    with pytest.raises(
        TypeError, match=rf"^env has the wrapper {name}, which changes observations"
    ):
        learner_class(wrap(gym.make(env_id)))


@pytest.mark.parametrize("wrapper", [Stands, FlattenObservation])  # flat they are
def test_wrappers_that_change_nothing_hide_no_states(wrapper):
    env = wrapper(gym.make("RoomDefault-v0"))
    np.testing.assert_array_equal(TabularRLSP(env).observed_states, env.unwrapped.observed_states)


# Observed states that no state shows.


def observations_of(env_id):
    return gym.make(env_id).unwrapped.observed_states


def never_shown(env_id):
    space = gym.make(env_id).observation_space
    rng = np.random.default_rng(0)
    noise = rng.uniform(space.low, space.high).astype(space.dtype)
    yield np.zeros((1, *space.shape), space.dtype)
    yield noise[None]
    yield (space.high - observations_of(env_id)).astype(space.dtype)


@pytest.mark.parametrize("learner_class", [RLSP, TabularRLSP, Deviation, AverageFeatures])
@pytest.mark.parametrize(
    "env_id",
    [
        *("RoomDefault-v0", "TrainDefault-v0", "ApplesDefault-v0", "BatteriesEasy-v0"),
        "RoomDefaultPixel-v0",
    ],
)
def test_what_no_state_shows_is_refused_by_how_far_it_is(env_id, learner_class):
    for states in never_shown(env_id):
        with pytest.raises(
            ValueError, match=r"observed_states\[0\] is what no state of .* by up to"
        ):
            learner_class(env_id, states, seed=0)


def test_the_state_of_another_layout_is_refused():
    states = np.concatenate([observations_of("RoomDefault-v0"), observations_of("RoomBad-v0")])
    assert states.shape[0] == 2
    with pytest.raises(ValueError, match=r"observed_states\[1\] is what no state"):
        TabularRLSP("RoomDefault-v0", states)


def test_rounding_is_no_other_state():
    states = observations_of("RoomDefault-v0")
    expected = TabularRLSP("RoomDefault-v0", states, seed=0).learn().theta
    rounded = TabularRLSP("RoomDefault-v0", states * (1 - 1e-3), seed=0).learn().theta
    np.testing.assert_array_equal(rounded, expected)
