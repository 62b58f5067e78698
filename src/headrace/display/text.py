"""One line for any value, as a person wants to see it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from rich.filesize import decimal

from headrace.display.arrays import array_text, as_array, number_text
from headrace.display.encoded import Payload, encoded_kind
from headrace.display.pixels import is_pil

# Any, in this file: values are the user's, of every type.

STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
LINE_ENDS = re.compile("[\t\n\u2028\u2029]")
# Numbers with more bits are named by their size: writing them out takes long, or is refused.
MOST_BITS = 256
# Values in lists of lists are named down to here, so that a list in itself ends too.
MOST_DEPTH = 3
# Bytes of no known kind are shown by so many.
HEX_BYTES = 8
# Of a long list so many are shown before its length is said.
WRITTEN = 5
# Below this there is no room for a length beside the text.
LEAST_WIDTH = 24


def leaf_text(value: Any, width: int = 60) -> str:
    """A value on one line of at most `width` characters (24 at least).

    Arrays by dtype, shape and range, small ones written out; text cut, with its length; bytes by
    kind and size. What could steer a terminal is written as an escape.

    Example:
        >>> import numpy as np
        >>> leaf_text(np.arange(200, dtype="u1").reshape(10, 20))
        'uint8 (10, 20) 0..199 mean 99.5'
        >>> leaf_text("a river " * 20, width=40)
        'a river a river a rive… (160 characters)'
    """
    width = max(width, LEAST_WIDTH)
    if isinstance(value, str):
        return _cut_text(str(value), width)
    if isinstance(value, bytes | bytearray | memoryview):
        return _cut(bytes_text(value), width)
    return _cut(_plain(value, MOST_DEPTH), width)


def bytes_text(payload: Payload) -> str:
    """The kind of file that the bytes are, or how they begin, and their size."""
    size = decimal(memoryview(payload).nbytes)
    kind = encoded_kind(payload)
    if kind is not None:
        return f"{kind}, {size}"
    head = bytes(memoryview(payload).cast("B")[: 2 * HEX_BYTES])
    more = "…" if len(head) < memoryview(payload).nbytes else ""
    if head and all(32 <= byte < 127 for byte in head):
        return f"{head!r}{more} {size}"
    return f"{head[:HEX_BYTES].hex(' ')}{more or '…' * (len(head) > HEX_BYTES)} {size}".lstrip()


def one_line(text: str) -> str:
    """The text on one line: `visible`, and line ends and tabs as escapes too."""
    return LINE_ENDS.sub(_escape, visible(text))


def visible(text: str) -> str:
    """The text with an escape for each character that would steer a terminal or a page.

    Control characters, those that turn the direction of writing, and halves of surrogates;
    line ends and tabs stay.
    """
    return STEERING.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return repr(found[0])[1:-1]


def _cut(text: str, width: int) -> str:
    line = one_line(text[: 4 * width])
    return line if len(line) <= width else line[: width - 1] + "…"


def _cut_text(text: str, width: int) -> str:
    if not text:
        return '""'
    line = one_line(text[: width + 1])
    if len(text) <= width and len(line) <= width:
        return line
    length = f"… ({len(text):,} characters)"
    return line[: max(1, width - len(length))] + length


def _plain(value: Any, depth: int) -> str:
    if value is None or isinstance(value, bool | np.bool_):
        return str(value)
    if isinstance(value, int):
        bits = value.bit_length()
        return str(int(value)) if bits <= MOST_BITS else f"an int of {bits:,} bits"
    if isinstance(value, float | complex):
        return number_text(value) if isinstance(value, float) else f"{value:.6g}"
    if isinstance(value, np.generic):
        return _scalar(value)
    if isinstance(value, dict | list | tuple | set | frozenset):
        return _container(value, depth)
    if is_pil(value):
        return f"{value.mode} picture {value.width}x{value.height}"
    array = as_array(value)
    return _object(value) if array is None else array_text(array)


def _nested(value: Any, depth: int) -> str:
    if isinstance(value, str):
        return repr(value[:LEAST_WIDTH] + "…" if len(value) > LEAST_WIDTH else value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes_text(value)
    return _plain(value, depth)


def _scalar(value: np.generic) -> str:
    if isinstance(value, np.complexfloating):
        return f"{complex(value):.6g}"
    if isinstance(value, np.number):
        return number_text(value)
    if type(value) is np.void and value.dtype.names is None:
        return bytes_text(value.tobytes())
    return str(value)


def _container(value: Any, depth: int) -> str:
    opening, closing = "[]" if isinstance(value, list) else "{}"
    if isinstance(value, tuple):
        opening, closing = "()"
    if not value:
        return opening + closing
    if depth == 0:
        return f"{opening}…{closing}"
    # No line has room for more of them.
    shown = list(islice(_parts(value, depth - 1), LEAST_WIDTH))
    if len(value) > len(shown):
        return f"{opening}{', '.join(shown[:WRITTEN])}, … {len(value):,} in all{closing}"
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return f"{opening}{', '.join(shown)}{comma}{closing}"


def _parts(value: Any, depth: int) -> Iterable[str]:
    if isinstance(value, dict):
        return (f"{_nested(key, depth)}: {_nested(part, depth)}" for key, part in value.items())
    return (_nested(part, depth) for part in value)


def _object(value: Any) -> str:
    try:
        return repr(value)
    except Exception as error:  # The user's own __repr__ may raise anything.
        return f"{type(value).__name__} ({type(error).__name__} in its repr)"
