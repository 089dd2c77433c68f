"""Helpers that know nothing of reward learning; :mod:`rlsp_sb3.learners` offers some to authors."""

from rlsp_sb3.utils.lazy import lazy_exports

__all__ = ["lazy_exports"]
