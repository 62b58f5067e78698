"""From an address to a store of obstore and a key in it; and what addresses a pattern means."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from headrace.blobs.open import SCHEME
from headrace.blobs.showable import showable
from headrace.blobs.stores.connect import STORES, WEB, connected, secrets
from headrace.blobs.stores.failures import answer_of, failure_of, raise_alone
from headrace.blobs.stores.forked import fork_guard
from headrace.blobs.stores.options import Options
from headrace.contracts.errors import ArgumentError, StorageError, near
from headrace.deferred import obstore, obstore_exceptions

if TYPE_CHECKING:
    from obstore.store import ObjectStore

MAGIC = frozenset("*?[")
# A store keeps connections and credentials: files of one bucket share it.
STORES_KEPT = 32


def is_address(text: str) -> bool:
    """Whether it begins as `s3://` does."""
    return SCHEME.match(text) is not None


def scheme_of(url: str) -> str:
    """What an address begins with.

    Raises:
        ArgumentError: nothing of that kind can be read.
    """
    scheme = url.partition("://")[0].lower()
    if scheme in (*WEB, *STORES, "file"):
        return scheme
    if scheme == "memory":
        raise ArgumentError(
            f"files of a store were asked for, got {url!r}, and memory:// begins empty each time. "
            "Pass the records themselves: hr.stream([b'...'])."
        )
    raise ArgumentError(
        f"no file can be read from {scheme}://, got {showable(url)!r}. "
        f"{near(scheme, [*STORES, *WEB, 'file'])}"
    )


def addresses(url: str, options: Options) -> list[str]:
    """The address itself; of a folder (it ends in `/`) or pattern, those of its files, sorted.

    Raises:
        ArgumentError: there is no such file.
        StorageError: the store cannot be listed.
    """
    if scheme_of(url) in WEB or not (url.endswith("/") or MAGIC & set(_split(url)[1])):
        return [url]
    root, pattern = _split(url)
    parts = (f"{pattern}**" if pattern.endswith("/") or not pattern else pattern).split("/")
    plain = next(at for at, part in enumerate(parts) if MAGIC & set(part))
    with asking(url, options):
        store = store_of(root, options)
        listing = obstore.list(store, "/".join(parts[:plain]) or None)
        keys = [meta["path"] for chunk in listing for meta in chunk]
    found = sorted(f"{root}/{key}" for key in keys if _fits(key.split("/"), parts))
    if not found:
        raise ArgumentError(
            f"a file at least was expected, and {showable(url)!r} stands for none. "
            "Check the bucket and the pattern; ** stands for folders in folders."
        )
    return found


def located_in(url: str, options: Options) -> tuple[ObjectStore, str]:
    """The store that holds the file, and its key there."""
    if scheme_of(url) in WEB:
        # The whole address is the store's: a key would lose what follows a question mark.
        return store_of(url, options), ""
    root, key = _split(url)
    return store_of(root, options), key


@functools.lru_cache(maxsize=STORES_KEPT)
def store_of(root: str, options: Options) -> ObjectStore:
    """The store at an address; credentials come from the environment where options have none."""
    return connected(root, options)


@contextmanager
def asking(url: str, options: Options = ()) -> Iterator[None]:
    """Turns the errors of a store into ours, without the secrets of address and options.

    Raises:
        StorageError: nothing is there, or it cannot be reached; or this process was forked.
    """
    shown = showable(url)
    if fork_guard().is_child:
        raise StorageError(
            f"{shown} was to be read in a forked process, where it would hang. Read it in this "
            'process or in threads, or begin workers by "forkserver" or "spawn".'
        )
    try:
        yield
    except obstore_exceptions.PreconditionError:
        raise StorageError(
            f"{shown} was to be read, and has changed since it was opened. Read it again."
        ) from None
    except (obstore_exceptions.BaseError, FileNotFoundError) as error:
        if isinstance(error, FileNotFoundError) and not answer_of(error).has_no_bucket:
            raise StorageError(
                f"{shown} was to be read, and nothing is there. Check the address."
            ) from None
        raise_alone(failure_of(error, f"{shown} was to be read", secrets(options)))


def _split(url: str) -> tuple[str, str]:
    """The part of an address that is a store, and the key or pattern behind it."""
    scheme, _, rest = url.partition("://")
    bucket, slash, key = rest.partition("/")
    if not bucket or not slash:
        raise ArgumentError(
            f"an address of files was expected, got {showable(url)!r}. "
            f"Write it like {scheme}://bucket/folder/file; one that ends in / stands for a folder."
        )
    return f"{scheme}://{bucket}", key


def _fits(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        rests = (parts[at:] for at in range(len(parts) + 1))
        return pattern == ["**"] or any(_fits(rest, pattern[1:]) for rest in rests)
    return bool(parts) and fnmatchcase(parts[0], pattern[0]) and _fits(parts[1:], pattern[1:])
