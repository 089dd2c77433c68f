"""Formats of figures: PNG, and beside it PDF and SVG if they are wanted."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from rlsp_sb3.plotting.style import check_formats, figure_formats, save_png, with_formats

from helpers.command import ok, rlsp

BEGINS = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


def figure() -> Figure:
    drawn = Figure()
    drawn.subplots().plot([1, 2])
    return drawn


def test_a_png_is_written_and_what_else_is_wanted(tmp_path: Path) -> None:
    save_png(figure(), tmp_path / "a.png")
    with figure_formats(["pdf", "svg"]):
        save_png(figure(), tmp_path / "b.png")
        assert with_formats(["b.png"]) == ["b.png", "b.pdf", "b.svg"]
    save_png(figure(), tmp_path / "c.png")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"a.png", "b.png", "b.pdf", "b.svg", "c.png"}
    for kind, begin in BEGINS.items():
        assert (tmp_path / f"b.{kind}").read_bytes().startswith(begin)


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    with figure_formats(BEGINS):
        for name in ("one", "other"):
            save_png(figure(), tmp_path / f"{name}.png")
    for kind in BEGINS:
        one, other = (tmp_path / f"{name}.{kind}" for name in ("one", "other"))
        assert one.read_bytes() == other.read_bytes()


def test_a_format_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match=r"figures='pfd' \(did you mean 'pdf'\?\)"):
        check_formats("png,pfd")
    assert rlsp("learn", "RoomDefault-v0", "--figures", "gif", "--out", "unwritten").code == 2
    assert not Path("unwritten").exists()


def test_learn_and_plot_write_them(tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = ok(
        *("learn", "RoomDefault-v0", "--timesteps", 2, "--out", run, "--figures", "png,pdf")
    )
    assert (run / "reward.pdf").exists()
    assert not (run / "reward.svg").exists()
    assert "reward.pdf" in result.out
    ok("plot", run, "--out", tmp_path / "plots", "--figures", "svg")
    plots = {path.name for path in (tmp_path / "plots").iterdir()}
    assert {"curves.png", "curves.svg", "rewards.svg"} <= plots
    ok("learn", "RoomDefault-v0", "--timesteps", 2, "--out", run, "--force")
    assert not (run / "reward.pdf").exists()  # it would be that of the run before
