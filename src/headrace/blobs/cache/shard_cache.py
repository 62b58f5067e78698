"""Shards of remote storages as files of this machine: fetched once, verified, within a bound."""

from __future__ import annotations

import functools
import os
import shutil
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path

from headrace.blobs.cache.ahead import Ahead
from headrace.blobs.cache.byte_locks import ByteLocks
from headrace.blobs.cache.cached_files import LOCKS
from headrace.blobs.cache.fetching import Fetching, Origin, is_whole
from headrace.blobs.cache.room import Room
from headrace.blobs.cache.turns import Turns
from headrace.blobs.cache.uses import Uses
from headrace.blobs.files import make_folder, reading, writing
from headrace.blobs.mapping import map_file
from headrace.contracts.blobs import Mapped
from headrace.contracts.errors import NotFound, StorageError


class ShardCache:
    """The files of one cache folder, as this process uses them; one for each folder in it."""

    def __init__(self, root: Path) -> None:
        make_folder(root, durable=False)
        self.root = root
        with writing(root / LOCKS):
            self._locks = ByteLocks(root / LOCKS)
        self._uses = Uses(self._locks, "read")
        self._kept = Uses(self._locks, "keep")
        self._turns = Turns(root, self._locks)
        self.room = Room(root, self._locks, self._uses, self._kept)
        self.ahead = Ahead(self._kept, self.has)
        self._fetching = Fetching(root, self._turns, self.room, self.ahead)
        # What killed processes have left goes before anything comes.
        self.room.settle()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def has(self, place: str) -> bool:
        """Whether a shard is there."""
        return (self.root / place).exists()

    def share_of_disk(self, share: float) -> int:
        """A share of the bytes that the disk has for the cache."""
        return int((shutil.disk_usage(self.root).free + self._locks.number()) * share)

    @property
    def is_gone(self) -> bool:
        """Whether somebody has removed the folder, and with it the locks that others see."""
        return self._locks.is_removed()

    def map(self, origin: Origin, limit_bytes: int) -> Mapped:
        """The bytes of a shard, in use as long as somebody looks at them.

        Raises:
            NotFound: the storage has none.
            IntegrityError: what the storage gives is not what was written.
            StorageError: the storage cannot be read, or the cache folder not be written.
        """
        place = origin.place
        # Nobody removes it from here on, before it is there too.
        self._uses.hold(place)
        try:
            mapped = self._present(place)
            while mapped is None:
                mapped = self._fetching.fetched(origin, limit_bytes)
                mapped = self._present(place) if mapped is None else mapped
            now_ns = time.time_ns()
            with suppress(OSError):
                os.utime(self.root / place, ns=(now_ns, now_ns))
        except BaseException:
            self._uses.drop(place)
            raise
        weakref.finalize(mapped, self._uses.drop, place).atexit = False
        self.ahead.reached(place)
        return mapped

    def fetch_ahead(self, origin: Origin, limit_bytes: int, distance: int) -> bool:
        """Fetches a shard that is wanted later; False where it has to wait."""
        is_fetched = self._fetching.fetched(origin, limit_bytes, nearest=distance) is not None
        return is_fetched or self._present(origin.place) is not None

    def _present(self, place: str) -> Mapped | None:
        path = self.root / place
        # No exception where none is needed: some Pythons keep the frames of one, and so what its
        # caller maps later, until they next collect garbage.
        if not path.exists():
            return None
        try:
            with reading(path):
                is_older = path.stat().st_mtime < _booted()
                mapped = map_file(path)
        except NotFound:
            return None
        # Nothing waits for the disk here: what was there before a power cut may be half of it.
        if is_older and not is_whole(place, mapped):
            with writing(path):
                path.unlink(missing_ok=True)
            return None
        return mapped

    def _after_fork(self) -> None:
        for part in (self._locks, self._uses, self._kept, self._turns, self.room, self.ahead):
            part.after_fork()


def shard_cache(root: Path) -> ShardCache:
    """The cache of a folder in this process.

    Raises:
        StorageError: the folder cannot be made or written to.
    """
    return _opened().of(Path(os.path.realpath(root)))


class _Opened:
    """The caches of this process; its locks are per process, so there is one for a folder."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._caches: dict[Path, ShardCache] = {}
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._after_fork)

    def of(self, root: Path) -> ShardCache:
        with self._mutex:
            if root not in self._caches or self._caches[root].is_gone:
                try:
                    self._caches[root] = ShardCache(root)
                except StorageError as error:
                    raise StorageError(
                        f"the shard cache {root} cannot be kept: {error} That is cache_dir (or "
                        "HEADRACE_CACHE_DIR)."
                    ) from error
            return self._caches[root]

    def _after_fork(self) -> None:
        self._mutex = threading.Lock()


@functools.cache
def _opened() -> _Opened:
    return _Opened()


def _booted() -> float:
    """When this machine started, or a little later where it has slept since."""
    return time.time() - time.monotonic()
