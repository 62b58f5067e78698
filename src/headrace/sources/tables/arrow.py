"""Arrow tables as columns of records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.contracts.block import Columns
from headrace.deferred import pyarrow as pa
from headrace.sources.tables.values import Place, branch_of

# Any, in this file: a table holds values of every type.


def columns_of_table(
    table: pa.Table | pa.RecordBatch, *, numbers: Sequence[int] | None = None
) -> Columns[dict[str, Any]]:
    """The rows of `table` as columns; `numbers` is what messages call them.

    Numbers stay where they are: the columns share the memory of the table where its bytes are
    those of NumPy. Rows equal `table.to_pylist()`, but that lists of numbers are arrays, times
    are of NumPy (instants are in UTC, and a time of day counts from midnight), a decimal is text,
    and an extension type is what it is stored as.

    Raises:
        RecordError: None inside a list of whole numbers or bools.
        ArgumentError: two columns have one name.

    Example:
        >>> import pyarrow as pa
        >>> columns = columns_of_table(pa.table({"x": [[1, 2], [3, 4]], "name": ["a", None]}))
        >>> columns[0]
        {'x': array([1, 2]), 'name': 'a'}
    """
    arrays = [one_array(table.column(at)) for at in range(table.num_columns)]
    place = Place("", range(table.num_rows) if numbers is None else numbers)
    return branch_of(list(table.schema.names), arrays, place)


def one_array(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """The chunks of a column as one array, without a copy where there is one."""
    if not isinstance(column, pa.ChunkedArray):
        return column
    if column.num_chunks == 1:
        return column.chunk(0)
    return column.combine_chunks()
