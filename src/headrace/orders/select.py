"""Chosen positions of an order, in any sequence, repeats allowed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from headrace.contracts.errors import ArgumentError
from headrace.contracts.order import Indices, Order


@dataclass(frozen=True, slots=True)
class Select:
    """The positions `indices` of `order`, in the sequence given; equal by their contents.

    The indices are copied once, into a read-only int64 array.

    **Length**: that of `indices`.
    **Cost**: 8 bytes an index; `locate` sorts them, in each call.
    **Raises**: ArgumentError for what is no list of whole numbers, or names no position.
    """

    order: Order
    # Any: whole numbers of every width are taken.
    indices: Sequence[int] | npt.NDArray[np.integer[Any]] = field(compare=False, repr=False)
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        picks = _picks(self.indices)
        count = self.order.count(0)
        wrong = np.flatnonzero((picks < 0) | (picks >= count))
        if len(wrong):
            raise ArgumentError(
                f"index {picks[wrong[0]]} (number {wrong[0]} of {len(picks)}) is not one of the "
                f"{count} positions of {self.order}. Whole numbers from 0 to {count - 1} were "
                "expected. Leave it out, or count from the beginning."
            )
        object.__setattr__(self, "indices", picks)
        object.__setattr__(self, "digest", xxhash.xxh3_128_hexdigest(picks.data))

    def __reduce__(self) -> tuple[type[Select], tuple[Order, Indices]]:
        # A pickled array comes back writable; the constructor makes it read-only again.
        return Select, (self.order, self._picks)

    def __str__(self) -> str:
        return f"{self.order} > select({len(self.indices)}, {self.digest})"

    def count(self, epoch: int) -> int:
        """How many indices were given."""
        return len(self.indices)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, self._picks[positions])

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The first position of each index, -1 where it is not visited."""
        wanted = self.order.locate(epoch, indices)
        places = np.argsort(self._picks, kind="stable")
        ordered = self._picks[places]
        slots = np.searchsorted(ordered, wanted)
        found = np.full(len(wanted), -1, dtype=np.int64)
        inside = slots < len(ordered)
        inside[inside] = ordered[slots[inside]] == wanted[inside]
        found[inside] = places[slots[inside]]
        return found

    @property
    def _picks(self) -> Indices:
        return np.asarray(self.indices, dtype=np.int64)


def _picks(indices: object) -> Indices:
    given = np.asarray(indices)
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ArgumentError(
            f"select got {type(indices).__name__} of shape {given.shape} and dtype {given.dtype}. "
            "A flat list or array of whole numbers was expected. For a mask of booleans give "
            "`numpy.flatnonzero(mask)`."
        )
    picks = np.array(given, dtype=np.int64)
    picks.setflags(write=False)
    return picks
