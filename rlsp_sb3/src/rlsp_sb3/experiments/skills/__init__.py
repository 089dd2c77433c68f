"""Section 4.2 of Lindner et al. (2021): skills from single states."""

__all__: list[str] = []
