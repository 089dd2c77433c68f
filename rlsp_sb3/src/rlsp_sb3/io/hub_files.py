"""Files on the Hugging Face Hub, by addresses such as ``hf://org/repo@v1/learner.zip``.

What reads a file calls :func:`local_file` first, and so takes an address wherever it takes a path.
A download is a copy of bytes: what reads it runs no code from it, as from any other file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

from gymnasium.error import DependencyNotInstalled

# As a Path, an address has one slash after the colon, and backslashes on Windows.
_SCHEME = re.compile(r"hf:/+")
_ADDRESS = re.compile(
    r"hf:/+(?P<kind>datasets/|models/)?(?!spaces/)(?P<repo>[\w.-]+/[\w.-]+)(@(?P<revision>[^/]+))?"
    r"/(?P<file>.+)"
)
_SHAPE = (
    "expected hf://ORGANIZATION/REPOSITORY/FILE, hf://ORGANIZATION/REPOSITORY@REVISION/FILE, or "
    "hf://datasets/... for a repository of data"
)


class HubAddress(NamedTuple):
    """Address of a file on the Hub.

    Attributes:
        repo_type: "model" or "dataset".
        repo_id: The repository, such as "org/repo".
        revision: A branch, a tag or a commit; None for the main branch.
        filename: The file within it.
    """

    repo_type: str
    repo_id: str
    revision: str | None
    filename: str


def is_hub_address(source: object) -> bool:
    """Return whether something is the address of a file on the Hub."""
    return isinstance(source, (str, Path)) and _SCHEME.match(_text(source)) is not None


def parse_address(source: str | Path) -> HubAddress:
    """The parts of an address.

    Raises:
        ValueError: If it is none.
    """
    found = _ADDRESS.fullmatch(_text(source))
    if found is None:
        raise ValueError(f"path={str(source)!r} is no file on the Hugging Face Hub: {_SHAPE}")
    revision = found["revision"]
    return HubAddress(
        "dataset" if found["kind"] == "datasets/" else "model",
        found["repo"],
        None if revision is None else unquote(revision),
        found["file"],
    )


def local_file(path: str | Path) -> Path:
    """The path of a file here; of an address, that of its copy in the cache of huggingface_hub.

    The copy has the name that the file has there. It is downloaded if the cache has another version
    of it, or none.

    Args:
        path: A path, or the address of a file on the Hub.

    Raises:
        ConnectionError: If the Hub cannot be reached, and the cache has no copy.
        DependencyNotInstalled: If huggingface_hub is not installed.
        FileNotFoundError: If there is no such repository, revision or file.
        PermissionError: If it may not be read.
        ValueError: If the address is malformed.
    """
    if not is_hub_address(path):
        return Path(path)
    address = parse_address(path)
    hub = import_hub()

    def download(**options: bool) -> Path:
        return Path(
            hub.hf_hub_download(
                address.repo_id,
                address.filename,
                repo_type=address.repo_type,
                revision=address.revision,
                **options,
            )
        )

    try:
        with hub_errors(f"path={str(path)!r}"):
            return download()
    except ConnectionError:
        # huggingface_hub looks for a copy itself only after some of the ways to fail.
        with suppress(FileNotFoundError):
            return download(local_files_only=True)
        raise


def find_file(path: Path) -> Path | None:
    """The path of a file here or on the Hub, as of :func:`local_file`; None if there is none."""
    try:
        found = local_file(path)
    except FileNotFoundError:
        return None
    return found if found.is_file() else None


def import_hub() -> Any:
    """The package ``huggingface_hub``.

    Raises:
        DependencyNotInstalled: If it is not installed.
    """
    try:
        return import_module("huggingface_hub")
    except ImportError as error:
        raise DependencyNotInstalled(
            f"the Hugging Face Hub needs a package that is not installed ({error}): run "
            "`pip install huggingface-hub`, or use files that are here"
        ) from error


@contextmanager
def hub_errors(subject: str) -> Iterator[None]:
    """Turn the errors of huggingface_hub into Python's own, which say what to do.

    Args:
        subject: What is to be read or written, at the beginning of the message.
    """
    errors = import_module("huggingface_hub.errors")
    try:
        yield
    except errors.HFValidationError as error:
        raise ValueError(f"{subject}: {error}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise _unreachable(subject, error) from error
    except errors.EntryNotFoundError as error:
        raise FileNotFoundError(
            f"{subject}: the repository has no such file, at this revision"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{subject}: the repository has no such revision: expected a branch, a tag or a commit"
        ) from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, "status_code", None)
        if isinstance(error, errors.RepositoryNotFoundError) and status == 404:
            raise FileNotFoundError(
                f"{subject}: there is no such repository; if it is private, log in by "
                "`hf auth login`"
            ) from error
        if status in (401, 403):
            raise PermissionError(
                f"{subject}: the Hub refuses it, or has no such repository: log in by `hf auth "
                "login`, or set HF_TOKEN, with an account that may do this"
            ) from error
        raise OSError(f"{subject}: the Hub answers {error}") from error
    # What is below: the errors of the HTTP library, which is another one in each major version.
    except (*errors.HfHubHTTPError.__bases__, OSError) as error:
        raise _unreachable(subject, error) from error


def _unreachable(subject: str, error: Exception) -> ConnectionError:
    reason = str(error.__cause__ or error).splitlines()[0]
    return ConnectionError(
        f"{subject}: the Hugging Face Hub cannot be reached, and there is no copy here ({reason}): "
        "check the connection and HF_ENDPOINT, unset HF_HUB_OFFLINE, or use files that are here"
    )


def _text(source: str | Path) -> str:
    return str(source).replace("\\", "/") if isinstance(source, Path) else source
