"""Rows of delimited text: where they end, and their fields, with quoted newlines and all.

This is what the format means here. pyarrow reads what is regular, faster and alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError

LINE_ENDS = b"\r\n"


@dataclass(frozen=True)
class Dialect:
    """What stands between fields, and around those that hold it.

    A quote means something at the beginning of a field only; in a quoted field two stand for one.

    Raises:
        ArgumentError: one of them is no single ASCII character, or both are the same.
    """

    delimiter: str = ","
    quotechar: str | None = '"'
    _row: re.Pattern[bytes] = field(init=False, repr=False, compare=False)
    _rows: re.Pattern[bytes] = field(init=False, repr=False, compare=False)
    _field: re.Pattern[bytes] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_character("delimiter", self.delimiter)
        if self.quotechar is not None:
            _check_character("quotechar", self.quotechar)
        if self.quotechar == self.delimiter:
            raise ArgumentError(
                f"delimiter and quotechar must differ, got {self.delimiter!r} for both. "
                "Pass quotechar=None where no field is quoted."
            )
        between = re.escape(self.delimiter.encode())
        # No `(?:...)*+`, which before Python 3.11.5 takes what its last turn did not match.
        one = self._one_field(rb"(?:")
        row = rb"(?>%b(?:%b%b)*)" % (one, between, one)
        self._set("_field", rb"(?:\A|%b)%b" % (between, self._one_field(rb"(")))
        self._set("_row", rb"(?P<row>%b)(?:\r\n|\r|\n|\Z)" % row)
        # A \r at the end of what was read so far may be half of a line's end.
        self._set("_rows", rb"(?>(?:%b(?:\r\n|\n|\r(?=.)))*)" % row)

    def end_of_rows(self, buffer: bytes) -> int:
        """Where the last whole row of `buffer` ends, which begins with one; 0 without any."""
        if self.quotechar is None or self.quotechar.encode() not in buffer:
            return buffer.rfind(b"\n") + 1
        end = self._end_by_quotes(buffer)
        if end is None:
            match = self._rows.match(buffer)
            end = match.end() if match else 0
        return end

    def is_closed(self, chunk: bytes) -> bool:
        """Whether each quote that opens in a chunk is closed in it; pyarrow takes all for one."""
        whole = chunk if chunk.endswith(b"\n") else chunk + b"\n"
        return self.end_of_rows(whole) == len(whole)

    def rows(self, chunk: bytes) -> Iterator[Row]:
        """The rows of a chunk of whole rows, but for empty lines."""
        start, line = 0, 0
        while start < len(chunk):
            match = self._row.match(chunk, start)
            if match is None:
                yield Row(line, len(chunk), None)
                return
            text = match["row"]
            if text:
                yield Row(line, match.end(), self._fields(text))
            line += newlines(match[0])
            start = match.end()

    def _fields(self, row: bytes) -> list[bytes]:
        if self.quotechar is None or self.quotechar.encode() not in row:
            return row.split(self.delimiter.encode())
        quote = self.quotechar.encode()
        parts = self._field.findall(row)
        return [
            quoted.replace(quote + quote, quote) + tail + plain for quoted, tail, plain in parts
        ]

    def _one_field(self, group: bytes) -> bytes:
        """A pattern whose groups join to the field: inside quotes, behind them, without them.

        Each begins with `group`.
        """
        plain = rb"[^%b\r\n]*+" % re.escape(self.delimiter.encode())
        if self.quotechar is None:
            return rb"%b)%b)%b%b)" % (group, group, group, plain)
        quote = re.escape(self.quotechar.encode())
        inside = rb"(?>(?:[^%b]++|%b%b)*)" % (quote, quote, quote)
        quoted = rb"%b%b%b)%b%b%b)" % (quote, group, inside, quote, group, plain)
        return rb"(?:%b|(?!%b)%b%b))" % (quoted, quote, group, plain)

    def _end_by_quotes(self, buffer: bytes) -> int | None:
        """The same by counting quotes; None where one stands in the midst of a field."""
        assert self.quotechar is not None
        view = np.frombuffer(buffer, np.uint8)
        quotes = np.flatnonzero(view == ord(self.quotechar))
        if not self._are_regular(view, quotes):
            return None
        end = len(buffer)
        while (end := buffer.rfind(b"\n", 0, end)) >= 0:
            before = int(np.searchsorted(quotes, end))
            if before % 2 == 0:
                return end + 1
            # Inside quotes: the row goes on; look before they open.
            end = int(quotes[before - 1])
        return 0

    def _are_regular(self, view: npt.NDArray[np.uint8], quotes: npt.NDArray[np.intp]) -> bool:
        """Whether each quote that would open a field does, or is the second of two."""
        opening, closing = quotes[::2], quotes[1::2]
        between = np.frombuffer(LINE_ENDS + self.delimiter.encode(), np.uint8)
        fits = (opening == 0) | np.isin(view[opening - 1], between)
        fits[1:] |= opening[1:] - 1 == closing[: max(0, len(opening) - 1)]
        return bool(fits.all())

    def _set(self, name: str, pattern: bytes) -> None:
        object.__setattr__(self, name, re.compile(pattern, re.DOTALL))


@dataclass(frozen=True, slots=True)
class Row:
    """A row: how many lines are before it, where it ends, and its fields.

    They are None where a quote opens that is never closed: that row is all that is left.
    """

    line: int
    end: int
    fields: list[bytes] | None


def newlines(text: bytes) -> int:
    """How many lines end in `text`."""
    count = text.count(b"\n")
    if b"\r" in text:
        count += text.count(b"\r") - text.count(b"\r\n")
    return count


def _check_character(name: str, value: Any) -> None:  # Any: whatever the user passed
    if isinstance(value, str) and len(value) == 1 and value.isascii() and value not in "\r\n\0":
        return
    raise ArgumentError(
        f"{name} must be a single ASCII character, got {value!r}. "
        'Pass one such as ";" or "\\t"; files with others need csv.reader in a function.'
    )
