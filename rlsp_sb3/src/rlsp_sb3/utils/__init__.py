"""Helpers that know nothing of reward learning; :mod:`rlsp_sb3.learners` offers some to authors."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.utils.observations import channels_last
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = ["channels_last", "lazy_exports"]
