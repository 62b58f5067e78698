"""From what the user writes to blobs: a path, `file://` or `memory://`."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from headrace.blobs.local import LocalBlobs
from headrace.blobs.locking import LockingBlobs
from headrace.blobs.objects import ObjectBlobs
from headrace.contracts.errors import ArgumentError, near

# Two letters at least: `C:\data` is a path.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
SCHEMES = ("file", "memory")
SCHEMES_TO_COME = ("s3", "gs", "az", "https")
ACCEPTED = "Give a path such as '/data/headrace', a file:// address, or 'memory://'."


def open_blobs(url: str | os.PathLike[str], *, durable: bool = True) -> LockingBlobs:
    """The blobs at a path or address; nothing is made before the first write.

    With `durable=False` local files are not flushed to disk.

    Raises:
        ArgumentError: the address is empty, of an unknown kind, or of one that is not built yet.

    Example:
        >>> open_blobs("memory://").url
        'memory://'
    """
    text = os.fspath(url)
    if not text:
        raise ArgumentError(f"storage needs a place, got {text!r}. {ACCEPTED}")
    if not SCHEME.match(text):
        return _local(Path(text), durable)
    scheme = text.partition("://")[0].lower()
    if scheme == "file":
        return _local(Path(path_of(text)), durable)
    if scheme == "memory":
        return ObjectBlobs.in_memory()
    if scheme in SCHEMES_TO_COME:
        raise ArgumentError(f"{scheme}:// is not built yet, got {text!r}. {ACCEPTED}")
    raise ArgumentError(
        f"storage knows no address that begins with {scheme}://, got {text!r}. "
        f"{near(scheme, [*SCHEMES, *SCHEMES_TO_COME])} {ACCEPTED}"
    )


def _local(path: Path, durable: bool) -> LocalBlobs:
    # Absolute, so that it means the same in a worker that runs elsewhere.
    return LocalBlobs(path.expanduser().absolute(), durable)


def path_of(url: str) -> str:
    """The path that a `file://` address says. Raises ArgumentError where it is no such address."""
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ArgumentError(
            f"a file:// address needs three slashes and an absolute path, got {url!r}. "
            "Write it like file:///data/headrace."
        )
    return unquote(parts.path)
