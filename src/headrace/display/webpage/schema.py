"""The schema of the records as a tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.contracts import Record
from headrace.display.fields import entries_of, type_of
from headrace.display.webpage.cards import BARE_NAME
from headrace.display.webpage.figures import plural
from headrace.display.webpage.markup import Markup, tag

# Any, in this file: values are the user's, of every type.

# Of a longer container the first entries tell what the others are.
MOST_ENTRIES = 40


def schema_tree(record: Record, types: Mapping[str, str]) -> Markup:
    """The structure of a record, with the type of each field by its dotted name."""
    return tag("ul", _branch(BARE_NAME, record, "", types), class_="tree")


def type_list(types: Mapping[str, str]) -> Markup:
    """The fields and their types, where there is no record to tell the structure."""
    lines = (_line(name or BARE_NAME, said, is_leaf=True) for name, said in types.items())
    return tag("ul", *(tag("li", line) for line in lines), class_="tree")


def _branch(key: str, value: Any, name: str, types: Mapping[str, str]) -> Markup:
    entries = entries_of(value)
    if entries is None:
        return tag("li", _line(key, types.get(name) or type_of([value]), is_leaf=True))
    children = [
        _branch(str(inner), part, f"{name}.{inner}" if name else str(inner), types)
        for inner, part in entries[:MOST_ENTRIES]
    ]
    if len(entries) > MOST_ENTRIES:
        children.append(tag("li", f"and {len(entries) - MOST_ENTRIES:,} more", class_="note"))
    kind = type(value).__name__
    said = f"{kind} of {plural(len(entries), 'field')}"
    return tag("li", _line(key, said, is_leaf=False), tag("ul", *children))


def _line(key: str, said: str, *, is_leaf: bool) -> Markup:
    kind = "type" if is_leaf else "kind"
    return tag("span", tag("b", key, dir="auto"), tag("span", said, class_=kind), class_="line")
