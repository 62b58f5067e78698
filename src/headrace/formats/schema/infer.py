"""What a value is as a leaf, and what a record is as a schema."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np

from headrace.contracts.tree import (
    LEAF,
    Record,
    Tree,
    flatten,
    is_namedtuple,
    paths,
    structure_of,
)
from headrace.formats.schema import dtypes
from headrace.formats.schema.images import BadImage, encode, is_image
from headrace.formats.schema.lists import is_plain_list, number_dtype
from headrace.formats.schema.schema import NO_MEMBERS, Branch, Leaf, LeafKind, Schema
from headrace.formats.schema.sound import DEEPEST_RECORD

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
CONTAINERS = (dict, list, tuple)
# Each position of a list has a column, and a column has buffers of its own.
LONGEST_BRANCH = 256
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
    if isinstance(value, list) and is_plain_list(value):
        return list_leaf(number_dtype(value), is_empty=not value)
    if is_image(value):
        _check_image(value)
        return Leaf("", "image")
    return _pickled(value, allow_pickle)


def schema_of(record: Record, tree: Tree | None = None, *, allow_pickle: bool) -> Schema:
    """The schema of one record, columns named; `tree` is its structure if it is told.

    Raises:
        Unstorable: a leaf cannot be stored; the message says where.
    """
    tree = _structure(record) if tree is None else tree
    names = paths(tree)
    columns = column_names(names, set())
    found = []
    for name, column, value in zip(names, columns, flatten(tree, record), strict=True):
        try:
            leaf = leaf_of(value, allow_pickle=allow_pickle)
        except Unstorable as error:
            what, remedy = error.args
            place = f"at {name!r} " if name else ""
            raise Unstorable(f"{place}{what}", remedy) from error.__cause__
        found.append(msgspec.structs.replace(leaf, column=column))
    return _with_kinds(tree, iter(found))


def list_leaf(dtype: str, *, is_empty: bool) -> Leaf:
    """The leaf of lists of numbers of that dtype, or of others where it is ""."""
    return Leaf("", "list", dtype, NO_MEMBERS if is_empty else None, 1)


def column_names(names: list[str], used: set[str]) -> list[str]:
    """Dotted paths; what is used already gets a number."""
    columns = []
    for name in names:
        column, count = name or "value", 2
        while column in used:
            column, count = f"{name}#{count}", count + 1
        used.add(column)
        columns.append(column)
    return columns


def _structure(record: Record) -> Tree:
    _check_depth(record)
    return _shortened(structure_of(record), record)


def _check_depth(record: Record) -> None:
    """Makes sure of it without recursion: how deep its caller is does not matter.

    Depth first, so that a record which holds itself comes to an end.
    """
    waiting = [(record, 0)]
    while waiting:
        branch, depth = waiting.pop()
        parts = _parts(branch)
        if parts and depth >= DEEPEST_RECORD:
            raise Unstorable(
                f"containers in containers, more than {DEEPEST_RECORD} deep",
                "Store what lies that deep as text, or as bytes.",
            )
        waiting += [(part, depth + 1) for part in parts if isinstance(part, CONTAINERS)]


def _parts(value: Any) -> Collection[Any]:  # Any: a record or a part of one
    """What `structure_of` goes into."""
    if type(value) is dict:
        return value.values() if all(type(key) in (str, int) for key in value) else ()
    is_branch = type(value) in CONTAINERS or is_namedtuple(value)
    return value if is_branch else ()


def _shortened(tree: Tree, value: Any) -> Tree:  # Any: a record or a part of one
    """The structure with a leaf for each list that is too long for columns."""
    if tree.kind == "list" and len(tree.children) > LONGEST_BRANCH and is_plain_list(value):
        return LEAF
    parts = value.values() if tree.kind == "dict" else value if tree.children else ()
    children = tuple(map(_shortened, tree.children, parts))
    return tree if children == tree.children else replace(tree, children=children)


def _check_image(image: object) -> None:
    try:
        encode(image)
    except BadImage as error:
        raise Unstorable(
            f"an image that cannot be stored ({error})",
            "Store images that Pillow reads, in a mode such as RGB or L, or the bytes of the file.",
        ) from error


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
