"""The results page: tables of several folders, as Markdown."""

__all__: list[str] = []
