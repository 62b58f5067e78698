"""The schema of a dataset: the tree of its records with the kind of each leaf, as JSON."""

from __future__ import annotations

import keyword
import sys
from collections import namedtuple
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias, cast

import msgspec
import numpy as np

from headrace.contracts.block import Layout, RowKind
from headrace.contracts.tree import Tree, leaf_count
from headrace.formats.schema import dtypes
from headrace.formats.schema.dtypes import Dtype, DtypeText

LeafKind = Literal[
    "none",
    "bool",
    "int",
    "float",
    "complex",
    "str",
    "bytes",
    "numpy str",
    "numpy bytes",
    "scalar",
    "array",
    "list",
    "image",
    "pickle",
]
# How a leaf lies in a shard: nothing, rows of fixed size, or bytes or arrays of any length.
Form = Literal["null", "fixed", "bytes", "ragged"]

PYTHON_DTYPES: dict[LeafKind, str] = {
    "bool": "|b1",
    "int": "<i8",
    "float": "<f8",
    "complex": "<c16",
}
BYTES_KINDS = ("str", "bytes", "numpy str", "numpy bytes", "image", "pickle")
LIST_NAMES = {"": "list", "<i8": "list of int", "<f8": "list of float"}
# The shape of a list as long as no member of one is known.
NO_MEMBERS = (0,)
# The codec of leaves whose values are compressed one by one.
ZSTD = "zstd"


class Leaf(msgspec.Struct, frozen=True, tag="leaf", omit_defaults=True):
    """One leaf: what its values are, and the name of its column.

    `shape` is None where arrays differ in shape; `ndim` they have in common. The dtype of lists is
    that of the numbers they hold, "" where they hold other values. `codec` is by what each value
    is compressed, "" where none is; a shard may differ in it from its version.
    """

    column: str
    kind: LeafKind
    dtype: DtypeText = ""
    shape: tuple[int, ...] | None = ()
    ndim: int = 0
    nullable: bool = False
    codec: str = ""

    @property
    def is_compressed(self) -> bool:
        """Whether its values lie in a shard as compressed bytes."""
        # An encoded image is compressed already.
        return bool(self.codec) and self.form == "bytes" and self.kind != "image"

    @property
    def numpy(self) -> Dtype:
        """The dtype of the values."""
        return dtypes.from_text(self.dtype or PYTHON_DTYPES[self.kind])

    @property
    def form(self) -> Form:
        """How the leaf lies in a shard.

        An array that may be None counts as ragged, so that None takes no room.
        """
        if self.kind == "none":
            return "null"
        if self.kind in BYTES_KINDS:
            return "bytes"
        if self.kind == "list":
            return "ragged" if self.dtype else "bytes"
        if self.kind == "array" and (self.shape is None or self.nullable):
            return "ragged"
        return "null" if 0 in (self.shape or ()) else "fixed"

    @property
    def row_bytes(self) -> int:
        """The bytes of one row of the form "fixed"."""
        return self.numpy.itemsize * int(np.prod(self.shape or (), dtype=np.int64))

    def __str__(self) -> str:
        if self.kind == "none":
            return "None"
        codec = f" ({self.codec})" if self.codec else ""
        return self._plain() + (" | None" if self.nullable else "") + codec

    def _plain(self) -> str:
        if self.kind == "scalar":
            return f"numpy {dtypes.short_name(self.numpy)}"
        if self.kind == "pickle":
            return "pickled"
        if self.kind == "list":
            return "[]" if self.shape == NO_MEMBERS else LIST_NAMES[str(self.dtype)]
        if self.kind != "array":
            return self.kind
        extents = ["?"] * self.ndim if self.shape is None else [str(n) for n in self.shape]
        return f"{dtypes.short_name(self.numpy)}[{', '.join(extents)}]"


class Branch(msgspec.Struct, frozen=True, tag="branch", omit_defaults=True):
    """One container; `module` and `name` say which class a named tuple has."""

    kind: Literal["dict", "tuple", "list", "namedtuple"]
    children: tuple[Leaf | Branch, ...]
    keys: tuple[str | int, ...] = ()
    module: str = ""
    name: str = ""

    def __str__(self) -> str:
        inner = [str(child) for child in self.children]
        if self.kind == "dict":
            pairs = zip(self.keys, inner, strict=True)
            return "{" + ", ".join(f"{key!r}: {text}" for key, text in pairs) + "}"
        if self.kind == "tuple":
            return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
        if self.kind == "list":
            return "[" + ", ".join(inner) + "]"
        pairs = zip(self.keys, inner, strict=True)
        return f"{self.name}({', '.join(f'{key}={text}' for key, text in pairs)})"


Schema: TypeAlias = Leaf | Branch


def leaves_of(schema: Schema) -> list[Leaf]:
    """The leaves in order."""
    if isinstance(schema, Leaf):
        return [schema]
    return [leaf for child in schema.children for leaf in leaves_of(child)]


def with_leaves(schema: Schema, leaves: Iterator[Leaf]) -> Schema:
    """The same tree with other leaves, taken in order."""
    if isinstance(schema, Leaf):
        return next(leaves)
    children = tuple(with_leaves(child, leaves) for child in schema.children)
    return msgspec.structs.replace(schema, children=children)


def tree_of(schema: Schema) -> Tree:
    """The structure without the kinds of the leaves."""
    if isinstance(schema, Leaf):
        return Tree("leaf")
    children = tuple(tree_of(child) for child in schema.children)
    cls = _named_class(schema) if schema.kind == "namedtuple" else None
    return Tree(schema.kind, schema.keys, children, cls)


def layout_of(schema: Schema | None) -> Layout:
    """The layout of what `read` gives; records of an unknown schema are objects."""
    if schema is None:
        return Layout(Tree("leaf"), ("object",))
    tree = tree_of(schema)
    assert leaf_count(tree) == len(leaves_of(schema))
    return Layout(tree, tuple(row_kind(leaf) for leaf in leaves_of(schema)))


def row_kind(leaf: Leaf) -> RowKind:
    """How a row of the leaf's column is given back."""
    if leaf.nullable or leaf.kind == "none" or leaf.form in ("bytes", "ragged"):
        return "object"
    if leaf.kind == "scalar":
        return "scalar"
    if leaf.kind != "array":
        return "python"
    if leaf.shape:
        return "array"
    # A single value of these forgets its width or byte order on its way out of an array.
    return "object" if leaf.numpy.kind in "SU" or not leaf.numpy.isnative else "zero_d"


def _named_class(branch: Branch) -> type[Any]:  # Any: the user's class
    """The class of that name where its module is already imported, an equal one otherwise.

    Nothing is imported: a manifest must not choose which code runs.
    """
    found: object = sys.modules.get(branch.module)
    for part in branch.name.split("."):
        # Not getattr: a module may import when it is asked for a name.
        found = getattr(found, "__dict__", {}).get(part)
    fields = tuple(str(key) for key in branch.keys)
    named = found if isinstance(found, type) and issubclass(found, tuple) else None
    if named is not None and getattr(named, "_fields", None) == fields:
        return named
    name = branch.name.rpartition(".")[2]
    is_name = name.isidentifier() and not keyword.iskeyword(name)
    made = namedtuple(name if is_name else "Record", fields, rename=True)  # type: ignore[misc]
    return cast("type[Any]", made)  # Any: a class made of names that are known only now
