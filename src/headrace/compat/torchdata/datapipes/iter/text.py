"""Parsers of text: each takes pairs of a path and a file."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.contracts.errors import whole

# Any, in this file: files of text or bytes, and what is parsed of them.
SKIP_REMEDY = "0 skips none."


@functional_datapipe("readlines")
class LineReader(IterDataPipe[Any]):
    """The lines of each file, with its path: `stream.flat_map`.

    `hr.parse.lines()` is headrace's own, and refuses what does not decode.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        *,
        skip_lines: int = 0,
        strip_newline: bool = True,
        decode: bool = False,
        encoding: str = "utf-8",
        errors: str = "ignore",
        return_path: bool = True,
    ) -> None:
        self.source_datapipe = source_datapipe
        skip = whole("'skip_lines'", skip_lines, least=0, remedy=SKIP_REMEDY)
        self.lines = Lines(skip, strip_newline, encoding if decode else None, errors)
        self.return_path = return_path

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        return stream_of(self.source_datapipe).flat_map(Parsed(self.lines, iter, self.return_path))


@functional_datapipe("parse_csv")
class CSVParser(IterDataPipe[Any]):
    """The rows of CSV files as lists, the header among them: `stream.flat_map`.

    `hr.parse.csv()` is headrace's own: dicts by the header, with types.
    """

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        *,
        skip_lines: int = 0,
        decode: bool = True,
        encoding: str = "utf-8",
        errors: str = "ignore",
        return_path: bool = False,
        as_tuple: bool = False,
        **fmtparams: Any,
    ) -> None:
        self.source_datapipe = source_datapipe
        skip = whole("'skip_lines'", skip_lines, least=0, remedy=SKIP_REMEDY)
        self.lines = Lines(skip, False, encoding if decode else None, errors)
        self.rows = Rows(as_tuple, fmtparams)
        self.return_path = return_path

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        parsed = Parsed(self.lines, self.rows, self.return_path)
        return stream_of(self.source_datapipe).flat_map(parsed)


@functional_datapipe("parse_csv_as_dict")
class CSVDictParser(IterDataPipe[Any]):
    """The rows of each CSV file as dicts of texts by its header: `stream.flat_map`."""

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        *,
        skip_lines: int = 0,
        decode: bool = True,
        encoding: str = "utf-8",
        errors: str = "ignore",
        return_path: bool = False,
        **fmtparams: Any,
    ) -> None:
        self.source_datapipe = source_datapipe
        skip = whole("'skip_lines'", skip_lines, least=0, remedy=SKIP_REMEDY)
        self.lines = Lines(skip, False, encoding if decode else None, errors)
        self.rows = DictRows(fmtparams)
        self.return_path = return_path

    def stream(self) -> hr.Stream[Any]:
        """`stream.flat_map`."""
        parsed = Parsed(self.lines, self.rows, self.return_path)
        return stream_of(self.source_datapipe).flat_map(parsed)


@functional_datapipe("parse_json_files")
class JsonParser(IterDataPipe[tuple[str, Any]]):
    """Pairs of a path and the value that its JSON file holds: `stream.map`."""

    def __init__(self, source_datapipe: IterDataPipe[Any], **kwargs: Any) -> None:
        self.source_datapipe = source_datapipe
        self.kwargs = kwargs

    def stream(self) -> hr.Stream[Any]:
        """`stream.map`."""
        return stream_of(self.source_datapipe).map(Json(self.kwargs))


@functional_datapipe("lines_to_paragraphs")
class ParagraphAggregator(IterDataPipe[tuple[str, Any]]):
    """Pairs of a path and its lines, joined up to an empty one: `through`."""

    def __init__(
        self,
        source_datapipe: IterDataPipe[Any],
        joiner: Callable[[list[Any]], Any] = "\n".join,
    ) -> None:
        self.source_datapipe = source_datapipe
        self.joiner = joiner

    def stream(self) -> hr.Stream[Any]:
        """`stream.through`."""
        return stream_of(self.source_datapipe).through(Paragraphs(self.joiner))


@dataclass(frozen=True)
class Lines:
    """Gives the lines of a file, as text where there is an encoding, and closes it."""

    skip: int
    strip_newline: bool
    encoding: str | None
    errors: str

    def __call__(self, file: Any) -> Iterator[Any]:
        try:
            for line in islice(file, self.skip, None):
                if self.strip_newline:
                    line = line.strip("\r\n" if isinstance(line, str) else b"\r\n")
                if self.encoding is not None and isinstance(line, bytes):
                    yield line.decode(self.encoding, self.errors)
                else:
                    yield line
        finally:
            file.close()


@dataclass(frozen=True)
class Rows:
    """Gives rows of lines of CSV."""

    as_tuple: bool
    options: dict[str, Any]

    def __call__(self, lines: Iterable[str]) -> Iterator[Any]:
        rows = csv.reader(lines, **self.options)
        return map(tuple, rows) if self.as_tuple else iter(rows)


@dataclass(frozen=True)
class DictRows:
    """Gives dicts of lines of CSV."""

    options: dict[str, Any]

    def __call__(self, lines: Iterable[str]) -> Iterator[Any]:
        return iter(csv.DictReader(lines, **self.options))


@dataclass(frozen=True)
class Parsed:
    """Gives what is parsed of a file's lines, with its path where wanted."""

    lines: Lines
    parse: Callable[[Iterator[Any]], Iterator[Any]]
    return_path: bool

    def __call__(self, opened: tuple[str, Any]) -> Iterator[Any]:
        path, file = opened
        records = self.parse(self.lines(file))
        return ((path, record) for record in records) if self.return_path else records


@dataclass(frozen=True)
class Json:
    """Gives the value in a file."""

    options: dict[str, Any]

    def __call__(self, opened: tuple[str, Any]) -> tuple[str, Any]:
        path, file = opened
        try:
            return path, json.loads(file.read(), **self.options)
        finally:
            file.close()


@dataclass(frozen=True)
class Paragraphs:
    """Joins neighbouring lines of one path."""

    joiner: Callable[[list[Any]], Any]

    def __call__(self, records: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
        lines: list[Any] = []
        current = ""
        for path, line in records:
            if lines and (path != current or not line):
                yield current, self.joiner(lines)
                lines = []
            current = path
            if line:
                lines.append(line)
        if lines:
            yield current, self.joiner(lines)
