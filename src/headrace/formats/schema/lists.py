"""Lists of plain values in one column: numbers side by side, all others as msgpack."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from headrace.formats.schema.unfit import Unfit, require

# Any, in this file: lists hold the user's values, of every plain type.

NUMBER_DTYPES: dict[type, str] = {int: "<i8", float: "<f8"}
PLAIN_TYPES = {type(None), bool, int, float, str, bytes}
# Far below where Python ends a recursion, so that what was written can be read anywhere.
DEEPEST = 256
LARGEST_INT = 2**63 - 1


def is_plain_list(value: object) -> bool:
    """Whether the value is a list that `packed` takes."""
    if type(value) is not list:
        return False
    try:
        packed([value])
    except Unfit:
        return False
    return True


def number_dtype(values: Sequence[Any]) -> str:
    """The dtype of a list of ints alone, or of floats alone; "" of others."""
    types = set(map(type, values))
    return NUMBER_DTYPES.get(types.pop(), "") if len(types) == 1 else ""


def packed(values: Sequence[Any]) -> list[bytes]:
    """Each list as msgpack.

    Raises:
        Unfit: a value is no list, or holds more than None, bool, int of 64 bits, float, str,
            bytes, and lists and dicts of them whose keys are str.
    """
    try:
        # Ends at a list that holds itself, of which `_check` would find no end.
        pieces = list(map(msgspec.msgpack.encode, values))
    except (TypeError, OverflowError, UnicodeEncodeError, RecursionError):
        raise Unfit from None
    require(set(map(type, values)) <= {list})
    _check(values)
    return pieces


def numbers(values: Sequence[Any], dtype: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """The members of all lists side by side, and the length of each list.

    Raises:
        Unfit: a value is no list, or has a member of another type.
    """
    require(set(map(type, values)) <= {list})
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    members = list(chain.from_iterable(values))
    require(number_dtype(members) == dtype or not members)
    try:
        return np.array(members, dtype), lengths
    except OverflowError:
        raise Unfit from None


def _check(values: Sequence[Any]) -> None:
    """Makes sure level by level that there is nothing that msgpack would give back changed."""
    level = list(values)
    for _ in range(DEEPEST):
        types = set(map(type, level))
        require(types <= PLAIN_TYPES | {list, dict})
        if int in types:
            require(max(value for value in level if type(value) is int) <= LARGEST_INT)
        if types <= PLAIN_TYPES:
            return
        dicts = [value for value in level if type(value) is dict]
        require(set(map(type, chain.from_iterable(dicts))) <= {str})
        lists = [value for value in level if type(value) is list]
        level = list(chain(chain.from_iterable(lists), *(value.values() for value in dicts)))
    raise Unfit
