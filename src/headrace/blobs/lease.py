"""Who builds a version now: a lock among builders, and a note that says who holds it."""

from __future__ import annotations

import logging
import os
import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import msgspec

from headrace.blobs.locking import LockingBlobs, Release
from headrace.contracts.errors import NotFound, StorageError

logger = logging.getLogger("headrace")
# A waiting builder looks this often: far below the "seconds" in which a dead one is replaced.
LOOK_EVERY_S = 0.05
# Often enough to know that it lives, seldom enough to read.
SAY_EVERY_S = 10.0
# `~` begins no name of a version, so neither key can be a version's.
GATE = "~gate"
ASIDE = "~"
NOTE_SUFFIX = ".json"


class Holder(msgspec.Struct, frozen=True):
    """Who holds a lease; for messages only, the lock itself decides."""

    pid: int
    host: str
    since: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Lease:
    """The right to build one version of a dataset, held by one builder at a time.

    Entering waits until the lease is free. It is freed when its holder dies, so that the next
    one takes over at once. Inside, `blobs` are those to write with.

    Raises:
        StorageError: the lease was not free within `timeout_s`.

    Example:
        >>> from headrace.blobs import open_blobs
        >>> with Lease(open_blobs("memory://"), "digits", "1.0") as lease:
        ...     lease.is_inherited
        False
    """

    def __init__(
        self,
        blobs: LockingBlobs,
        dataset: str,
        version: str,
        *,
        timeout_s: float | None = None,
        say_every_s: float = SAY_EVERY_S,
    ) -> None:
        self.dataset = dataset
        self.version = version
        self.key = f"{folder_of(dataset)}/{version}"
        # Where the note is, as long as the lease is held.
        self.note_key = self.key + NOTE_SUFFIX
        self.blobs = blobs.aside(self.key + ASIDE)
        # Whether the builder before died, so that it may have left something.
        self.is_inherited = False
        self._timeout_s = timeout_s
        self._say_every_s = say_every_s
        self._release: Release | None = None

    def __enter__(self) -> Self:
        self._release = self._wait()
        try:
            self.is_inherited = self.blobs.stat(self.note_key) is not None
            since = datetime.now(UTC).isoformat(timespec="seconds")
            holder = Holder(os.getpid(), platform.node(), since)
            self.blobs.put(self.note_key, msgspec.json.encode(holder), replace=True)
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._release is not None
        try:
            self.blobs.delete(self.note_key)
        finally:
            self._release()

    def holder(self) -> Holder | None:
        """Who holds the lease, None where nobody says so."""
        # The note is written after the lock is taken and may be gone again by now.
        with suppress(NotFound, msgspec.DecodeError):
            return msgspec.json.decode(self.blobs.get(self.note_key), type=Holder)
        return None

    def _wait(self) -> Release:
        began = time.monotonic()
        said_s = 0.0
        while (release := self._try()) is None:
            waited_s = time.monotonic() - began
            if self._timeout_s is not None and waited_s >= self._timeout_s:
                raise StorageError(self._waiting() + f" {waited_s:.1f} s were not enough. {WAIT}")
            if waited_s >= said_s:
                # The first line is for who asks for it; a long wait is for everybody.
                logger.log(logging.WARNING if said_s else logging.INFO, self._waiting())
                said_s = waited_s + self._say_every_s
            time.sleep(LOOK_EVERY_S)
        return release

    def _try(self) -> Release | None:
        with _gate(self.blobs, self.dataset):
            return self.blobs.try_lock(self.key)

    def _waiting(self) -> str:
        holder = self.holder() or "another builder"
        return f"waiting for {self.dataset} {self.version}, which {holder} is building."


WAIT = "Wait for it to end, or end it: its lease is then free at once."


@contextmanager
def idle(blobs: LockingBlobs, dataset: str, *, besides: str | None = None) -> Iterator[bool]:
    """Whether no version of a dataset is being built, and keeps it so while inside.

    `besides` is a version whose lease the caller holds.
    """
    passed_over = {_gate_key(dataset)}
    # Not f"{besides}" alone: a version may be called "None".
    if besides is not None:
        passed_over.add(f"{folder_of(dataset)}/{besides}")
    with ExitStack() as held:
        held.enter_context(_gate(blobs, dataset))
        for key in list(blobs.locks(folder_of(dataset))):
            if key in passed_over:
                continue
            release = blobs.try_lock(key)
            if release is None:
                yield False
                return
            held.callback(release)
        yield True


def folder_of(dataset: str) -> str:
    """Where the leases of a dataset are."""
    return f"{dataset}/leases"


@contextmanager
def _gate(blobs: LockingBlobs, dataset: str) -> Iterator[None]:
    """Holds the gate: nobody else takes or looks at a lease of this dataset meanwhile.

    A lease is only ever tried under the gate, never awaited, so the gate is soon free again.
    """
    while (release := blobs.try_lock(_gate_key(dataset))) is None:
        time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        release()


def _gate_key(dataset: str) -> str:
    return f"{folder_of(dataset)}/{GATE}"
