"""All learners are made in the same way: a user swaps one class name and nothing else."""

import inspect

import pytest

from rlsp_sb3.learners import EpochLearner, TabularLearner, learner_names, load_learner

INSTALLED = list(map(load_learner, learner_names()))
NAMES = [each.__name__ for each in INSTALLED]


@pytest.mark.parametrize("learner_class", [TabularLearner, EpochLearner, *INSTALLED])
def test_all_but_the_first_two_arguments_are_named(learner_class):
    parameters = list(inspect.signature(learner_class).parameters.values())
    assert [each.name for each in parameters[:2]] == ["env", "observed_states"]
    others = {each.kind for each in parameters[2:]}
    assert others <= {inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD}


@pytest.mark.parametrize("learner_class", INSTALLED, ids=NAMES)
def test_arguments_of_all_learners_are_there(learner_class):
    parameters = inspect.signature(learner_class).parameters
    assert parameters["observed_states"].default is None
    common = ["seed", "verbose", "tensorboard_log", "device"]
    assert [name for name in parameters if name in common] == common
