"""Table 1 of Lindner et al. (2021): the MuJoCo environments."""

__all__: list[str] = []
