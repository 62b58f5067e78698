"""HTML built so that text cannot become markup: whatever is no Markup is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import TypeAlias

from headrace.display.text import visible

Attribute: TypeAlias = "str | int | float | bool | None"

VOID = frozenset({"col", "img", "meta"})


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


def text(value: object) -> Markup:
    """The text of a value, escaped; what would steer the page or is no UTF-8 is made visible."""
    return value if isinstance(value, Markup) else Markup(escape(visible(str(value))))


def join(parts: Iterable[object]) -> Markup:
    """The parts one after the other, escaped where they are no markup."""
    return Markup("".join(map(text, parts)))


def tag(name: str, /, *children: object, **attributes: Attribute) -> Markup:
    """An element; children and attributes are escaped, attributes of None or False left out.

    Example:
        >>> tag("p", "1 < 2", class_="note", aria_hidden="true")
        '<p class="note" aria-hidden="true">1 &lt; 2</p>'
    """
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{join(children)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(value)}"'
