"""A folder of checkpoints belongs to one run: nobody else's are deleted, or gone on from."""

import pytest
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback

from rlsp_sb3 import RLSP
from rlsp_sb3.experiments import learn_into_folder
from rlsp_sb3.io.folder_lock import InUseError
from rlsp_sb3.learners.callbacks import checkpoints

from helpers.command import rlsp
from helpers.deep_learner import ENV, STATES, TINY, make_learner
from helpers.full_disk import full_disk_for


def checkpointed(folder, seed=0, **arguments):
    return make_learner(
        solver="PPO", seed=seed, checkpoint_dir=folder, checkpoint_interval=1, **arguments
    )


def test_checkpoints_of_another_run_are_left_alone(tmp_path):
    checkpointed(tmp_path).learn(300)
    before = {path: path.read_bytes() for path in checkpoints(tmp_path)}
    other = checkpointed(tmp_path, seed=1)
    with pytest.raises(FileExistsError, match=r"another run: go on from.*RLSP.load\('.*300.zip'"):
        other.learn(100)
    assert {path: path.read_bytes() for path in checkpoints(tmp_path)} == before
    assert other.num_timesteps == 0


def test_only_the_newest_checkpoint_is_gone_on_from_in_its_folder(tmp_path):
    checkpointed(tmp_path).learn(300)
    older, newest = checkpoints(tmp_path)
    with pytest.raises(FileExistsError, match="another run"):
        RLSP.load(older, ENV, checkpoint_dir=tmp_path).learn(100, reset_num_timesteps=False)
    resumed = RLSP.load(newest, ENV, checkpoint_dir=tmp_path)
    resumed.learn(200, reset_num_timesteps=False)
    assert [path.name[-7:-4] for path in checkpoints(tmp_path)] == ["400", "500"]


def test_learning_again_goes_on_in_its_own_folder(tmp_path):
    learner = checkpointed(tmp_path).learn(300)
    learner.learn(100)
    assert [path.name[-7:-4] for path in checkpoints(tmp_path)] == ["100"]
    assert (RLSP.load(checkpoints(tmp_path)[0], ENV).theta == learner.theta).all()
    learner.learn(200)
    assert [path.name[-7:-4] for path in checkpoints(tmp_path)] == ["100", "200"]


def test_checkpoints_that_cannot_be_written_cost_nothing_else(tmp_path, monkeypatch):
    expected = checkpointed(None).learn(300).theta
    full_disk_for("*200.zip", monkeypatch)
    with pytest.warns(UserWarning, match="after 200 timesteps cannot be written.*No space left"):
        learner = checkpointed(tmp_path).learn(300)
    assert [path.name[-7:-4] for path in checkpoints(tmp_path)] == ["100", "300"]
    assert (learner.theta == expected).all()


def test_two_learners_do_not_share_a_folder(tmp_path):
    class LearnToo(BaseCallback):
        def _on_step(self):
            with pytest.raises(InUseError, match=r"in use by another process.*checkpoint_dir"):
                checkpointed(tmp_path, seed=1).learn(100)
            return False

    checkpointed(tmp_path).learn(callback=LearnToo())
    checkpointed(tmp_path, seed=1).learn(100)  # the first one wrote nothing


# Folders of runs


def test_two_runs_do_not_share_a_folder(tmp_path):
    class LearnToo(BaseCallback):
        def _on_step(self):
            for force in (False, True):
                with pytest.raises((InUseError, FileExistsError), match=str(tmp_path)):
                    learn_into_folder("RoomDefault-v0", folder=tmp_path, force=force, timesteps=1)
            result = rlsp("learn", "RoomDefault-v0", "--out", tmp_path, "--force")
            assert result.code == 1
            assert "in use by another process" in result.err
            return True

    run = learn_into_folder("RoomDefault-v0", folder=tmp_path, timesteps=1, callback=LearnToo())
    assert "learner.zip" in run.folder.files()
    learn_into_folder("RoomDefault-v0", folder=tmp_path, force=True, timesteps=1)


def test_a_folder_is_free_after_an_error(tmp_path):
    class FailError(Exception):
        pass

    def fail(*_):
        raise FailError

    with pytest.raises(FailError) as raised:
        learn_into_folder("RoomDefault-v0", folder=tmp_path, callback=fail)
    learn_into_folder("RoomDefault-v0", folder=tmp_path, force=True, timesteps=1)
    assert raised.value is not None


class Elsewhere(SAC):
    """Keeps its parameters elsewhere than in PyTorch or JAX."""

    def _get_torch_save_params(self):
        return [], []


def test_what_cannot_be_saved_is_refused_before_learning(tmp_path):
    with pytest.raises(TypeError, match="the solver Elsewhere cannot be saved"):
        learn_into_folder(
            ENV,
            "rlsp",
            folder=tmp_path / "run",
            arguments={"solver": Elsewhere, "hyperparameters": TINY},
            observed_states=STATES,
        )
    assert not (tmp_path / "run").exists()
