"""Section 3.4 of Lindner et al. (2021): skills from single states."""

__all__: list[str] = []
