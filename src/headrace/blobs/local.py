"""Blobs as plain files: durable, atomic, safe after a fork, and exact about a full disk."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, cast

from headrace.blobs.files import (
    NewFile,
    create,
    exists,
    flush_folder,
    keep_or_move,
    make_folder,
    reading,
    writing,
)
from headrace.blobs.flock import try_flock
from headrace.blobs.keys import checked_key
from headrace.blobs.leases.file_slots import FileSlot
from headrace.blobs.leases.renewing import RenewedLocks
from headrace.blobs.locking import NOTE_SUFFIX, Release
from headrace.blobs.mapping import map_file
from headrace.blobs.stores.pieces import cut
from headrace.contracts.blobs import BlobStat, Bytes, Mapped

# Ends the name of a lock file.
LOCK_SUFFIX = ".lock"
# Begins the name of a half-written blob; no name of a dataset or version begins so.
UNFINISHED = "~"
# Enough that no two half-written blobs ever get one name.
RANDOM_BYTES = 8


@dataclass(frozen=True)
class LocalBlobs:
    """Blobs as files under `root`, which is made by the first write.

    With `durable=False` nothing is flushed to disk: faster, and a power cut may take what was
    written in the last seconds.

    Example:
        >>> import tempfile
        >>> blobs = LocalBlobs(Path(tempfile.mkdtemp()))
        >>> blobs.put("digits/note.txt", b"ten")
        >>> blobs.get("digits/note.txt")
        b'ten'
    """

    root: Path
    durable: bool = True
    # What the key of a half-written blob begins with.
    unfinished: str = UNFINISHED
    # For how long others wait for a holder of a lock to renew it; None: the system keeps locks.
    lease_s: float | None = None

    @property
    def url(self) -> str:
        """The folder as text."""
        return str(self.root)

    def get(self, key: str) -> bytes:
        """All bytes of a file."""
        path = self.path(key)
        with reading(path):
            return path.read_bytes()

    def stat(self, key: str) -> BlobStat | None:
        """Size and time of a file, None where there is none."""
        path = self.path(key)
        with reading(path), suppress(FileNotFoundError, NotADirectoryError):
            return _stat(key, path.stat())
        return None

    def map(self, key: str) -> Mapped:
        """The bytes of a file, read when touched; no descriptor stays open."""
        path = self.path(key)
        with reading(path):
            return map_file(path)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        """Ranges of a file, read when touched."""
        return cut(self.map(key), starts, ends, where=str(self.path(key)))

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        """Writes a file at once: aside, flushed, then linked (or renamed) into place."""
        path = self.path(key)
        if not replace and path.exists():
            raise exists(path)
        with self._aside(lambda file: file.write(payload)) as aside, writing(path):
            make_folder(path.parent, durable=self.durable)
            if replace:
                os.replace(aside, path)
            else:
                create(aside, path)
            flush_folder(path.parent, durable=self.durable)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        """Writes a file piece by piece under a key that is known at its end."""
        with self._aside(fill) as aside:
            named = key()
            path = self.path(named)
            with writing(path):
                make_folder(path.parent, durable=self.durable)
                keep_or_move(aside, path, durable=self.durable)
                flush_folder(path.parent, durable=self.durable)
            return named

    def delete(self, key: str) -> None:
        """Removes a file; one that is not there is no error."""
        path = self.path(key)
        with writing(path):
            path.unlink(missing_ok=True)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        """The files under a folder, in any order."""
        folder = self.path(prefix) if prefix else self.root
        for entry in _entries(folder):
            key = f"{prefix}/{entry.name}" if prefix else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from self.list(key)
                continue
            if entry.is_dir():
                # A link, which may lead to others' files, or in a circle.
                continue
            # A file may go between the listing and this look at it.
            with suppress(FileNotFoundError):
                yield _stat(key, entry.stat())

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right under a folder."""
        for entry in _entries(self.path(prefix) if prefix else self.root):
            if entry.is_dir():
                yield entry.name

    def try_lock(self, key: str) -> Release | None:
        """Takes a lock file, which the system frees when this process ends, or a renewed one."""
        if self.lease_s is not None:
            return self._leases.try_lock(FileSlot(self.path(key + NOTE_SUFFIX), self.durable))
        path = self.path(key + LOCK_SUFFIX)
        make_folder(path.parent, durable=self.durable)
        with writing(path):
            return try_flock(path)

    def locks(self, folder: str) -> Iterator[str]:
        """The keys of the lock files right under a folder."""
        if self.lease_s is not None:
            yield from self._leases.locks(self, folder)
            return
        for entry in _entries(self.path(folder)):
            if entry.name.endswith(LOCK_SUFFIX):
                yield f"{folder}/{entry.name.removesuffix(LOCK_SUFFIX)}"

    def aside(self, prefix: str) -> LocalBlobs:
        """The same files, whose half-written ones begin with `prefix`."""
        return replace(self, unfinished=prefix)

    def path(self, key: str) -> Path:
        """Where the file of a key is."""
        return self.root / checked_key(key)

    @cached_property
    def _leases(self) -> RenewedLocks:
        assert self.lease_s is not None
        return RenewedLocks(self.lease_s)

    @contextmanager
    def _aside(self, fill: Callable[[BinaryIO], object]) -> Iterator[Path]:
        """A filled and flushed file, which is gone afterwards unless it was renamed."""
        aside = self.root / (self.unfinished + os.urandom(RANDOM_BYTES).hex())
        make_folder(aside.parent, durable=self.durable)
        try:
            with NewFile(aside) as file:
                fill(cast(BinaryIO, file))
                file.flush_to_disk(durable=self.durable)
            yield aside
        finally:
            # A folder that has become read-only refuses this too; the first error is the one to
            # read, and what stays is left to `prune`.
            with suppress(OSError):
                aside.unlink()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        return list(entries)
    return []


def _stat(key: str, found: os.stat_result) -> BlobStat:
    return BlobStat(key, found.st_size, found.st_mtime_ns)
