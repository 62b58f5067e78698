"""Ranges of a blob in a store: those that are asked for, or all, side by side, into a file."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headrace.blobs.files import writing
from headrace.blobs.stores.piece_threads import AT_ONCE, piece_threads
from headrace.blobs.stores.pieces import MOST_GAP_BYTES, checked_ranges, cut, cut_short, spans
from headrace.contracts.blobs import Mapped
from headrace.deferred import obstore, obstore_exceptions

if TYPE_CHECKING:
    from obstore import Bytes
    from obstore.store import ObjectStore

# What one request reads of a blob that comes as a file.
PIECE_BYTES = 4 * 2**20


def read_ranges(
    store: ObjectStore, key: str, starts: Sequence[int], ends: Sequence[int], *, where: str
) -> list[Mapped]:
    """The bytes of each range; those near each other are asked for together.

    `where` names the blob in errors.

    Raises:
        ArgumentError: they are no ranges.
        IntegrityError: the blob ends before one of them does.
        BaseError: what obstore says, or FileNotFoundError.
    """
    checked_ranges(starts, ends)
    # Of nothing a store does not know where it is.
    wanted = [at for at, start in enumerate(starts) if start < ends[at]]
    asked = {"starts": [starts[at] for at in wanted], "ends": [ends[at] for at in wanted]}
    try:
        pieces = obstore.get_ranges(store, key, **asked, coalesce=MOST_GAP_BYTES)
    except obstore_exceptions.NotSupportedError:
        # A web server that knows no ranges.
        whole = _array(obstore.get(store, key).bytes())
        return cut(whole, starts, ends, where=where)
    found = [_array(b"")] * len(starts)
    for at, piece in zip(wanted, pieces, strict=True):
        found[at] = _array(piece)
        if len(found[at]) != ends[at] - starts[at]:
            raise cut_short(where)
    return found


def fetch(store: ObjectStore, key: str, path: Path, size_bytes: int, *, where: str) -> None:
    """Writes the bytes of a blob of that size into a file, which is made, or written over.

    `where` names the blob in errors.

    Raises:
        BaseError: what obstore says, or FileNotFoundError.
        IntegrityError: the blob is shorter.
        StorageError: the disk is full, or refuses.
    """
    blob = _Blob(store, key, size_bytes, _Sink(path, size_bytes), where)
    try:
        try:
            _at_once(partial(blob.piece, *span) for span in spans(size_bytes, PIECE_BYTES))
        except obstore_exceptions.NotSupportedError:
            # A web server that knows no ranges.
            _at_once([blob.whole])
    finally:
        blob.sink.close()


class _Sink:
    """A file that threads write into until it is closed; what comes later is not written."""

    def __init__(self, path: Path, size_bytes: int) -> None:
        self._path = path
        self._lock = threading.Lock()
        with writing(path):
            # Emptied first, an ext4 file is flushed when it is closed, and five times as slow.
            self._file = open(path, "wb", buffering=0, opener=_as_it_is)  # noqa: SIM115
            if os.fstat(self._file.fileno()).st_size > size_bytes:
                self._file.truncate(size_bytes)

    def put(self, piece: memoryview, start: int) -> bool:
        """Writes a piece; False where nobody wants it any more."""
        # A file is written by one thread at a time anyway: the system's lock would spin.
        with self._lock:
            if self._file.closed:
                return False
            with writing(self._path, start):
                self._file.seek(start)
                while piece:
                    piece = piece[self._file.write(piece) :]
            return True

    def close(self) -> None:
        with self._lock:
            self._file.close()


@dataclass(frozen=True)
class _Blob:
    """A blob that is read into a file."""

    store: ObjectStore
    key: str
    size_bytes: int
    sink: _Sink
    where: str

    def piece(self, start: int, stop: int) -> None:
        found = memoryview(obstore.get_range(self.store, self.key, start=start, end=stop))
        if len(found) != stop - start:
            raise cut_short(self.where)
        self.sink.put(found, start)

    def whole(self) -> None:
        start = 0
        for found in obstore.get(self.store, self.key).stream(min_chunk_size=PIECE_BYTES):
            # Whatever is behind its end is not of the blob that was asked for.
            is_wanted = self.sink.put(memoryview(found)[: self.size_bytes - start], start)
            start += len(found)
            if not is_wanted or start > self.size_bytes:
                return
        if start < self.size_bytes:
            raise cut_short(self.where)


def _as_it_is(path: str, flags: int) -> int:
    return os.open(path, flags & ~os.O_TRUNC, 0o666)


def _array(content: Bytes | bytes) -> Mapped:
    return np.frombuffer(memoryview(content), np.uint8)


def _at_once(reads: Iterable[Callable[[], None]]) -> None:
    """Does all of it; after a failure nobody waits for the others."""
    coming: deque[Future[None]] = deque()
    try:
        for read in reads:
            # However large the blob is, no more of it waits for a thread.
            if len(coming) == AT_ONCE:
                coming.popleft().result()
            coming.append(piece_threads().submit(read))
        while coming:
            coming.popleft().result()
    finally:
        for one in coming:
            one.cancel()
