"""Messages and pages that say what to install: pip can find all of it."""

import re
from pathlib import Path

import pytest

tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no tomllib")
rlsp_sb3 = pytest.importorskip("rlsp_sb3")
pytest.importorskip("rlsp_envs")

from rlsp_envs.extras import EXTRAS  # noqa: E402
from rlsp_sb3.utils.install_command import install_command  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = ("rlsp_envs", "rlsp_sb3", "rlsp_baselines")
OWN = re.compile(r"pip install[^`\n]*[\s\"']rlsp-(envs|sb3|baselines)")
FOREIGN = re.compile(r"`pip install ([\w\[\]\" -]+)`")


def extras(distribution: str) -> dict[str, list[str]]:
    text = (ROOT / distribution / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["project"]["optional-dependencies"]


def bare(requirement: str) -> str:
    """A requirement without its versions."""
    return re.split(r"[<>=;~!]", requirement.strip("\"'"))[0].strip()


def texts() -> dict[str, str]:
    files = [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *(file for name in DISTRIBUTIONS for file in ROOT.glob(f"{name}/README.md")),
        *(file for name in DISTRIBUTIONS for file in ROOT.glob(f"{name}/src/**/*.py")),
    ]
    return {str(file.relative_to(ROOT)): file.read_text(encoding="utf-8") for file in files}


def test_nothing_says_to_install_what_is_not_on_the_index():
    found = {name: match[0] for name, text in texts().items() if (match := OWN.search(text))}
    assert OWN.search('run `pip install "rlsp-envs[render]"`')
    assert OWN.search("pip install ./rlsp_sb3 rlsp-envs")
    assert not found


def test_what_messages_name_is_what_an_extra_brings():
    known = {
        bare(each) for name in DISTRIBUTIONS for all_ in extras(name).values() for each in all_
    }
    known |= {"pygame", "datasets"}  # imitation brings datasets
    named = {
        bare(word)
        for name, text in texts().items()
        if name.endswith(".py")
        for command in FOREIGN.findall(text)
        for word in command.replace("\\", "").split()
    }
    assert {"ray", "sb3-contrib", "imageio-ffmpeg", "minari[hdf5]"} <= named
    assert named <= known


def test_the_extras_of_environments_are_those_that_errors_name():
    wanted = extras("rlsp_envs")
    for extra, words in EXTRAS.items():
        assert [bare(word) for word in words.split()] == [bare(each) for each in wanted[extra]]


def test_our_own_are_installed_from_folders_that_are_there():
    for folder in DISTRIBUTIONS:
        name = folder.replace("_", "-")
        assert install_command(name).endswith(f'#subdirectory={folder}"`')
        assert (ROOT / folder / "pyproject.toml").is_file()
        assert f'"{name}[x] @ git+https://' in install_command(name, "x")
