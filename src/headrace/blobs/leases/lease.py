"""Who builds a version now: a lock among builders, and a note that says who holds it."""

from __future__ import annotations

import logging
import os
import time
from contextlib import suppress
from types import TracebackType
from typing import Self

import msgspec

from headrace.blobs.leases.gate import ASIDE, folder_of, gate_key, pass_gate, refuse_renewed
from headrace.blobs.leases.holder import Holder, holder_in, new_name, this_process
from headrace.blobs.leases.renewing import RenewedLock
from headrace.blobs.locking import LOOK_EVERY_S, NOTE_SUFFIX, LockingBlobs, Release
from headrace.blobs.swapping import SwappingBlobs
from headrace.contracts.errors import HeadraceError, LeaseLost, StorageError

logger = logging.getLogger("headrace")
# Often enough to know that it lives, seldom enough to read.
SAY_EVERY_S = 10.0


class Lease:
    """The right to build one version of a dataset, held by one builder at a time.

    Entering waits until the lease is free. It is freed when its holder dies, so that the next
    one takes over: at once, or where it is renewed, once it was not for as long as it lasts.
    Inside, `blobs` are those to write with, and nobody removes what is there already.

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
        self.blobs: LockingBlobs = blobs.aside(self.key + ASIDE)
        # Whether the builder before died, so that it may have left something.
        self.is_inherited = False
        self._timeout_s = timeout_s
        self._say_every_s = say_every_s
        self._release: Release | None = None
        self._pid = 0
        # What goes when the lease does.
        self._marks: list[str] = []
        # What `watch` saw.
        self._tags: dict[str, str | None] = {}

    def __enter__(self) -> Self:
        self._release = self._wait()
        self._pid = os.getpid()
        try:
            self._begin(self._release)
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
        # A forked child that comes by here has no right to end it.
        marks = self._marks if os.getpid() == self._pid else []
        try:
            for key in marks:
                self.blobs.delete(key)
        except HeadraceError as second:
            if error is None:
                raise
            # The first error is the one to read.
            error.add_note(f"What says who builds could not be removed, `prune` will: {second}")
        finally:
            self._release()

    @property
    def is_renewed(self) -> bool:
        """Whether it can be lost. Then others may build beside, and only `prune` removes."""
        return isinstance(self._release, RenewedLock)

    def check(self) -> None:
        """Makes sure, by asking the store, that it is still held. Raises LeaseLost."""
        if isinstance(self._release, RenewedLock) and not self._release.is_held():
            raise self._lost(self._release)

    def check_known(self) -> None:
        """Makes sure that it is not known to be lost; asks nobody. Raises LeaseLost."""
        if isinstance(self._release, RenewedLock) and self._release.is_lost:
            raise self._lost(self._release)

    def watch(self, key: str) -> None:
        """Notes what a blob is now: `publish` replaces no other."""
        swapping = self._swapping
        if swapping is not None:
            found = swapping.tagged(key)
            self._tags[key] = None if found is None else found[1]

    def publish(self, key: str, payload: bytes, *, replace: bool = False) -> None:
        """Writes the blob that makes a version, as its only builder.

        Raises:
            LeaseLost: another builder has taken over, or replaced the blob since `watch`.
            VersionExists: it is there, and `replace` was not said.
        """
        if replace and key not in self._tags:
            self.watch(key)
        self.check()
        swapping = self._swapping
        if swapping is None or not replace:
            self.blobs.put(key, payload, replace=replace)
        elif swapping.swap(key, payload, tag=self._tags[key]) is None:
            raise LeaseLost(
                f"{self.dataset!r} {self.version!r} in {self.blobs.url} was replaced by another "
                "since this build began. That one stays, and nothing of this one was published; "
                "submit again to replace it."
            )

    def delete(self, key: str) -> None:
        """Removes the blob that makes a version. Raises LeaseLost."""
        self.check()
        self.blobs.delete(key)

    def mark(self) -> tuple[str, bytes]:
        """A blob that is there as long as the version is built: its key, and its bytes."""
        if isinstance(self._release, RenewedLock):
            key, payload = self.key + ASIDE + new_name(), new_name().encode()
            self._marks.append(key)
            self.blobs.put(key, payload)
            return key, payload
        return self.note_key, self.blobs.get(self.note_key)

    def holder(self) -> Holder | None:
        """Who holds the lease, None where nobody says so."""
        # For messages only: it may be gone by now, or the store be away.
        with suppress(HeadraceError):
            return holder_in(self.blobs.get(self.note_key))
        return None

    @property
    def _swapping(self) -> SwappingBlobs | None:
        return self._release.swapping if isinstance(self._release, RenewedLock) else None

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
        release = self.blobs.try_lock(self.key)
        if release is None or isinstance(release, RenewedLock):
            return release
        # Nobody begins while another looks at all leases and removes what is left over.
        gate = self.blobs.try_lock(gate_key(self.dataset))
        if gate is None:
            release()
            return None
        gate()
        return release

    def _begin(self, release: Release) -> None:
        if isinstance(release, RenewedLock):
            # The lock itself says who holds it.
            self.is_inherited = release.is_inherited
            pass_gate(self.blobs, self.dataset)
            return
        refuse_renewed(self.blobs, self.dataset)
        self.is_inherited = self.blobs.stat(self.note_key) is not None
        self.blobs.put(self.note_key, msgspec.json.encode(this_process()), replace=True)
        self._marks.append(self.note_key)

    def _waiting(self) -> str:
        holder = self.holder() or "another builder"
        return f"waiting for {self.dataset} {self.version}, which {holder} is building."

    def _lost(self, lock: RenewedLock) -> LeaseLost:
        holder = self.holder()
        return LeaseLost(
            f"the lease of {self.dataset!r} {self.version!r} in {self.blobs.url} was lost to "
            f"{holder or 'another builder'}: for over {lock.lease_s:g} s this process was stopped, "
            "kept the interpreter's lock, or had no answer from the store. Nothing of this build "
            "was published. Fetch the version of the other builder, or submit again."
        )


WAIT = "Wait for it to end, or end it: its lease is free soon."
