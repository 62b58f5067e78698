"""Chunks of regular delimited text as columns, read by pyarrow."""

from __future__ import annotations

import codecs
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Column, Columns, Layout, RowKind
from headrace.contracts.tree import LEAF, Tree
from headrace.deferred import pyarrow as pa
from headrace.deferred import pyarrow_csv as pa_csv
from headrace.sources.files.csv_rows import Dialect
from headrace.sources.files.csv_types import BOOLS, ColumnType

# Any, in this file: values are bools, ints, floats, str and None; pyarrow has no types.

ARROW_TYPES = {bool: "bool", int: "int64", float: "float64", str: "string"}
# pyarrow wants the size of a block in an int of 32 bits.
LONGEST_BLOCK = 2**31 - 1


def columns_in(
    chunk: bytes, names: tuple[str, ...], types: tuple[ColumnType, ...], dialect: Dialect
) -> Columns[dict[str, Any]] | None:
    """The rows of `chunk` as columns; None where something in it has to be read row by row."""
    if _is_read_otherwise(chunk, types) or not dialect.is_closed(chunk):
        return None
    try:
        table = _table(chunk, types, dialect)
    except pa.ArrowInvalid:
        return None
    if not table.num_rows:
        return None
    leaves = [_leaf(column, kind) for column, kind in zip(table.columns, types, strict=True)]
    tree = Tree("dict", names, (LEAF,) * len(names))
    kinds: tuple[RowKind, ...] = tuple(_kind(leaf) for leaf in leaves)
    return Columns(Layout(tree, kinds), leaves, table.num_rows)


def _is_read_otherwise(chunk: bytes, types: tuple[ColumnType, ...]) -> bool:
    """Whether pyarrow would read it, and differently."""
    # It drops a byte order mark, which is text here, and takes 0x10 for 16.
    has_hex = int in types and (b"0x" in chunk or b"0X" in chunk)
    return has_hex or chunk.startswith(codecs.BOM_UTF8)


def _table(chunk: bytes, types: tuple[ColumnType, ...], dialect: Dialect) -> Any:
    # By number: the names may be such as pyarrow has its own idea of.
    numbered = {str(number): ARROW_TYPES[kind] for number, kind in enumerate(types)}
    return pa_csv.read_csv(
        pa.py_buffer(chunk),
        pa_csv.ReadOptions(
            use_threads=False,
            block_size=min(len(chunk), LONGEST_BLOCK),
            column_names=list(numbered),
        ),
        pa_csv.ParseOptions(
            delimiter=dialect.delimiter,
            quote_char=dialect.quotechar or False,
            newlines_in_values=True,
        ),
        pa_csv.ConvertOptions(
            column_types=numbered,
            null_values=[""],
            true_values=[text for text, value in BOOLS.items() if value],
            false_values=[text for text, value in BOOLS.items() if not value],
        ),
    )


def _leaf(column: Any, kind: ColumnType) -> Column:
    if kind is str or column.null_count:
        values: list[Any] = column.to_pylist()
        return values
    return np.concatenate([_numbers(part, kind) for part in column.chunks])


def _numbers(part: Any, kind: ColumnType) -> npt.NDArray[Any]:
    # Arrow's own to_numpy imports pandas, if it is there, which takes a second.
    packed = part.buffers()[1]
    start, stop = part.offset, part.offset + len(part)
    if kind is bool:
        bits = np.unpackbits(np.frombuffer(packed, np.uint8), bitorder="little")
        return bits[start:stop].astype(np.bool_)
    return np.frombuffer(packed, np.dtype(kind))[start:stop]


def _kind(leaf: Column) -> RowKind:
    return "object" if isinstance(leaf, list) else "python"
