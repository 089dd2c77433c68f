"""First lines of docstrings: present on public names, one line, and no questions."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(ROOT.glob("rlsp_*/src/**/*.py"))
QUESTION = re.compile(
    r"(?:(?:as|between|by|for|from|in|of|on|to|with) )?"
    r"(?:what|how|which|where|whether|who|whom|whose|why|when)\b",
    re.IGNORECASE,
)
"""Words that nobody searches for: a first line is a noun phrase or an imperative."""

Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Name(NamedTuple):
    """A module, class or function, or what is said below an attribute."""

    name: str
    docstring: str | None
    is_public: bool


def names_in(module: ast.Module) -> Iterator[Name]:
    yield Name("the module", ast.get_docstring(module), True)
    yield from names_below(module, "", True)


def names_below(node: ast.AST, prefix: str, is_public: bool) -> Iterator[Name]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Documented):
            name = f"{prefix}{getattr(child, 'name', '')}"
            # Functions within functions have no readers elsewhere, overloads and setters are
            # documented once, and a magic method does what its name says.
            public = is_public and not getattr(child, "name", "").startswith("_")
            documented = public and not any(map(is_repeated, getattr(child, "decorator_list", [])))
            yield Name(name, ast.get_docstring(child), documented)
            yield from names_below(child, f"{name}.", public and isinstance(child, ast.ClassDef))
        else:
            yield from names_below(child, prefix, is_public)
    body = node.body if isinstance(node, ast.Module | ast.ClassDef) else []
    for before, after in pairwise(body):
        match before, after:
            case (
                ast.Assign() | ast.AnnAssign(),
                ast.Expr(ast.Constant(str() as text)),
            ):
                yield Name(f"{prefix}{ast.unparse(before).partition(' ')[0]}", text, False)


def is_repeated(decorator: ast.expr) -> bool:
    return ast.unparse(decorator).endswith((".setter", "overload"))


def problem_of(name: Name) -> str | None:
    if name.docstring is None:
        return "has no docstring" if name.is_public else None
    first, *rest = name.docstring.split("\n")
    if rest and rest[0].strip():
        return f"goes on after its first line: {first}"
    if QUESTION.match(first):
        return f"begins with a question word: {first}"
    return None


def test_first_lines_are_noun_phrases_or_imperatives() -> None:
    found = {}
    for path in MODULES:
        for name in names_in(ast.parse(path.read_text(encoding="utf-8"))):
            if problem := problem_of(name):
                found[f"{path.relative_to(ROOT)}, {name.name}"] = problem
    assert MODULES
    assert not found


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ('"""How it is."""', "question"),
        ('"""A module."""\ndef f():\n    """For how long it takes."""', "question"),
        ('"""A module."""\nclass _A:\n    def _f(self):\n        """Whether it is."""', "question"),
        ('"""A module."""\nX = 1\n"""What it is."""', "question"),
        ('"""A module."""\ndef f():\n    pass', "no docstring"),
        (
            '"""A module."""\nclass A:\n    """A class."""\n    def f(self):\n        pass',
            "no docs",
        ),
        ('"""A module\nof two lines."""', "goes on"),
        ("x = 1", "no docstring"),
    ],
)
def test_a_bad_first_line_is_found(code: str, problem: str) -> None:
    problems = [text for name in names_in(ast.parse(code)) if (text := problem_of(name))]
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_good_first_line_is_none() -> None:
    code = (
        '"""Howitzers and whole numbers."""\ndef _f(): ...\ndef f():\n    """Find.\n\n    More."""'
    )
    assert not any(map(problem_of, names_in(ast.parse(code))))
