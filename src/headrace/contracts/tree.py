"""The structure of a record: a tree of dicts, tuples, named tuples and lists over leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

# Any: a record is whatever the user's loader gives.
Record = Any

Kind = Literal["leaf", "dict", "tuple", "list", "namedtuple"]


@dataclass(frozen=True, slots=True)
class Tree:
    """A structure without its values; equal structures compare equal."""

    kind: Kind
    keys: tuple[str | int, ...] = ()
    children: tuple[Tree, ...] = ()
    # The class of a named tuple; two classes of one name and fields are the same structure.
    cls: type[Any] | None = None  # Any: the user's class

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tree):
            return NotImplemented
        same = self.kind == other.kind and self.children == other.children
        return same and self.keys == other.keys and self._cls_name == other._cls_name

    def __hash__(self) -> int:
        return hash((self.kind, self.keys, self.children, self._cls_name))

    def __str__(self) -> str:
        inner = [str(child) for child in self.children]
        match self.kind:
            case "leaf":
                return "*"
            case "dict":
                pairs = zip(self.keys, inner, strict=True)
                return "{" + ", ".join(f"{key!r}: {text}" for key, text in pairs) + "}"
            case "tuple":
                return "(" + ", ".join(inner) + ("," if len(inner) == 1 else "") + ")"
            case "list":
                return "[" + ", ".join(inner) + "]"
            case "namedtuple":
                pairs = zip(self.keys, inner, strict=True)
                return f"{self._cls_name}({', '.join(f'{key}={text}' for key, text in pairs)})"

    @property
    def _cls_name(self) -> str:
        return "" if self.cls is None else self.cls.__name__


LEAF = Tree("leaf")


def is_namedtuple(value: object) -> bool:
    """Whether `value` is a tuple with named fields."""
    return isinstance(value, tuple) and hasattr(value, "_fields")


def structure_of(record: Record) -> Tree:
    """The tree of `record`; whatever is no container is a leaf.

    A dict whose keys are not all str or int, and a subclass of dict, list or tuple that is
    no named tuple, is a leaf too.
    """
    kind = type(record)
    if kind is dict:
        if not all(type(key) in (str, int) for key in record):
            return LEAF
        return Tree("dict", tuple(record), tuple(structure_of(v) for v in record.values()))
    if kind is tuple or kind is list:
        name: Kind = "tuple" if kind is tuple else "list"
        return Tree(name, (), tuple(structure_of(value) for value in record))
    if is_namedtuple(record):
        children = tuple(structure_of(value) for value in record)
        return Tree("namedtuple", tuple(record._fields), children, kind)
    return LEAF


def paths(tree: Tree, prefix: str = "") -> list[str]:
    """One dotted name a leaf, in order; the root leaf's is empty."""
    if tree.kind == "leaf":
        return [prefix]
    keys: Iterable[str | int] = tree.keys or range(len(tree.children))
    found = []
    for key, child in zip(keys, tree.children, strict=True):
        found += paths(child, f"{prefix}.{key}" if prefix else str(key))
    return found


def leaf_count(tree: Tree) -> int:
    """How many leaves the tree has."""
    return 1 if tree.kind == "leaf" else sum(leaf_count(child) for child in tree.children)


def flatten(tree: Tree, record: Record) -> list[Any]:  # Any: leaves are the user's values
    """The leaves of `record`, which has the structure `tree`, in order."""
    if tree.kind == "leaf":
        return [record]
    parts = (record[key] for key in tree.keys) if tree.kind == "dict" else iter(record)
    found = []
    for child, part in zip(tree.children, parts, strict=True):
        found += flatten(child, part)
    return found


def builder(tree: Tree) -> Callable[[Sequence[Any]], Record]:  # Any: leaves
    """A function from the list of leaves to the record, fast for flat records."""
    if tree.kind == "leaf":
        return lambda leaves: leaves[0]
    if all(child.kind == "leaf" for child in tree.children):
        return _flat_builder(tree)
    spans: list[tuple[Callable[[Sequence[Any]], Record], int, int]] = []
    start = 0
    for child in tree.children:
        stop = start + leaf_count(child)
        spans.append((builder(child), start, stop))
        start = stop
    outer = _flat_builder(tree)
    return lambda leaves: outer([build(leaves[a:b]) for build, a, b in spans])


def _flat_builder(tree: Tree) -> Callable[[Sequence[Any]], Record]:  # Any: leaves
    keys, cls = tree.keys, tree.cls
    match tree.kind:
        case "dict":
            return lambda leaves: dict(zip(keys, leaves, strict=True))
        case "tuple":
            return tuple
        case "list":
            return list
        case _:
            assert cls is not None
            return lambda leaves: cls(*leaves)
