"""Installation commands of this project's own distributions, for messages."""

from __future__ import annotations

_SOURCE = "git+https://github.com/rlsp/rlsp"


def install_command(distribution: str, extra: str = "") -> str:
    """The pip command that installs a distribution, in quotes for Markdown.

    It names the repository, since there is no release yet: from there it works in a clone, in a
    notebook and with built wheels alike. What others have released is named by its own name.

    Args:
        distribution: Its name, such as "rlsp-envs".
        extra: An extra of it.
    """
    wanted = f"{distribution}[{extra}]" if extra else distribution
    folder = distribution.replace("-", "_")
    return f'`pip install "{wanted} @ {_SOURCE}#subdirectory={folder}"`'
