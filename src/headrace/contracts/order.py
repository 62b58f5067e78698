"""The contract of an order: which index stands at which position."""

from __future__ import annotations

from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

# Shape (n,), int64; an order that zips k others gives (k, n).
Indices: TypeAlias = npt.NDArray[np.int64]


@runtime_checkable
class Order(Protocol):
    """A frozen value: position -> index, a pure function of the epoch.

    Orders compose: `Shuffled(Range(10), seed=7)` permutes what `Range` gives. Both methods
    cost O(positions asked) time and memory, whatever the size of the dataset.
    """

    def count(self, epoch: int) -> int:
        """How many positions one epoch has."""
        ...

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position.

        A call has a fixed cost of some 0.1 ms: ask for blocks (`OrderCursor` does).
        """
        ...

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where this order does not visit it."""
        ...
