"""What leases ask of blobs beyond the contract: a write that only one of many makes."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from headrace.contracts.blobs import Blobs, Bytes


@runtime_checkable
class SwappingBlobs(Blobs, Protocol):
    """Blobs whose contents have tags, which say whether another has written since."""

    def tagged(self, key: str) -> tuple[bytes, str] | None:
        """All bytes of a blob and the tag of this state of it; None where there is none."""
        ...

    def swap(self, key: str, payload: Bytes, *, tag: str | None) -> str | None:
        """Writes a blob that still has this tag; with None, one that is not there yet.

        Gives the new tag, or None where another was first.
        """
        ...
