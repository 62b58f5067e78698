"""Whether a schema could have been written by us: asked before anything is made of it."""

from __future__ import annotations

import functools
import unicodedata
from typing import Any

from headrace.formats.schema import dtypes
from headrace.formats.schema.dtypes import DtypeText
from headrace.formats.schema.schema import (
    BYTES_KINDS,
    LIST_NAMES,
    NO_MEMBERS,
    PYTHON_DTYPES,
    ZSTD,
    Branch,
    Leaf,
    Schema,
)

# Far below where Python ends a recursion, so that what was written can be read anywhere.
DEEPEST_RECORD = 256
# As many as arrays of NumPy may have; 32 before its version 2.
MOST_AXES = 64
# NumPy makes no array of more, also where one of its extents is 0.
LARGEST_ROW_BYTES = 2**62
# Dtypes of fields in fields, of which users write two or three.
DEEPEST_DTYPE = 32
# Longer than what NumPy calls any type that has no fields.
LONGEST_DTYPE = 64
# Dtypes that are known to be sound: a dataset has a few, and a shard has them again.
DTYPES_KEPT = 1024


def check_schema(schema: Schema) -> None:
    """Makes sure that columns can be read as the schema says.

    Raises:
        ValueError: it is none of ours; the message says where.
    """
    columns: set[str] = set()
    level: list[Schema] = [schema]
    for _ in range(DEEPEST_RECORD + 1):
        inner: list[Schema] = []
        for part in level:
            if isinstance(part, Branch):
                _check_branch(part)
                inner += part.children
                continue
            _check_leaf(part)
            if not part.column or part.column in columns:
                raise ValueError(f"a schema names the column {part.column!r} twice, or not at all")
            columns.add(part.column)
        if not inner:
            return
        level = inner
    raise ValueError(f"a schema of at most {DEEPEST_RECORD} levels was expected")


def _check_branch(branch: Branch) -> None:
    keys = branch.keys
    if branch.kind in ("tuple", "list"):
        if keys:
            raise ValueError(f"a {branch.kind} has the keys {keys!r}")
        return
    if len(keys) != len(branch.children) or len(set(keys)) != len(keys):
        raise ValueError(f"a {branch.kind} of {len(branch.children)} has the keys {keys!r}")
    if branch.kind == "namedtuple":
        # Python reads names in this form, in which they must still differ.
        names = {unicodedata.normalize("NFKC", key) for key in keys if isinstance(key, str)}
        if len(names) != len(keys):
            raise ValueError(f"a named tuple has the fields {keys!r}")


def _check_leaf(leaf: Leaf) -> None:
    kind, shape = leaf.kind, leaf.shape
    if leaf.codec not in ("", ZSTD):
        raise ValueError(f"the column {leaf.column!r} has the codec {leaf.codec!r:.80}")
    if kind == "array":
        is_sound = leaf.ndim in range(MOST_AXES + 1) and (shape is None or len(shape) == leaf.ndim)
        if is_sound and _is_known(leaf.dtype) and _fits(leaf.numpy.itemsize, shape or ()):
            return
    elif kind == "list":
        if leaf.dtype in tuple(LIST_NAMES) and shape in (None, NO_MEMBERS) and leaf.ndim == 1:
            return
    elif (shape, leaf.ndim) == ((), 0):
        if kind == "scalar" and _is_known(leaf.dtype):
            return
        if kind in (*BYTES_KINDS, *PYTHON_DTYPES, "none") and leaf.dtype == "":
            return
    raise ValueError(
        f"the column {leaf.column!r} is said to be {kind} of dtype {leaf.dtype!r:.80}, "
        f"shape {shape!r:.80} and {leaf.ndim} axes, which nothing is"
    )


def _fits(itemsize: int, shape: tuple[int, ...]) -> bool:
    size_bytes = itemsize
    for extent in shape:
        if extent < 0:
            return False
        size_bytes *= extent or 1
    return size_bytes <= LARGEST_ROW_BYTES


def _is_known(text: DtypeText) -> bool:
    """Whether this is how the dtype of an array that can be stored is written."""
    return _is_plain(text) if isinstance(text, str) else _is_nested(text) and _is_written(text)


@functools.lru_cache(maxsize=DTYPES_KEPT)
def _is_plain(text: str) -> bool:
    return len(text) <= LONGEST_DTYPE and _is_written(text)


def _is_written(text: DtypeText) -> bool:
    try:
        dtype = dtypes.from_text(text)
        return dtypes.is_storable(dtype) and dtypes.to_text(dtype) == text
    except (LookupError, OverflowError, SyntaxError, TypeError, ValueError):
        return False


def _is_nested(text: list[Any]) -> bool:  # Any: nested lists of names, types and shapes
    level: list[Any] = [text]
    for _ in range(DEEPEST_DTYPE):
        level = [part for parts in level if isinstance(parts, list) for part in parts]
        if not level:
            return True
    return False


def fixed_bytes(leaf: Leaf) -> int:
    """The bytes that each row of the leaf has in every shard; 0 where a shard may have none."""
    return leaf.row_bytes if leaf.form == "fixed" and not leaf.nullable else 0
