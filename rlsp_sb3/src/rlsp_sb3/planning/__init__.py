"""Finite-horizon planning in tabular environments."""
