"""Blobs in an object store: the one module that knows obstore. So far `memory://`."""

from __future__ import annotations

import functools
import io
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, BinaryIO, Literal, NoReturn

import numpy as np

from headrace.blobs.keys import checked_key
from headrace.blobs.locking import Release
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.contracts.errors import NotFound, StorageError, VersionExists
from headrace.deferred import obstore, obstore_exceptions, obstore_store

if TYPE_CHECKING:
    from obstore.store import ObjectStore

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_PROCESS = "memory:// lives in one process: use a path"


class ObjectBlobs:
    """Blobs in a store of obstore; in memory they are gone with the process.

    Example:
        >>> blobs = ObjectBlobs.in_memory()
        >>> blobs.put("digits/note.txt", b"ten")
        >>> [stat.key for stat in blobs.list("digits")]
        ['digits/note.txt']
    """

    def __init__(self, store: ObjectStore, *, url: str) -> None:
        self._store = store
        self._url = url
        self._locks: dict[str, threading.Lock] = {}
        self._fork = fork_guard()

    @classmethod
    def in_memory(cls) -> ObjectBlobs:
        """New and empty blobs in this process's memory."""
        return cls(obstore_store.MemoryStore(), url="memory://")

    @property
    def url(self) -> str:
        """Where the blobs are."""
        return self._url

    def get(self, key: str) -> bytes:
        """All bytes of a blob."""
        return self.map(key).tobytes()

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob, None where there is none."""
        try:
            with self._asking(key):
                found = obstore.head(self._store, checked_key(key))
        except NotFound:
            return None
        return BlobStat(key, found["size"], _nanoseconds(found["last_modified"]))

    def map(self, key: str) -> Mapped:
        """The bytes of a blob, read whole."""
        with self._asking(key):
            payload = obstore.get(self._store, checked_key(key)).bytes()
            return np.frombuffer(memoryview(payload), np.uint8)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a blob at once."""
        mode: Literal["overwrite", "create"] = "overwrite" if replace else "create"
        with self._asking(key):
            content = bytes(payload)
            obstore.put(self._store, checked_key(key), content, mode=mode, use_multipart=False)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a blob that is gathered in memory first."""
        gathered = io.BytesIO()
        fill(gathered)
        named = key()
        self.put(named, gathered.getbuffer(), replace=True)
        return named

    def delete(self, key: str) -> None:
        """Removes a blob; one that is not there is no error."""
        with self._asking(key):
            obstore.delete(self._store, checked_key(key))

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The blobs under a folder, in any order."""
        with self._asking(prefix):
            found = obstore.list(self._store, prefix or None).collect()
        for meta in found:
            yield BlobStat(meta["path"], meta["size"], _nanoseconds(meta["last_modified"]))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names right under a folder that are folders themselves."""
        with self._asking(prefix):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        for path in found["common_prefixes"]:
            yield path.rsplit("/", 1)[-1]

    def try_lock(self, key: str) -> Release | None:
        """Takes a key's lock among the threads of this process."""
        # setdefault is atomic: two threads that come first get one lock.
        lock = self._locks.setdefault(checked_key(key), threading.Lock())
        return lock.release if lock.acquire(blocking=False) else None

    def locks(self, folder: str) -> Iterator[str]:
        """The keys right under a folder whose lock was ever taken."""
        for key in list(self._locks):
            if key.rpartition("/")[0] == folder:
                yield key

    def aside(self, prefix: str) -> ObjectBlobs:
        """The same blobs: a store shows nothing of an unfinished write."""
        del prefix
        return self

    def __reduce__(self) -> NoReturn:
        raise StorageError(
            f"cannot send {self._url} to another process. {ONE_PROCESS}, such as "
            'Storage("/tmp/headrace"), or stay in this process with Inline or Threads.'
        )

    @contextmanager
    def _asking(self, key: str) -> Iterator[None]:
        if self._fork.is_child:
            raise StorageError(
                f"cannot use {self._url} in a forked process: it would hang. {ONE_PROCESS}, "
                'such as Storage("/tmp/headrace"). Other object stores work in processes that '
                "are not forked: in torch's DataLoader say "
                'multiprocessing_context="forkserver" or "spawn".'
            )
        try:
            yield
        except (obstore_exceptions.NotFoundError, FileNotFoundError):
            raise NotFound(
                f"there is no {key!r} in {self._url}. It was deleted or never written."
            ) from None
        except obstore_exceptions.AlreadyExistsError:
            raise VersionExists(
                f"{key!r} is in {self._url} already, and is written once. "
                "Choose another name, or say replace=True."
            ) from None
        except obstore_exceptions.BaseError as error:
            # What follows the first line is obstore's internal state.
            reason = str(error).partition("\n")[0]
            raise StorageError(
                f"{self._url} failed at {key!r}: {reason}. Nothing was published; try again."
            ) from error


class _ForkGuard:
    """Knows whether this process was forked from one that had used obstore.

    Such a child hangs for ever in obstore, even with a store that it made itself.
    """

    def __init__(self) -> None:
        self.is_child = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._mark)

    def _mark(self) -> None:
        self.is_child = True


@functools.cache
def fork_guard() -> _ForkGuard:
    """The guard of this process: one, because the trap is the process's, not the store's."""
    return _ForkGuard()


def _nanoseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1) * 1000
