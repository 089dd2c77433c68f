"""The documents keep their word: examples run, commands parse, make targets exist."""

import doctest
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from markdown_it import MarkdownIt

from rlsp_sb3 import presets

from helpers.deep_learner import TINY

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", ".github/**/*.md", "docs/**/*.md", "rlsp_*/README.md")
    for path in ROOT.glob(pattern)
)


class Block(NamedTuple):
    """A fenced block of code; `line` is that of its first line, counted from 0."""

    language: str
    text: str
    line: int


def blocks(document: Path, *languages: str) -> list[Block]:
    tokens = MarkdownIt().parse(document.read_text(encoding="utf-8"))
    found = [
        Block(token.info.strip(), token.content, token.map[0] + 1)
        for token in tokens
        if token.type == "fence" and token.map is not None
    ]
    return [block for block in found if block.language in languages]


def documents_with(*languages: str) -> list[Any]:
    return [
        pytest.param(document, id=str(document.relative_to(ROOT)))
        for document in DOCUMENTS
        if blocks(document, *languages)
    ]


def test_no_block_is_left_out():
    """A block in another language is text, or is run, parsed or built by what knows it."""
    known = {"python", "pycon", "python no-run", "bash", "sh", "shell", "console"}
    known |= {"text", "toml", "yaml", "mermaid", "bibtex", "{toctree}", "{include} ../CHANGELOG.md"}
    found = {
        token.info.strip()
        for document in DOCUMENTS
        for token in MarkdownIt().parse(document.read_text(encoding="utf-8"))
        if token.type == "fence"
    }
    assert found <= known


@pytest.mark.parametrize("document", documents_with("python no-run"))
def test_examples_that_need_more_are_parsed(document):
    """What needs a package that tests do without, such as sbx, is at least Python."""
    for block in blocks(document, "python no-run"):
        compile(block.text, str(document), "exec")


def run_python(block: Block, document: Path, namespace: dict[str, Any]) -> None:
    """Run a block such that a traceback shows the document's own lines."""
    exec(compile("\n" * block.line + block.text, str(document), "exec"), namespace)


def run_pycon(block: Block, document: Path, namespace: dict[str, Any]) -> None:
    """Run an interactive session and compare what it prints."""
    test = doctest.DocTestParser().get_doctest(
        block.text, namespace, document.name, str(document), block.line
    )
    messages: list[str] = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(test, out=messages.append, clear_globs=False)
    assert not messages, "".join(messages)
    namespace.update(test.globs)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each simple command of a shell script, without assignments before it."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if set(word) <= set("();<>|&"):
                if words:
                    yield words
                words = []
            elif words or not re.match(r"\w+=", word):
                words.append(word)


def shell_scripts(document: Path) -> Iterator[str]:
    for block in blocks(document, "bash", "sh", "shell", "console"):
        lines = block.text.splitlines()
        if block.language == "console":  # the rest is output
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        yield "\n".join(lines) + "\n"


SHELL_DOCUMENTS = documents_with("bash", "sh", "shell", "console")


@pytest.fixture
def brief(monkeypatch):
    """Let Deep RLSP fit its models briefly where a document leaves that to the default preset.

    An epoch has as many environment steps as documents say.
    """
    fast = presets.FAST.solver
    solver = {
        "n_envs": fast.n_envs,
        "n_steps": fast.n_steps,
        "kwargs": {**fast.kwargs, "gradient_steps": 1},
    }
    monkeypatch.setitem(presets.HYPERPARAMETERS, "fast", TINY.updated({"solver": solver}))


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("document", documents_with("python", "pycon"))
def test_examples_run(document, tmp_path, monkeypatch):
    """A document's blocks run in order, in one namespace."""
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(document, "python", "pycon"):
        run = run_python if block.language == "python" else run_pycon
        run(block, document, namespace)


def test_command_finds_the_learner_of_the_page(tmp_path, monkeypatch):
    """The package of "write your own learner", as if it were installed."""
    cli = pytest.importorskip("rlsp_sb3.cli.main")
    testing = pytest.importorskip("typer.testing")
    pytest.importorskip("rlsp_envs")
    page = ROOT / "docs" / "guide" / "your-learner.md"
    module, *_ = blocks(page, "python")
    (project,) = blocks(page, "toml")
    group = project.text.partition('[project.entry-points."rlsp.learners"]\n')[2]
    (tmp_path / "surprise.py").write_text(module.text, encoding="utf-8")
    about = tmp_path / "surprise-0.1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: surprise\nVersion: 0.1.0\n")
    (about / "entry_points.txt").write_text("[rlsp.learners]\n" + group.replace('"', ""))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "surprise", raising=False)
    monkeypatch.chdir(tmp_path)
    lines = [words for script in shell_scripts(page) for words in commands(script)]
    learn = next(words for words in lines if words[:2] == ["rlsp", "learn"])
    result = testing.CliRunner().invoke(cli.app, [*learn[1:], "--out", "run"])
    assert result.exit_code == 0, result.output
    assert "6 random actions in" in result.output
    files = {path.name for path in Path("run").iterdir()}
    assert {"learner.zip", "reward.json", "reward.png", "robot.gif"} <= files
    options = ["--methods", "surprise", "--seeds", "1", "--out", "table"]
    result = testing.CliRunner().invoke(cli.app, ["table", "gridworlds", *options])
    assert result.exit_code == 0, result.output
    assert "RoomDefault-v0,surprise,0,1.0," in Path("table/cells.csv").read_text()


@pytest.mark.parametrize("document", SHELL_DOCUMENTS)
def test_shell_syntax(document):
    for script in shell_scripts(document):
        result = subprocess.run(
            ["bash", "-n"], input=script, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, f"{script}\n{result.stderr}"


@pytest.mark.parametrize("document", SHELL_DOCUMENTS)
def test_rlsp_commands_exist(document):
    """With ``--help`` at its end, a command line is parsed and nothing is done."""
    cli = pytest.importorskip("rlsp_sb3.cli.main")
    testing = pytest.importorskip("typer.testing")
    for script in shell_scripts(document):
        for program, *arguments in commands(script):
            if program == "rlsp":
                result = testing.CliRunner().invoke(cli.app, [*arguments, "--help"])
                assert result.exit_code == 0, f"rlsp {shlex.join(arguments)}\n{result.output}"


def inline_commands(document: Path) -> Iterator[list[str]]:
    """The words of each `rlsp …` within a sentence or a table that has more than the program."""
    for token in MarkdownIt().enable("table").parse(document.read_text(encoding="utf-8")):
        for child in token.children or ():
            if child.type == "code_inline" and child.content.startswith("rlsp "):
                yield from commands(child.content)


INLINE = [
    pytest.param(words, id=f"{document.relative_to(ROOT)}: {shlex.join(words)}")
    for document in sorted(ROOT.glob("docs/**/*.md"))  # elsewhere there are halves of commands
    for words in inline_commands(document)
]


@pytest.mark.parametrize("words", INLINE)
def test_inline_commands_exist(words):
    cli = pytest.importorskip("rlsp_sb3.cli.main")
    testing = pytest.importorskip("typer.testing")
    result = testing.CliRunner().invoke(cli.app, [*words[1:], "--help"])
    assert result.exit_code == 0, f"{shlex.join(words)}\n{result.output}"


def anchors(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub and the site name them."""
    tokens = MarkdownIt().parse(document.read_text(encoding="utf-8"))
    headings = [after.content for token, after in pairwise(tokens) if token.type == "heading_open"]
    words = [re.sub(r"[^\w\- ]", "", heading).lower() for heading in headings]
    return {each.replace(" ", "-") for each in words}


def links(document: Path) -> Iterator[str]:
    for token in MarkdownIt().enable("table").parse(document.read_text(encoding="utf-8")):
        for child in token.children or ():
            target = child.attrs.get("href") or child.attrs.get("src")
            if target and "://" not in str(target):
                yield str(target)


@pytest.mark.parametrize(
    "document", [pytest.param(each, id=str(each.relative_to(ROOT))) for each in DOCUMENTS]
)
def test_links_lead_somewhere(document):
    """Links to files, and to headings of Markdown files."""
    broken = []
    for target in links(document):
        name, _, anchor = target.partition("#")
        path = document.parent / name if name else document
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("document", SHELL_DOCUMENTS)
def test_make_targets_exist(document):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for script in shell_scripts(document):
        for program, *arguments in commands(script):
            if program == "make":
                wanted = {word for word in arguments if "=" not in word and word[0] != "-"}
                assert wanted <= targets, f"no such target: {wanted - targets}"
