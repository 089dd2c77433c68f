"""Figures of what an inferred reward means, in any environment."""

__all__: list[str] = []
