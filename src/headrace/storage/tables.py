"""Rows of text as a table, for terminals and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def text_table(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """The lines of a table; the cells of the first `left` columns begin where their column does.

    Example:
        >>> text_table([("", "records"), ("in both", "7")])
        ['         records', 'in both        7']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:<{width}}" if at < left else f"{cell:>{width}}"
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def counted(count: int, noun: str) -> str:
    """`1 record`, `1,797 records`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def html_table(title: str, rows: Sequence[Sequence[str]]) -> str:
    """A table whose first row are its headings."""
    head, *body = rows
    lines = [
        "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, some in (("th", [head]), ("td", body))
        for row in some
    ]
    return f"<table><caption>{escape(title)}</caption>{''.join(lines)}</table>"
