"""TFRecord files: their framing, and the `tf.train.Example` in each record."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal, TypeAlias, get_args

import numpy as np

from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError
from headrace.parsing.crc32c import ALL_ONES, crc32c
from headrace.parsing.example import Values, features_of
from headrace.parsing.files import Parsable, opened
from headrace.sources.file import File
from headrace.sources.files.compression import decompressed_by_name
from headrace.sources.files.faults import Faults, OnError

# Any, in this file: a feature holds bytes, text, numbers, or arrays of them.

# A type for one value (int, float, bytes, str), or a list of it for any number: list[int].
FeatureType: TypeAlias = Any
Features: TypeAlias = "Literal['all'] | Sequence[str] | Mapping[str, FeatureType] | None"

# The length of a record and the checksum of these eight bytes.
HEAD = struct.Struct("<QI")
LENGTH_BYTES = 8
CHECKSUM_BYTES = 4
# A checksum that stands beside its own content is kept turned and moved.
MASK = 0xA282EAD8
ONES = (int, float, bytes, str)
# So many names of features are shown where one is missing.
SHOWN = 10
STORED = {int: "int64", float: "float32", bytes: "bytes", str: "bytes"}


@dataclass(frozen=True)
class TFRecords:
    """The parser that `hr.parse.tfrecord` gives."""

    features: Features = None
    on_error: OnError = "raise"

    def __call__(self, source: Parsable) -> Iterator[Any]:
        file = opened(source)
        faults = Faults(self.on_error)
        for number, content in _contents(file, faults):
            if self.features is None:
                yield content
                continue
            try:
                record = _record(content, self.features)
            except ValueError as error:
                faults.meet(
                    RecordError(
                        f"{file}, record {number} cannot be parsed: {error}. Take its bytes with "
                        'features=None, or leave such records out with on_error="skip".'
                    )
                )
            else:
                yield record
        faults.tell()


def checked_features(features: Any) -> Features:
    """The features as a value that cannot change.

    Raises:
        ArgumentError: they are none of what is accepted.
    """
    if features is None or features == "all":
        return "all" if features else None
    if isinstance(features, Mapping) and all(map(_is_type, features.values())):
        return dict(features)
    if isinstance(features, Sequence) and not isinstance(features, str | bytes):
        return tuple(features)
    raise ArgumentError(
        f'features must be None, "all", names, or types by names, got {features!r}. Types are '
        "int, float, bytes and str, and list[...] of one, such as {'label': int, 'box': "
        "list[float]}."
    )


def _contents(file: File, faults: Faults) -> Iterator[tuple[int, bytes]]:
    """The content of each record, and its number, counted from 1."""
    with decompressed_by_name(file).open() as read:
        number = 1
        while head := read.read(HEAD.size):
            content = _whole(read, _length(head, file, number), file, number)
            (expected,) = struct.unpack("<I", _whole(read, CHECKSUM_BYTES, file, number))
            if _masked(content) == expected:
                yield number, content
            else:
                faults.meet(
                    IntegrityError(
                        f"{file}, record {number} is damaged: its checksum is not that of its "
                        "bytes. Write the file anew, or leave such records out with "
                        'on_error="skip".'
                    )
                )
            number += 1


def _length(head: bytes, file: File, number: int) -> int:
    if len(head) < HEAD.size:
        raise _cut(file, number)
    length, checksum = HEAD.unpack(head)
    if _masked(head[:LENGTH_BYTES]) != checksum:
        what = "it is no TFRecord file" if number == 1 else "its length is damaged"
        raise IntegrityError(
            f"{file}, record {number} cannot be read: {what}. Write the file anew; one that is "
            "compressed and not named so needs .map(hr.parse.decompress())."
        )
    return int(length)


def _whole(read: BinaryIO, size: int, file: File, number: int) -> bytes:
    found = read.read(size)
    if len(found) < size:
        raise _cut(file, number)
    return found


def _cut(file: File, number: int) -> IntegrityError:
    return IntegrityError(f"{file} is cut off in record {number}. Write it anew, or leave it out.")


def _masked(content: bytes) -> int:
    checksum = crc32c(content)
    return ((checksum >> 15 | checksum << 17) + MASK) & ALL_ONES


def _record(content: bytes, features: Features) -> dict[str, Any]:
    found = features_of(content)
    if features == "all" or features is None:
        return dict(found)
    if isinstance(features, Mapping):
        return {name: _typed(found, name, kind) for name, kind in features.items()}
    return {name: _values(found, name) for name in features}


def _values(found: Mapping[str, Values], name: str) -> Values:
    if name not in found:
        listed = ", ".join(sorted(found)[:SHOWN])
        raise ValueError(f"it has no feature {name!r}, but {listed or 'none at all'}")
    return found[name]


def _typed(found: Mapping[str, Values], name: str, kind: FeatureType) -> Any:
    """One value, or the list of values that `kind` says."""
    is_one = kind in ONES
    one = kind if is_one else get_args(kind)[0]
    # A list of none is often not written at all.
    values: Any = _values(found, name) if is_one else found.get(name)
    if values is None:
        values = [] if one in (bytes, str) else np.empty(0, STORED[one])
    stored = "bytes" if isinstance(values, list) else str(values.dtype)
    if stored != STORED[one]:
        raise ValueError(f"its feature {name!r} holds {stored}, not {STORED[one]}")
    if one is str:
        values = [str(value, "utf-8") for value in values]
    if not is_one:
        return values
    if len(values) != 1:
        raise ValueError(f"its feature {name!r} holds {len(values)} values, not one")
    return values[0] if isinstance(values, list) else values[0].item()


def _is_type(kind: FeatureType) -> bool:
    return kind in (*ONES, list[int], list[float], list[bytes], list[str])
