"""States of gridworlds: numbered, or remembered once they were seen."""

__all__: list[str] = []
