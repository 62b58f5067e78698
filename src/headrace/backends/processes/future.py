"""A task that workers have, and its result on the way."""

from __future__ import annotations

import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any, Generic, TypeVar

from headrace.arena import Arena, Slot
from headrace.contracts import Task
from headrace.contracts.errors import ClosedError

# Any, in this file: tasks of every result type.
T = TypeVar("T")


class Pending(Generic[T]):
    """A future: the pool's thread settles it, the consumer's thread opens it.

    Whatever it settles to is there before `_settled` is released.
    """

    def __init__(
        self, task: Task[T], arena: Arena, changed: Callable[[Pending[Any]], None]
    ) -> None:
        self.task = task
        # The pool's thread sets these. A slot is this task's until it is opened or given back.
        self.slot: Slot | None = None
        self.args = b""
        self.deaths = 0
        self.is_settled = False
        self.is_cancelled = False
        self._arena = arena
        self._changed = changed
        self._process = os.getpid()
        self._settled = threading.Lock()
        self._settled.acquire()
        self._open: Callable[[], T] | None = None
        self._value: T | None = None
        self._error: BaseException | None = None

    def result(self) -> T:
        """The result; waits for it. Raises what the task raised."""
        if self.is_cancelled:
            raise CancelledError
        if not self.is_settled:
            self._wait()
        if self._open is not None:
            # Once only: the slot is not this task's afterwards, neither after an error.
            opening, self._open = self._open, None
            try:
                self._value = opening()
            except BaseException as error:
                self._error = error
        if self._error is None:
            return self._value  # type: ignore[return-value]
        try:
            raise self._error
        finally:
            # The error holds this frame, which must not hold the error.
            del self

    def cancel(self) -> bool:
        """Forgets the task where it has not begun, and its result where nobody has opened it."""
        was_settled = self.is_settled
        self.is_cancelled = True
        self._changed(self)
        return not was_settled

    def running(self) -> bool:
        """Whether a worker has it."""
        return self.slot is not None and not self.is_settled

    def done(self) -> bool:
        """Whether the result is there."""
        return self.is_settled

    def give(self, payload: bytes) -> None:
        """Settles it to a result in its slot."""
        self._settle(lambda: self._opened(payload))

    def refuse(self, error: bytes | BaseException) -> None:
        """Settles it to an error, carried or of this process."""

        def raised() -> T:
            raise pickle.loads(error).opened() if isinstance(error, bytes) else error

        self._settle(raised)

    def free(self) -> None:
        """Gives its slot back, which nobody fills or opens any more."""
        slot, self.slot = self.slot, None
        if slot is not None:
            self._arena.give_back(slot)

    def _opened(self, payload: bytes) -> T:
        slot, self.slot = self.slot, None
        assert slot is not None
        opened: T = self._arena.opened(slot, payload)
        return opened

    def _settle(self, opening: Callable[[], T]) -> None:
        if not self.is_settled:
            self.args = b""
            self._open = opening
            self.is_settled = True
            self._settled.release()

    def _wait(self) -> None:
        if os.getpid() != self._process:
            raise forked(self._process)
        # Interrupted here, it is waited for again; interrupted below, it is settled already.
        self._settled.acquire()
        self._settled.release()


def forked(process: int) -> ClosedError:
    """The error of a process that was forked from the one that has the workers."""
    return ClosedError(
        f"workers of process {process} were asked by process {os.getpid()}, which was forked from "
        "it. Make a new DataLoader in the forked process."
    )
