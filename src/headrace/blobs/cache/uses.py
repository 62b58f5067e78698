"""Which cached files this process uses, so that nobody removes them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from headrace.blobs.cache.byte_locks import ByteLocks


class Uses:
    """The files that this process uses: a shared lock for each, however often it is used.

    `kind` is what it does with them; uses of another kind are not seen.
    """

    def __init__(self, locks: ByteLocks, kind: str) -> None:
        self._locks = locks
        self._kind = kind
        self._counts: dict[str, int] = {}
        self._given_back: deque[str] = deque()
        self._mutex = threading.Lock()

    def hold(self, place: str) -> None:
        """Begins one use of a file, which need not be there yet. Raises StorageError."""
        self._locks.wait(lambda: self._try_hold(place))

    def drop(self, place: str) -> None:
        """Ends one use. It waits for nothing: finalizers run anywhere, also inside of `hold`."""
        self._given_back.append(place)
        self._settle()

    def is_held(self, place: str) -> bool:
        """Whether this process uses a file."""
        return place in self._counts

    @contextmanager
    def alone(self, place: str) -> Iterator[bool]:
        """Whether no process uses a file; if so, none begins to while inside."""
        with self._counting():
            is_unused = place not in self._counts and self._locks.try_alone(self._name(place))
            try:
                yield is_unused
            finally:
                if is_unused:
                    self._locks.release(self._name(place))

    def after_fork(self) -> None:
        """Takes the locks of what a forked child has inherited; the parent keeps its own."""
        self._mutex = threading.Lock()
        for place in self._counts:
            self._locks.try_shared(self._name(place))

    def _try_hold(self, place: str) -> bool:
        with self._counting():
            is_had = place in self._counts or self._locks.try_shared(self._name(place))
            if is_had:
                self._counts[place] = self._counts.get(place, 0) + 1
            return is_had

    @contextmanager
    def _counting(self) -> Iterator[None]:
        try:
            with self._mutex:
                yield
        finally:
            # What was given back meanwhile found the mutex taken.
            self._settle()

    def _settle(self) -> None:
        while self._given_back and self._mutex.acquire(blocking=False):
            try:
                while self._given_back:
                    self._lower(self._given_back.popleft())
            finally:
                self._mutex.release()

    def _lower(self, place: str) -> None:
        self._counts[place] -= 1
        if not self._counts[place]:
            del self._counts[place]
            self._locks.release(self._name(place))

    def _name(self, place: str) -> str:
        return f"{self._kind} {place}"
