"""TFRecord files, written by hand."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from headrace.parsing.crc32c import ALL_ONES, crc32c
from headrace.parsing.tfrecord import MASK


def example(**features: Sequence[int | float | bytes]) -> bytes:
    """A `tf.train.Example`."""
    entries = [
        _field(1, _field(1, name.encode()) + _field(2, _feature(values)))
        for name, values in features.items()
    ]
    return _field(1, b"".join(entries))


def framed(content: bytes) -> bytes:
    """A record of a file."""
    length = struct.pack("<Q", len(content))
    return length + _checksum(length) + content + _checksum(content)


def _feature(values: Sequence[int | float | bytes]) -> bytes:
    if isinstance(values[0], bytes):
        return _field(
            1, b"".join(_field(1, bytes(value)) for value in values if isinstance(value, bytes))
        )
    if isinstance(values[0], float):
        return _field(2, _field(1, struct.pack(f"<{len(values)}f", *values)))
    return _field(3, _field(1, bytes(int(value) for value in values)))


def _field(number: int, content: bytes) -> bytes:
    assert len(content) < 128
    return bytes([number << 3 | 2, len(content)]) + content


def _checksum(content: bytes) -> bytes:
    found = crc32c(content)
    return struct.pack("<I", ((found >> 15 | found << 17) + MASK) & ALL_ONES)
