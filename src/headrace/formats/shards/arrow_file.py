"""Where the buffers of an Arrow file lie, by its metadata, of which nothing is believed.

Written for files of strangers. Nothing is allocated, decompressed or followed here that is not a
slice of the bytes; the readers of Arrow do all three on the word of a file.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.contracts.blobs import Mapped

# What a file begins with; a stream lacks it.
MAGIC = b"ARROW1\0\0"
CONTINUATION = 0xFFFFFFFF  # begins each message
PREFIX_BYTES = 8  # of a message: that, and the bytes of its metadata
SCHEMA, RECORD_BATCH = 1, 3  # the kinds of messages that we write

# The numbers of the fields that are read, as Arrow's Message.fbs and Schema.fbs declare them.
HEADER_TYPE, HEADER, BODY_LENGTH = 1, 2, 3
ENDIANNESS, CUSTOM_METADATA = 0, 2
ROWS, NODES, BUFFERS, COMPRESSION = 0, 1, 2, 3
KEY, VALUE = 0, 1
# What a pair takes beside its text: its place, its table, and two lengths.
LEAST_PAIR_BYTES = 24

# What reading broken metadata raises.
BROKEN = (LookupError, ValueError, struct.error)


@dataclass(frozen=True)
class Batch:
    """A record batch: its rows, its columns and buffers in the order of the file."""

    metadata: Mapping[bytes, bytes]
    rows: int
    # Shape (nodes, 2): the rows of each column or child of one, and how many are None.
    nodes: npt.NDArray[np.int64]
    # Shape (buffers, 2): where each begins in the body, and its bytes.
    buffers: npt.NDArray[np.int64]
    body: Mapped

    def buffer(self, number: int) -> Mapped:
        """The bytes of a buffer, not copied. Raises ValueError where it is not in the body."""
        start, size = self.buffers[number].tolist()
        if start < 0 or size < 0 or start + size > len(self.body):
            raise ValueError(f"a buffer of {size} bytes at {start} is not in the file")
        return self.body[start : start + size]


def first_batch(payload: Mapped, *, start: int) -> Batch:
    """The first record batch of a stream that begins at byte `start`: 8 in a file.

    Raises:
        ValueError, LookupError, struct.error: there is none; or it is compressed, which ours
            never are.
    """
    schema, _, behind = _message(payload, start, SCHEMA)
    if schema.number("h", ENDIANNESS):
        raise ValueError("its numbers are big-endian")
    batch, body, _ = _message(payload, behind, RECORD_BATCH)
    if batch.place(COMPRESSION):
        raise ValueError("its buffers are compressed")
    rows, nodes, buffers = batch.number("q", ROWS), batch.structs(NODES), batch.structs(BUFFERS)
    return Batch(_metadata(schema), rows, nodes, buffers, body)


def _metadata(schema: Table) -> dict[bytes, bytes]:
    """The pairs of text of a schema, which are together no longer than what they lie in.

    Places of a stranger may all be one: each pair would be a copy of the same bytes.
    """
    found = {}
    left = len(schema.view)
    for pair in schema.tables(CUSTOM_METADATA):
        key, value = pair.text(KEY), pair.text(VALUE)
        left -= LEAST_PAIR_BYTES + len(key) + len(value)
        if left < 0:
            raise ValueError("parts of its metadata lie in each other")
        found[key] = value
    return found


@dataclass(frozen=True)
class Table:
    """A table of a flatbuffer, whose fields are found by their numbers."""

    view: memoryview
    at: int

    def place(self, field: int) -> int:
        """Where a field is, 0 of one that is left out."""
        vtable = self.at - self.read("i", self.at)
        slot = 4 + 2 * field
        if slot >= self.read("H", vtable):
            return 0
        offset = self.read("H", vtable + slot)
        return self.at + offset if offset else 0

    def number(self, kind: str, field: int) -> int:
        """A number of the kind of `struct`, 0 where it is left out."""
        place = self.place(field)
        return self.read(kind, place) if place else 0

    def table(self, field: int) -> Table:
        """The table that a field points at."""
        return Table(self.view, self._followed(field))

    def tables(self, field: int) -> Iterator[Table]:
        """The tables of a vector; none where it is left out."""
        if self.place(field):
            at = self._followed(field)
            places = np.frombuffer(self.view, "<u4", self.read("I", at), at + 4)
            for place in range(at + 4, at + 4 + places.nbytes, 4):
                yield Table(self.view, place + self.read("I", place))

    def structs(self, field: int) -> npt.NDArray[np.int64]:
        """A vector of pairs of numbers."""
        if not self.place(field):
            return np.empty((0, 2), np.int64)
        at = self._followed(field)
        count = self.read("I", at)
        return np.frombuffer(self.view, "<i8", 2 * count, at + 4).reshape(count, 2)

    def text(self, field: int) -> bytes:
        """A string as bytes."""
        at = self._followed(field)
        return bytes(self.view[at + 4 : at + 4 + self.read("I", at)])

    def _followed(self, field: int) -> int:
        place = self.place(field)
        if not place:
            raise ValueError("a part of its metadata is missing")
        return place + self.read("I", place)

    def read(self, kind: str, at: int) -> int:
        """The number of the kind of `struct` at a place."""
        if at < 0:
            raise ValueError("its metadata point out of themselves")
        number: int = struct.unpack_from(f"<{kind}", self.view, at)[0]
        return number


def _message(payload: Mapped, start: int, kind: int) -> tuple[Table, Mapped, int]:
    """The header of the message at `start`, its body, and where the next one begins."""
    mark, size = struct.unpack_from("<II", payload.data, start)
    body = start + PREFIX_BYTES + size
    if mark != CONTINUATION or body > len(payload):
        raise ValueError(f"there is no message at byte {start}")
    view = payload.data[start + PREFIX_BYTES : body]
    message = Table(view, struct.unpack_from("<I", view)[0])
    if message.number("B", HEADER_TYPE) != kind:
        raise ValueError(f"the message at byte {start} is of another kind")
    end = body + message.number("q", BODY_LENGTH)
    if not body <= end <= len(payload):
        raise ValueError(f"the message at byte {start} is longer than the file")
    return message.table(HEADER), payload[body:end], end
