"""The command ``rlsp table``: a module for each of its tables."""

__all__: list[str] = []
