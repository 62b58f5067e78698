"""What a decoder is given: bytes, or something that leads to them, alone or in a field."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headrace.contracts.errors import ArgumentError, RecordError, near
from headrace.contracts.image import EncodedImage

# Any, in this file: records are the user's values, of every type.


def checked_field(field: str | None) -> None:
    """Raises ArgumentError unless `field` is a name or None."""
    if field is not None and not isinstance(field, str):
        raise ArgumentError(
            f"field must be the name of a field of the records, got {field!r}. "
            'Pass field="image", or leave it out where a record is what is decoded.'
        )


def value_of(record: Any, field: str | None, *, verb: str) -> Any:
    """What is to be decoded of a record.

    Raises:
        RecordError: it has no such field, or is a dict and no field was named.
    """
    if field is None:
        if isinstance(record, Mapping):
            raise RecordError(
                f"{verb} got a dict with the fields {', '.join(map(repr, record))}. "
                f'Name the one to decode: {verb}(field="...").'
            )
        return record
    if isinstance(record, Mapping) and field in record:
        return record[field]
    hint = "Leave field out where a record is what is decoded."
    if isinstance(record, Mapping):
        hint = near(field, map(str, record))
    raise RecordError(
        f"{verb}(field={field!r}) needs a dict with that field, got {_short(record)}. {hint}"
    )


def bytes_of(value: Any, *, verb: str) -> bytes:
    """The encoded bytes: as they are, of an open file, or of the file at a path.

    Raises:
        RecordError: it leads to no bytes.
        OSError: the file cannot be read.
    """
    if isinstance(value, EncodedImage):
        return value.encoded
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, np.ndarray) and value.dtype == np.uint8 and value.ndim == 1:
        # So arrays in HDF5, and datapoints of TensorPack, hold files.
        return value.tobytes()
    if isinstance(value, str | os.PathLike):
        return Path(value).read_bytes()
    reader = getattr(value, "read", None)
    if reader is not None:
        content = reader()
        if isinstance(content, bytes):
            return content
        raise RecordError(
            f"{verb} needs a file opened for bytes, and {place_of(value)} gave "
            f'{type(content).__name__}. Open it in mode "rb".'
        )
    raise RecordError(
        f"{verb} needs bytes, an open file or a path, got {_short(value)}. "
        'Name the field of records that are dicts: field="...".'
    )


def place_of(value: Any) -> str:
    """What is decoded, for messages: the file's name where it is known."""
    if isinstance(value, str | os.PathLike):
        return repr(os.fspath(value))
    named = getattr(value, "name", None) or getattr(value, "path", None)
    if isinstance(named, str | os.PathLike):
        return repr(os.fspath(named))
    if isinstance(value, bytes | bytearray | memoryview):
        return f"{len(value):,} bytes that begin with {bytes(value[:8])!r}"
    return _short(value)


def reason_of(error: Exception) -> str:
    """What a library said, without its own names for bytes in memory."""
    said = re.sub(r" ?<_io\.BytesIO object at \w+>", "", str(error)).rstrip(".")
    return f"{type(error).__name__}: {said}"


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and dtype {value.dtype}"
    return type(value).__name__
