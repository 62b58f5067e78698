"""Blobs in an object store: S3, GCS, Azure and what speaks like them, and in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

import numpy as np

from headrace.blobs.keys import checked_key
from headrace.blobs.leases.renewing import LEASE_S, RenewedLocks
from headrace.blobs.leases.slots import StoreSlot
from headrace.blobs.locking import NOTE_SUFFIX, Release
from headrace.blobs.showable import showable
from headrace.blobs.stores.asking import MEMORY, ONE_PROCESS, WRITTEN, Asking, Changed, absent
from headrace.blobs.stores.connect import connected
from headrace.blobs.stores.fetching import fetch, read_ranges
from headrace.blobs.stores.gathering import Gathering, send
from headrace.blobs.stores.once import Once
from headrace.blobs.stores.options import Options, with_firm_timeout
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.contracts.errors import NotFound, StorageError, Unreachable, VersionExists
from headrace.deferred import obstore, obstore_store

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

# Any, in this file: what a class is called with to be made again.

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A delete is over, with all its tries, before a lease is that was renewed half of it ago: later it
# could remove what another relies on. The last try begins within this part of a lease.
DELETE_PART = 1 / 3


class ObjectBlobs:
    """Blobs in a store of obstore; in memory they are gone with the process.

    Example:
        >>> blobs = ObjectBlobs.in_memory()
        >>> blobs.put("digits/note.txt", b"ten")
        >>> [stat.key for stat in blobs.list("digits")]
        ['digits/note.txt']
    """

    def __init__(
        self,
        store: ObjectStore,
        *,
        url: str,
        options: Options = (),
        lease_s: float | None = None,
    ) -> None:
        self._store = store
        self._address = url
        self._options = options
        # Without leases locks hold among the threads of this process.
        self._locks: dict[str, threading.Lock] = {}
        self._leases = None if lease_s is None else RenewedLocks(lease_s)
        self._asking = Asking(url, options)

    @classmethod
    def in_memory(cls) -> ObjectBlobs:
        """New and empty blobs in this process's memory."""
        return cls(obstore_store.MemoryStore(), url=MEMORY)

    @classmethod
    def at(cls, url: str, options: Options = (), lease_s: float = LEASE_S) -> ObjectBlobs:
        """The blobs at an address; nothing is asked yet. Raises ArgumentError."""
        return cls(connected(url, options), url=url, options=options, lease_s=lease_s)

    @property
    def url(self) -> str:
        """Where the blobs are."""
        return showable(self._address)

    def get(self, key: str) -> bytes:
        """All bytes of a blob."""
        return self.map(key).tobytes()

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob, None where there is none."""
        try:
            with self._asking(key, "read"):
                return _stat(obstore.head(self._store, checked_key(key)), key)
        except Unreachable:
            raise
        except (NotFound, StorageError):
            # Why, such as a missing bucket or a wrong clock, is said in answer to a GET only.
            with suppress(NotFound), self._asking(key, "read"):
                return _stat(obstore.get(self._store, key).meta, key)
        return None

    def map(self, key: str) -> Mapped:
        """The bytes of a blob, read whole."""
        with self._asking(key, "read"):
            payload = obstore.get(self._store, checked_key(key)).bytes()
            return np.frombuffer(memoryview(payload), np.uint8)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """Ranges of a blob, those less than 1 MiB apart by one request."""
        with self._asking(key, "read"):
            return read_ranges(
                self._store, checked_key(key), starts, ends, where=f"{key!r} in {self.url}"
            )

    def fetch_to(self, key: str, path: Path, size_bytes: int | None = None) -> None:
        """Writes all bytes of a blob into a local file, read by ranges side by side.

        Who knows how many these are spares a request.
        """
        if size_bytes is None:
            found = self.stat(key)
            if found is None:
                raise absent(key, self.url)
            size_bytes = found.size_bytes
        with self._asking(key, "read"):
            where = f"{key!r} in {self.url}"
            fetch(self._store, checked_key(key), path, size_bytes, where=where)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a blob at once."""
        content = bytes(payload)
        with self._asking(key, WRITTEN):
            if replace:
                obstore.put(self._store, checked_key(key), content, use_multipart=False)
            else:
                self._once.put(checked_key(key), content)

    def tagged(self, key: str) -> tuple[bytes, str] | None:
        """All bytes of a blob and the tag of this state of it; None where there is none."""
        with self._asking(key, "read"):
            return self._once.tagged(checked_key(key))

    def swap(self, key: str, payload: Bytes, *, tag: str | None) -> str | None:
        """Writes a blob that still has this tag (None: that is not there); gives the new tag."""
        try:
            with self._asking(key, WRITTEN if tag is None else "replaced"):
                return self._once.put(checked_key(key), bytes(payload), tag=tag)
        except (Changed, NotFound, VersionExists):
            return None

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a blob that is gathered on the local disk first, then sent in parts.

        It is seen when all of it is there. One that is there already is written again: its time
        then says that it is needed.
        """
        with Gathering() as gathering:
            fill(cast(BinaryIO, gathering))
            named = checked_key(key())
            with self._asking(named, WRITTEN):
                send(self._store, named, gathering)
            return named

    def delete(self, key: str) -> None:
        """Removes a blob; one that is not there is no error."""
        # GCS and Azure say that it is not there.
        with suppress(NotFound), self._asking(key, "removed"):
            within_s = self._lease_s * DELETE_PART
            self._documents._once.delete(checked_key(key), within_s=within_s)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The blobs under a folder, in any order."""
        with self._asking(prefix, "listed"):
            found = obstore.list(self._store, prefix or None).collect()
        for meta in found:
            yield _stat(meta, meta["path"])

    def folders(self, prefix: str) -> Iterator[str]:
        """The names right under a folder that are folders themselves."""
        with self._asking(prefix, "listed"):
            found = obstore.list_with_delimiter(self._store, prefix or None)
        for path in found["common_prefixes"]:
            yield path.rsplit("/", 1)[-1]

    def try_lock(self, key: str) -> Release | None:
        """Takes a key's lock, which is renewed; in memory, among the threads of this process."""
        if self._leases is not None:
            slot = StoreSlot(self, self._documents, checked_key(key) + NOTE_SUFFIX)
            return self._leases.try_lock(slot)
        # setdefault is atomic: two threads that come first get one lock.
        lock = self._locks.setdefault(checked_key(key), threading.Lock())
        return lock.release if lock.acquire(blocking=False) else None

    def locks(self, folder: str) -> Iterator[str]:
        """The keys right under a folder whose lock was ever taken."""
        if self._leases is not None:
            yield from self._leases.locks(self, folder)
        for key in list(self._locks):
            if key.rpartition("/")[0] == folder:
                yield key

    def aside(self, prefix: str) -> ObjectBlobs:
        """The same blobs: a store shows nothing of an unfinished write."""
        del prefix
        return self

    def __eq__(self, other: object) -> bool:
        if self._address == MEMORY or not isinstance(other, ObjectBlobs):
            return self is other
        return (self._address, self._options) == (other._address, other._options)

    def __hash__(self) -> int:
        return hash(self._address)

    def __repr__(self) -> str:
        return f"ObjectBlobs({self.url!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._address == MEMORY:
            raise StorageError(
                f"cannot send {self.url} to another process. {ONE_PROCESS}, such as "
                'Storage("/tmp/headrace"), or stay in this process with Inline or Threads.'
            )
        return ObjectBlobs.at, (self._address, self._options, self._lease_s)

    @property
    def _lease_s(self) -> float:
        return LEASE_S if self._leases is None else self._leases.lease_s

    @cached_property
    def _documents(self) -> ObjectBlobs:
        """The same store, where no answer to a renewal is waited for until the lease is over."""
        if self._leases is None or self._address == MEMORY:
            return self
        options = with_firm_timeout(self._options, f"{self._leases.answer_s:g}s")
        return ObjectBlobs(connected(self._address, options), url=self._address, options=options)

    @cached_property
    def _once(self) -> Once:
        hasty = self._store
        if self._address != MEMORY:
            hasty = connected(self._address, self._options, is_retrying=False)
        return Once(self._store, hasty, self._options)


def _stat(meta: ObjectMeta, key: str) -> BlobStat:
    written = (meta["last_modified"] - EPOCH) // timedelta(microseconds=1) * 1000
    return BlobStat(key, meta["size"], written)
