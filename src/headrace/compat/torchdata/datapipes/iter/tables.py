"""Tables: Parquet files as Arrow tables, rows as columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.deferred import pyarrow_parquet
from headrace.parsing.files import opened

# Any, in this file: Arrow has no types, and rows hold values of every type.


@functional_datapipe("load_parquet_as_df")
class ParquetDataFrameLoader(IterDataPipe[Any]):
    """An Arrow table for each row group of Parquet files: `stream.flat_map`.

    The original gave frames of torcharrow, which is no more. Paths may be addresses.

    Raises:
        ArgumentError: a `dtype` or `device` of torcharrow is given.
    """

    def __init__(
        self,
        source_dp: IterDataPipe[str],
        dtype: Any = None,
        columns: list[str] | None = None,
        device: str = "",
        use_threads: bool = False,
    ) -> None:
        if dtype is not None or device:
            raise ArgumentError(
                f"dtype and device are torcharrow's, which is no more; got {dtype!r} and "
                f"{device!r}. Tables of Arrow were expected: leave them out, and "
                ".map(lambda table: table.cast(schema)) for other types."
            )
        self.source_dp = source_dp
        self.columns = columns
        self.use_threads = use_threads

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_dp).flat_map(RowGroups(self.columns, self.use_threads))


@functional_datapipe("rows2columnar")
class Rows2Columnar(IterDataPipe[dict[str, list[Any]]]):
    """Batches of rows as dicts of columns: `stream.map`.

    Rows are dicts, of which `column_names` keeps some, or lists, which it names.
    """

    def __init__(
        self, source_datapipe: IterDataPipe[Any], column_names: Sequence[str] | None = None
    ) -> None:
        self.source_datapipe = source_datapipe
        self.column_names = list(column_names or ())

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.source_datapipe).map(ToColumns(tuple(self.column_names)))


@dataclass(frozen=True)
class RowGroups:
    """Gives the row groups of a file."""

    columns: list[str] | None
    use_threads: bool

    def __call__(self, path: str) -> Iterator[Any]:
        with opened(path).open() as file, pyarrow_parquet.ParquetFile(file) as parquet:
            for number in range(parquet.num_row_groups):
                yield parquet.read_row_group(
                    number, columns=self.columns, use_threads=self.use_threads
                )


@dataclass(frozen=True)
class ToColumns:
    """Gives the columns of a batch of rows."""

    names: tuple[str, ...]

    def __call__(self, rows: Sequence[Any]) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {}
        for row in rows:
            if not isinstance(row, dict):
                named: Any = self._named(row)
            elif self.names:
                named = ((name, row[name]) for name in self.names)
            else:
                named = row.items()
            for name, value in named:
                columns.setdefault(name, []).append(value)
        return columns

    def _named(self, row: Sequence[Any]) -> Iterator[tuple[str, Any]]:
        if len(row) > len(self.names):
            raise RecordError(
                f"a row of {len(row)} columns has {len(self.names)} column_names. "
                "A name for each was expected. Pass column_names=[...]."
            )
        return zip(self.names, row, strict=False)
