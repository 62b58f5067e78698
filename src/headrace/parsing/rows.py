"""The parsers of text, tables and WebDataset tars: the sources of those formats, a file each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.parsing.files import Parsable, opened
from headrace.sources.files import ColumnType, OnError, csv_source
from headrace.sources.files.jsonl import JsonlSource
from headrace.sources.files.tar import TarDrawn
from headrace.sources.files.text import TextSource
from headrace.sources.tables import parquet_source

# Any, in this file: records of files hold values of every type.


@dataclass(frozen=True)
class Lines:
    """The parser that `hr.parse.lines` gives."""

    encoding: str
    on_error: OnError

    def __call__(self, source: Parsable) -> Iterator[str]:
        return TextSource((opened(source),), self.encoding, self.on_error).draw(0)


@dataclass(frozen=True)
class Jsonl:
    """The parser that `hr.parse.jsonl` gives."""

    on_error: OnError

    def __call__(self, source: Parsable) -> Iterator[Any]:
        return JsonlSource((opened(source),), self.on_error).draw(0)


@dataclass(frozen=True)
class Csv:
    """The parser that `hr.parse.csv` gives."""

    columns: tuple[str, ...]
    types: Mapping[str, ColumnType]
    delimiter: str | None
    quotechar: str | None
    encoding: str
    on_error: OnError

    def __call__(self, source: Parsable) -> Iterator[dict[str, Any]]:
        return csv_source(
            opened(source),
            columns=self.columns or None,
            types=self.types,
            delimiter=self.delimiter,
            quotechar=self.quotechar,
            encoding=self.encoding,
            on_error=self.on_error,
        ).draw(0)


@dataclass(frozen=True)
class Parquet:
    """The parser that `hr.parse.parquet` gives."""

    columns: tuple[str, ...] | None

    def __call__(self, source: Parsable) -> Iterator[dict[str, Any]]:
        return parquet_source([opened(source)], columns=self.columns).draw(0)


@dataclass(frozen=True)
class WebDataset:
    """The parser that `hr.parse.webdataset` gives."""

    decode: bool

    def __call__(self, source: Parsable) -> Iterator[dict[str, Any]]:
        return TarDrawn((opened(source),), self.decode).draw(0)
