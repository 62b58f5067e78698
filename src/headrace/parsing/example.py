"""`tf.train.Example`, the usual content of TFRecord files, without TensorFlow and protobuf.

Source: the Protocol Buffers encoding guide; tensorflow/core/example/{example,feature}.proto.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

# Values as they are stored: a list of bytes, float32 or int64; None is of a kind that is not set.
Values: TypeAlias = "list[bytes] | npt.NDArray[np.float32] | npt.NDArray[np.int64] | None"

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
# Numbers of fields. Example: features. Features: entry of a map. Entry: key, value.
FEATURES, ENTRY, KEY, VALUE = 1, 1, 1, 2
# Feature: one of three lists, each of which has one field.
BYTES_LIST, FLOAT_LIST, INT64_LIST = 1, 2, 3
LONGEST_VARINT = 10
# Fewer numbers are faster one by one.
VECTOR_BYTES = 64
ALL_ONES = 2**64 - 1
NONE = np.empty(0, np.int64)


def features_of(content: bytes) -> dict[str, Values]:
    """The values of an Example by the names of its features.

    Raises:
        ValueError: it is no Example.
    """
    found: dict[str, Values] = {}
    for number, features in _fields(memoryview(content)):
        if number != FEATURES:
            continue
        for kind, entry in _fields(_part(features)):
            if kind == ENTRY:
                name, values = _entry(_part(entry))
                found[name] = values
    return found


def _entry(entry: memoryview) -> tuple[str, Values]:
    name, values = "", None
    for number, part in _fields(entry):
        if number == KEY:
            name = str(_part(part), "utf-8")
        elif number == VALUE:
            values = _values(_part(part))
    return name, values


def _values(feature: memoryview) -> Values:
    values: Values = None
    for number, content in _fields(feature):
        parts = [part for _, part in _fields(_part(content))]
        if number == BYTES_LIST:
            values = [bytes(_part(part)) for part in parts]
        elif number == FLOAT_LIST:
            # Packed into one part or not: both are lists of four bytes each.
            values = np.frombuffer(b"".join(map(_part, parts)), "<f4").astype(np.float32)
        elif number == INT64_LIST:
            found = [_int64s(part) for part in parts]
            values = found[0] if len(found) == 1 else np.concatenate([*found, NONE])
    return values


def _int64s(part: memoryview | int) -> npt.NDArray[np.int64]:
    if isinstance(part, int):
        return np.array([part & ALL_ONES], np.uint64).astype(np.int64)
    if len(part) < VECTOR_BYTES:
        return np.array(list(_varints(part)), np.uint64).astype(np.int64)
    encoded = np.frombuffer(part, np.uint8)
    ends = np.flatnonzero(encoded < 0x80)
    if not len(ends) or ends[-1] != len(encoded) - 1:
        raise ValueError("a number has no end")
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends + 1 - starts
    if lengths.max() > LONGEST_VARINT:
        raise ValueError("a number is too long")
    places = np.arange(len(encoded)) - np.repeat(starts, lengths)
    shifted = (encoded & 0x7F).astype(np.uint64) << (7 * places).astype(np.uint64)
    return np.add.reduceat(shifted, starts).astype(np.int64)


def _fields(view: memoryview) -> Iterator[tuple[int, memoryview | int]]:
    """The fields of a message: their numbers, and their bytes or, of numbers, the value."""
    at = 0
    while at < len(view):
        tag, at = (view[at], at + 1) if view[at] < 0x80 else _varint(view, at)
        wire = tag & 7
        if wire == VARINT:
            value, at = _varint(view, at)
            yield tag >> 3, value
            continue
        if wire == LENGTH:
            size, at = _varint(view, at)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise ValueError(f"there is no field of kind {wire}")
        if at + size > len(view):
            raise ValueError("a field ends behind its message")
        yield tag >> 3, view[at : at + size]
        at += size


def _varints(part: memoryview) -> Iterator[int]:
    at = 0
    while at < len(part):
        value, at = _varint(part, at)
        # What stands above 64 bits means nothing.
        yield value & ALL_ONES


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    for after, byte in enumerate(view[at : at + LONGEST_VARINT], at + 1):
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, after
        shift += 7
    raise ValueError("a number has no end, or is too long")


def _part(part: memoryview | int) -> memoryview:
    if isinstance(part, int):
        raise ValueError("a number stands where a message was expected")
    return part
