"""Standard output: tables and lines for people, JSON for scripts. All else goes to stderr."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console, RenderableType
from rich.filesize import decimal
from rich.table import Table

from headrace.cli.failing import NO_READER
from headrace.display.text import visible

# Any, in this file: JSON holds values of every type.

# What rich takes where it can ask no terminal, and what suits a file or a pipe better.
ASSUMED_WIDTH = 80
FILE_WIDTH = 160
COLOURS = ("truecolor", "256")


def show(*parts: RenderableType) -> None:
    """Prints each part on lines of its own."""
    console = stdout()
    with console.capture() as captured:
        for part in parts:
            console.print(part)
    text = captured.get()
    if not console.is_terminal:
        # Tables fill their last column, which only makes lines longer in files.
        text = "".join(f"{line.rstrip()}\n" for line in text.splitlines())
    _write(text)


def show_json(value: Any) -> None:
    """Prints one JSON document."""
    _write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def note(text: str) -> None:
    """Prints a line to stderr; what could steer the terminal is written as an escape."""
    typer.echo(visible(text), err=True)


def stdout() -> Console:
    """Standard output as rich sees it."""
    # Brackets and colons in a path are the user's, no markup.
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal and console.width == ASSUMED_WIDTH:
        console.width = FILE_WIDTH
    return console


def can_draw(console: Console) -> bool:
    """Whether pictures can be drawn: a terminal with enough colours."""
    return console.is_terminal and console.color_system in COLOURS


def columns(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table without lines; the headings in `right` are those of numbers."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        # On a narrow terminal the last column, which can be read in two lines, gives way.
        is_last = heading == headings[-1]
        table.add_column(
            heading, justify="right" if heading in right else "left", no_wrap=not is_last
        )
    return table


def size(size_bytes: int) -> str:
    """A number of bytes as people write it."""
    return decimal(size_bytes)


def counted(count: int, noun: str) -> str:
    """`1 shard`, `1,797 records`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def moment(time_ns: int) -> str:
    """A time in UTC, to the second: `2026-03-01T09:30:00Z`."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment_for_people(time_ns: int) -> str:
    """The same, to the minute: `2026-03-01 09:30`."""
    return f"{datetime.fromtimestamp(time_ns // 10**9, UTC):%Y-%m-%d %H:%M}"


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has enough. The interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(NO_READER) from None
