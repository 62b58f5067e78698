"""The types of columns of text: inferred, checked, and values converted to them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from headrace.contracts.errors import ArgumentError, near

# Any, in this file: a value is a bool, an int, a float, a str or None.

ColumnType: TypeAlias = "type[bool] | type[int] | type[float] | type[str]"

INT64 = range(-(2**63), 2**63)
TRUE = ("true", "True", "TRUE")
FALSE = ("false", "False", "FALSE")
# As pyarrow reads values, so that both ways give the same.
INT = re.compile(r"[ \t]*(-?[0-9]+)[ \t]*")
FLOAT = re.compile(
    r"[ \t]*([+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|inf(?:inity)?|nan))"
    r"(?:(?<=nan)\(\w*\))?[ \t]*",
    re.IGNORECASE | re.ASCII,
)
BOOL = re.compile("|".join((*TRUE, *FALSE)))
BOOLS = dict.fromkeys((*TRUE, "1"), True) | dict.fromkeys((*FALSE, "0"), False)
NARROWEST: tuple[tuple[ColumnType, re.Pattern[str]], ...] = (
    (int, INT),
    (float, FLOAT),
    (bool, BOOL),
)
# 007 is a name and no number, and so is what 64 bits cannot hold.
LEADING_ZERO = re.compile(r"[ \t]*[+-]?0[0-9]")


def inferred(values: Sequence[str]) -> ColumnType:
    """The first of int, float, bool and str that all the values are; empty ones say nothing."""
    known = [value for value in values if value]
    if not known or any(map(_is_name, known)):
        return str
    for kind, pattern in NARROWEST:
        if all(map(pattern.fullmatch, known)):
            return kind
    return str


def converted(text: str, kind: ColumnType) -> Any:
    """The value of a field; None where a column of numbers or bools has nothing in it.

    Raises:
        ValueError: it is no such value.
    """
    if kind is str:
        return text
    if not text:
        return None
    if kind is bool:
        if text in BOOLS:
            return BOOLS[text]
    elif match := (INT if kind is int else FLOAT).fullmatch(text):
        value = kind(match[1])
        if kind is float or value in INT64:
            return value
    raise ValueError(text)


def type_for(text: str, kind: ColumnType) -> ColumnType:
    """The type that a column of `kind` would need to hold `text` too."""
    return float if kind is int and FLOAT.fullmatch(text) and not _is_name(text) else str


def checked_types(types: Mapping[str, ColumnType], columns: Sequence[str]) -> None:
    """Raises ArgumentError where a type is none of the four, or a column is not there."""
    for name, kind in types.items():
        if kind not in (bool, int, float, str):
            raise ArgumentError(
                f"the type of column {name!r} must be int, float, bool or str, got {kind!r}. "
                "Take str, and convert it with .map."
            )
        if name not in columns:
            raise ArgumentError(
                f"types names the column {name!r}, which is not there. {near(name, columns)}"
            )


def _is_name(text: str) -> bool:
    match = INT.fullmatch(text)
    return bool(LEADING_ZERO.match(text)) or (match is not None and int(match[1]) not in INT64)
