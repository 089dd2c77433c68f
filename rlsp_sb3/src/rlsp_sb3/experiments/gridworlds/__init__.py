"""The table of the gridworlds."""

__all__: list[str] = []
