"""Parquet files as records."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError, near
from headrace.deferred import pyarrow as pa
from headrace.deferred import pyarrow_parquet as pq
from headrace.sources.file import File, Local, file_of, reason_of
from headrace.sources.tables.drawn import DrawnTable
from headrace.sources.tables.pieces import piece_rows

# Any, in this file: pyarrow has no types.

PARQUET_SUFFIXES = (".parquet", ".pq")


def parquet_source(
    places: Sequence[os.PathLike[str] | File], *, columns: Sequence[str] | None = None
) -> DrawnTable:
    """The rows of the files, one file after the other, at most a row group in memory at a time.

    The end of each file is read now: it has the number of rows and the columns.

    Raises:
        ArgumentError: a column is in none of the files.
        RecordError: a file has other columns than the first, or columns of another type.
        IntegrityError: a file is damaged, or none of Parquet.
    """
    if isinstance(columns, str):
        raise ArgumentError(
            f"columns must be a list of names, got the text {columns!r}. Pass [{columns!r}]."
        )
    files = [_opened(file_of(place), columns) for place in places]
    for file in files[1:]:
        _check_schema(file, files[0])
    size = sum(file.rows for file in files)
    name = f"parquet[{files[0].file.name}, {len(files)} {'file' if len(files) == 1 else 'files'}]"
    return DrawnTable(name, partial(_batches, files), size)


@dataclass(frozen=True)
class _File:
    """What the end of a file says."""

    file: File
    schema: Any
    rows: int
    size_bytes: int


def _opened(file: File, columns: Sequence[str] | None) -> _File:
    with _reading(file) as opened:
        schema, metadata = opened.schema_arrow, opened.metadata
    groups = range(metadata.num_row_groups)
    size_bytes = sum(metadata.row_group(at).total_byte_size for at in groups)
    return _File(file, _selected(schema, columns, file), metadata.num_rows, size_bytes)


def _selected(schema: Any, columns: Sequence[str] | None, file: File) -> Any:
    for name in columns or ():
        if name not in schema.names:
            raise ArgumentError(
                f"column {name!r} was asked for, and {str(file)!r} has none of that name. "
                f"{near(name, schema.names)}"
            )
    return schema if columns is None else pa.schema([schema.field(name) for name in columns])


def _check_schema(file: _File, first: _File) -> None:
    """Makes sure that a file has the columns of the first one, in whatever order."""
    mine, theirs = _types(file), _types(first)
    for name in [*theirs, *mine]:
        one, other = mine.get(name), theirs.get(name)
        if one is None or other is None or not _are_alike(one, other):
            raise RecordError(
                f"files of the same columns were expected, and column {name!r} is "
                f"{one or 'missing'} in {str(file.file)!r} and {other or 'missing'} in "
                f"{str(first.file)!r}. Read one kind of file at a time, or with columns=[...] "
                "those that all have."
            )


def _types(file: _File) -> dict[str, Any]:
    return dict(zip(file.schema.names, file.schema.types, strict=True))


def _are_alike(one: Any, other: Any) -> bool:
    """Whether values of both types are the same in records."""
    types = pa.types
    families = (types.is_integer, types.is_floating, _is_string)
    if one == other or types.is_null(one) or types.is_null(other):
        return True
    return any(is_one(one) and is_one(other) for is_one in families)


def _is_string(kind: Any) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _batches(files: Sequence[_File]) -> Iterator[Any]:
    names = files[0].schema.names
    for file in files:
        rows = piece_rows(file.size_bytes, file.rows)
        with _reading(file.file) as opened:
            for batch in opened.iter_batches(rows, columns=names):
                yield batch.select(names)


@contextmanager
def _reading(file: File) -> Iterator[Any]:
    try:
        with ExitStack() as held:
            # Arrow reads files of this machine by itself, without the lock of Python. It would
            # not close what it cannot make sense of.
            is_here = isinstance(file.opener, Local)
            source = held.enter_context(pa.OSFile(file.path) if is_here else file.open())
            yield held.enter_context(pq.ParquetFile(source))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(file, error) from error


def _damaged(file: File, error: Exception) -> IntegrityError:
    # It may have several lines.
    reason = " ".join(reason_of(error).split()).rstrip(".")
    return IntegrityError(
        f"{str(file)!r} cannot be read as Parquet: {reason}. Write the file anew, or leave it out."
    )
