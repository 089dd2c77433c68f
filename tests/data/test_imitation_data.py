"""Trajectories that imitation saved: pickles, and folders of datasets."""

import json
import pickle
import sys

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled

from rlsp_sb3.data.episodes import Episode, load_episodes
from rlsp_sb3.data.imitation_folders import load_imitation
from rlsp_sb3.data.rollouts import sample_observed_states


def same(one, other):
    """Whether episodes are the same, to the bit and in what they are made of."""
    return (
        all(
            getattr(one, name).dtype == getattr(other, name).dtype
            and np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)
            for name in ("observations", "actions", "rewards")
        )
        and (one.terminated, one.truncated) == (other.terminated, other.truncated)
        and type(one.terminated) is type(one.truncated) is bool
    )


def all_same(one, other):
    return len(one) == len(other) and all(map(same, one, other))


@pytest.fixture
def imitated():
    """Trajectories of imitation, and what they are as episodes."""
    types = pytest.importorskip("imitation.data.types", reason="needs rlsp-baselines[gail]")
    observations = np.arange(8, dtype=np.float32).reshape(4, 2)
    actions, rewards = np.ones((3, 1), np.float32), np.arange(3.0)
    timeout = np.array([{}, {}, {"TimeLimit.truncated": True, "x": np.arange(2)}])
    ended = np.array([{}, {}, {"TimeLimit.truncated": False}])
    trajectories = [
        types.TrajectoryWithRew(
            obs=observations, acts=actions, infos=infos, terminal=terminal, rews=rewards
        )
        for infos, terminal in ((timeout, True), (ended, True), (timeout, False))
    ]
    episodes = [
        Episode(observations, actions, rewards, terminated, not terminated)
        for terminated in (False, True, False)
    ]
    return trajectories, episodes


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_imitation(imitated, tmp_path, protocol):
    trajectories, episodes = imitated
    path = tmp_path / "expert.pkl"
    path.write_bytes(pickle.dumps(trajectories, protocol))
    assert all_same(load_episodes(path), episodes)
    without = [
        type(each).__bases__[0](each.obs, each.acts, each.infos, each.terminal)
        for each in trajectories
    ]
    path.write_bytes(pickle.dumps(without, protocol))
    for found, expected in zip(load_episodes(path), episodes, strict=True):
        np.testing.assert_array_equal(found.observations, expected.observations)
        assert found.terminated == expected.terminated
        assert np.isnan(found.rewards).all()


def test_folders_and_datasets_of_imitation(imitated, tmp_path):
    trajectories, episodes = imitated
    serialize = pytest.importorskip("imitation.data.serialize")
    serialize.save(tmp_path / "expert", trajectories)
    assert all_same(load_imitation(tmp_path / "expert"), episodes)
    expected = sample_observed_states(episodes, 4, 0)
    for source in (tmp_path / "expert", str(tmp_path / "expert")):
        np.testing.assert_array_equal(sample_observed_states(source, 4, 0), expected)
    dataset = pytest.importorskip("datasets").load_from_disk(str(tmp_path / "expert"))
    np.testing.assert_array_equal(sample_observed_states(dataset, 4, 0), expected)
    with pytest.raises(ValueError, match="no column infos"):
        sample_observed_states(dataset.remove_columns("infos"))


@pytest.mark.parametrize("damage", ["empty", "info", "state", "arrow"])
def test_damaged_folders_of_imitation_are_named(damage, imitated, tmp_path):
    pytest.importorskip("imitation.data.serialize").save(tmp_path / "expert", imitated[0])
    names = {"info": "dataset_info.json", "state": "state.json"}
    for path in (tmp_path / "expert").iterdir():
        if damage == "empty":
            path.unlink()
        elif path.name == names.get(damage) or path.suffix == f".{damage}":
            path.write_bytes(b"{")
    with pytest.raises(ValueError, match=r"path='.*expert' is not a folder of episodes"):
        load_imitation(tmp_path / "expert")


def test_a_folder_of_imitation_runs_no_code(imitated, tmp_path):
    datasets = pytest.importorskip("datasets")
    canary = tmp_path / "run"
    call = {"py/reduce": [{"py/function": "os.system"}, {"py/tuple": [f"touch {canary}"]}]}
    row = {
        "obs": [[0.0], [1.0]],
        "acts": [[0.0]],
        "terminal": True,
        "rews": [0.0],
        "infos": [json.dumps({"TimeLimit.truncated": call})],
    }
    datasets.Dataset.from_list([row]).save_to_disk(str(tmp_path / "expert"))
    assert len(load_imitation(tmp_path / "expert")) == 1
    assert not canary.exists()


def test_without_datasets_the_error_says_what_to_install(monkeypatch, tmp_path):
    (tmp_path / "dataset_info.json").touch()
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DependencyNotInstalled, match="pip install datasets"):
        sample_observed_states(tmp_path)
