"""Observed states from files of arrays."""

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest

from rlsp_sb3.data.rollouts import sample_observed_states

STATES = np.random.default_rng(0).normal(size=(6, 3))


def write(path: Path, states: np.ndarray, header: str = "") -> Path:
    if path.suffix == ".npy":
        np.save(path, states)
    elif path.suffix == ".npz":
        np.savez_compressed(path, states)
    else:
        with path.open("w", newline="") as file:
            file.write(header)
            csv.writer(file).writerows(states)
    return path


@pytest.mark.parametrize("name", ["s.npy", "s.npz", "s.csv"])
def test_all_states_or_different_ones(name: str, tmp_path: Path) -> None:
    path = write(tmp_path / name, STATES)
    for source in (path, str(path)):
        np.testing.assert_array_equal(sample_observed_states(source), STATES)
    rows = [
        [int(np.flatnonzero((state == STATES).all(axis=1))[0]) for state in states]
        for states in (sample_observed_states(path, 4, seed) for seed in range(20))
    ]
    assert all(row == sorted(set(row)) for row in rows)  # no state twice
    assert {index for row in rows for index in row} == set(range(6))
    np.testing.assert_array_equal(sample_observed_states(path, 6, 0), STATES)
    with pytest.raises(ValueError, match=r"n=7: expected at most 6, as many as .*s\."):
        sample_observed_states(path, 7)


@pytest.mark.parametrize("header", ["x,y,z\n", "\ufeffx,y,z\r\n", "\n"])
def test_csv_with_names(header: str, tmp_path: Path) -> None:
    np.testing.assert_array_equal(
        sample_observed_states(write(tmp_path / "s.csv", STATES, header)), STATES
    )


def test_images(tmp_path: Path) -> None:
    images = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    states = sample_observed_states(write(tmp_path / "s.npy", images))
    np.testing.assert_array_equal(states, images)
    assert states.dtype == np.uint8


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"the shape \(0,\)"),
        ("x,y\n", r"the shape \(0,\)"),
        ("x,y\n1,2\n3\n", "line 3 has 1 numbers: expected 2"),
        ("x,y,z\n1,2\n", "line 2 has 2 numbers: expected 3"),
        ("1,a\n1,2\n", "'a' in line 1 is no number"),
        ("1,2\n1,\n", "'' in line 2 is no number"),
        ("1;2\n1;2\n", "'1;2' in line 2 is no number"),
        ("1,2\n1,nan\n", "state 1, counted from 0, is not finite"),
    ],
)
def test_csv_without_states(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"s\.csv' is not a file of states: .*{message}"):
        sample_observed_states(path)


@pytest.mark.parametrize("name", ["s.npy", "s.npz"])
@pytest.mark.parametrize(
    "states", [np.array(3.0), np.zeros((0, 3)), np.array([["a"]]), np.array([{}]), [[np.inf]]]
)
def test_arrays_without_states(name: str, states: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"s\.np.' is not a file of states"):
        sample_observed_states(write(tmp_path / name, states))


def test_npz_of_several_arrays(tmp_path: Path) -> None:
    path = tmp_path / "s.npz"
    np.savez(path, one=STATES, other=STATES)
    with pytest.raises(ValueError, match=r"s\.npz' is not .* arrays \['one', 'other'\]: expected"):
        sample_observed_states(path)


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps([1])])
def test_damaged_files(content: bytes, tmp_path: Path) -> None:
    for name in ("s.npy", "s.npz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"is not a file of"):
            sample_observed_states(tmp_path / name)
