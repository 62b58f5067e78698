"""Rounds of figures to medians, ratios, tables and JSON."""

# Any, in this file: figures are JSON.
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.case import WORKS

# Values from here on are printed without a fraction.
LARGE = 1000


@dataclass
class Row:
    """One case over all rounds: its figures in the order measured, or why there are none."""

    work: str
    name: str
    group: str
    figures: list[dict[str, Any]] = field(default_factory=list)
    reason: str | None = None

    @property
    def values(self) -> list[float]:
        """One value a round."""
        return [float(figures["value"]) for figures in self.figures]

    @property
    def unit(self) -> str:
        """The unit of the values."""
        return str(self.figures[0]["unit"]) if self.figures else ""

    @property
    def middle(self) -> float:
        """The median of the rounds."""
        return median(self.values)

    def as_json(self) -> dict[str, Any]:
        """The row with every round's figures."""
        kept: dict[str, Any] = {
            "work": self.work,
            "name": self.name,
            "group": self.group,
            "figures": self.figures,
        }
        if self.values:
            kept |= {"median": self.middle, "unit": self.unit}
        return kept | ({"reason": self.reason} if self.reason else {})


def ratio(row: Row, other: Row) -> float:
    """How many times `other` the row is: the median of the rounds' own ratios."""
    pairs = zip(row.values, other.values, strict=False)
    return median(mine / theirs for mine, theirs in pairs)


def tables(rows: Sequence[Row]) -> str:
    """One table a work, fastest first, with the ratio of headrace and of the limit."""
    works = [work for work in WORKS if any(row.work == work for row in rows)]
    return "\n\n".join(_table(work, [row for row in rows if row.work == work]) for work in works)


def _table(work: str, rows: Sequence[Row]) -> str:
    measured = [row for row in rows if row.values]
    is_rate = all(row.unit.endswith("/s") for row in measured)
    if is_rate:
        measured.sort(key=lambda row: -row.middle)
    ours = next((row for row in rows if row.name.startswith("headrace") and row.values), None)
    limit = next((row for row in rows if row.name.startswith("limit") and row.values), None)
    heads = [work, "median", "unit", "min..max"]
    heads += [f"`{other.name}` is" for other in (ours, limit) if other and is_rate]
    lines = []
    for row in measured:
        values = row.values
        span = f"{_number(min(values))}..{_number(max(values))}"
        cells = [row.name, _number(row.middle), row.unit, span]
        cells += [f"{ratio(other, row):.2f}x" for other in (ours, limit) if other and is_rate]
        lines.append(cells)
    missing = [f"- {row.name}: {row.reason}" for row in rows if row.reason]
    return "\n".join([*_aligned([heads, *lines]), *missing])


def _aligned(lines: Sequence[Sequence[str]]) -> Iterable[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for number, cells in enumerate(lines):
        # The first column holds names, the others figures.
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        yield "| " + " | ".join(padded) + " |"
        if number == 0:
            dashes = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            yield "| " + " | ".join(dashes) + " |"


def _number(value: float) -> str:
    if abs(value) >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.3g}"
