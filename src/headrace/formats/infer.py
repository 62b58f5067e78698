"""What a value is as a leaf, what a record is as a schema, and what two of them have in common."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np

from headrace.contracts.tree import Record, Tree, flatten, paths, structure_of
from headrace.formats import dtypes
from headrace.formats.schema import Branch, Leaf, LeafKind, Schema

INT64 = range(-(2**63), 2**63)
PYTHON_KINDS: dict[type, LeafKind] = {
    type(None): "none",
    bool: "bool",
    int: "int",
    float: "float",
    complex: "complex",
    str: "str",
    bytes: "bytes",
    np.str_: "numpy str",
    np.bytes_: "numpy bytes",
}
# Subclasses of an array that are nothing more than where its bytes are.
PLAIN_ARRAYS = (np.ndarray, np.memmap)
PICKLE_REMEDY = (
    "Store numbers, text, bytes or arrays, or pass allow_pickle=True both to submit and to fetch."
)


class Unstorable(Exception):
    """A value that cannot be stored; its two arguments say what it is and what to do."""


def leaf_of(value: object, *, allow_pickle: bool) -> Leaf:
    """What `value` is as a leaf, its column not yet named.

    Raises:
        Unstorable: it has no Arrow type, and pickle is not allowed or fails.
    """
    kind = PYTHON_KINDS.get(type(value))
    if kind is not None:
        _check_range(value)
        return Leaf("", kind)
    if isinstance(value, np.generic | np.ndarray) and dtypes.is_storable(value.dtype):
        text = dtypes.to_text(value.dtype)
        if isinstance(value, np.generic):
            return Leaf("", "scalar", text)
        if type(value) in PLAIN_ARRAYS:
            return Leaf("", "array", text, value.shape, value.ndim)
    return _pickled(value, allow_pickle)


def schema_of(record: Record, *, allow_pickle: bool) -> Schema:
    """The schema of one record, columns named.

    Raises:
        Unstorable: a leaf cannot be stored; the message says where.
    """
    tree = structure_of(record)
    names = paths(tree)
    found = []
    for name, column, value in zip(names, _column_names(names), flatten(tree, record), strict=True):
        try:
            leaf = leaf_of(value, allow_pickle=allow_pickle)
        except Unstorable as error:
            what, remedy = error.args
            place = f"at {name!r} " if name else ""
            raise Unstorable(f"{place}{what}", remedy) from error.__cause__
        found.append(msgspec.structs.replace(leaf, column=column))
    return _with_kinds(tree, iter(found))


def merged(old: Leaf, new: Leaf) -> Leaf | None:
    """The leaf that holds the values of both, None where there is none.

    None joins everything, arrays may differ in shape, and pickles hold whatever comes.
    """
    if new.kind == "none" or old.kind == "none":
        known = old if new.kind == "none" else new
        nullable = old.nullable or new.nullable or known.kind != "none"
        return msgspec.structs.replace(known, column=old.column, nullable=nullable)
    if old.kind == "pickle":
        return msgspec.structs.replace(old, nullable=old.nullable or new.nullable)
    if (old.kind, old.dtype, old.ndim) != (new.kind, new.dtype, new.ndim):
        return None
    shape = old.shape if old.shape == new.shape else None
    return msgspec.structs.replace(old, shape=shape, nullable=old.nullable or new.nullable)


def merged_schema(old: Schema, new: Schema) -> Schema | None:
    """The schema that holds the records of both, with the columns of `old`."""
    if isinstance(old, Leaf) or isinstance(new, Leaf):
        return merged(old, new) if isinstance(old, Leaf) and isinstance(new, Leaf) else None
    same = (old.kind, old.name, set(old.keys)) == (new.kind, new.name, set(new.keys))
    if not same or len(old.children) != len(new.children):
        return None
    others = new.children
    if old.kind == "dict":
        by_key = dict(zip(new.keys, new.children, strict=True))
        others = tuple(by_key[key] for key in old.keys)
    children = [merged_schema(a, b) for a, b in zip(old.children, others, strict=True)]
    if any(child is None for child in children):
        return None
    return msgspec.structs.replace(old, children=tuple(children))


def _check_range(value: object) -> None:
    if type(value) is int and value not in INT64:
        raise Unstorable(
            f"the int {value}, which needs more than 64 bits", "Store it as str or as bytes."
        )
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unstorable(
                f"the text {value[:40]!r} with a lone surrogate, which UTF-8 cannot hold",
                "Store it as bytes.",
            ) from None


def _pickled(value: object, allow_pickle: bool) -> Leaf:
    what = f"a value of type {type(value).__qualname__}"
    if isinstance(value, np.ndarray | np.generic):
        what += f" and dtype {value.dtype}"
    if not allow_pickle:
        raise Unstorable(f"{what}, which has no Arrow type", PICKLE_REMEDY)
    try:
        pickle.dumps(value)
    except Exception as error:  # the user's class may raise anything
        raise Unstorable(f"{what} that cannot be pickled ({error})", PICKLE_REMEDY) from error
    return Leaf("", "pickle")


def _with_kinds(tree: Tree, leaves: Iterator[Leaf]) -> Schema:
    if tree.kind == "leaf":
        return next(leaves)
    children = tuple(_with_kinds(child, leaves) for child in tree.children)
    cls: Any = tree.cls  # Any: the user's class of a named tuple
    if cls is None:
        return Branch(tree.kind, children, tree.keys)
    return Branch(tree.kind, children, tree.keys, cls.__module__, cls.__qualname__)


def _column_names(names: list[str]) -> list[str]:
    """Dotted paths; the second of two equal ones gets a number."""
    used: set[str] = set()
    columns = []
    for name in names:
        column, count = name or "value", 2
        while column in used:
            column, count = f"{name}#{count}", count + 1
        used.add(column)
        columns.append(column)
    return columns
