"""JSON Lines in the layout of Squirrel: an array is its values, its dtype and its shape."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec
import numpy as np

from headrace.compat.squirrel.serialization.serializer import (
    SquirrelSerializer,
    opened_shard,
    read_shard,
)
from headrace.contracts.errors import RecordError

# Any, in this file: records are the user's, and `fs` is whatever has `open`.
# Methods are static where Squirrel's are, which are called on the class, too.
# pyright: reportIncompatibleMethodOverride=false

PARTS = {"data", "type", "shape"}
# What a shard has somewhere where one of its dicts stands for an array.
MARK = b'"shape"'
# The kinds of dtypes that JSON has values for, and those of times, which become whole numbers.
NUMBERS, TIMES = "biuf", "mM"
KINDS = NUMBERS + "U"
# How much of a line is shown where it does not parse.
SHOWN = 60
Hook = Callable[[dict[str, Any]], Any]


class JsonSerializer(SquirrelSerializer):
    """Records as JSON, those of a shard one a line in a gzip file.

    Arrays come back; scalars of NumPy come back as numbers. `deser_hook` gets each dict that
    stands for no array, also those of shards, and gives what takes its place.

    Raises:
        RecordError: a value that JSON does not have, or a line that does not parse.

    Example:
        >>> import numpy as np
        >>> packed = JsonSerializer.serialize({"id": 3, "pixels": np.arange(2)})
        >>> packed
        b'{"id": 3, "pixels": {"data": [0, 1], "type": "<i8", "shape": [2]}}'
        >>> JsonSerializer().deserialize(packed)
        {'id': 3, 'pixels': array([0, 1])}
    """

    def __init__(self, deser_hook: Hook | None = None) -> None:
        self.deser_hook = deser_hook

    @staticmethod
    def serialize(obj: Any) -> bytes:
        """A value as bytes."""
        try:
            return json.dumps(obj, default=_of_numpy).encode()
        except (TypeError, ValueError, RecursionError) as error:
            raise RecordError(
                f"a record was to be kept as JSON, and cannot be: {error}. Keep numbers, text, "
                "arrays of these, and lists and dicts by text, or take MessagepackSerializer."
            ) from error

    def deserialize(self, obj: bytes) -> Any:
        """The value that bytes hold."""
        return _restored(_parsed(obj, "a value"), self.deser_hook)

    @staticmethod
    def serialize_shard_to_file(
        shard: Iterable[Any], fp: str, fs: Any = None, mode: str = "wb", **open_kwargs: Any
    ) -> None:
        """Writes records to a file, which appears whole."""
        with opened_shard(fp, fs, mode, open_kwargs) as file:
            for record in shard:
                file.write(JsonSerializer.serialize(record) + b"\n")

    def deserialize_shard_from_file(
        self, fp: str, fs: Any = None, mode: str = "rb", **open_kwargs: Any
    ) -> Iterator[Any]:
        """The records of a file, which is read now."""
        content = read_shard(fp, fs, mode, open_kwargs)
        lines = enumerate(content.split(b"\n"), 1)
        records = (_parsed(line, f"{fp}, line {at},") for at, line in lines if line.strip())
        if self.deser_hook is None and MARK not in content:
            return records
        return (_restored(record, self.deser_hook) for record in records)


def _parsed(line: bytes, what: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):
        # JSON has no NaN, infinity or half of a character; Python's has, and writes them.
        pass
    try:
        return json.loads(line)
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(
            f"{what} is no JSON: {error}, in {line[:SHOWN].decode(errors='replace')!r}. Check that "
            "this serializer wrote it, and write it again."
        ) from error


def _restored(value: Any, hook: Hook | None) -> Any:
    """The value with its arrays in their places, changed in place, and what the hook gives."""
    if type(value) is dict:
        if len(value) == len(PARTS) and value.keys() == PARTS:
            array = _array_of(**value)
            if array is not None:
                return array
        places: Any = value.items()
    elif type(value) is list:
        places = enumerate(value)
    else:
        return value
    for place, part in places:
        # What most parts are needs no call.
        if type(part) is dict or type(part) is list:
            value[place] = _restored(part, hook)
    return hook(value) if hook is not None and type(value) is dict else value


def _array_of(data: Any, type: Any, shape: Any) -> np.ndarray[Any, Any] | None:  # noqa: A002 - the keys of the layout
    """The array, or None where a dict of the user's has the same keys."""
    if not isinstance(type, str) or not isinstance(shape, list):
        return None
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        return None
    try:
        dtype = np.dtype(type)
        return np.array(data, dtype).reshape(shape) if dtype.kind in KINDS + TIMES else None
    except (TypeError, ValueError, OverflowError):
        return None


def _of_numpy(value: Any) -> Any:
    if not isinstance(value, np.ndarray | np.generic):
        raise TypeError(f"JSON has no value for a {type(value).__name__}")
    kind = value.dtype.kind
    if isinstance(value, np.generic) and kind in NUMBERS:
        return value.item()
    if isinstance(value, np.ndarray) and kind in KINDS + TIMES:
        plain = value.astype("i8") if kind in TIMES else value
        return {"data": plain.tolist(), "type": value.dtype.str, "shape": value.shape}
    raise TypeError(f"JSON has no value for {value.dtype}")
