"""Whose turn it is to fetch a shard: one thread of one process on a machine."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headrace.blobs.cache.byte_locks import ByteLocks
from headrace.blobs.cache.cached_files import UNFINISHED

LOOK_EVERY_S = 0.02
# What it has written is looked for less often, as that looks through a whole folder.
LOOK_FOR_WRITES_EVERY_S = 1.0
# A process that is stopped or hangs is waited for so long after it last wrote a byte.
PATIENCE_S = 60.0


class Turns:
    """Keeps apart those who want to fetch the same file."""

    def __init__(self, root: Path, locks: ByteLocks) -> None:
        self._root = root
        self._locks = locks
        self._running: set[str] = set()
        self._ended = threading.Condition()

    @contextmanager
    def turn(self, place: str) -> Iterator[None]:
        """Waits for those who fetch the file now; whoever waits finds it there afterwards."""
        with self._ended:
            self._ended.wait_for(lambda: place not in self._running)
            self._running.add(place)
        try:
            is_taken = self._wait(place)
            try:
                yield
            finally:
                if is_taken:
                    self._locks.release(_name(place))
        finally:
            with self._ended:
                self._running.discard(place)
                self._ended.notify_all()

    def after_fork(self) -> None:
        """In a forked child nobody fetches."""
        self._running = set()
        self._ended = threading.Condition()

    def _wait(self, place: str) -> bool:
        """Takes the lock of a file; False where its holder does nothing any more."""
        # By this process's own clock: the one that files are dated by may be set meanwhile.
        looked = changed = time.monotonic()
        seen = None
        while not self._locks.try_alone(_name(place)):
            now = time.monotonic()
            if seen is None or now - looked > LOOK_FOR_WRITES_EVERY_S:
                looked, written = now, self._last_write(place)
                if written != seen:
                    seen, changed = written, now
                elif now - changed > PATIENCE_S:
                    return False
            time.sleep(LOOK_EVERY_S)
        return True

    def _last_write(self, place: str) -> float:
        path = self._root / place
        digest = path.name.partition(".")[0]
        times = [0.0]
        for part in path.parent.glob(f"{UNFINISHED}{digest}.*"):
            try:
                times.append(part.stat().st_mtime)
            except FileNotFoundError:
                continue
        return max(times)


def _name(place: str) -> str:
    return f"fetch {place}"
