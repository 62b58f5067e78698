"""Records on a terminal: a table, or where they have many fields one below the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from headrace.contracts import Record
from headrace.display.fields import leaves
from headrace.display.halfblocks import MOST_SIDE, half_blocks
from headrace.display.pixels import pixels_of
from headrace.display.text import leaf_text, one_line

# With more fields the columns of a table get too narrow to read.
MOST_COLUMNS = 6
# A record of more fields is a list that was taken apart; nobody reads on.
MOST_FIELDS = 64
# One line on most terminals beside the names of the fields.
LINE_WIDTH = 72
# In a table several share a line.
CELL_WIDTH = 40
# The field of records that are a single value.
BARE_NAME = "record"


def record_table(
    records: Sequence[Record], *, start_indices: Sequence[int], pictures: bool
) -> RenderableType:
    """The records for rich to print, each with its index.

    With `pictures`, which takes 256 colours or more, what looks like a picture is drawn
    in half-block characters; encoded ones need Pillow. All else is one line a value.

    Example:
        >>> from rich.console import Console
        >>> records = [{"text": "river", "label": 1}, {"text": "lake", "label": 0}]
        >>> table = record_table(records, start_indices=[4, 9], pictures=False)
        >>> Console(width=40).print(table)
          #   text    label
         ───────────────────
          4   river   1
          9   lake    0
    """
    fields = [dict(leaves(record)) for record in records]
    names = list(dict.fromkeys(name for values in fields for name in values))
    if len(names) > MOST_COLUMNS:
        pairs = zip(start_indices, fields, strict=False)
        return Group(*(_one_record(index, values, pictures=pictures) for index, values in pairs))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for heading in (Text("#"), *map(_heading, names)):
        table.add_column(heading)
    table.columns[0].style = "dim"
    for index, values in zip(start_indices, fields, strict=False):
        cells = [_cell(values, name, width=CELL_WIDTH, pictures=pictures) for name in names]
        table.add_row(str(index), *cells)
        # Pictures one below the other would run together.
        table.leading = max(table.leading, *(int("\n" in cell.plain) for cell in cells), 0)
    return table


def _one_record(index: int, values: dict[str, Any], *, pictures: bool) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column()
    for name in list(values)[:MOST_FIELDS]:
        table.add_row(_heading(name), _cell(values, name, width=LINE_WIDTH, pictures=pictures))
    if len(values) > MOST_FIELDS:
        table.add_row("…", f"{len(values) - MOST_FIELDS:,} more fields")
    return Group(Text(f"record {index}", style="bold"), table, Text())


def _cell(values: dict[str, Any], name: str, *, width: int, pictures: bool) -> Text:
    if name not in values:
        return Text("absent", style="dim")
    value = values[name]
    pixels = pixels_of(value, most_side=MOST_SIDE) if pictures else None
    if pixels is not None and pixels.size:
        return half_blocks(pixels)
    # Not markup: brackets in a text are the user's.
    return Text(leaf_text(value, width), style="dim" if value is None else "")


def _heading(name: str) -> Text:
    return Text(one_line(name) or BARE_NAME)
