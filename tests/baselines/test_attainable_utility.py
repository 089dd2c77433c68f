"""AttainableUtility: a chain by hand, the definition in loops, and the surface of a learner."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.sparse import csr_array

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_baselines import AttainableUtility
from rlsp_baselines.inaction import InactionPenaltyLearner

from helpers.corridor import Corridor

STAY, GO = range(2)


class Chain(Corridor):
    """Three cells of which none is left to the left: 0 → 1 → 2, and a robot that may stay."""

    @property
    def mdp(self):
        following = [0, 1, 1, 2, 2, 2]
        return SimpleNamespace(
            transitions=csr_array(np.eye(3)[following]),
            features=np.eye(3),
            initial_distribution=np.array([1.0, 0, 0]),
            default_action=STAY,
            n_actions=2,
        )


def chain(rewards, horizon):
    """A learner in the chain whose person has done nothing, with given auxiliary rewards."""

    class Given(AttainableUtility):
        auxiliary_rewards = np.array(rewards, dtype=np.float64)

    return Given(Chain(), np.eye(3)[[0]], horizon=horizon)


def test_a_chain_by_hand():
    """A reward in each cell in turn, for three states: V of cells 0, 1, 2 is

    3 0 0 for the first (to stay), 2 3 0 for the second, 1 2 3 for the third (to go as soon as
    possible). Against cell 0 the differences are 3 and 3, 1 and 2, 1 and 2: of cell 1 they add up
    to 5, of cell 2 to 7.
    """
    learner = chain(np.eye(3), horizon=3)
    np.testing.assert_allclose(learner.inferred_rewards, -np.tile([0, 5 / 7, 1], (3, 1)))


def test_gaining_counts_as_losing_does():
    learner = chain([[0, 0, 1]], horizon=3)  # V is 1 2 3: all is gained
    np.testing.assert_allclose(learner.inferred_rewards, -np.tile([0, 0.5, 1], (3, 1)))


def test_nothing_to_attain_is_no_penalty():
    learner = chain([[1, 1, 1]], horizon=3)
    np.testing.assert_array_equal(learner.inferred_rewards, np.zeros((3, 3)))


def best_return(following, rewards, state, n_states):
    """By going through all that can be done."""
    if n_states == 1:
        return rewards[state]
    after = set(following[state])
    return rewards[state] + max(best_return(following, rewards, s, n_states - 1) for s in after)


def test_the_definition_in_a_train_that_runs_by_itself():
    horizon, n = 4, 3
    learner = AttainableUtility("TrainDefault-v0", horizon=horizon, n_auxiliary_rewards=n, seed=1)
    mdp = learner.mdp
    following = mdp.transitions.toarray().argmax(axis=1).reshape(mdp.n_states, -1)
    auxiliary = learner.auxiliary_rewards
    assert auxiliary.shape == (n, mdp.n_states)
    assert 0 <= auxiliary.min() < 0.1 < 0.9 < auxiliary.max() <= 1
    baseline = mdp.index(learner.unwrapped_env.observed_state)
    states, penalties, largest = [0, 5, 100, 383], [], 0
    for _ in range(horizon):
        values = [
            [best_return(following, rewards, s, horizon) for s in range(mdp.n_states)]
            for rewards in auxiliary
        ]
        penalty = np.mean([[abs(v[s] - v[baseline]) for s in states] for v in values], axis=0)
        everywhere = np.mean([[abs(each - v[baseline]) for each in v] for v in values], axis=0)
        largest = max(largest, everywhere.max())
        penalties.append(penalty)
        baseline = following[baseline, mdp.default_action]
    np.testing.assert_allclose(learner.inferred_rewards[:, states], -np.array(penalties) / largest)
    assert len(np.unique(learner.inferred_rewards[:, 0])) > 1  # the train moves


def test_several_observed_states_count_alike():
    learner = AttainableUtility(Chain(), np.eye(3)[[0, 2]], horizon=2, seed=0)
    values = np.array([learner._attainable(each) for each in learner.auxiliary_rewards])
    both = [abs(values - values[:, [b]]).mean(axis=0) for b in (0, 2)]
    expected = np.mean(both, axis=0)
    np.testing.assert_allclose(learner.inferred_rewards[0], -expected / expected.max())


def test_learn_predict_save_load(tmp_path):
    learner = AttainableUtility("RoomDefault-v0", n_auxiliary_rewards=5).learn()
    assert isinstance(learner, InactionPenaltyLearner)
    learner.save(tmp_path / "learner")
    loaded = AttainableUtility.load(tmp_path / "learner", env="RoomDefault-v0")
    np.testing.assert_array_equal(loaded.planned_rewards, learner.planned_rewards)
    other = AttainableUtility("RoomDefault-v0", n_auxiliary_rewards=5)
    assert not np.array_equal(other.planned_rewards, learner.planned_rewards)  # unseeded
    observation, _ = learner.unwrapped_env.reset(seed=0)
    assert learner.predict(observation)[0] == loaded.predict(observation)[0]


def test_it_needs_a_default_action():
    with pytest.raises(
        TypeError, match="AttainableUtility needs to know which action does nothing"
    ):
        AttainableUtility(Corridor())


@pytest.mark.parametrize("argument", [{"horizon": 0}, {"n_auxiliary_rewards": 0}])
def test_bad_arguments(argument):
    (name,) = argument
    with pytest.raises(ValueError, match=name):
        AttainableUtility("RoomDefault-v0", **argument)
