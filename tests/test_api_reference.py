"""The reference of the documentation has every public name."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("rlsp_baselines")
pytest.importorskip("rlsp_envs")

from test_public_names import PUBLIC

DOCS = Path(__file__).resolve().parent.parent / "docs"


@pytest.fixture
def reference(monkeypatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(DOCS))
    import api_reference

    yield api_reference
    del sys.modules["api_reference"]


def test_each_public_name_has_its_place(reference):
    pages = reference.pages()
    assert set(pages) == {
        module for module, names in PUBLIC.items() if set(names) - {"__version__"}
    }
    for module, names in PUBLIC.items():
        for name in set(names) - {"__version__"}:
            lines = pages[module].splitlines()
            described = [
                line for line in lines if line.endswith((f":: {module}.{name}", f":: {name}"))
            ]
            linked = [line for line in lines if line.startswith(f"``{name}`` is :")]
            assert len(described) + len(linked) == 1, f"{module}.{name}"


def test_an_object_is_described_once(reference):
    text = "\n".join(reference.pages().values())
    assert ".. autoclass:: rlsp_sb3.RLSP\n" in text
    assert "``RLSP`` is :class:`rlsp_sb3.RLSP`." in text
    assert ".. autoclass:: rlsp_sb3.rlsp.RLSP" not in text


def test_constants_have_their_text(reference):
    assert "The names of presets." in reference.pages()["rlsp_sb3.presets"]
