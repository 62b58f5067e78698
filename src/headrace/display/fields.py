"""The fields of records: one column of values for each dotted name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.contracts import Block, Column, Columns, Record, Tree
from headrace.contracts.tree import is_namedtuple, leaf_count
from headrace.display.arrays import as_array, dtype_text

# Any, in this file: values are the user's, of every type.

# A list of these, all of one type, is one field and not one for each place.
LISTED = (bool, int, float, complex, str)
PYTHON_NAMES = {"b": "bool", "i": "int", "u": "int", "f": "float", "c": "complex"}
# Types of a mixed field that are named before "and others".
MOST_TYPES = 3


@dataclass(frozen=True)
class Field:
    """The values of one field in some records, None where a record has none.

    `type` says what they are, as a schema would: `uint8[28, 28]`, `list of 3 float`.
    """

    name: str
    values: Column
    type: str


def fields_of(block: Block[Record]) -> list[Field]:
    """The fields in the order of their first record; the name of a bare leaf is empty."""
    if isinstance(block, Columns):
        return list(_stored(block, block.layout.tree, 0, ""))
    found: dict[str, list[Any]] = {}
    for at, record in enumerate(block):
        for name, value in leaves(record):
            values = found.setdefault(name, [None] * len(block))
            values[at] = value
    return [Field(name, values, type_of(values)) for name, values in found.items()]


def leaves(record: Record, name: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a record with their dotted names; a list of numbers or texts is one."""
    entries = entries_of(record)
    if entries is None:
        yield name, record
        return
    for key, value in entries:
        yield from leaves(value, f"{name}.{key}" if name else str(key))


def entries_of(value: Any) -> list[tuple[str | int, Any]] | None:
    """The parts of a container with their keys, None of what is a leaf."""
    if type(value) is dict and all(type(key) in (str, int) for key in value):
        return list(value.items())
    if type(value) is tuple or (type(value) is list and not is_listed(value)):
        return list(enumerate(value))
    if not is_namedtuple(value):
        return None
    named: Any = value
    return list(zip(named._fields, named, strict=True))


def is_listed(values: Sequence[Any]) -> bool:
    """Whether a list is one value: all numbers or texts of one type, or nothing."""
    return not values or (type(values[0]) in LISTED and len(set(map(type, values))) == 1)


def type_of(values: Sequence[Any]) -> str:
    """What the values of a field have in common."""
    extents: dict[str, set[tuple[int, ...]]] = {}
    for value in values:
        if value is not None:
            kind, shape = _kind(value)
            extents.setdefault(kind, set()).add(shape)
    _merge_empty_lists(extents)
    names = [_with_shape(kind, shapes) for kind, shapes in extents.items()]
    if len(names) > MOST_TYPES:
        names = [*names[:MOST_TYPES], "others"]
    if len(values) and (not names or any(value is None for value in values)):
        names.append("None")
    return " | ".join(names) or "nothing"


def _stored(block: Columns[Record], tree: Tree, at: int, name: str) -> Iterator[Field]:
    """The fields below `tree`, whose leaves begin with the one numbered `at`."""
    if tree.kind == "leaf":
        values = block.leaves[at]
        yield Field(name, values, _column_type(values, block.layout.kinds[at]))
        return
    listed = _listed(block, tree, at)
    if listed is not None:
        yield Field(name, listed, type_of(listed[:1]) if len(listed) else "list")
        return
    for key, child in zip(tree.keys or range(len(tree.children)), tree.children, strict=True):
        yield from _stored(block, child, at, f"{name}.{key}" if name else str(key))
        at += leaf_count(child)


def _listed(block: Columns[Record], tree: Tree, at: int) -> list[list[Any]] | None:
    """The rows of a list of numbers or texts, None where `tree` is none."""
    if tree.kind != "list" or any(child.kind != "leaf" for child in tree.children):
        return None
    if not tree.children:
        return [[]] * len(block)
    stop = at + len(tree.children)
    kinds = set(block.layout.kinds[at:stop])
    if not len(block) or not kinds <= {"python", "object"}:
        return None
    columns = block.leaves[at:stop]
    lists = [column if isinstance(column, list) else column.tolist() for column in columns]
    found = [list(row) for row in zip(*lists, strict=True)]
    return found if all(map(is_listed, found)) else None


def _column_type(values: Column, kind: str) -> str:
    if isinstance(values, list):
        return type_of(values)
    if kind == "python":
        return PYTHON_NAMES[values.dtype.kind]
    if kind == "scalar":
        return f"numpy {dtype_text(values.dtype)}"
    return _with_shape(dtype_text(values.dtype), {values.shape[1:]})


def _kind(value: Any) -> tuple[str, tuple[int, ...]]:
    """The name of a value's type, and its shape where it is an array or a list."""
    if isinstance(value, np.generic):
        return f"numpy {dtype_text(value.dtype)}", (-1,)
    array = as_array(value)
    if array is not None:
        return dtype_text(array.dtype), array.shape
    if type(value) is list:
        of = f" {type(value[0]).__name__}" if value and is_listed(value) else ""
        return f"list of{of}", (len(value),)
    return type(value).__name__, (-1,)


def _merge_empty_lists(extents: dict[str, set[tuple[int, ...]]]) -> None:
    """An empty list is one of whatever the other lists are of."""
    others = [kind for kind in extents if kind.startswith("list of ")]
    if others and "list of" in extents:
        extents[others[0]] |= extents.pop("list of")


def _with_shape(kind: str, shapes: set[tuple[int, ...]]) -> str:
    if (-1,) in shapes:
        return kind
    if kind.startswith("list of"):
        lengths = {shape[0] for shape in shapes}
        return kind.replace("of", f"of {lengths.pop() if len(lengths) == 1 else '?'}", 1)
    if len({len(shape) for shape in shapes}) > 1:
        return f"{kind}[...]"
    extents = [set(along) for along in zip(*shapes, strict=True)]
    said = [str(along.pop()) if len(along) == 1 else "?" for along in extents]
    return f"{kind}[{', '.join(said)}]"
