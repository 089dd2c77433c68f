"""Learners on the Hugging Face Hub: the same files as on a disk, in which no code can be."""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.hub.download import from_pretrained
    from rlsp_sb3.hub.upload import push_to_hub
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = ["from_pretrained", "push_to_hub"]
