"""The gate of a dataset: whoever holds it looks at all of its leases, and nobody begins beside."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

from headrace.blobs.leases.holder import FREE, holder_in
from headrace.blobs.leases.renewing import LEASE_S, LOOKS, RenewedLock
from headrace.blobs.locking import LOOK_EVERY_S, NOTE_SUFFIX, LockingBlobs, Release
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import LeaseLost, NotFound, StorageError

logger = logging.getLogger("headrace")
# It begins no name of a version, so no key with it can be a version's.
ASIDE = "~"
GATE = "~gate"
# What is removed at the gate is removed within this part of a lease after it was renewed.
SURE = 0.5


@dataclass(frozen=True)
class Idle:
    """Whether no version of a dataset is being built; true, it stays so while the gate is held."""

    is_idle: bool
    gate: Release | None = None

    def __bool__(self) -> bool:
        return self.is_idle

    @property
    def is_renewed(self) -> bool:
        """Whether builders renew their leases, and may begin meanwhile."""
        return isinstance(self.gate, RenewedLock)

    def check(self) -> None:
        """Makes sure that the gate is still held. Raises LeaseLost."""
        gate = self.gate
        if isinstance(gate, RenewedLock) and not gate.is_held(within_s=SURE * gate.lease_s):
            raise LeaseLost(
                "what is left over is removed as long as nobody builds, and this process was "
                f"stopped or without its store for over {gate.lease_s:g} s. Nothing that a version "
                "needs is gone; prune again."
            )


@contextmanager
def idle(blobs: LockingBlobs, dataset: str, *, besides: str | None = None) -> Iterator[Idle]:
    """Whether no version of a dataset is being built, and keeps it so while inside.

    `besides` is a version whose lease the caller holds. Where leases are renewed, builders take
    theirs meanwhile, and wait for the gate before they go on.
    """
    passed_over = {gate_key(dataset)}
    # Not f"{besides}" alone: a version may be called "None".
    if besides is not None:
        passed_over.add(f"{folder_of(dataset)}/{besides}")
    with ExitStack() as held:
        gate = _gate(blobs, dataset)
        held.callback(gate)
        if isinstance(gate, RenewedLock):
            keys = _noted(blobs, dataset)
        else:
            refuse_renewed(blobs, dataset)
            keys = list(blobs.locks(folder_of(dataset)))
        for key in keys:
            if key in passed_over:
                continue
            release = _taken(blobs, key) if isinstance(gate, RenewedLock) else blobs.try_lock(key)
            if release is None:
                yield Idle(False)
                return
            held.callback(release)
        yield Idle(True, gate)


def pass_gate(blobs: LockingBlobs, dataset: str) -> None:
    """Waits until nobody holds the gate, for who has a lease that is renewed.

    Whoever takes the gate later finds that lease, and leaves the dataset alone.
    """
    key = gate_key(dataset)
    is_told = False
    while (content := _content(blobs, key)) not in (b"", FREE):
        # Also ends the waiting for one who died there.
        if (release := blobs.try_lock(key)) is not None:
            release()
            return
        if not is_told:
            is_told = True
            who = holder_in(content) or "another process"
            logger.info("waiting until %s is pruned by %s", dataset, who)
        time.sleep(_pause_s(content))


def refuse_renewed(blobs: Blobs, dataset: str) -> None:
    """Makes sure that locks are not renewed by others, who would not see those of the system.

    Raises:
        StorageError: one is.
    """
    for key in _noted(blobs, dataset):
        content = _content(blobs, key)
        holder = holder_in(content)
        if content == FREE or (holder is not None and holder.name):
            raise StorageError(
                f"the leases of {dataset!r} in {blobs.url} are renewed by their holders, and this "
                "storage locks files. Open it by Storage(..., locks='leases'); to lock files from "
                f"now on, remove its folder {folder_of(dataset)!r} while nobody builds."
            )


def folder_of(dataset: str) -> str:
    """Where the leases of a dataset are."""
    return f"{dataset}/leases"


def gate_key(dataset: str) -> str:
    """The lock of the gate."""
    return f"{folder_of(dataset)}/{GATE}"


def _gate(blobs: LockingBlobs, dataset: str) -> Release:
    """Waits for the gate. Nobody waits inside for a living builder, so it is soon free."""
    while (release := blobs.try_lock(gate_key(dataset))) is None:
        time.sleep(LOOK_EVERY_S)
    return release


def _noted(blobs: Blobs, dataset: str) -> list[str]:
    """The locks of which a note says that they are held, or may be."""
    return [
        stat.key.removesuffix(NOTE_SUFFIX)
        for stat in blobs.list(folder_of(dataset))
        # One that is free in a store is known without a look.
        if stat.key.endswith(NOTE_SUFFIX) and stat.size_bytes != len(FREE)
    ]


def _taken(blobs: LockingBlobs, key: str) -> Release | None:
    """Takes the renewed lock of a builder who died; None where one lives.

    What is free is not taken: that tells nothing of those who take it later.
    """
    content = _content(blobs, key)
    if content == FREE:
        return _nothing
    while (release := blobs.try_lock(key)) is None:
        time.sleep(_pause_s(content))
        if _content(blobs, key) != content:
            return None
    return release


def _content(blobs: Blobs, key: str) -> bytes:
    # Whoever takes over a file takes its name away for a moment.
    with suppress(NotFound):
        return blobs.get(key + NOTE_SUFFIX).rstrip()
    return b""


def _pause_s(content: bytes) -> float:
    """How long to wait for the next look at a lease."""
    holder = holder_in(content)
    return ((holder and holder.lease_s) or LEASE_S) / LOOKS


def _nothing() -> None:
    """Gives nothing back."""
