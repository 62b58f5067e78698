"""What two leaves or schemas have in common: the narrowest that holds the values of both."""

from __future__ import annotations

import msgspec

from headrace.contracts.tree import paths
from headrace.formats.schema.infer import column_names, list_leaf
from headrace.formats.schema.schema import (
    NO_MEMBERS,
    Branch,
    Leaf,
    LeafKind,
    Schema,
    leaves_of,
    tree_of,
    with_leaves,
)

# What a list in one column may hold, beside dicts and lists.
PLAIN_KINDS = ("none", "bool", "int", "float", "str", "bytes", "list")
# Lists of these alone are stored as numbers.
NUMBER_DTYPES: dict[LeafKind | None, str] = {"int": "<i8", "float": "<f8"}


def merged(old: Leaf, new: Leaf) -> Leaf | None:
    """The leaf that holds the values of both, None where there is none.

    None joins everything, arrays may differ in shape, lists in all that they hold, and pickles
    hold whatever comes.
    """
    if new.kind == "none" or old.kind == "none":
        known = old if new.kind == "none" else new
        nullable = old.nullable or new.nullable or known.kind != "none"
        return msgspec.structs.replace(known, column=old.column, nullable=nullable)
    if old.kind == "pickle":
        return msgspec.structs.replace(old, nullable=old.nullable or new.nullable)
    if old.kind == new.kind == "list":
        return _merged_lists(old, new)
    if (old.kind, old.dtype, old.ndim) != (new.kind, new.dtype, new.ndim):
        return None
    shape = old.shape if old.shape == new.shape else None
    return msgspec.structs.replace(old, shape=shape, nullable=old.nullable or new.nullable)


def merged_schema(old: Schema, new: Schema) -> Schema | None:
    """The schema that holds the records of both, with the columns of `old`; None if none does.

    A list of plain values that has another length in `new`, or members of another kind, becomes
    one leaf with a column of its own.
    """
    wider = _joined(old, new)
    return None if wider is None else _with_columns(wider)


def _joined(old: Schema, new: Schema) -> Schema | None:
    if isinstance(old, Leaf) and isinstance(new, Leaf):
        return merged(old, new)
    pairs = _pairs(old, new)
    if isinstance(old, Branch) and pairs is not None:
        # One frame a level, so that little of the caller's stack is used for deep records.
        children: list[Schema] = []
        for a, b in pairs:
            child = _joined(a, b)
            if child is None:
                break
            children.append(child)
        else:
            return msgspec.structs.replace(old, children=tuple(children))
    if isinstance(old, Leaf) and old.kind == "pickle":
        return old
    one, other = _as_list(old), _as_list(new)
    return None if one is None or other is None else merged(one, other)


def _pairs(old: Schema, new: Schema) -> list[tuple[Schema, Schema]] | None:
    """The children of two branches that are alike, side by side; None of what is not."""
    if isinstance(old, Leaf) or isinstance(new, Leaf):
        return None
    same = (old.kind, old.name, set(old.keys)) == (new.kind, new.name, set(new.keys))
    if not same or len(old.children) != len(new.children):
        return None
    others = new.children
    if old.kind == "dict":
        by_key = dict(zip(new.keys, new.children, strict=True))
        others = tuple(by_key[key] for key in old.keys)
    return list(zip(old.children, others, strict=True))


def _merged_lists(old: Leaf, new: Leaf) -> Leaf:
    known = new if old.shape == NO_MEMBERS else old
    dtype = known.dtype if NO_MEMBERS in (old.shape, new.shape) or old.dtype == new.dtype else ""
    return msgspec.structs.replace(
        known,
        column=old.column,
        dtype=dtype,
        nullable=old.nullable or new.nullable,
        codec=old.codec,
    )


def _as_list(schema: Schema) -> Leaf | None:
    """The leaf that holds such lists, as `leaf_of` finds it; None where one may not be plain."""
    if isinstance(schema, Leaf):
        return schema if schema.kind in ("none", "list") else None
    if schema.kind != "list" or not _is_plain(schema):
        return None
    kinds: set[LeafKind | None] = {
        child.kind if isinstance(child, Leaf) and not child.nullable else None
        for child in schema.children
    }
    dtype = NUMBER_DTYPES.get(kinds.pop(), "") if len(kinds) == 1 else ""
    return list_leaf(dtype, is_empty=not schema.children)


def _is_plain(schema: Schema) -> bool:
    if isinstance(schema, Leaf):
        return schema.kind in PLAIN_KINDS
    is_dict = schema.kind == "dict" and all(type(key) is str for key in schema.keys)
    return (is_dict or schema.kind == "list") and all(map(_is_plain, schema.children))


def _with_columns(schema: Schema) -> Schema:
    """The schema with a column for each leaf that has none yet."""
    leaves = leaves_of(schema)
    used = {leaf.column for leaf in leaves}
    if "" not in used:
        return schema
    missing = [at for at, leaf in enumerate(leaves) if not leaf.column]
    names = paths(tree_of(schema))
    columns = column_names([names[at] for at in missing], used)
    for at, column in zip(missing, columns, strict=True):
        leaves[at] = msgspec.structs.replace(leaves[at], column=column)
    return with_leaves(schema, iter(leaves))
