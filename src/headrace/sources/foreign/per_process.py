"""What is opened once in each process that uses it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class PerProcess(Generic[T]):
    """Calls `opener` when its result is first needed in a process, forked ones included.

    Open files of HDF5 and LMDB must not be used across a fork. Threads share what is opened; it
    is closed when nobody refers to it. A copy in another process opens its own.
    """

    def __init__(self, opener: Callable[[], T]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: tuple[int, T] | None = None

    def get(self) -> T:
        """What `opener` gave in this process."""
        opened = self._opened
        if opened is not None and opened[0] == os.getpid():
            return opened[1]
        with self._lock:
            if self._opened is None or self._opened[0] != os.getpid():
                self._opened = os.getpid(), self._opener()
            return self._opened[1]

    def __reduce__(self) -> tuple[type[PerProcess[T]], tuple[Callable[[], T]]]:
        return PerProcess, (self._opener,)
