"""Delimited text, such as CSV: one record a row, a dict by the names of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from headrace.contracts.block import Block, rows
from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources.file import File
from headrace.sources.files.chunks import UTF8, checked_encoding, chunks
from headrace.sources.files.compression import decompressed_by_name
from headrace.sources.files.csv_columns import columns_in
from headrace.sources.files.csv_records import Place, header_of, record_of
from headrace.sources.files.csv_rows import Dialect, Row, newlines
from headrace.sources.files.csv_types import ColumnType, checked_types, inferred
from headrace.sources.files.faults import Faults, OnError, block_of, checked_policy
from headrace.sources.files.paths import Files, has_suffix, located, names_of

# Any, in this file: values are bools, ints, floats, str and None.

TAB_SUFFIXES = (".tsv", ".tsv.gz")
CSV_SUFFIXES = (".csv", ".csv.gz", *TAB_SUFFIXES)
# Types are inferred from so many rows at most.
INFERRED_ROWS = 1000


@dataclass(frozen=True)
class CsvFormat:
    """How the files are written."""

    dialect: Dialect
    encoding: str
    has_header: bool


@dataclass(frozen=True)
class CsvSource:
    """The rows of delimited files, read in order; each column has one type."""

    files: tuple[File, ...]
    columns: tuple[str, ...]
    types: tuple[ColumnType, ...]
    written: CsvFormat
    on_error: OnError

    @property
    def identity(self) -> str:
        """How many files, and the first one's name."""
        return names_of("csv", self.files)

    @property
    def size(self) -> None:
        """Not known before the files are read."""
        return None

    @property
    def is_endless(self) -> bool:
        """Files end."""
        return False

    def draw(self, epoch: int) -> Iterator[dict[str, Any]]:
        """A fresh pass."""
        for block in self.blocks(epoch):
            yield from rows(block)

    def blocks(self, epoch: int) -> Iterator[Block[dict[str, Any]]]:
        """A fresh pass; a chunk of a file where all is regular comes as columns."""
        faults = Faults(self.on_error)
        for file in self.files:
            for line, chunk in self._body(file):
                columns = columns_in(chunk, self.columns, self.types, self.written.dialect)
                if columns is None:
                    yield from block_of(self._singly(chunk, file, line, faults))
                else:
                    yield columns
        faults.tell()

    def _body(self, file: File) -> Iterator[tuple[int, bytes]]:
        """The chunks of whole rows behind the header, and the number of each one's first line."""
        dialect = self.written.dialect
        line, has_header = 1, self.written.has_header
        for chunk in chunks(file, self.written.encoding, dialect.end_of_rows):
            start = 0
            header = next(dialect.rows(chunk), None) if has_header else None
            if header is not None:
                self._check_header(header, file, Place(file, line + header.line))
                start, has_header = header.end, False
            if start < len(chunk) and not has_header:
                yield line + newlines(chunk[:start]), chunk[start:]
            line += newlines(chunk)

    def _check_header(self, row: Row, file: File, place: Place) -> None:
        names = header_of(row, place)
        if names != self.columns:
            raise RecordError(
                f"{file} has the columns {', '.join(names)}, and {self.files[0]} has "
                f"{', '.join(self.columns)}. Files that are read as one need the same header; "
                "read them apart, and join the streams with .concat."
            )

    def _singly(
        self, chunk: bytes, file: File, line: int, faults: Faults
    ) -> Iterator[dict[str, Any]]:
        for row in self.written.dialect.rows(chunk):
            place = Place(file, line + row.line)
            try:
                record = record_of(row, self.columns, self.types, self.written.encoding, place)
            except RecordError as error:
                faults.meet(error)
            else:
                yield record


def csv_source(
    places: Files,
    *,
    columns: Sequence[str] | None = None,
    types: Mapping[str, ColumnType] | None = None,
    delimiter: str | None = None,
    quotechar: str | None = '"',
    encoding: str = UTF8,
    on_error: OnError = "raise",
) -> CsvSource:
    """The rows of the files that `places` says; the first rows are read now, for the types.

    Raises:
        ArgumentError: no file is there, or a parameter is none that is accepted.
        RecordError: the header is no text, or names a column twice.
        StorageError: a file cannot be read.
    """
    checked_policy(on_error)
    found = located(places, suffixes=CSV_SUFFIXES)
    dialect = Dialect(_delimiter_of(found) if delimiter is None else delimiter, quotechar)
    written = CsvFormat(dialect, checked_encoding(encoding), columns is None)
    names, first = _beginning(found, written, checked_columns(columns))
    given = dict(types or {})
    if names:
        checked_types(given, names)
    values = zip(*first, strict=True) if first else [()] * len(names)
    kinds = (given.get(name) or inferred(part) for name, part in zip(names, values, strict=True))
    return CsvSource(found, names, tuple(kinds), written, on_error)


def _beginning(
    files: Sequence[File], written: CsvFormat, names: tuple[str, ...]
) -> tuple[tuple[str, ...], list[list[str]]]:
    """The names of the columns, and the first rows of the first file that has any."""
    for file in files:
        found = _first_rows(file, written)
        if written.has_header and found and not names:
            names = header_of(found[0], Place(file, 1 + found[0].line))
        body = found[1:] if written.has_header else found
        texts = [[part.decode(errors="replace") for part in row.fields or ()] for row in body]
        fitting = [fields for fields in texts if len(fields) == len(names)]
        if fitting:
            return names, fitting
    return names, []


def _first_rows(file: File, written: CsvFormat) -> list[Row]:
    found = chunks(file, written.encoding, written.dialect.end_of_rows)
    rows_of_chunks = (row for chunk in found for row in written.dialect.rows(chunk))
    return list(islice(rows_of_chunks, INFERRED_ROWS + 1))


def checked_columns(columns: Any) -> tuple[str, ...]:  # Any: whatever the user passed
    """The names as a tuple, empty for None. Raises ArgumentError where they are no names."""
    if columns is None:
        return ()
    names = () if isinstance(columns, str) else tuple(columns)
    if not names or not all(isinstance(name, str) for name in names):
        raise ArgumentError(
            f"columns must be the names of the columns, got {columns!r}. "
            'Pass a list such as ["name", "age"]; leave it out for files with a header.'
        )
    if len(set(names)) < len(names):
        raise ArgumentError(
            f"columns must differ, got {columns!r}. A record is a dict and holds each name once."
        )
    return names


def _delimiter_of(files: Sequence[File]) -> str:
    with_tabs = {has_suffix(decompressed_by_name(file), TAB_SUFFIXES) for file in files}
    if len(with_tabs) > 1:
        raise ArgumentError(
            f"one kind of files was expected, got both .csv and .tsv among {len(files)} files. "
            "Read them apart, or pass the delimiter= that all have."
        )
    return "\t" if with_tabs == {True} else ","
