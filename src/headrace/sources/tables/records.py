"""Records over an Arrow table: random access by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headrace.contracts.block import Columns
from headrace.contracts.order import Indices
from headrace.contracts.records import gather_ahead
from headrace.deferred import pyarrow as pa
from headrace.sources.tables.arrow import columns_of_table
from headrace.sources.tables.pieces import blocks_of

# Any, in this file: a table holds values of every type.

# Fewer rows of a batch are cut out one by one: a take costs as much as so many cuts.
FEW_ROWS = 16


@dataclass(frozen=True)
class TableRecords:
    """The rows of a table.

    Only what is read is converted: a table in a memory map may be larger than memory.

    Raises:
        ArgumentError: two columns have one name.

    Example:
        >>> import pyarrow as pa
        >>> records = TableRecords(pa.table({"x": [1, 2, 3]}))
        >>> list(records.read(np.array([2, 0])))
        [{'x': 3}, {'x': 1}]
    """

    table: pa.Table = field(repr=False, compare=False)
    name: str = "Table"
    read_ahead: int = field(init=False, repr=False, compare=False)
    # Views of the table, cut wherever one of its columns is, and the row where each ends.
    _parts: list[pa.RecordBatch] = field(init=False, repr=False, compare=False)
    _stops: Indices = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        columns_of_table(self.table.slice(0, 0))
        parts = self.table.to_batches()
        stops = np.cumsum([part.num_rows for part in parts], dtype=np.int64)
        object.__setattr__(self, "_parts", parts)
        object.__setattr__(self, "_stops", stops)
        ahead = gather_ahead(self.table.nbytes, self.table.num_rows)
        object.__setattr__(self, "read_ahead", ahead)

    def __len__(self) -> int:
        rows: int = self.table.num_rows
        return rows

    @property
    def identity(self) -> str:
        """What the table is, and its length."""
        return f"{self.name}[{len(self)}]"

    def __reduce__(self) -> tuple[type[TableRecords], tuple[pa.Table, str]]:
        return TableRecords, (self.table, self.name)

    def read(self, indices: Indices) -> Columns[Any]:
        """The rows at `indices`, in that order; numbers of neighbours are views of the table."""
        return columns_of_table(self.table_at(indices), numbers=indices.tolist())

    def blocks(self, epoch: int) -> Iterator[Columns[Any]]:
        """All rows in order."""
        return blocks_of([self.table])

    def table_at(self, indices: Indices) -> pa.Table:
        """The rows at `indices` as a table of their own, without a copy of neighbours."""
        if bool((np.diff(indices) == 1).all()):
            return self.table.slice(int(indices[0]) if len(indices) else 0, len(indices))
        order = np.argsort(indices, kind="stable")
        ascending = indices[order]
        where = np.searchsorted(self._stops, ascending, side="right")
        touched, firsts = np.unique(where, return_index=True)
        taken: list[pa.RecordBatch] = []
        for at, rows in zip(touched.tolist(), np.split(ascending, firsts[1:]), strict=True):
            part = self._parts[at]
            taken += _taken(part, rows - (self._stops[at] - part.num_rows))
        joined = pa.Table.from_batches(taken).combine_chunks().to_batches()
        return pa.Table.from_batches(_taken(joined[0], np.argsort(order)))


def _taken(batch: pa.RecordBatch, indices: Indices) -> list[pa.RecordBatch]:
    if len(indices) >= FEW_ROWS:
        try:
            return [batch.take(pa.array(indices))]
        except pa.ArrowNotImplementedError:
            # Arrow cannot take rows of some types, views of text among them, but can cut them.
            pass
    return [batch.slice(index, 1) for index in indices.tolist()]
