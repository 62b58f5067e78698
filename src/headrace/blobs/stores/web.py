"""Blobs that a web server gives to whoever knows their keys: they are read, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from headrace.blobs.locking import Release
from headrace.blobs.stores.objects import ObjectBlobs
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.contracts.errors import StorageError


@dataclass(frozen=True)
class WebBlobs:
    """The files of a storage behind `https://`.

    Nothing lists them: a version is read by its name.

    Example:
        >>> blobs = WebBlobs(ObjectBlobs.at("https://data.example.org/headrace"))
        >>> blobs.put("digits/note.txt", b"ten")
        Traceback (most recent call last):
        headrace.contracts.errors.StorageError: 'digits/note.txt' was to be written to \
https://data.example.org/headrace, which is read only. Write to the store or folder behind it.
    """

    inner: ObjectBlobs

    @property
    def url(self) -> str:
        """Where the blobs are."""
        return self.inner.url

    def get(self, key: str) -> bytes:
        """All bytes of a blob."""
        return self.inner.get(key)

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a blob, None where there is none."""
        return self.inner.stat(key)

    def map(self, key: str) -> Mapped:
        """The bytes of a blob, read whole."""
        return self.inner.map(key)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """Ranges of a blob; of a server that knows no ranges, cut out of the whole."""
        return self.inner.ranges(key, starts, ends)

    def fetch_to(self, key: str, path: Path, size_bytes: int | None = None) -> None:
        """Writes all bytes of a blob into a local file."""
        self.inner.fetch_to(key, path, size_bytes)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Is refused. Raises StorageError."""
        raise self._read_only(key, "written to")

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Is refused. Raises StorageError."""
        raise self._read_only("a shard", "written to")

    def delete(self, key: str) -> None:
        """Is refused. Raises StorageError."""
        raise self._read_only(key, "removed from")

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """Is refused. Raises StorageError."""
        raise self._no_list()

    def folders(self, prefix: str) -> Iterator[str]:
        """Is refused. Raises StorageError."""
        raise self._no_list()

    def try_lock(self, key: str) -> Release | None:
        """Is refused. Raises StorageError."""
        raise self._read_only(key, "locked in")

    def locks(self, folder: str) -> Iterator[str]:
        """Is refused. Raises StorageError."""
        raise self._no_list()

    def aside(self, prefix: str) -> WebBlobs:
        """The same blobs: none is ever half written here."""
        return self

    def _read_only(self, key: str, done: str) -> StorageError:
        return StorageError(
            f"{key!r} was to be {done} {self.url}, which is read only. "
            "Write to the store or folder behind it."
        )

    def _no_list(self) -> StorageError:
        return StorageError(
            f"{self.url} was to be listed, and a web server lists nothing. "
            'Name the version, as in storage.fetch("digits", "1.0").'
        )
