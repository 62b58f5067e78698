"""Values as MessagePack has them, with NumPy's in the layout of msgpack_numpy; and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from headrace.contracts.errors import IntegrityError, PickleRefused, RecordError

# Any, in this file: values are the user's, of every type.

# What MessagePack holds as it is.
PLAIN = frozenset({type(None), bool, int, float, str, bytes})
# What these are subclasses of is kept: np.float64 as a float, np.str_ as text.
BASES: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (float, float.__float__),
    (int, int.__int__),
    (bytes | bytearray | memoryview, bytes),
)
# What can be a key when it is read again.
KEYS = (str, bytes, int, float, type(None))
ARRAY, COMPLEX = b"nd", b"complex"
# What the bytes of a shard have somewhere where one of its dicts stands for a value of NumPy.
MARKS = (b"\xc4\x02nd", b"\xc4\x07complex")
STRUCTURE, OBJECT = b"V", b"O"


def packable(value: Any) -> Any:
    """The value as built-in types alone.

    Raises:
        RecordError: a part of it would come back as something else.
    """
    if type(value) in PLAIN:
        return value
    if isinstance(value, dict):
        if ARRAY in value or COMPLEX in value:
            raise RecordError(
                f"a record has a dict with the keys {sorted(map(repr, value))}, which would be "
                "read as a value of NumPy. Take other keys, such as text."
            )
        return {_key(key): packable(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return value if PLAIN.issuperset(map(type, value)) else list(map(packable, value))
    return _of_numpy(value) if isinstance(value, np.ndarray | np.generic) else _of_python(value)


def unpacked(value: Any) -> Any:
    """The value with its arrays, scalars and complex numbers in their places, changed in place.

    Raises:
        PickleRefused: an array of it was pickled.
        IntegrityError: a dict of it stands for an array, and its parts do not fit together.
    """
    if type(value) is dict:
        if b"data" in value and (COMPLEX in value or (ARRAY in value and b"type" in value)):
            return _number(value)
        places: Any = value.items()
    elif type(value) is list:
        places = enumerate(value)
    else:
        return value
    for place, part in places:
        # What most parts are needs no call.
        if type(part) is dict or type(part) is list:
            value[place] = unpacked(part)
    return value


def with_tuples(value: Any) -> Any:
    """The value with a tuple for each list."""
    if type(value) is dict:
        return {key: with_tuples(part) for key, part in value.items()}
    return tuple(map(with_tuples, value)) if type(value) is list else value


def _key(key: Any) -> Any:
    if isinstance(key, KEYS):
        return packable(key)
    raise _unkept(f"a {type(key).__name__} as the key of a dict")


def _of_python(value: Any) -> Any:
    if isinstance(value, complex):
        return {COMPLEX: True, b"data": repr(value)}
    for base, plain in BASES:
        if isinstance(value, base):
            return plain(value)
    raise _unkept(f"a {type(value).__name__}")


def _of_numpy(value: np.ndarray[Any, Any] | np.generic) -> Any:
    kind = value.dtype.kind
    if isinstance(value, np.float64 | np.str_ | np.bytes_):
        return value.item()
    if value.dtype.hasobject or kind == "T":
        raise _unkept(f"an array of dtype {value.dtype}")
    layout: Any = value.dtype.descr if kind == "V" else value.dtype.str
    if _dtype(layout) != value.dtype:
        raise _unkept(f"an array of dtype {value.dtype}")
    if isinstance(value, np.ndarray):
        parts = {b"kind": STRUCTURE if kind == "V" else b"", b"shape": value.shape}
        return {ARRAY: True, b"type": layout, **parts, b"data": value.tobytes()}
    if not isinstance(value, np.bool_ | np.number):
        raise _unkept(f"a {type(value).__name__}")
    return {ARRAY: False, b"type": layout, b"data": value.tobytes()}


def _number(parts: Mapping[Any, Any]) -> Any:
    layout, content = parts.get(b"type"), parts[b"data"]
    try:
        if COMPLEX in parts:
            return complex(_text(content))
        dtype = _dtype(layout)
        if parts.get(b"kind") == OBJECT or dtype.hasobject:
            raise PickleRefused(
                "a record has an array of objects, which only pickle can read, and which can run "
                "any code. Write it anew, from a program that you trust, as numbers or text."
            )
        if not parts[ARRAY]:
            return np.frombuffer(content, dtype)[0]
        return np.ndarray(tuple(parts[b"shape"]), dtype, content)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise IntegrityError(
            f"a record has numbers of the type {layout!r} and the shape "
            f"{parts.get(b'shape')!r}, which does not fit its bytes: {error}. Write it again."
        ) from error


def _dtype(layout: Any) -> np.dtype[Any]:
    """The dtype of a text, or of the fields of a structure."""
    is_structure = isinstance(layout, list | tuple)
    dtype: np.dtype[Any] = np.dtype([_field(*one) for one in layout] if is_structure else layout)
    return dtype


def _field(name: Any, layout: Any, *shape: Any) -> tuple[Any, ...]:
    return _text(name), _dtype(layout), *map(tuple, shape)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _unkept(what: str) -> RecordError:
    return RecordError(
        f"a record holds {what}, which MessagePack cannot keep. Keep numbers, text, bytes, arrays "
        "of numbers, and lists and dicts of these; a MemoryStore holds anything."
    )
