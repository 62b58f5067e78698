"""The room in a cache folder: how many bytes are in it, and what goes to make place for others."""

from __future__ import annotations

import math
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from headrace.blobs.cache.byte_locks import ByteLocks
from headrace.blobs.cache.cached_files import (
    NANOSECONDS,
    NOTE,
    UNFINISHED,
    CachedFile,
    files_in,
    folders_in,
)
from headrace.blobs.cache.uses import Uses
from headrace.blobs.files import make_folder, writing

RANDOM_BYTES = 8
# Where a file system has no locks, an older unfinished file is a dead process's.
ABANDONED_S = 86_400.0
# A little more goes than must, so that not each fetch has to look at each file.
SPARE = 64

# How far in the future each place is wanted; the others are wanted by nobody here.
Distances: TypeAlias = "Callable[[], Mapping[str, float]]"


@dataclass(frozen=True)
class Wish:
    """A shard that wants room: how much, in which bound, and for what it may put others out.

    What is wanted at most `nearest` steps from now stays. With `must` the bound is passed.
    """

    place: str
    size_bytes: int
    limit_bytes: int
    nearest: float = -math.inf
    must: bool = False


class Room:
    """The bytes of a cache folder, counted among all processes.

    What one of them reads never goes; what was fetched ahead and is `kept` goes last, and only
    for what is wanted at once. The count is never too low: it grows before a file does and
    shrinks after one went. Where it would pass a bound, all files are looked at, and it is right
    again.
    """

    def __init__(self, root: Path, locks: ByteLocks, uses: Uses, kept: Uses) -> None:
        self._root = root
        self._locks = locks
        self._uses = uses
        self._kept = kept
        self._own: set[str] = set()

    def settle(self) -> int:
        """Counts the files anew and removes what dead processes left; gives the bytes."""
        with self._locks.gate():
            size_bytes = sum(file.size_bytes for file in self._living())
            self._locks.set_number(size_bytes)
            return size_bytes

    @contextmanager
    def reserved(self, wish: Wish, distances: Distances) -> Iterator[Path | None]:
        """A new file for a shard, whose bytes are counted; None where there is no room.

        Unless it is published inside, it is gone afterwards.
        """
        digest = wish.place.rpartition("/")[2].partition(".")[0]
        name = f"{UNFINISHED}{digest}.{wish.size_bytes}.{os.urandom(RANDOM_BYTES).hex()}"
        part = (self._root / wish.place).with_name(name)
        lock = part.relative_to(self._root).as_posix()
        if not self._begin(part, lock, wish, distances):
            yield None
            return
        try:
            yield part
        finally:
            self._end(part, lock, wish.size_bytes)

    def publish(self, part: Path, place: str) -> None:
        """Gives a reserved file its name."""
        # At the gate: who counts the files meanwhile could see neither name.
        with self._locks.gate():
            os.replace(part, self._root / place)

    def free(self, size_bytes: int) -> None:
        """Removes files of so many bytes, the least recently used first, but none in use."""
        with self._locks.gate():
            total = sum(file.size_bytes for file in self._living())
            self._locks.set_number(self._freed(total - size_bytes, -math.inf, {}))

    def clear(
        self, is_chosen: Callable[[CachedFile], bool]
    ) -> tuple[list[CachedFile], list[CachedFile]]:
        """Removes the shards that are chosen; gives those that went, and those in use."""
        gone: list[CachedFile] = []
        used: list[CachedFile] = []
        with self._locks.gate():
            files = self._living()
            for file in files:
                if is_chosen(file):
                    (gone if self.remove(file.place) else used).append(file)
            total = sum(file.size_bytes for file in files)
            self._locks.set_number(total - sum(file.size_bytes for file in gone))
            self._remove_empty()
        return gone, used

    def remove(self, place: str, *, but_kept: bool = False) -> bool:
        """Removes a file unless somebody reads it, or keeps it and it is to be kept."""
        with ExitStack() as end:
            is_free = end.enter_context(self._uses.alone(place))
            if is_free and but_kept:
                is_free = end.enter_context(self._kept.alone(place))
            return is_free and self._unlink(place)

    def files(self) -> list[CachedFile]:
        """All that is in the folders of storages."""
        return [file for name in folders_in(self._root) for file in files_in(self._root, name)]

    def after_fork(self) -> None:
        """What the parent fetches is not the child's."""
        self._own = set()

    def _freed(self, most_bytes: int, nearest: float, wanted: Mapping[str, float]) -> int:
        """Leaves no more than so many bytes if it can; gives those that it left."""
        files = self._living()
        total = sum(file.size_bytes for file in files)
        going = [file for file in files if file.is_shard]
        going.sort(key=lambda file: (-wanted.get(file.place, math.inf), file.used_ns))
        gone: set[str] = set()
        for but_kept in (True, False) if nearest < 0 else (True,):
            for file in going:
                if total <= most_bytes or wanted.get(file.place, math.inf) <= nearest:
                    break
                if file.place not in gone and self.remove(file.place, but_kept=but_kept):
                    gone.add(file.place)
                    total -= file.size_bytes
        return total

    def _remove_empty(self) -> None:
        """Removes the folders of storages without a shard; at the gate none is begun."""
        for name in folders_in(self._root):
            places = [file.place for file in files_in(self._root, name)]
            if places in ([], [f"{name}/{NOTE}"]):
                # What is another user's stays.
                shutil.rmtree(self._root / name, ignore_errors=True)

    def _living(self) -> list[CachedFile]:
        """The files, but for what dead processes left, which goes."""
        return [file for file in self.files() if not (file.is_unfinished and self._bury(file))]

    def _bury(self, file: CachedFile) -> bool:
        if file.place in self._own or not self._locks.try_alone(file.place):
            return False
        try:
            if not self._locks.are_kept and time.time() - file.used_ns / NANOSECONDS < ABANDONED_S:
                return False
            return self._unlink(file.place)
        finally:
            self._locks.release(file.place)

    def _unlink(self, place: str) -> bool:
        try:
            # Gone already, it is counted as if it went now.
            (self._root / place).unlink(missing_ok=True)
        except PermissionError:
            # Another user's.
            return False
        return True

    def _begin(self, part: Path, lock: str, wish: Wish, distances: Distances) -> bool:
        with self._locks.gate():
            total = self._locks.number()
            if not wish.must and total + wish.size_bytes > wish.limit_bytes:
                spare = wish.limit_bytes // SPARE
                most_bytes = wish.limit_bytes - spare - wish.size_bytes
                total = self._freed(most_bytes, wish.nearest, distances())
                self._locks.set_number(total)
            if not wish.must and total + wish.size_bytes > wish.limit_bytes:
                return False
            self._locks.set_number(total + wish.size_bytes)
            with writing(part):
                make_folder(part.parent, durable=False)
                # At the gate nobody looks at it before it is locked.
                part.touch()
            self._own.add(lock)
            self._locks.try_alone(lock)
            return True

    def _end(self, part: Path, lock: str, size_bytes: int) -> None:
        """A file that has not got its name goes, and is counted no more."""
        with self._locks.gate():
            with suppress(FileNotFoundError):
                part.unlink()
                self._locks.set_number(max(self._locks.number() - size_bytes, 0))
            self._own.discard(lock)
            self._locks.release(lock)
