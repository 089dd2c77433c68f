"""Files that can hold no code, written whole or not at all.

``write_npz``, ``read_npz`` and ``write_json`` are for authors of learners; all else is for this
package.
"""

from typing import TYPE_CHECKING

from rlsp_sb3.utils.lazy import lazy_exports

if TYPE_CHECKING:
    from rlsp_sb3.io.json_file import write_json
    from rlsp_sb3.io.npz import read_npz, write_npz
else:
    __getattr__, __dir__ = lazy_exports(__name__)

__all__ = ["read_npz", "write_json", "write_npz"]
