"""Tests of the renderer: pictures, text and the window."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from rlsp_envs.gridworlds.render import KINDS, Sprite, Window, draw, to_text

TEXTS = {"goal": "1", "bucket": "3", "train": "9"}
FACING = ("agent", "agent_with_apple", "agent_with_battery", "track")
SHAPE = (2, 3)
CELL = (1, 2)
COMPANY = [  # what lies under the agent in some state of a gridworld
    ("goal",),
    ("carpet",),
    ("broken_vase",),
    ("track",),
    ("track", "train"),
    ("track", "broken_train"),
    ("track", "dead_train"),
    ("battery",),
    ("carpet", "goal"),
    ("carpet", "broken_vase"),
    ("goal", "broken_vase"),
]


@pytest.fixture(scope="module", autouse=True)
def _pygame_installed() -> None:
    pytest.importorskip("pygame")


def sprite(kind: str, cell: tuple[int, int] = CELL, facing: int | None = None) -> Sprite:
    """Make a sprite with the text that its kind usually has."""
    return Sprite(kind, cell, TEXTS.get(kind, ""), facing)


def looks() -> dict[str, list[Sprite]]:
    """List one state for each thing that a cell can show."""
    states = {"empty": []}
    states.update({kind: [sprite(kind)] for kind in KINDS})
    states.update({f"{k} {d}": [sprite(k, facing=d)] for k in FACING for d in range(4)})
    states.update({f"bucket {n}": [Sprite("bucket", CELL, str(n))] for n in (0, 1, 2, 12)})
    states.update({f"goal {n}": [Sprite("goal", CELL, str(n))] for n in (2, 6)})
    states.update({f"train {n}": [Sprite("train", CELL, str(n))] for n in range(9)})
    states["train without charge"] = [Sprite("train", CELL)]
    return states


def test_picture_has_the_size_asked_for() -> None:
    picture = draw([sprite("agent")], SHAPE)
    assert picture.shape == (128, 192, 3)
    assert picture.dtype == np.uint8
    assert picture.flags.writeable
    assert draw([], (5, 4), cell_size=12).shape == (60, 48, 3)


def test_every_look_differs_from_every_other_in_pictures() -> None:
    pictures = {name: draw(state, SHAPE).astype(int) for name, state in looks().items()}
    for (name, picture), (other, second) in combinations(pictures.items(), 2):
        different = (np.abs(picture - second).max(axis=-1) > 60).sum()
        assert different >= 20, f"{name} looks like {other}"


def test_every_look_differs_from_every_other_in_text() -> None:
    texts = {name: to_text(state, SHAPE) for name, state in looks().items()}
    assert len(set(texts.values())) == len(texts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_sprite_stays_in_its_cell(kind: str) -> None:
    changed = (draw([sprite(kind)], (3, 3)) != draw([], (3, 3))).any(axis=-1)
    rows, columns = np.nonzero(changed)
    assert rows.min() >= 64
    assert rows.max() < 128
    assert columns.min() >= 128


@pytest.mark.parametrize("agent", [kind for kind in KINDS if kind.startswith("agent")])
@pytest.mark.parametrize("facing", [None, 0, 1, 2, 3])
def test_things_in_one_cell_are_all_visible(agent: str, facing: int | None) -> None:
    top = sprite(agent, facing=facing)
    states = [[sprite(kind, facing=2 if kind == "track" else None) for kind in c] for c in COMPANY]
    pictures = [draw([*state, top], SHAPE).astype(int) for state in [[], *states]]
    for first, second in combinations(pictures, 2):
        assert (np.abs(first - second).max(axis=-1) > 60).sum() >= 60
    for state, picture in zip(states, pictures[1:], strict=True):
        assert (np.abs(draw(state, SHAPE).astype(int) - picture).max(axis=-1) > 60).sum() >= 300


def test_text_shows_all_that_is_in_a_cell() -> None:
    state = [
        Sprite("carpet", (0, 0)),
        Sprite("goal", (0, 0), "2"),
        Sprite("broken_vase", (0, 0)),
        Sprite("agent_with_apple", (0, 0), facing=3),
        Sprite("bucket", (1, 2), "12"),
    ]
    assert to_text(state, (2, 3), "step 4") == (
        "┌──────┬──────┬──────┐\n"
        "│A←a2vC│      │      │\n"
        "├──────┼──────┼──────┤\n"
        "│      │      │ U12  │\n"
        "└──────┴──────┴──────┘\n"
        "step 4\n"
    )


def test_combinations_differ_in_text() -> None:
    agents = [[], *([sprite(k, facing=d)] for k in KINDS[-3:] for d in (None, 0, 1, 2, 3))]
    things = [[], *([sprite(kind)] for kind in KINDS[:-3]), *map(list, looks().values())]
    grounds = [[], [sprite("carpet")], [Sprite("track", CELL, facing=1)], [sprite("goal")]]
    seen: dict[str, frozenset[Sprite]] = {}
    for agent in agents:
        for thing in things:
            for ground in grounds:
                state = [*ground, *thing, *agent]
                if len({s.kind.split("_")[0] for s in state}) < len(state):
                    continue  # two of one kind in one cell
                text = to_text(state, SHAPE)
                assert seen.setdefault(text, frozenset(state)) == frozenset(state), text


def test_drawing_is_deterministic() -> None:
    state = [sprite(kind, divmod(i, 4)) for i, kind in enumerate(KINDS)]
    script = (
        "import hashlib; from rlsp_envs.gridworlds.render import *\n"
        f"print(hashlib.sha256(draw({state!r}, (4, 4), 'hello')).hexdigest())"
    )
    first, second = draw(state, (4, 4), "hello"), draw(state, (4, 4), "hello")
    np.testing.assert_array_equal(first, second)
    assert run(script) == run(script)


def test_a_picture_is_the_callers_own() -> None:
    draw([sprite("vase")], SHAPE)[:] = 0
    assert draw([sprite("vase")], SHAPE).any()


def test_later_sprites_lie_on_top() -> None:
    wall, vase = sprite("wall"), sprite("vase")
    np.testing.assert_array_equal(draw([vase, wall], SHAPE), draw([wall], SHAPE))
    assert (draw([wall, vase], SHAPE) != draw([wall], SHAPE)).any()


def test_rails_bend_towards_the_next_track() -> None:
    loop = [((0, 0), 2), ((0, 1), 1), ((1, 1), 3), ((1, 0), 0)]
    whole = draw([Sprite("track", cell, facing=facing) for cell, facing in loop], SHAPE)
    for cell, facing in loop:
        here = np.s_[64 * cell[0] : 64 * cell[0] + 64, 64 * cell[1] : 64 * cell[1] + 64]
        assert (whole[here] != draw([Sprite("track", cell, facing=facing)], SHAPE)[here]).any()


@pytest.mark.parametrize("caption", ["x", "gÅy", "a caption much too long for a grid " * 5, " "])
def test_caption_keeps_the_size_and_the_grid(caption: str) -> None:
    state = [sprite("agent")]
    without, with_caption = draw(state, SHAPE), draw(state, SHAPE, caption)
    assert with_caption.shape == (128 + 32, 192, 3)
    np.testing.assert_array_equal(with_caption[:128], without)
    assert caption.isspace() or len(np.unique(with_caption[128:])) > 5
    assert to_text(state, SHAPE, caption) == to_text(state, SHAPE) + caption + "\n"


@pytest.mark.parametrize("cell_size", [8, 9, 32, 100])
def test_every_cell_size_works(cell_size: int) -> None:
    state = [sprite(kind, divmod(i, 4)) for i, kind in enumerate(KINDS)]
    picture = draw(state, (4, 4), "caption", cell_size)
    assert picture.shape == (4 * cell_size + cell_size // 2, 4 * cell_size, 3)


@pytest.mark.parametrize("show", [draw, to_text])
@pytest.mark.parametrize(
    ("wrong", "shape", "message"),
    [
        (Sprite("dragon", (0, 0)), SHAPE, "'dragon'.*allowed: wall, carpet"),
        (Sprite("agent", (2, 0)), SHAPE, r"\(2, 0\).*outside"),
        (Sprite("agent", (0, -1)), SHAPE, r"\(0, -1\).*outside"),
        (Sprite("agent", (0, 0), facing=4), SHAPE, "facing.*not 4"),
        (Sprite("agent", (0, 0)), (0, 3), "shape"),
    ],
)
def test_wrong_arguments(show, wrong: Sprite, shape: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        show([wrong], shape)


def test_wrong_cell_size() -> None:
    with pytest.raises(ValueError, match="cell_size must be at least 8 pixels, not 0"):
        draw([], SHAPE, cell_size=0)


def run(script: str) -> str:
    """Run Python code in a fresh interpreter and return what it prints."""
    command = [sys.executable, "-W", "error::UserWarning", "-c", script]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_pygame_is_imported_only_to_draw() -> None:
    script = (
        "import os, sys; from rlsp_envs.gridworlds.render import *\n"
        "to_text([Sprite('agent', (0, 0))], (1, 1)); Window().close()\n"
        "before, imported = dict(os.environ), 'pygame' in sys.modules\n"
        "draw([Sprite('agent', (0, 0))], (1, 1), 'caption')\n"
        "import pygame\n"
        "print(imported, 'pygame' in sys.modules, pygame.display.get_init(), before == os.environ)"
    )
    assert run(script) == "False True False True\n"


def test_missing_pygame_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['pygame'] = None\n"
        "from gymnasium.error import DependencyNotInstalled\n"
        "from rlsp_envs.gridworlds.render import *\n"
        "for show in (lambda: draw([], (1, 1)), lambda: Window().show(None, 4)):\n"
        "    try:\n"
        "        show()\n"
        "    except DependencyNotInstalled as error:\n"
        "        print(error)\n"
    )
    assert run(script).count("pip install pygame") == 2


@pytest.fixture
def window(monkeypatch: pytest.MonkeyPatch):
    """Give a window on a screen that exists only in memory."""
    import pygame

    pygame.display.quit()
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    window = Window("test")
    yield window
    window.close()
    pygame.display.quit()


def shown() -> np.ndarray:
    """Read the pixels of the open window."""
    import pygame

    return pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)


def test_window_shows_pictures_and_closes(window: Window) -> None:
    import pygame

    assert pygame.display.get_surface() is None
    for shape in (SHAPE, SHAPE, (3, 4)):
        picture = draw([sprite("agent")], shape, "caption")
        window.show(picture, fps=0)
        np.testing.assert_array_equal(shown(), picture)
    assert pygame.display.get_caption()[0] == "test"
    window.close()
    window.close()
    assert not pygame.display.get_init()
    np.testing.assert_array_equal(draw([sprite("agent")], (3, 4), "caption"), picture)
    window.show(picture, fps=0)
    np.testing.assert_array_equal(shown(), picture)


def test_window_keeps_the_frame_rate(window: Window) -> None:
    import pygame

    picture = draw([], SHAPE)
    window.show(picture, fps=50)
    start = pygame.time.get_ticks()
    for _ in range(5):
        window.show(picture, fps=50)
    assert pygame.time.get_ticks() - start >= 80


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda w: pickle.loads(pickle.dumps(w))])
@pytest.mark.parametrize("opened", [False, True])
def test_a_copied_window_starts_closed(window: Window, copied, opened: bool) -> None:
    picture = draw([sprite("vase")], SHAPE)
    if opened:
        window.show(picture, fps=0)
    twin = copied(window)
    assert twin.title == "test"
    twin.close()  # it is closed, so the first one stays open
    if opened:
        np.testing.assert_array_equal(shown(), picture)
    twin.show(picture, fps=0)
    np.testing.assert_array_equal(shown(), picture)
    twin.close()
    if opened:
        window.show(picture, fps=0)
