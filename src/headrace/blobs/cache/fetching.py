"""How a shard comes into the cache: verified, and then with its name at once."""

from __future__ import annotations

import logging
import math
import os
import time
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import msgspec

from headrace.blobs.cache.ahead import Ahead
from headrace.blobs.cache.cached_files import NOTE, UNFINISHED
from headrace.blobs.cache.room import RANDOM_BYTES, Room, Wish
from headrace.blobs.cache.turns import Turns
from headrace.blobs.files import FULL, writing
from headrace.blobs.mapping import map_file
from headrace.contracts.blobs import Mapped
from headrace.contracts.errors import IntegrityError, StorageError
from headrace.digests import is_named

logger = logging.getLogger("headrace")
# A shard that does not verify may have been damaged on its way, once.
ATTEMPTS = 2
# So long a shard waits for others to be released before it passes the bound.
ROOM_WAIT_S = 0.5
LOOK_EVERY_S = 0.05


class Origin(Protocol):
    """Where a shard comes from."""

    @property
    def url(self) -> str:
        """The storage, without secrets."""
        ...

    @property
    def place(self) -> str:
        """Where it is in the cache folder: right in it, a folder for the storage."""
        ...

    def size_bytes(self) -> int:
        """How long it is. Raises NotFound."""
        ...

    def fetch_to(self, path: Path, size_bytes: int) -> None:
        """Writes it, so many bytes, into a file."""
        ...


class Fetching:
    """Fetches shards into a cache folder, each by one thread of the machine."""

    def __init__(self, root: Path, turns: Turns, room: Room, ahead: Ahead) -> None:
        self._root = root
        self._turns = turns
        self._room = room
        self._ahead = ahead
        # Whether the bound was passed, so that it is no use to wait again.
        self._is_over = False
        self._is_warned = False

    def fetched(
        self, origin: Origin, limit_bytes: int, nearest: float = -math.inf
    ) -> Mapped | None:
        """A shard as it was just fetched; None where another was first, or it has no room.

        Raises:
            NotFound: the storage has none.
            IntegrityError: what the storage gives is not what was written.
            StorageError: the storage cannot be read, or the cache folder not be written.
        """
        place = origin.place
        with self._turns.turn(place):
            if (self._root / place).exists():
                return None
            size_bytes = self._ahead.size_of(place)
            size_bytes = origin.size_bytes() if size_bytes is None else size_bytes
            wish = Wish(place, size_bytes, limit_bytes, nearest)
            for _ in range(ATTEMPTS):
                with ExitStack() as end:
                    part = self._part(end, wish)
                    if part is None:
                        return None
                    self._name(origin)
                    self._fill(origin, part, wish)
                    with writing(part):
                        mapped = map_file(part)
                        if is_whole(place, mapped):
                            self._room.publish(part, place)
                            return mapped
        raise IntegrityError(
            f"{place.partition('/')[2]} came twice, and is not what was written: its name is "
            "not the checksum of its bytes. Run storage.verify to see all bad shards, then submit "
            "the version again with replace=True."
        )

    def _part(self, end: ExitStack, wish: Wish) -> Path | None:
        """A new file to fetch into; what is wanted now gets one in the end."""
        is_hopeless = self._is_over or wish.size_bytes > wish.limit_bytes
        until = time.monotonic() + (0 if is_hopeless else ROOM_WAIT_S)
        while True:
            part = end.enter_context(self._room.reserved(wish, self._ahead.distances))
            if part is not None:
                self._is_over = self._is_over and wish.must
                return part
            if wish.nearest >= 0:
                return None
            if time.monotonic() < until:
                time.sleep(LOOK_EVERY_S)
                continue
            self._warn(wish.limit_bytes)
            self._is_over = True
            wish = replace(wish, must=True)

    def _fill(self, origin: Origin, part: Path, wish: Wish) -> None:
        try:
            origin.fetch_to(part, wish.size_bytes)
            return
        except OSError as error:
            # What is only wanted later puts out nothing.
            if error.errno not in FULL or wish.nearest >= 0:
                raise
        # Others may have filled the disk: what is cached makes room for what is wanted.
        self._room.free(wish.size_bytes)
        try:
            origin.fetch_to(part, wish.size_bytes)
        except OSError as error:
            if error.errno not in FULL:
                raise
            full = StorageError(
                f"the disk of the shard cache {self._root} is full, and a shard of "
                f"{wish.size_bytes:,} bytes is wanted. Free some space, or choose another folder "
                "by cache_dir (or HEADRACE_CACHE_DIR)."
            )
            full.errno = error.errno
            raise full from error

    def _name(self, origin: Origin) -> None:
        """Notes whose shards these are, for people."""
        note = self._root / origin.place.partition("/")[0] / NOTE
        if not note.exists():
            aside = note.with_name(f"{UNFINISHED}{os.urandom(RANDOM_BYTES).hex()}")
            # Without it the folder has no name in a listing.
            with suppress(OSError):
                aside.write_bytes(msgspec.json.encode({"url": origin.url}))
                os.replace(aside, note)

    def _warn(self, limit_bytes: int) -> None:
        if not self._is_warned:
            self._is_warned = True
            logger.warning(
                "the shard cache %s passes its bound of %s bytes, as all in it is in use. Raise "
                "cache_bytes, or choose an order that uses fewer shards at once, such as blocks.",
                self._root,
                f"{limit_bytes:,}",
            )


def is_whole(place: str, mapped: Mapped) -> bool:
    """Whether a shard is what its name says."""
    return is_named(mapped, place.rpartition("/")[2].partition(".")[0])
