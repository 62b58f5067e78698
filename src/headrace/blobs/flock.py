"""Locks on files that the system frees when their holder dies, and only then or on release."""

from __future__ import annotations

import fcntl
import functools
import os
from pathlib import Path

from headrace.blobs.locking import Release


def try_flock(path: Path) -> Release | None:
    """Takes the lock of a file, which is made where it is missing; None where it is held.

    It holds among processes and among threads. A forked child shares neither the lock nor the
    right to free it: workers that outlive a killed builder would otherwise keep it for ever.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    held = _held()
    # Noted before it is locked, so that no fork comes between the two.
    held.descriptors.add(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held.release(descriptor)
        return None
    except BaseException:
        held.release(descriptor)
        raise
    return functools.partial(held.release, descriptor)


class _Held:
    """The open lock files of this process; a forked child closes its copies of them."""

    def __init__(self) -> None:
        self.descriptors: set[int] = set()
        os.register_at_fork(after_in_child=self._forget)

    def release(self, descriptor: int) -> None:
        # In a child it is closed already, and its number may be another file's by now.
        if descriptor not in self.descriptors:
            return
        self.descriptors.remove(descriptor)
        try:
            # A child forked since the line above has a copy that nobody closes: closing ours alone
            # would leave the lock to it.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def _forget(self) -> None:
        while self.descriptors:
            os.close(self.descriptors.pop())


@functools.cache
def _held() -> _Held:
    """One for the process, because a fork copies all of its descriptors."""
    return _Held()
