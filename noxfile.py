"""Sessions that test, check and build the workspace.

``make`` runs these; to run one by hand, use ``nox -s NAME``, and ``nox -R -s NAME`` to skip the
installation when it is up to date. What follows ``--`` goes to pytest (or to ``rlsp learn``)::

    nox -s "tests(latest)" -- tests/test_docs.py -x
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.reuse_venv = "yes"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "wheels", "envs_alone", "tests(imitation)"]

PACKAGES = ("rlsp_envs", "rlsp_sb3", "rlsp_baselines")
DIST = Path("dist")
SITE = Path("site")
DOCS_TOOLS = ("furo", "ipykernel", "myst-nb", "nbclient", "sphinx", "sphinx-copybutton")
TEST_TOOLS = (
    "hypothesis",
    "markdown-it-py",
    "optuna",
    "pytest",
    "pytest-benchmark",
    "pytest-cov",
    "pytest-xdist",
)
# `imitation` pins old versions of Gymnasium and Stable-Baselines3, so there are two resolutions.
# `make test` runs all tests in each: with the newest dependencies on the built wheels, as users get
# them, and with those of imitation on the checkout.
CONSTRAINTS = {"latest": "constraints.txt", "imitation": "constraints-imitation.txt"}
# Two processes, each of which gets half of the files in one piece, so that what the tests of a file
# share is made once; who is done first takes over what the other has not begun.
PARALLEL = ("-n", "2", "--dist", "worksteal")


def prepare(session: nox.Session) -> None:
    """Let tests run without a display, and let Python keep its bytecode.

    Installations leave the bytecode to the first import (``--no-compile``): twice as fast.
    """
    session.env.update(MPLBACKEND="Agg", SDL_VIDEODRIVER="dummy", PYTHONDONTWRITEBYTECODE="")


def install(session: nox.Session, resolution: str, *requirements: str) -> None:
    """Install requirements in the versions that a resolution pins, while pip says how it goes."""
    session.install("--no-compile", "-c", CONSTRAINTS[resolution], *requirements, silent=False)


def install_checkout(session: nox.Session, resolution: str, *tools: str) -> None:
    """Install the checkout, editable, and tools beside it; first what it takes to build it."""
    prepare(session)
    ray = "" if resolution == "imitation" else ",ray"
    extra = "gail" if resolution == "imitation" else "arviz"
    install(session, resolution, "hatchling", "editables", *tools)
    install(
        session,
        resolution,
        "--no-build-isolation",
        *("-e", "./rlsp_envs[render,mujoco,robotics]"),
        *("-e", f"./rlsp_sb3[hub,video{ray}]"),
        *("-e", f"./rlsp_baselines[{extra}]"),
    )


@nox.session
@nox.parametrize("resolution", list(CONSTRAINTS), ids=list(CONSTRAINTS))
def tests(session: nox.Session, resolution: str) -> None:
    """Run the tests against the checkout, with the newest dependencies and with imitation's."""
    install_checkout(session, resolution, *TEST_TOOLS)
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def expensive(session: nox.Session) -> None:
    """Run the tests that take minutes."""
    install_checkout(session, "latest", *TEST_TOOLS)
    session.run("pytest", "-m", "expensive", *session.posargs)


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Measure speed, with nothing else running in parallel."""
    install_checkout(session, "latest", *TEST_TOOLS)
    session.run("pytest", "benchmarks", *session.posargs)


def install_for_docs(session: nox.Session) -> None:
    """Install the checkout, whose docstrings and notebooks are read, and what builds the pages."""
    install_checkout(session, "latest", "-c", "constraints-docs.txt", *DOCS_TOOLS)
    session.env["PYTHONPATH"] = "docs"  # where our extensions of Sphinx are


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into site/, with warnings as errors, and check its links."""
    install_for_docs(session)
    shutil.rmtree(SITE, ignore_errors=True)
    session.run("sphinx-build", "-M", "html", "docs", str(SITE), "-W", "--keep-going")
    session.run("python", "docs/check_site.py", str(SITE / "html"))
    session.log(f"open {SITE / 'html' / 'index.html'}")


@nox.session
def figures(session: nox.Session) -> None:
    """Draw the figures of the documentation, and run the notebooks, anew."""
    install_for_docs(session)
    for script in sorted(Path("docs/figures").glob("*.py")):
        session.run("python", str(script))
    session.run("python", "docs/run_notebooks.py")


@nox.session
def build(session: nox.Session) -> None:
    """Build wheels and sdists into dist/ and check them."""
    shutil.rmtree(DIST, ignore_errors=True)
    install(session, "latest", "build", "hatchling", "twine")
    for package in PACKAGES:
        session.run(
            *("python", "-m", "build", "--no-isolation", "--outdir", str(DIST), package),
            silent=True,
        )
    archives = sorted(map(str, DIST.iterdir()))
    session.run("twine", "check", "--strict", *archives)
    for archive in archives:
        check_contents(session, Path(archive))


def check_contents(session: nox.Session, archive: Path) -> None:
    """Check that an archive brings the license and the type marker, and no stray file."""
    package, version = archive.name.split("-")[:2]
    if archive.suffix == ".whl":
        names = zipfile.ZipFile(archive).namelist()
        expected = {package, f"{package}-{version}.dist-info"}
    else:
        with tarfile.open(archive) as sdist:
            names = [name.partition("/")[2] for name in sdist.getnames()]
        expected = {"src", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO", ".gitignore"}
    for wanted in (f"{package}/py.typed", "LICENSE"):
        if not any(name.endswith(wanted) for name in names):
            session.error(f"{archive} lacks {wanted}")
    stray = {name.split("/")[0] for name in names} - expected
    if stray:
        session.error(f"{archive} holds stray files: {sorted(stray)}")


def wheel(package: str) -> str:
    """Path of the wheel that the build session made of a package."""
    (path,) = DIST.glob(f"{package}-*.whl")
    return str(path)


@nox.session(requires=["build"])
def wheels(session: nox.Session) -> None:
    """Run the tests against the built wheels, as users get them, with the newest dependencies."""
    prepare(session)
    install(
        session,
        "latest",
        *TEST_TOOLS,
        f"{wheel('rlsp_envs')}[render,mujoco,robotics]",
        f"{wheel('rlsp_sb3')}[hub,video,ray]",
        f"{wheel('rlsp_baselines')}[arviz]",
    )
    # The version stays while the contents change: put this build in place of an earlier one.
    session.install("--force-reinstall", "--no-deps", *map(wheel, PACKAGES))
    for package in PACKAGES:
        session.run(
            "python",
            "-c",
            f"import {package}; assert 'site-packages' in {package}.__file__, {package}.__file__",
        )
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session(requires=["build"], reuse_venv=False)
def envs_alone(session: nox.Session) -> None:
    """Check that rlsp-envs works by itself and brings no more than it needs."""
    install(session, "latest", wheel("rlsp_envs"))
    session.run("python", "tests/envs_alone.py")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, docstrings, types and the direction of imports."""
    install_checkout(session, "latest", "import-linter", "mypy", "pre-commit", "ruff")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("mypy")
    session.run("lint-imports")
    if Path(".git").exists():
        skip = "ruff-check,ruff-format,mypy,lint-imports"  # these have just run
        session.run("pre-commit", "run", "--all-files", env={"SKIP": skip})


@nox.session
def demo(session: nox.Session) -> None:
    """Infer a reward from the state of a room; the results lie in runs/demo."""
    session.log("installing PyTorch and what else a gridworld needs into .nox/demo, once")
    prepare(session)
    install(session, "latest", "hatchling", "editables")
    packages = ("-e", "./rlsp_envs[render]", "-e", "./rlsp_sb3")
    install(session, "latest", "--no-build-isolation", *packages)
    arguments = session.posargs or ["RoomDefault-v0", "--out", "runs/demo", "--force"]
    session.run("rlsp", "learn", *arguments)
