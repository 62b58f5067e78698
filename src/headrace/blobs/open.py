"""From what the user writes to blobs: a path, or the address of a store."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args
from urllib.parse import unquote

from headrace.blobs.leases.renewing import LEASE_S
from headrace.blobs.local import LocalBlobs
from headrace.blobs.locking import LockingBlobs
from headrace.blobs.showable import showable
from headrace.blobs.stores.connect import STORES, WEB
from headrace.blobs.stores.objects import ObjectBlobs
from headrace.blobs.stores.options import Options, options_of
from headrace.blobs.stores.web import WebBlobs
from headrace.contracts.errors import ArgumentError, near

# Any, in this file: the options of a store are those that obstore knows.

# Two letters at least: `C:\data` is a path.
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
Locks: TypeAlias = Literal["flock", "leases"]
LOCKS: tuple[Locks, ...] = get_args(Locks)
SCHEMES = (*STORES, *WEB, "file", "memory")
ACCEPTED = (
    "Give a path such as '/data/headrace', 's3://bucket/folder', gs://, az://, https:// (to "
    "read), a file:// address, or 'memory://'."
)
# A bucket's name in an address, without user, password or port.
BUCKET = re.compile(r"[^@:?#]+")


def open_blobs(
    url: str | os.PathLike[str],
    *,
    durable: bool = True,
    storage_options: Mapping[str, Any] | None = None,
    locks: Locks = "flock",
) -> LockingBlobs:
    """The blobs at a path or address; nothing is made or asked before the first use.

    With `durable=False` local files are not flushed to disk. `storage_options` are those of the
    store: credentials, endpoint, limits of time. `locks` is how builders keep apart at a path: by
    locks of the system, or by leases, which need none. Stores have leases.

    Raises:
        ArgumentError: the address is empty or of an unknown kind, or has credentials in it; or
            the store does not take the options, or the locks are of an unknown kind.

    Example:
        >>> open_blobs("memory://").url
        'memory://'
    """
    text = os.fspath(url)
    if not text:
        raise ArgumentError(f"storage needs a place, got {text!r}. {ACCEPTED}")
    if locks not in LOCKS:
        raise ArgumentError(
            f"locks must be one of {', '.join(map(repr, LOCKS))}, got {locks!r}. Take 'leases' for "
            "a folder that machines share, where locks of files may not hold between them."
        )
    options = options_of(storage_options)
    scheme, is_address, _ = text.partition("://")
    if is_address and scheme.lower() in (*STORES, *WEB):
        return _remote(text, options)
    if options:
        raise ArgumentError(
            f"storage_options are for s3://, gs://, az:// and https://, got some for "
            f"{showable(text)!r}. Leave them out, or give the address of a store."
        )
    return _near_by(text, durable, LEASE_S if locks == "leases" else None)


def _near_by(text: str, durable: bool, lease_s: float | None) -> LockingBlobs:
    """Blobs of this machine, or of a file system that it shares."""
    if not SCHEME.match(text):
        return _local(Path(text), durable, lease_s)
    scheme = text.partition("://")[0].lower()
    if scheme == "file":
        return _local(Path(path_of(text)), durable, lease_s)
    if scheme == "memory":
        return ObjectBlobs.in_memory()
    raise ArgumentError(
        f"storage knows no address that begins with {scheme}://, got {showable(text)!r}. "
        f"{near(scheme, SCHEMES)} {ACCEPTED}"
    )


def _remote(url: str, options: Options) -> LockingBlobs:
    scheme, _, place = url.partition("://")
    bucket = place.partition("/")[0]
    is_web = scheme.lower() in WEB
    # Of a web server a port is no secret, and a query could not be part of each key.
    is_plain = not set("?#") & set(place) and "@" not in bucket
    if not (bucket and is_plain if is_web else BUCKET.fullmatch(bucket)):
        raise ArgumentError(
            f"an address like {scheme}://{'host' if is_web else 'bucket'}/folder was expected, "
            f"got {showable(url)!r}. Credentials do not belong in it, where they would be shown: "
            "pass storage_options, or set the variables of the store."
        )
    blobs = ObjectBlobs.at(url, options)
    return WebBlobs(blobs) if is_web else blobs


def _local(path: Path, durable: bool, lease_s: float | None) -> LocalBlobs:
    # Absolute, so that it means the same in a worker that runs elsewhere.
    return LocalBlobs(path.expanduser().absolute(), durable, lease_s=lease_s)


def path_of(url: str) -> str:
    """The path that a `file://` address says. Raises ArgumentError where it is no such address."""
    host, slash, path = url.partition("://")[2].partition("/")
    if host not in ("", "localhost") or not slash:
        raise ArgumentError(
            f"a file:// address needs three slashes and an absolute path, got {showable(url)!r}. "
            "Write it like file:///data/headrace."
        )
    return unquote(slash + path)
