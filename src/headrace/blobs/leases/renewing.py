"""Locks for stores that free none when its holder dies: renewed by it, taken over from the dead."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from headrace.blobs.leases.holder import FREE, Holder, holder_in, new_name, this_process
from headrace.blobs.leases.keeper import clock_s, keeper
from headrace.blobs.leases.slots import Grip, Slot
from headrace.blobs.locking import NOTE_SUFFIX
from headrace.blobs.swapping import SwappingBlobs
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import HeadraceError

# Any, in this file: what a class is called with to be made again.

logger = logging.getLogger("headrace")
# Long enough for a slow store and for a function that keeps the interpreter's lock for 20 seconds,
# short enough to wait for after a builder was killed.
LEASE_S = 30.0
# Renewals in one lease: five may fail, or come late.
BEATS = 6
# Looks in one lease of those who wait.
LOOKS = 30
# A store on a bad day answers in this time, or not at all.
LEAST_ANSWER_S = 1.0


@dataclass(frozen=True)
class _Seen:
    """What was seen in a slot, since when, and when to look again, by this process's clock."""

    content: bytes
    since_s: float
    look_s: float


class RenewedLocks:
    """Locks of one store. A lock is taken over when it was seen unchanged for as long as it says.

    Only the taker's own monotonic clock counts. `lease_s` is how long others wait for a holder
    here; how long we wait for them, they say.
    """

    def __init__(self, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        # By key; what another thread changes meanwhile costs a look more.
        self._seen: dict[str, _Seen] = {}

    @property
    def answer_s(self) -> float:
        """How long to wait for an answer, so that a lost one costs a renewal and no lease."""
        return max(LEAST_ANSWER_S, self.lease_s / BEATS)

    def try_lock(self, slot: Slot) -> RenewedLock | None:
        """Takes a lock; None where another holds it, by what was seen a moment ago at most."""
        seen = self._seen.get(slot.key)
        now_s = time.monotonic()
        if seen is None and (lock := self._take(slot, tag=None)):
            return lock
        if seen is not None and now_s < seen.look_s:
            return None
        found = slot.look()
        if found is None:
            # Taken away for a moment: whoever creates it looks once more before.
            self.forget(slot.key)
            return None
        content, tag = found
        if content == FREE:
            return self._take(slot, tag=tag)
        if not self._is_stale(slot.key, content, now_s):
            return None
        return self._take(slot, tag=tag, is_inherited=True)

    def locks(self, blobs: Blobs, folder: str) -> Iterator[str]:
        """The keys right under a folder whose lock was ever taken."""
        for stat in blobs.list(folder):
            if stat.key.endswith(NOTE_SUFFIX):
                yield stat.key.removesuffix(NOTE_SUFFIX)

    def forget(self, key: str) -> None:
        """Looks again at the next try, whatever was seen a moment ago."""
        self._seen.pop(key, None)

    def __reduce__(self) -> tuple[Any, ...]:
        return RenewedLocks, (self.lease_s,)

    def _take(
        self, slot: Slot, *, tag: str | None, is_inherited: bool = False
    ) -> RenewedLock | None:
        holder = this_process(name=new_name(), lease_s=self.lease_s)
        began_s = clock_s()
        grip = slot.take(msgspec.json.encode(holder), tag=tag)
        if grip is None:
            return None
        self.forget(slot.key)
        lock = RenewedLock(self, slot, grip, holder, began_s=began_s, is_inherited=is_inherited)
        keeper().add(lock)
        return lock

    def _is_stale(self, key: str, content: bytes, now_s: float) -> bool:
        """Whether the content has stood for its whole lease before our eyes."""
        holder = holder_in(content)
        lease_s = (holder and holder.lease_s) or self.lease_s
        seen = self._seen.get(key)
        # After the answer of the first look, and before the question of this one.
        is_known = seen is not None and seen.content == content
        since_s = seen.since_s if seen is not None and is_known else time.monotonic()
        self._seen[key] = _Seen(content, since_s, time.monotonic() + lease_s / LOOKS)
        return now_s - since_s >= lease_s


class RenewedLock:
    """A lock that is ours until it is called, which gives it back, or until it is lost."""

    def __init__(
        self,
        locks: RenewedLocks,
        slot: Slot,
        grip: Grip,
        holder: Holder,
        *,
        began_s: float,
        is_inherited: bool,
    ) -> None:
        self.lease_s = holder.lease_s
        self.due_s = began_s + self.lease_s / BEATS
        # Whether its last holder died, or lost it.
        self.is_inherited = is_inherited
        # Known from the last renewal; another may have taken it since.
        self.is_lost = False
        self._locks = locks
        self._slot = slot
        self._grip = grip
        self._holder = holder
        self._renewed_s = began_s
        self._is_over = False
        self._pid = os.getpid()
        # One renewal at a time: each needs the tag of the last one.
        self._turn = threading.Lock()

    @property
    def swapping(self) -> SwappingBlobs | None:
        """The blobs of the lock, where they have writes that only one of many makes."""
        return self._slot.swapping

    def __call__(self) -> None:
        """Gives the lock back, unless it is another's by now, or this is a forked child."""
        if os.getpid() != self._pid:
            return
        keeper().drop(self)
        with self._turn:
            if self._is_over:
                return
            self._is_over = True
            try:
                if not self.is_lost:
                    self._grip.free()
            except HeadraceError as error:
                logger.warning(
                    "%s is free in %g s: giving it back failed: %s",
                    self._slot.key, self.lease_s, error,
                )  # fmt: skip
            finally:
                self._grip.close()
                self._locks.forget(self._slot.key)

    def is_held(self, *, within_s: float = 0.0) -> bool:
        """Whether it is ours by a renewal that began at most `within_s` ago, else by one now.

        Raises:
            StorageError: the store did not say.
        """
        if os.getpid() != self._pid:
            return False
        if not self.is_lost and clock_s() - self._renewed_s < within_s:
            return True
        return self._renewed()

    def renew(self) -> bool:
        """Renews it; False where it is over. A store that fails is asked again in time."""
        try:
            return self._renewed()
        # Whatever it is: the thread renews other locks too.
        except Exception as error:
            logger.warning("a lease was not renewed, and will be tried again: %s", error)
            self.due_s = clock_s() + self.lease_s / BEATS
            return True

    def _renewed(self) -> bool:
        with self._turn:
            if self._is_over or self.is_lost:
                return False
            began_s = clock_s()
            self._holder = msgspec.structs.replace(self._holder, beat=self._holder.beat + 1)
            if not self._grip.renew(msgspec.json.encode(self._holder)):
                self.is_lost = True
                return False
            self._renewed_s = began_s
            self.due_s = began_s + self.lease_s / BEATS
            return True
