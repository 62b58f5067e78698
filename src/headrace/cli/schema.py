"""The schema of a version: as a tree for people, as nested JSON for scripts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

import msgspec
from rich.text import Text
from rich.tree import Tree

from headrace.display.text import one_line
from headrace.formats.schema.schema import ZSTD, Branch, Leaf, Schema

# More children than this are a list that was taken apart; nobody reads on.
MOST_CHILDREN = 64

NO_RATIOS: Mapping[str, float] = MappingProxyType({})

SchemaJson: TypeAlias = "str | list[SchemaJson] | dict[str, SchemaJson] | None"


def schema_tree(schema: Schema | None, ratios: Mapping[str, float] = NO_RATIOS) -> Tree | Text:
    """The schema for rich to print; `ratios` are those of the compressed columns."""
    if schema is None:
        return Text("unknown, as there is no record", style="dim")
    if isinstance(schema, Leaf):
        return Text(_leaf_text(schema, ratios))
    tree = Tree(Text(schema.name or schema.kind, style="dim"), guide_style="dim")
    _grow(tree, schema, ratios)
    return tree


def schema_json(schema: Schema | None) -> SchemaJson:
    """Dicts and named tuples as objects, tuples and lists as arrays, leaves as text."""
    if schema is None:
        return None
    if isinstance(schema, Leaf):
        return str(schema)
    children = [schema_json(child) for child in schema.children]
    if schema.kind in ("tuple", "list"):
        return children
    return {str(key): child for key, child in zip(schema.keys, children, strict=True)}


def _grow(tree: Tree, branch: Branch, ratios: Mapping[str, float]) -> None:
    keys = branch.keys or range(len(branch.children))
    width = max((len(str(key)) for key in keys), default=0)
    for key, child in list(zip(keys, branch.children, strict=True))[:MOST_CHILDREN]:
        name = one_line(str(key)).ljust(width)
        if isinstance(child, Leaf):
            tree.add(Text.assemble((name, "cyan"), "  ", _leaf_text(child, ratios)))
        else:
            kind = child.name or child.kind
            _grow(tree.add(Text.assemble((name, "cyan"), "  ", (kind, "dim"))), child, ratios)
    if len(branch.children) > MOST_CHILDREN:
        tree.add(Text(f"… {len(branch.children) - MOST_CHILDREN:,} more", style="dim"))


def _leaf_text(leaf: Leaf, ratios: Mapping[str, float]) -> str:
    if leaf.column not in ratios:
        return str(leaf)
    plain = msgspec.structs.replace(leaf, codec="")
    return f"{plain}, {leaf.codec or ZSTD} {ratios[leaf.column]:.1f}x"
