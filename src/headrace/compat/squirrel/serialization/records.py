"""MessagePack values that stand one behind the other, read in one pass."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

# Any, in this file: records are the user's.

# Stands behind the last record: an extension that no file has.
ENDING = msgspec.msgpack.Ext(127, b"headrace: no more")
LIST_OF, LENGTH_BYTES = b"\xdd", 4


class _Record:
    """What msgspec is told that the list has: a type that it does not know, so that it asks."""


class _Ended(Exception):
    """The end was met."""


def records_of(content: bytes) -> list[Any]:
    """The values.

    msgspec reads one value, and tells where it ended only in the text of an error. So the records
    become a list that is longer than they can be, and whose end stops the reading.

    Raises:
        msgspec.DecodeError: it is no MessagePack, or ends within a value.
    """
    records: list[Any] = []
    kept = _Record()

    def keep(_: type, record: Any) -> _Record:
        # Within a record that is cut off, the end is one of its parts, and no record.
        if record == ENDING:
            raise _Ended
        records.append(record)
        return kept

    # No record takes less than a byte.
    length = min(len(content) + 1, 2 ** (8 * LENGTH_BYTES) - 1)
    head = LIST_OF + length.to_bytes(LENGTH_BYTES, "big")
    decoder = msgspec.msgpack.Decoder(list[_Record], dec_hook=keep)
    with suppress(_Ended):
        decoder.decode(b"".join((head, content, msgspec.msgpack.encode(ENDING))))
    return records
