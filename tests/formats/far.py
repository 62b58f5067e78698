"""Blobs that count what they are asked for, as if a network lay between."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.formats.stand_in import FOLDER, MemoryBlobs

from headrace.contracts import Mapped
from headrace.formats import StoredRecords

# Any, in this file: records of every structure.


class CountedBlobs(MemoryBlobs):
    """Bytes in a dict that stands for a far store, and a cache of at most `bound_bytes`."""

    is_remote = True

    def __init__(self, bound_bytes: int | None = None) -> None:
        super().__init__()
        self.bound_bytes = bound_bytes
        self.mapped: list[str] = []
        self.asked: list[tuple[str, int, int]] = []
        self.calls: list[list[tuple[int, int]]] = []

    @property
    def asked_bytes(self) -> int:
        return sum(end - start for _, start, end in self.asked)

    def map(self, key: str) -> Mapped:
        self.mapped.append(key)
        return super().map(key)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        self.calls.append(sorted(zip(starts, ends, strict=True)))
        self.asked += [(key, start, end) for start, end in zip(starts, ends, strict=True)]
        blob = super().map(key)
        return [blob[start:end] for start, end in zip(starts, ends, strict=True)]

    def forget(self) -> None:
        self.mapped.clear()
        self.asked.clear()
        self.calls.clear()


def far(near: StoredRecords, blobs: MemoryBlobs, **how: Any) -> tuple[StoredRecords, CountedBlobs]:
    """The same records as a far store has them."""
    counted = CountedBlobs(**how)
    counted.held = blobs.held
    allow_pickle = near.manifest.is_pickled
    records = StoredRecords(counted, near.manifest, folder=FOLDER, allow_pickle=allow_pickle)
    return records, counted
