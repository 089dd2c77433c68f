"""The workflows run the sessions that `make` runs, with no more rights than they need."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = {path.stem: path for path in sorted(GITHUB.glob("workflows/*.yml"))}
SESSION = re.compile(r"nox -s (\"[^\"]+\"|\S+)")


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def sessions_of_nox() -> set[str]:
    """The sessions by the names that `nox -s` takes."""
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    names = {
        node.name
        for node in ast.parse(source).body
        if isinstance(node, ast.FunctionDef)
        and any("nox.session" in ast.unparse(each) for each in node.decorator_list)
    }
    return names - {"tests"} | {"tests(latest)", "tests(imitation)"}


def steps(name: str) -> list[dict[str, Any]]:
    return [step for job in read(WORKFLOWS[name])["jobs"].values() for step in job.get("steps", [])]


def sessions_of(name: str) -> set[str]:
    """The sessions that a workflow runs."""
    (matrix,) = [
        job["strategy"]["matrix"]
        for job in read(WORKFLOWS[name])["jobs"].values()
        if "strategy" in job
    ] or [{}]
    several = {*matrix.get("session", []), *(row["session"] for row in matrix.get("include", []))}
    found = {
        match.strip('"') for step in steps(name) for match in SESSION.findall(step.get("run", ""))
    }
    return {session for each in found for session in (several if "matrix." in each else {each})}


def test_there_are_workflows_for_all_that_make_checks():
    assert set(WORKFLOWS) == {"tests", "lint", "docs", "release"}
    assert sessions_of("lint") == {"lint"}
    assert sessions_of("docs") == {"docs"}
    assert sessions_of("release") == {"build"}
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (recipe,) = re.findall(r"^test:.*\n\t\$\(NOX\) -s (.*)$", makefile, re.MULTILINE)
    of_make = {name.strip('"') for name in recipe.split()}
    assert sessions_of("tests") == of_make | {"tests(latest)"}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_sessions_exist(name):
    assert sessions_of(name) <= sessions_of_nox()


def test_tests_run_with_each_supported_python():
    text = (ROOT / "rlsp_sb3" / "pyproject.toml").read_text(encoding="utf-8")
    supported = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)
    (job,) = read(WORKFLOWS["tests"])["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == supported


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_given_one_by_one(name):
    workflow = read(WORKFLOWS[name])
    assert workflow["permissions"] == {"contents": "read"}
    allowed = {"deploy": {"pages", "id-token"}, "publish": {"id-token"}}
    for job_name, job in workflow["jobs"].items():
        assert set(job.get("permissions", {})) <= allowed.get(job_name, set())


@pytest.mark.parametrize("name", WORKFLOWS)
def test_actions_have_a_version_and_keep_no_password(name):
    for step in steps(name):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+|release/v1)", step["uses"])
            if step["uses"].startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_a_release_waits_for_the_tests():
    jobs = read(WORKFLOWS["release"])["jobs"]
    assert jobs["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert set(jobs["publish"]["needs"]) == {"tests", "build"}
    assert "secrets." not in WORKFLOWS["release"].read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    sorted(set(GITHUB.glob("ISSUE_TEMPLATE/*.yml")) - {GITHUB / "ISSUE_TEMPLATE/config.yml"}),
)
def test_issue_forms_ask_something(path):
    form = read(path)
    assert {"name", "description", "body"} <= set(form)
    for field in form["body"]:
        assert field["type"] in {"markdown", "textarea", "input", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))


def test_the_security_policy_names_tests_that_exist():
    text = (GITHUB / "SECURITY.md").read_text(encoding="utf-8")
    paths = re.findall(r"`(tests/[\w/]+\.py)`", text)
    assert len(paths) == 3
    assert [path for path in paths if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("path", [GITHUB / "dependabot.yml", GITHUB / "ISSUE_TEMPLATE/config.yml"])
def test_other_files_are_yaml(path):
    assert read(path)
