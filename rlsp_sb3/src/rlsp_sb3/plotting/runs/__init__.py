"""Figures of the runs that ``rlsp learn`` has left, or is filling."""

__all__: list[str] = []
