"""Records over a tree of arrays, one record a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headrace.buffers import Buffers
from headrace.contracts.block import Column, Columns
from headrace.contracts.collate import columns_of
from headrace.contracts.order import Indices
from headrace.contracts.records import gather_ahead
from headrace.contracts.tree import Record

# Any, in this file: columns hold arrays of every dtype.


@dataclass(frozen=True)
class ArrayRecords:
    """The rows of a tree of equally long arrays and lists.

    Raises:
        ArgumentError: the lengths differ, or a leaf is neither an array nor a list.

    Example:
        >>> records = ArrayRecords({"x": np.arange(6).reshape(3, 2), "y": np.arange(3)})
        >>> records.read(np.array([2, 0])).stack()["y"]
        array([2, 0])
    """

    arrays: Record
    # Makes them again in another process, where that is less than sending the arrays.
    again: Callable[[], ArrayRecords] | None = field(default=None, repr=False, compare=False)
    columns: Columns[Any] = field(init=False, repr=False, compare=False)
    _buffers: Buffers = field(default_factory=Buffers, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", columns_of(self.arrays))

    def __len__(self) -> int:
        return len(self.columns)

    def __reduce__(self) -> tuple[Any, ...]:
        return (ArrayRecords, (self.arrays,)) if self.again is None else (self.again, ())

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        size_bytes = sum(getattr(leaf, "nbytes", 0) for leaf in self.columns.leaves)
        return gather_ahead(size_bytes, len(self))

    def read(self, indices: Indices) -> Columns[Any]:
        """The rows at `indices`, gathered column by column into new arrays."""
        leaves = [self._taken(leaf, indices) for leaf in self.columns.leaves]
        return Columns(self.columns.layout, leaves, len(indices))

    def _taken(self, leaf: Column, indices: Indices) -> Column:
        if isinstance(leaf, list):
            return [leaf[index] for index in indices.tolist()]
        taken = self._buffers.empty((len(indices), *leaf.shape[1:]), leaf.dtype)
        # Positions are checked by whoever asks; "clip" spares the copy that "raise" makes.
        return np.take(leaf, indices, axis=0, out=taken, mode="clip")
