"""Locks on single bytes of one file, which the system frees when their holder dies."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import xxhash

from headrace.blobs.files import writing
from headrace.contracts.errors import StorageError

# A file system without locks (some mounts of Lustre and NFS) answers one of these.
NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}
# The number behind which the bytes of names begin; those in front are kept for the gate.
NAMES = 1 << 61
NUMBER_BYTES = 8
GATE = 0
# What others have for some microseconds, or while they look at all files, is not had for so long
# where one of them was stopped just then.
PATIENCE_S = 60.0
LOOK_EVERY_S = 0.001


class ByteLocks:
    """Locks by name among processes, and a number that they have in common.

    However many are held, they cost one descriptor. They are of the process: its threads share
    them, a forked child has none of them, and closing the file anywhere in the process would
    free all, so it stays open. On a file system without locks each is had at once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._gate = threading.Lock()
        # False once the file system has said that it knows no locks.
        self.are_kept = True

    def try_shared(self, name: str) -> bool:
        """Takes a name together with others; False where one has it alone."""
        return self._lock(fcntl.LOCK_SH | fcntl.LOCK_NB, _byte(name))

    def try_alone(self, name: str) -> bool:
        """Takes a name alone; False where another process has it."""
        return self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, _byte(name))

    def release(self, name: str) -> None:
        """Gives a name back."""
        self._lock(fcntl.LOCK_UN, _byte(name))

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Alone among all threads and processes; only to look and count, never to wait.

        Raises:
            StorageError: another process has it, and does not go on.
        """
        with self._gate:
            self.wait(lambda: self._lock(fcntl.LOCK_EX | fcntl.LOCK_NB, GATE))
            try:
                yield
            finally:
                self._lock(fcntl.LOCK_UN, GATE)

    def wait(self, is_had: Callable[[], bool]) -> None:
        """Looks until something is had that others have for moments only.

        Raises:
            StorageError: one of them does not go on.
        """
        until = time.monotonic() + PATIENCE_S
        while not is_had():
            if time.monotonic() > until:
                raise StorageError(
                    f"the locks in {self._path} were waited for over {PATIENCE_S:g} s, and are "
                    "held for moments only: another process that uses this shard cache has been "
                    "stopped. Continue or end it, or choose another folder by cache_dir (or "
                    "HEADRACE_CACHE_DIR)."
                )
            time.sleep(LOOK_EVERY_S)

    def number(self) -> int:
        """The common number, 0 at first; to be read and written at the gate."""
        return int.from_bytes(os.pread(self._descriptor, NUMBER_BYTES, 0), "little")

    def set_number(self, number: int) -> None:
        """Changes the common number. Raises StorageError."""
        with writing(self._path):
            os.pwrite(self._descriptor, number.to_bytes(NUMBER_BYTES, "little"), 0)

    def is_removed(self) -> bool:
        """Whether the file is gone, so that who opens it anew sees none of these locks."""
        return os.fstat(self._descriptor).st_nlink == 0

    def after_fork(self) -> None:
        """Makes the locks usable in a forked child: another thread may have been at the gate."""
        self._gate = threading.Lock()

    def _lock(self, kind: int, byte: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, kind, 1, byte)
        except (BlockingIOError, PermissionError):
            return False
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
            self.are_kept = False
        return True


def _byte(name: str) -> int:
    # Two names that meet would only wait for one another.
    return NAMES + (xxhash.xxh3_64_intdigest(name.encode()) >> 2)
