"""Records to one list of values a leaf, with checks that cost less than a look at each record."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts.block import Columns, RowKind
from headrace.contracts.tree import Record, Tree, flatten
from headrace.formats.schema.dtypes import is_storable
from headrace.formats.schema.lists import is_plain_list
from headrace.formats.schema.schema import PYTHON_DTYPES, Branch, Leaf, Schema, tree_of
from headrace.formats.schema.unfit import Unfit

# Any, in this file: records and leaves are the user's values, of every type.
Values: TypeAlias = "Sequence[Any] | npt.NDArray[Any]"

# The kinds of array whose values Python has too, and the dtype in which a leaf holds them.
PYTHON_KINDS = {"b": "|b1", "i": "<i8", "u": "<i8", "f": "<f8", "c": "<c16"}


def transposed(schema: Schema, records: Sequence[Record]) -> list[Values]:
    """One sequence of values a leaf, in the order of the schema.

    Raises:
        Unfit: a record has another structure.
    """
    found: list[Values] = []
    _split(schema, records, found)
    return found


def declared_tree(tree: Tree, record: Record) -> Tree | None:
    """The structure of a record out of columns: there a list of plain values is a leaf.

    None where a column holds other containers: they are taken apart, and lists beside them too.
    """
    for value in flatten(tree, record):
        if isinstance(value, dict | list | tuple) and not is_plain_list(value):
            return None
    return tree


def leaf_values(schema: Schema, block: Columns[Any]) -> list[Values] | None:
    """The leaves of `block` in the order of the schema, arrays where rows allow it.

    None where the schema has another structure, but for the order of keys.
    """
    tree = tree_of(schema)
    if not _is_alike(tree, block.layout.tree):
        return None
    numbers = block.layout.build(list(range(len(block.leaves))))
    order: list[int] = flatten(tree, numbers)
    return [_values(block.leaves[at], block.layout.kinds[at]) for at in order]


def leaf_rows(leaf: Leaf, values: Values) -> list[Any]:
    """The values of a column of `leaf` as records have them."""
    if not isinstance(values, np.ndarray):
        return list(values)
    if leaf.kind in PYTHON_DTYPES:
        return _listed(values, "python")
    return _listed(values, "zero_d" if leaf.kind == "array" and values.ndim == 1 else "array")


def _is_alike(one: Tree, other: Tree) -> bool:
    if one.kind != other.kind or len(one.children) != len(other.children):
        return False
    if one.kind != "dict":
        return all(map(_is_alike, one.children, other.children))
    children = dict(zip(other.keys, other.children, strict=True))
    pairs = zip(one.keys, one.children, strict=True)
    return all(key in children and _is_alike(child, children[key]) for key, child in pairs)


def _split(schema: Schema, values: Sequence[Any], found: list[Values]) -> None:
    if isinstance(schema, Leaf):
        found.append(values)
        return
    if not values:
        parts: Sequence[Sequence[Any]] = [()] * len(schema.children)
    elif schema.kind == "dict":
        parts = _dict_parts(schema, values)
    else:
        _check_sequences(schema, values)
        parts = list(zip(*values, strict=True))
    for child, part in zip(schema.children, parts, strict=True):
        _split(child, part, found)


def _dict_parts(branch: Branch, values: Sequence[Any]) -> list[Sequence[Any]]:
    if set(map(type, values)) != {dict} or set(map(len, values)) != {len(branch.keys)}:
        raise Unfit
    # True and 1 are the same key to a dict, not to a structure.
    has_numbers = any(type(key) is int for key in branch.keys)
    if has_numbers and any(type(key) is bool for value in values for key in value):
        raise Unfit
    try:
        return [list(map(itemgetter(key), values)) for key in branch.keys]
    except KeyError:
        raise Unfit from None


def _check_sequences(branch: Branch, values: Sequence[Any]) -> None:
    classes = set(map(type, values))
    if branch.kind == "namedtuple":
        fits = all(issubclass(cls, tuple) for cls in classes)
        named = {(cls.__qualname__, getattr(cls, "_fields", None)) for cls in classes}
        fits = fits and named == {(branch.name, branch.keys)}
    else:
        fits = classes == {tuple if branch.kind == "tuple" else list}
    if not fits or set(map(len, values)) != {len(branch.children)}:
        raise Unfit


def _values(leaf: Values, kind: RowKind) -> Values:
    if not isinstance(leaf, np.ndarray):
        return leaf
    dtype = leaf.dtype
    if not is_storable(dtype):
        return _listed(leaf, kind)
    if kind == "python":
        if dtype.kind not in PYTHON_KINDS or dtype.itemsize > np.dtype("c16").itemsize:
            return _listed(leaf, kind)
        if dtype.kind == "u" and leaf.max(initial=0) > np.iinfo(np.int64).max:
            return _listed(leaf, kind)
        return leaf.astype(PYTHON_KINDS[dtype.kind], copy=False)
    if kind == "array":
        return np.asarray(leaf)
    # Single values come out of an array in native byte order, and text in its own width.
    return _listed(leaf, kind) if dtype.kind in "SU" else leaf.astype(_native(dtype), copy=False)


def _listed(leaf: npt.NDArray[Any], kind: RowKind) -> list[Any]:
    if kind == "python":
        values: list[Any] = leaf.tolist()
        return values
    return [np.asarray(value) for value in leaf] if kind == "zero_d" else list(leaf)


def _native(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype.names else dtype.newbyteorder("=")
