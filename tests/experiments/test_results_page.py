"""``rlsp report``: one page of tables, which its own copies make again to the byte."""

import json
import re
import shlex
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import gymnasium as gym
import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image
from rich.table import Table

import rlsp_envs  # noqa: F401 (registers the environments)
from rlsp_sb3 import env_util
from rlsp_sb3.experiments.report.markdown import write_markdown_tables
from rlsp_sb3.experiments.report.results_page import broken
from rlsp_sb3.experiments.report.table_run import LARGEST_FILM
from rlsp_sb3.experiments.run_log import RunLog
from rlsp_sb3.experiments.table_metadata import CONFIG, TABLE, TableConfig

from helpers.command import ok, rlsp

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "results.md"


def make_folder(
    path: Path,
    kind: str = "mujoco",
    done: int = 3,
    timed: int = 3,
    films: tuple[str, ...] = (),
    **options: str,
) -> Path:
    """A folder like that of a table, in no time."""
    path.mkdir(parents=True, exist_ok=True)
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    command = ["rlsp", "table", kind, *words, "--out", f"runs/{path.name}"]
    log = RunLog(path)
    log.start(2, "a machine")
    for i in range(timed):
        log.add(f"result {i}")
    files = ("table.csv", "table_1.png")
    (path / "table.csv").write_text("method,mean\nrlsp,1\n")
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(path / "table_1.png")
    for film in films:
        (path / "films").mkdir(exist_ok=True)
        (path / "films" / film).write_bytes(b"a film")
    config = TableConfig(
        path, command=command, configs={"Env-v0": {"horizon": 3}}, n_seeds=2, n_jobs=3
    )
    config.write(log, {f"result {i}": 600.0 for i in range(done)}, files, films)
    table = Table("method", "mean")
    table.add_row("RLSP", "1")
    write_markdown_tables(path / TABLE, {"mean": table}, "Means.", ["a note"])
    return path


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def command_of(page: Path) -> list[str]:
    """The command that makes a page anew, without ``rlsp``."""
    match = re.search(r"```bash\n(rlsp report .*?)\n```", page.read_text("utf-8"), re.DOTALL)
    assert match
    return shlex.split(match[1].replace("\\\n", " "))[1:]


def links_of(page: Path) -> list[str]:
    tokens = MarkdownIt().parse(page.read_text(encoding="utf-8"))
    inline = [child for token in tokens for child in token.children or ()]
    return [
        unquote(str(child.attrs["href" if child.type == "link_open" else "src"]))
        for child in inline
        if child.type in ("link_open", "image")
    ]


def check_makes_itself_again(page: Path, tmp_path: Path, monkeypatch: Any) -> None:
    """Run the command of a page, where there is nothing but what lies beside it."""
    shutil.copytree(page.with_suffix(""), tmp_path / page.stem)
    before = files_in(tmp_path / page.stem)
    monkeypatch.chdir(tmp_path)
    ok(*command_of(page))
    assert (tmp_path / page.name).read_bytes() == page.read_bytes()
    assert files_in(tmp_path / page.stem) == before


def check_links(page: Path) -> None:
    """All that is linked is there, and all that is there is linked, but for the tables."""
    links = links_of(page)
    assert all((page.parent / link).is_file() for link in links)
    there = {f"{page.stem}/{name}" for name in files_in(page.with_suffix(""))}
    assert {name for name in there - set(links) if not name.endswith(TABLE)} == set()


def test_the_page_of_this_repository_is_what_its_data_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_links(PAGE)
    check_makes_itself_again(PAGE, tmp_path, monkeypatch)


@pytest.fixture
def gridworlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table of the smallest problems."""
    for name in ("rlsp-sb3", "rlsp-baselines"):
        try:
            metadata.distribution(name)
        except metadata.PackageNotFoundError:
            pytest.skip("the command finds learners by entry points: pip install -e them first")
    specs = [gym.spec(f"{name}-v0") for name in ("RoomDefault", "TrainDefault")]
    monkeypatch.setattr(env_util, "plugin_specs", lambda: specs)
    monkeypatch.chdir(tmp_path)
    methods = "task-reward,tabular-rlsp"
    ok("table", "gridworlds", "--methods", methods, "--seeds", 2, "--out", "runs/gridworlds")
    return tmp_path / "runs" / "gridworlds"


def test_a_page_of_a_real_table(
    gridworlds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ok("report", gridworlds, "--out", "docs/results.md")
    assert "docs/results.md: gridworlds, with files in docs/results" in result.out
    page = tmp_path / "docs" / "results.md"
    text = page.read_text(encoding="utf-8")
    assert "rlsp report results/gridworlds --out results.md" in text
    for line in (
        "rlsp table gridworlds --methods task-reward,tabular-rlsp --seeds 2 --out runs/gridworlds",
        "## Gridworlds",
        "- **Seeds:** 0, 1",
        "- **Results:** all 6",
        "| TrainDefault-v0 | **0.472** | **1.000** |",
        "  settings: {initial_states: known}",
        "![table.png](results/gridworlds/table.png)",
    ):
        assert line in text.splitlines(), line
    assert re.search(r"^- \*\*Wall time:\*\* \d+ s, 1 at a time$", text, re.MULTILINE)
    assert re.search(r"^- \*\*Versions:\*\* python [\d.]+, numpy ", text, re.MULTILINE)
    assert str(tmp_path) not in text
    check_links(page)
    check_makes_itself_again(page, tmp_path / "again", monkeypatch)
    # The same once more, and of the copies in their place.
    before = files_in(tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    ok("report", "docs/results/gridworlds", "--out", "docs/results.md")
    assert files_in(tmp_path / "docs") == before


def test_sections_are_in_the_order_of_the_folders(tmp_path: Path) -> None:
    one, two = make_folder(tmp_path / "one"), make_folder(tmp_path / "two words", "skills")
    out = tmp_path / "page.md"
    ok("report", two, one, two, "--out", out)
    titles = re.findall("^## (.*)$", out.read_text("utf-8"), re.MULTILINE)
    assert titles == ["Skills: two words", "MuJoCo environments: one"]
    assert command_of(out)[1:3] == ["page/two words", "page/one"]
    check_links(out)
    assert not list((tmp_path / "page").rglob("runs.json"))


def test_what_is_not_known_is_said(tmp_path: Path) -> None:
    folders = [
        make_folder(tmp_path / "all"),
        make_folder(tmp_path / "few", done=2, timed=1),
        make_folder(tmp_path / "old", timed=0),
    ]
    ok("report", *folders, "--out", tmp_path / "page.md")
    _, whole, few, old = (tmp_path / "page.md").read_text(encoding="utf-8").split("\n## ")
    assert "- **Results:** all 3\n- **Wall time:** 0 s, 2 at a time\n" in whole
    assert "- **Time to learn:** 30 min, if results" in whole
    assert "- **Machine:** a machine\n" in whole
    assert "- **Results:** 2 of 3; the others failed, or were not run" in few
    assert "the versions are of 1 of the 2 results, and were not recorded for the others" in few
    assert "- **Wall time:** not recorded; the machine" in old


def test_large_films_stay_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = ("a%20b.gif", "large.gif", "c.mp4")
    folder = make_folder(tmp_path / "runs" / "skills", "skills", films=films)
    (folder / "films" / "large.gif").write_bytes(b"0" * (LARGEST_FILM + 1))
    (folder / "films" / "other.gif").touch()
    out = tmp_path / "docs" / "page.md"
    ok("report", folder, "--out", out)
    text = out.read_text(encoding="utf-8")
    assert "![films/a%20b.gif](page/skills/films/a%2520b.gif)" in text
    assert "\n[films/c.mp4](page/skills/films/c.mp4)\n" in text
    assert "not here, since they are larger than 1.5 MB: large.gif.\n" in text
    check_links(out)
    check_makes_itself_again(out, tmp_path / "again", monkeypatch)
    # What an earlier page has shown, and this one does not, goes; what others have put there stays.
    (out.parent / "page" / "skills" / "mine.txt").touch()
    make_folder(folder, "skills", films=films[2:])
    ok("report", folder, "--out", out)
    names = {path.name for path in (out.parent / "page" / "skills").rglob("*")}
    assert names == {CONFIG, TABLE, "table.csv", "table_1.png", "films", "c.mp4", "mine.txt"}


def change(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**content, **changes}))


def break_folder(folder: Path, how: str) -> None:
    if how == "nothing":
        shutil.rmtree(folder)
    elif how == "no file":
        (folder / "table.csv").unlink()
    elif how == "outside":
        change(folder, files=["../secret.csv"])
    elif how == "no table":
        (folder / TABLE).unlink()
    elif how == "old":
        content = json.loads((folder / CONFIG).read_text())
        old = {name: content[name] for name in ("command", "configs")}
        (folder / CONFIG).write_text(json.dumps(old))
    elif how == "learn":
        change(folder, command="rlsp learn RoomDefault-v0")
    else:
        (folder / CONFIG).write_text(how)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("nothing", "two is no folder: expected one that `rlsp table` has filled"),
        ("[]", "two is not the folder of a table"),
        ("{", "two is not the folder of a table"),
        ("learn", "two is not the folder of a table"),
        ("no table", "two has no table.md, it is not finished: run its command again"),
        ("no file", "two has no table.csv, it is not finished"),
        ("outside", "two has no ../secret.csv, it is not finished"),
        ("old", "does not say table, seeds, jobs"),
    ],
)
def test_folders_of_no_table_are_refused(how: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").touch()
    one, two = make_folder(tmp_path / "one"), make_folder(tmp_path / "two")
    break_folder(two, how)
    result = rlsp("report", one, two, "--out", tmp_path / "docs" / "page.md")
    assert result.code == 2
    assert message in result.err
    if how in ("old", "no table"):
        assert "rlsp table mujoco --out runs/two" in result.err
    assert not (tmp_path / "docs").exists()


def test_two_folders_of_one_name_are_refused(tmp_path: Path) -> None:
    folders = [make_folder(tmp_path / name / "table") for name in ("one", "two")]
    result = rlsp("report", *folders, "--out", tmp_path / "page.md")
    assert result.code == 2
    assert "are both called 'table'" in result.err
    assert not (tmp_path / "page.md").exists()


def test_a_page_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "page.md").mkdir()
    result = rlsp("report", make_folder(tmp_path / "one"), "--out", tmp_path / "page.md")
    assert result.code == 2
    assert "page.md is a folder" in result.err
    assert not (tmp_path / "page").exists()


def test_long_commands_are_broken_before_options() -> None:
    setting = "rlsp.hyperparameters.solver={n_envs: 4}"
    words = ["rlsp", "table", "mujoco", "--env", *4 * ["HalfCheetah-FW-v2"], "--set", setting]
    words += ["--n-states", "1", "10", "50", "--out", "runs/mujoco"]
    text = broken(shlex.join(words))
    assert text.count(" \\\n    --") == 1
    assert shlex.split(text.replace("\\\n", " ")) == words
    assert broken("rlsp table skills") == "rlsp table skills"
