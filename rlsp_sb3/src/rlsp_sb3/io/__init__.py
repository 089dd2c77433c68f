"""Files that can hold no code, written whole or not at all."""

__all__: list[str] = []
