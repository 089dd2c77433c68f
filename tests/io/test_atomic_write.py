"""Files are written whole, and what killed writers left is removed."""

import os
import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rlsp_sb3.io.atomic_write import atomic_write, remove_unfinished
from rlsp_sb3.io.json_file import write_json
from rlsp_sb3.io.npz import write_npz
from rlsp_sb3.io.save_util import write_archive

# Prints a line when it has written half of a file, and waits.
WRITER = """
import sys, time
from pathlib import Path
from rlsp_sb3.io.atomic_write import atomic_write

with atomic_write(Path(sys.argv[1])) as unfinished:
    unfinished.write_text("half")
    print(flush=True)
    time.sleep(600)
"""


@pytest.fixture
def writer(tmp_path):
    """A process that has written half of a file."""
    command = [sys.executable, "-c", WRITER, str(tmp_path / "checkpoint_1.zip")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


WRITES = {
    "learner": lambda path: write_archive(path, {}, {}),
    "npz": lambda path: write_npz(path, {}),
    "json": lambda path: write_json(path, {}),
}


@pytest.mark.skipif(os.name != "posix", reason="processes of Windows cannot be asked for")
@pytest.mark.parametrize("kind", WRITES)
def test_the_next_writer_removes_what_a_killed_one_left(tmp_path, writer, kind):
    (unfinished,) = tmp_path.iterdir()
    WRITES[kind](tmp_path / f"another.{kind}")
    assert unfinished.read_text() == "half"  # its writer lives
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    WRITES[kind](tmp_path / f"another.{kind}")
    assert [path.name for path in tmp_path.iterdir()] == [f"another.{kind}"]


def test_files_of_others_stay(tmp_path, writer):
    writer.kill()
    writer.wait()
    (unfinished,) = tmp_path.iterdir()
    assert re.fullmatch(rf"\.checkpoint_1\.zip\.[\w-]+\.{writer.pid}\.tmp", unfinished.name)
    unfinished.unlink()
    machine = unfinished.name.split(".")[-3]
    names = {
        *("notes.tmp", ".notes.tmp", ".a.tmp", f".a.{writer.pid}.tmp", f"a.{machine}.1.tmp"),
        f".a.another{machine}.{writer.pid}.tmp",
        f".a.{machine}.{os.getpid()}.tmp",
        f".a.{machine}.{10**30}.tmp",
    }
    for name in names:
        (tmp_path / name).touch()
    (tmp_path / f".b.{machine}.{writer.pid}.tmp").mkdir()  # whatever that is, it is not ours
    remove_unfinished(tmp_path)
    assert names <= set(os.listdir(tmp_path))


def test_names_of_machines_with_dots(tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "node-7.cluster.example")
    with atomic_write(tmp_path / "file") as unfinished:
        assert unfinished.name == f".file.node-7-cluster-example.{os.getpid()}.tmp"
        unfinished.touch()
    assert [path.name for path in Path(tmp_path).iterdir()] == ["file"]
