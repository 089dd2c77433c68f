"""Check the built site: links within it lead somewhere, and every public name is described."""

from __future__ import annotations

import sys
import zlib
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from api_reference import public_modules


class Page(HTMLParser):
    """Anchors of a page, and what it links to or shows."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.targets: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what a tag names and where it leads."""
        for name, value in attrs:
            if value and name in ("id", "name"):
                self.anchors.add(value)
            elif value and name in ("href", "src") and tag != "form":
                self.targets.append(value)


@cache
def read(path: Path) -> Page:
    """The page of a file."""
    return Page(path.read_text(encoding="utf-8"))


def broken_links(site: Path) -> list[str]:
    """Links, within the site, to what there is not."""
    broken = []
    for path in sorted(site.rglob("*.html")):
        for target in read(path).targets:
            url = urlsplit(target)
            if url.scheme or url.netloc:
                continue
            to = (path.parent / unquote(url.path)).resolve() if url.path else path
            anchor = unquote(url.fragment)
            is_page = to.suffix == ".html" and to.exists()
            if not to.exists() or (anchor and is_page and anchor not in read(to).anchors):
                broken.append(f"{path.relative_to(site)}: {target}")
    return broken


def undescribed_names(site: Path) -> list[str]:
    """Public names that are missing in the reference."""
    inventory = Path(site, "objects.inv").read_bytes().split(b"\n", 4)[4]
    described = {line.split()[0] for line in zlib.decompress(inventory).decode().splitlines()}
    first: dict[int, str] = {}  # a name that is offered twice is described once
    for module in public_modules():
        for name in module.__all__:
            if not name.startswith("__"):
                first.setdefault(id(getattr(module, name)), f"{module.__name__}.{name}")
    return sorted(set(first.values()) - described)


if __name__ == "__main__":
    built = Path(sys.argv[1]).resolve()
    problems = [f"leads nowhere: {each}" for each in broken_links(built)]
    problems += [f"is not described: {each}" for each in undescribed_names(built)]
    sys.exit("\n".join(problems) or None)
