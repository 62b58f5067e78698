"""The order of a dataset as it lies: 0, 1, 2, ..."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import whole
from headrace.contracts.order import Indices


@dataclass(frozen=True, slots=True)
class Range:
    """Each index of a dataset of `size` records, in its place; all compositions begin here.

    **Length**: `size`.
    **Raises**: ArgumentError where `size` is no whole number of at least 0.
    """

    size: int

    def __post_init__(self) -> None:
        remedy = "Give the number of records; 0 is an empty order."
        object.__setattr__(
            self, "size", whole("the size of a range", self.size, least=0, remedy=remedy)
        )

    def __str__(self) -> str:
        return f"range({self.size})"

    def count(self, epoch: int) -> int:
        """How many records there are."""
        return self.size

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The positions themselves."""
        return positions.copy()

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The indices themselves, -1 for those of no record."""
        inside = (indices >= 0) & (indices < self.size)
        return np.where(inside, indices, np.int64(-1))
