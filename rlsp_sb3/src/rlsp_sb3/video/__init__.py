"""Videos of policies."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.video.recording import make_for_film, record
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = [
    "make_for_film",
    "record",
]
