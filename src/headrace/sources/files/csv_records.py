"""Rows of delimited text as records, with what is wrong in them told by its place."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from headrace.contracts.errors import RecordError
from headrace.sources.file import File
from headrace.sources.files.chunks import UTF8
from headrace.sources.files.csv_rows import Row
from headrace.sources.files.csv_types import ColumnType, converted, type_for

# Any, in this file: values are bools, ints, floats, str and None.

# How much of a value is shown where it does not fit.
SHOWN = 40
SKIP_REMEDY = 'leave such rows out with on_error="skip"'


class Place(NamedTuple):
    """A line of a file, counted from 1."""

    file: File
    line: int

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}"


def header_of(row: Row, place: Place) -> tuple[str, ...]:
    """The names that a header gives.

    Raises:
        RecordError: it is no text, or names a column twice.
    """
    names = tuple(fields_of(row, UTF8, place))
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise RecordError(
            f"{place}, the header, names the column {twice!r} twice, and a record is a dict that "
            "holds each name once. Rename one in the file."
        )
    return names


def record_of(
    row: Row, columns: tuple[str, ...], types: tuple[ColumnType, ...], encoding: str, place: Place
) -> dict[str, Any]:
    """The record of a row.

    Raises:
        RecordError: it has more or fewer fields than there are columns, a value is not of its
            column's type, or the row is no text.
    """
    fields = fields_of(row, encoding, place)
    if len(fields) != len(columns):
        raise RecordError(
            f"{place} has {_count(len(fields), 'field')}, and there are "
            f"{_count(len(columns), 'column')}. Repair it, or {SKIP_REMEDY}."
        )
    typed = zip(columns, fields, types, strict=True)
    return {name: _value(text, kind, name, place) for name, text, kind in typed}


def fields_of(row: Row, encoding: str, place: Place) -> list[str]:
    """The fields as text. Raises RecordError where they are none."""
    if row.fields is None:
        raise RecordError(
            f"{place} has a quote that opens and is never closed. Close it, or {SKIP_REMEDY}; "
            "pass quotechar=None where no field is quoted."
        )
    try:
        return [part.decode() for part in row.fields]
    except UnicodeDecodeError as error:
        raise RecordError(
            f"{place} is no text in {encoding}: {error.reason}. "
            f"Pass the encoding= that the file was written in, or {SKIP_REMEDY}."
        ) from None


def _value(text: str, kind: ColumnType, name: str, place: Place) -> Any:
    try:
        return converted(text, kind)
    except ValueError:
        wider = type_for(text, kind).__name__
        raise RecordError(
            f"{place}, column {name!r} holds {text[:SHOWN]!r}, and the column's type is "
            f"{kind.__name__}. Pass types={{{name!r}: {wider}}} to hold both, or {SKIP_REMEDY}."
        ) from None


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
