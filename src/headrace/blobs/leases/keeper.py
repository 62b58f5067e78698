"""The threads that renew what this process holds."""

from __future__ import annotations

import functools
import os
import threading
import time
from typing import Protocol

# Python's monotonic clock stands still while the machine sleeps, and others do not wait for it.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Due(Protocol):
    """What must be renewed again and again."""

    @property
    def due_s(self) -> float:
        """When, by `clock_s`."""
        ...

    def renew(self) -> bool:
        """Does it; False where it is over with it. Never raises."""
        ...


class Keeper:
    """Renews each of what it keeps when it is due.

    Each has a thread, since a store that does not answer must not hold up another. It lives while
    its lock is kept, and keeps no process alive; a forked child keeps nothing.
    """

    def __init__(self) -> None:
        self.kept: list[Due] = []
        self._changed = threading.Condition()
        os.register_at_fork(after_in_child=self._forget)

    def add(self, due: Due) -> None:
        """Renews it from now on."""
        thread = threading.Thread(
            target=self._run, args=(due,), name="headrace-leases", daemon=True
        )
        with self._changed:
            thread.start()
            self.kept.append(due)

    def drop(self, due: Due) -> None:
        """Renews it no longer; a renewal that is under way goes on."""
        with self._changed:
            if due in self.kept:
                self.kept.remove(due)
            self._changed.notify_all()

    def _run(self, due: Due) -> None:
        while self._is_due(due):
            if not due.renew():
                self.drop(due)

    def _is_due(self, due: Due) -> bool:
        """Waits until it is; False where it is kept no longer."""
        with self._changed:
            while due in self.kept:
                left_s = due.due_s - clock_s()
                if left_s <= 0:
                    return True
                self._changed.wait(left_s)
            return False

    def _forget(self) -> None:
        # The condition too: another thread may have had it when this process was forked.
        self._changed = threading.Condition()
        self.kept.clear()


def clock_s() -> float:
    """The time by which a holder knows how long ago it renewed."""
    return time.clock_gettime(CLOCK)


@functools.cache
def keeper() -> Keeper:
    """One for the process, since a fork takes all that it holds at once."""
    return Keeper()
