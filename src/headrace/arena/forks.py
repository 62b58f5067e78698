"""What becomes of shared memory where a process forks: parent and child would see one another's."""

from __future__ import annotations

import functools
import os
import threading
import weakref
from typing import Protocol


class Forking(Protocol):
    """Who wants to know of forks; each call of `before_fork` is followed by one other."""

    def before_fork(self) -> None:
        """In the parent; nothing may change until the fork is over."""
        ...

    def after_in_parent(self) -> None:
        """In the parent."""
        ...

    def after_in_child(self) -> None:
        """In the child."""
        ...


class Forks:
    """Tells all that is watched of forks; it keeps nothing alive."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: weakref.WeakSet[Forking] = weakref.WeakSet()
        self._told: list[Forking] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._before,
                after_in_parent=self._after_in_parent,
                after_in_child=self._after_in_child,
            )

    def watch(self, one: Forking) -> None:
        """Tells it from now on."""
        self._watched.add(one)

    def _before(self) -> None:
        # Held until the fork is over: two threads may fork at once.
        self._lock.acquire()
        self._told = list(self._watched)
        for one in self._told:
            one.before_fork()

    def _after_in_parent(self) -> None:
        for one in self._told:
            one.after_in_parent()
        self._told = []
        self._lock.release()

    def _after_in_child(self) -> None:
        for one in self._told:
            one.after_in_child()
        self._told = []
        self._lock.release()


@functools.cache
def forks() -> Forks:
    """The one of this process: hooks cannot be taken back, so there is one set of them."""
    return Forks()
