"""Members of zip files, which may not become much larger than what was sent.

A zip of some kilobytes can say that it holds gigabytes, or hold them without saying so. What is
larger than the limit has to be stored without compression: then it is no larger than the file.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

MAX_UNPACKED_BYTES = 2**28
"""Largest size of what is in a file, each member and all together, unless the file is larger."""

_CHUNK_BYTES = 2**20


def read_text_file(path: Path) -> bytes:
    """Read a file of text, such as JSON or CSV, which takes many times its size when it is parsed.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is larger than :data:`MAX_UNPACKED_BYTES`.
    """
    with path.open("rb") as file:
        content = file.read(MAX_UNPACKED_BYTES + 1)  # a device says that it is empty
    if len(content) > MAX_UNPACKED_BYTES:
        raise ValueError(f"it is larger than {MAX_UNPACKED_BYTES:,} bytes")
    return content


def unpacked_limit(content_size: int) -> int:
    """Largest size, unpacked, of what is in a file of some size."""
    return max(MAX_UNPACKED_BYTES, content_size)


def check_unpacked(name: str, size: int, limit: int) -> None:
    """Raise a ValueError if something is larger than what a file may hold, unpacked."""
    if size > limit:
        raise ValueError(
            f"{name} would be {size:,} bytes unpacked: expected at most {limit:,}, or no more than "
            "the file has"
        )


def open_archive(content: bytes) -> ZipFile:
    """Open a zip file, after a check of what it says of its members.

    Args:
        content: What is in the file.

    Raises:
        BadZipFile: If it is no zip file.
        ValueError: If a member, or all of them, would be too large, or are compressed in a way in
            which nobody writes such files.
    """
    archive = ZipFile(BytesIO(content))
    limit = unpacked_limit(len(content))
    total = 0
    for member in archive.infolist():
        if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):  # others unpack all at once
            raise ValueError(
                f"{member.filename} is compressed by the method {member.compress_type}: expected "
                f"{ZIP_STORED} (none) or {ZIP_DEFLATED} (deflate)"
            )
        check_unpacked(member.filename, member.file_size, limit)
        total += member.file_size
    check_unpacked("all that is in it", total, limit)
    return archive


def read_member(archive: ZipFile, name: str) -> bytes:
    """Read a member, and no more of it than the archive says that there is.

    Args:
        archive: What :func:`open_archive` returned.
        name: The name of the member.

    Raises:
        KeyError: If there is none of that name.
        BadZipFile: If it is another one than the archive says, or larger.
    """
    chunks = []
    with archive.open(name) as file:
        # All at once, zipfile would unpack all that comes before it counts.
        while chunk := file.read(_CHUNK_BYTES):
            chunks.append(chunk)
    return b"".join(chunks)
