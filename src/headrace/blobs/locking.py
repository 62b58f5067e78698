"""What storage asks of blobs beyond the contract: locks that die with their holder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, Self, TypeAlias, runtime_checkable

from headrace.contracts.blobs import Blobs

# Gives a lock back.
Release: TypeAlias = Callable[[], None]
# Ends the key of the blob that says who holds a lock.
NOTE_SUFFIX = ".json"
# Who waits for a lock looks this often: far below the "seconds" in which a dead holder is replaced.
LOOK_EVERY_S = 0.05


@runtime_checkable
class LockingBlobs(Blobs, Protocol):
    """Blobs among whose users one at a time may hold a key's lock."""

    def try_lock(self, key: str) -> Release | None:
        """Takes the lock of a key; None where another holds it.

        A lock is freed when its holder dies, however it dies: at once, or once it was not renewed
        for a while, and then it is a `RenewedLock`.
        """
        ...

    def locks(self, folder: str) -> Iterator[str]:
        """The keys right under a folder whose lock was ever taken."""
        ...

    def aside(self, prefix: str) -> Self:
        """The same blobs, whose half-written ones have keys that begin with `prefix`."""
        ...
