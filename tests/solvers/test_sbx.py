"""Algorithms of sbx, which keep what they learn in JAX, are saved and go on as those of SB3."""

import numpy as np
import pytest

from rlsp_sb3 import RLSP
from rlsp_sb3.learners.callbacks import checkpoints

from helpers.deep_learner import ENV, make_learner

pytest.importorskip("sbx", reason="needs rlsp-sb3[sbx]")


@pytest.mark.parametrize("solver", ["SAC", "TQC", "TD3", "PPO"])
def test_resumed_from_a_checkpoint_is_never_stopped(solver, tmp_path):
    brief = {"n_steps": 50, "batch_size": 50, "n_epochs": 2} if solver == "PPO" else None
    written = {"checkpoint_dir": tmp_path, "checkpoint_interval": 2}
    arguments = {"solver": f"sbx:{solver}", "sampling": "backward", "solver_kwargs": brief}
    whole = make_learner(**arguments, **written).learn()
    resumed = RLSP.load(checkpoints(tmp_path)[0], ENV)
    assert resumed.num_timesteps < whole.num_timesteps
    resumed.learn(reset_num_timesteps=False)
    for name, array in whole._arrays().items():
        np.testing.assert_array_equal(resumed._arrays()[name], array, err_msg=name)


def test_arrays_that_do_not_fit_are_refused():
    learner = make_learner(solver="sbx:SAC", sampling="backward")
    arrays = learner._arrays()
    name = next(each for each in arrays if ".policy.actor_state." in each)
    with pytest.raises(KeyError, match="actor_state"):
        learner._set_arrays({key: value for key, value in arrays.items() if key != name})
    with pytest.raises(ValueError, match=f"{name} has shape"):
        learner._set_arrays({**arrays, name: arrays[name][None]})
