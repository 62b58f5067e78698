"""Datapoints as TensorPack and YogaDL serialise them: msgpack with arrays, or pickle."""

from __future__ import annotations

import pickle
from typing import Any, Literal, TypeAlias

import msgspec
import numpy as np

from headrace.contracts.errors import PickleRefused, RecordError

# Any, in this file: datapoints are of every type.
Kind: TypeAlias = Literal["raw", "datapoint"]

# How pickles of protocol 2 and later begin, which is an empty dict in msgpack.
PICKLE = b"\x80"


def kind_of(value: bytes, key: bytes, *, allow_pickle: bool) -> Kind:
    """Whether a value is a datapoint, or bytes of another kind.

    Raises:
        PickleRefused: it is a pickle, and `allow_pickle` was not said.
    """
    if _is_pickle(value):
        _check_allowed(key, allow_pickle)
        return "datapoint"
    try:
        found = msgspec.msgpack.decode(value)
    except msgspec.DecodeError:
        return "raw"
    return "datapoint" if isinstance(found, list | dict) else "raw"


def datapoint(value: bytes, key: bytes, *, allow_pickle: bool) -> Any:
    """The datapoint that a value holds; arrays in msgpack are read-only views of it.

    Raises:
        PickleRefused: it holds a pickle, and `allow_pickle` was not said.
        RecordError: it cannot be read.
    """
    try:
        if not _is_pickle(value):
            return _plain(msgspec.msgpack.decode(value), key, allow_pickle)
        _check_allowed(key, allow_pickle)
        return pickle.loads(value)
    except PickleRefused:
        raise
    except Exception as error:  # a pickle may raise anything, and a dtype may be any text
        raise RecordError(
            f"the value of {key!r} is no datapoint of TensorPack or YogaDL: "
            f"{type(error).__name__}: {error}. Write the database again, and read it where its "
            "classes can be imported."
        ) from error


def _plain(value: Any, key: bytes, allow_pickle: bool) -> Any:
    """The value with arrays for what msgpack-numpy put in their place."""
    if isinstance(value, list):
        return [_plain(part, key, allow_pickle) for part in value]
    if not isinstance(value, dict):
        return value
    if b"complex" in value:
        return complex(value[b"data"])
    if b"nd" not in value:
        return {name: _plain(part, key, allow_pickle) for name, part in value.items()}
    if value.get(b"kind") == b"O":
        _check_allowed(key, allow_pickle)
        return pickle.loads(value[b"data"])
    dtype = _dtype(value[b"type"])
    if dtype.hasobject:
        # NumPy would take the bytes for addresses.
        raise ValueError(f"an array of dtype {dtype} cannot be made of bytes")
    if not value[b"nd"]:
        return np.frombuffer(value[b"data"], dtype)[0]
    return np.ndarray(tuple(value[b"shape"]), dtype, value[b"data"])


def _dtype(described: Any) -> np.dtype[Any]:
    if isinstance(described, str):
        return np.dtype(described)
    fields = [(name, _dtype(kind), *map(tuple, shape)) for name, kind, *shape in described]
    return np.dtype(fields)


def _is_pickle(value: bytes) -> bool:
    return value.startswith(PICKLE) and len(value) > 1


def _check_allowed(key: bytes, allow_pickle: bool) -> None:
    if not allow_pickle:
        raise PickleRefused(
            f"the value of {key!r} is a pickle, as TensorPack and YogaDL write, and reading a "
            "pickle can run any code. If you trust who wrote it, pass allow_pickle=True."
        )
