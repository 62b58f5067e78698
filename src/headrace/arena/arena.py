"""The consumer's side."""

from __future__ import annotations

import os
import secrets
import threading
import weakref
from collections import deque
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.arena.forks import forks
from headrace.arena.memory import HAS_FILES, Memory, memory_of
from headrace.arena.pickling import Tail, loaded, tail_of
from headrace.arena.room import ALIGNMENT
from headrace.contracts.errors import ClosedError

# Any, in this file: results of every type.
Bytes1d = npt.NDArray[np.uint8]

# Results that lie in slots at once; beyond, they are copied. A slot has a descriptor or two in
# each process, so that an arena never has more than a quarter of what the system allows a process.
MOST_LENT, LENT_SHARE = 128, 8


@dataclass(frozen=True)
class Slot:
    """Memory for the result of one task.

    `handle` is a descriptor of this process, which the worker gets over a socket, or a name, which
    travels as it is. A number stands for one handle, for the life of the arena: a worker to which
    a slot was sent once (`Desk.add`) needs the number alone after that.
    """

    number: int
    handle: int | str


class Arena:
    """The slots of one pool; threads may share it.

    A slot is out from `take` until it is given back, or until the last array of its result is
    dropped. `most_bytes` bounds the sum of the slots: beyond, results are copied out of them.
    A forked child has a closed one, and keeps the arrays that it was forked with.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._name = f"/hr_{secrets.token_hex(4)}"
        self._lock = threading.Lock()
        self._is_closed = False
        self._made = 0
        self._most_lent = most_lent()
        self._used_bytes = 0
        self._entries: dict[int, _Entry] = {}
        self._free: list[int] = []
        self._loans: dict[int, _Loan] = {}
        # An array may be dropped in any thread, at any moment, also while the lock is held. So
        # that only puts the loan here, and whoever comes next frees the slot.
        self._dropped: deque[weakref.ref[Bytes1d]] = deque()
        self._end = weakref.finalize(self, _end, self._entries, os.getpid())
        forks().watch(self)

    def take(self) -> Slot:
        """A free slot for one task: one that was used before, or an empty one.

        Raises:
            ClosedError: the arena is closed.
        """
        with self._lock:
            self._begin()
            if self._free:
                # The one that was used last: it may still be in a cache.
                return self._entries[self._free.pop()].slot
            slot = Slot(self._made, self._handle(self._made))
            self._made += 1
            self._entries[slot.number] = _Entry(slot, memory_of(slot.handle, self._most_bytes))
            return slot

    def give_back(self, slot: Slot) -> None:
        """Frees the slot of a task that never came to `opened`.

        No worker may work on it any more: whoever did has ended, or never began.
        """
        with self._lock:
            if slot.number in self._entries:
                self._release(self._entries[slot.number])

    def opened(self, slot: Slot, payload: bytes) -> Any:
        """The result of which a worker's `Desk.packed` made `payload`.

        Its arrays lie in the slot. Beyond `most_bytes` they are copied. In either case the slot
        is the arena's again: do not give it back, neither after an error.

        Raises:
            ClosedError: the arena is closed.
            Exception: what loading a part of the result raises.
            FileNotFoundError: the memory went with its worker, which a killed one may cause on
                Windows alone; the task is lost and has to run again.
        """
        tail = tail_of(payload)
        with self._lock:
            self._begin()
            memory = self._memory(self._entries[slot.number], tail)
        try:
            return loaded(payload, tail.places, memory)
        finally:
            # The traceback of a failure must not keep the slot.
            del memory

    def close(self) -> None:
        """Lets go of the memory; arrays that are alive stay valid. May be called twice."""
        with self._lock:
            self._let_go()

    def before_fork(self) -> None:
        """Lets nothing change while the process forks."""
        self._lock.acquire()

    def after_in_parent(self) -> None:
        """Leaves what is lent to the child, which has mapped it too: it is not used again."""
        for number in self._loans:
            self._entries[number].is_spoiled = True
        self._lock.release()

    def after_in_child(self) -> None:
        """Lets go of the parent's memory."""
        self._let_go()
        self._lock.release()

    def _let_go(self) -> None:
        self._is_closed = True
        # What is lent has no slot any more that a fork would have to spare.
        self._loans.clear()
        self._end()

    def _begin(self) -> None:
        if self._is_closed:
            raise ClosedError(
                "the arena of a pool was used after its end. Make a new DataLoader to go on."
            )
        while self._dropped:
            loan = self._dropped.popleft()
            assert isinstance(loan, _Loan)
            del self._loans[loan.number]
            self._release(self._entries[loan.number])

    def _handle(self, number: int) -> int | str:
        if hasattr(os, "memfd_create"):
            return os.memfd_create("headrace", os.MFD_CLOEXEC)
        return f"{self._name}_{number}"

    def _memory(self, entry: _Entry, tail: Tail) -> Bytes1d | None:
        """The memory of a result, lent or copied; None for one without any."""
        self._used_bytes += max(0, tail.used_bytes - entry.used_bytes)
        entry.used_bytes = max(entry.used_bytes, tail.used_bytes)
        entry.is_spoiled |= tail.is_kept
        memory = None
        try:
            if tail.places:
                mapping = entry.memory.attach(tail.size_bytes)
                memory = np.ndarray(tail.used_bytes, np.uint8, mapping)
        except OSError:
            self._release(entry)
            raise
        is_full = self._used_bytes > self._most_bytes or len(self._loans) >= self._most_lent
        if memory is not None and not is_full and not tail.is_kept:
            loan = _Loan(memory, self._dropped.append)
            loan.number = entry.slot.number
            self._loans[loan.number] = loan
            return memory
        copied = None if memory is None else _copied(memory)
        self._release(entry)
        return copied

    def _release(self, entry: _Entry) -> None:
        number = entry.slot.number
        if entry.is_spoiled:
            del self._entries[number]
            self._used_bytes -= entry.used_bytes
            entry.memory.close(is_owner=True)
            return
        # One large result must not take the place of many others for good.
        is_large = entry.used_bytes * len(self._entries) > 2 * self._most_bytes
        if is_large and self._used_bytes > self._most_bytes and entry.memory.empty():
            self._used_bytes -= entry.used_bytes
            entry.used_bytes = 0
        self._free.append(number)


@dataclass
class _Entry:
    slot: Slot
    memory: Memory
    used_bytes: int = 0
    # Somebody else will go on seeing this memory.
    is_spoiled: bool = False


class _Loan(weakref.ref[Bytes1d]):
    """Knows which slot the arrays over a memory keep."""

    __slots__ = ("number",)
    number: int


def most_lent() -> int:
    """How many results may lie in the slots of one arena of this process."""
    if not HAS_FILES:
        return MOST_LENT
    resource = import_module("resource")
    allowed: int = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_LENT if allowed == resource.RLIM_INFINITY else min(MOST_LENT, allowed // LENT_SHARE)


def _copied(memory: Bytes1d) -> Bytes1d:
    size_bytes = len(memory)
    room = np.empty(size_bytes + ALIGNMENT, np.uint8)
    start: int = -room.__array_interface__["data"][0] % ALIGNMENT
    copied = room[start : start + size_bytes]
    copied[:] = memory
    return copied


def _end(entries: dict[int, _Entry], owner: int) -> None:
    while entries:
        entries.popitem()[1].memory.close(is_owner=os.getpid() == owner)
