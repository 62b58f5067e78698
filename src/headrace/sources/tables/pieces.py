"""Tables cut into pieces that bound the memory of what is converted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from headrace.contracts.block import Columns
from headrace.deferred import pyarrow as pa
from headrace.sources.tables.arrow import columns_of_table

# Any, in this file: a table holds values of every type.

# As Python objects a piece takes several times as much.
PIECE_BYTES = 8 * 2**20
# More in one piece makes nothing faster.
PIECE_ROWS = 2**16


def piece_rows(size_bytes: int, rows: int) -> int:
    """How many of `rows` of `size_bytes` in all one piece has; at least one."""
    mean_bytes = max(1, size_bytes // max(1, rows))
    return max(1, min(PIECE_ROWS, PIECE_BYTES // mean_bytes))


def blocks_of(tables: Iterable[pa.Table | pa.RecordBatch]) -> Iterator[Columns[Any]]:
    """The rows of all tables, in blocks; messages count the rows from the first table on."""
    first = 0
    for table in tables:
        rows = table.num_rows
        step = piece_rows(table.nbytes, rows)
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            numbers = range(first + start, first + stop)
            yield columns_of_table(table.slice(start, stop - start), numbers=numbers)
        first += rows
