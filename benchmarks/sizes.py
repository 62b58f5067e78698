"""How large each data set is, how it is batched, and how long a measurement lasts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

FieldKind = Literal["array", "bytes", "text"]


@dataclass(frozen=True)
class Shape:
    """The form of a data set: records, batch size, fields, and the field that numbers rows."""

    records: int
    batch_size: int
    fields: Mapping[str, FieldKind]
    # Where it is None, the first number of the only field is the row's.
    key: str | None


SHAPES = {
    "W1": Shape(200_000, 64, {"tokens": "array", "label": "array"}, "label"),
    "W2": Shape(3_000, 64, {"jpeg": "bytes", "label": "array"}, "label"),
    "W3": Shape(4_000, 32, {"image": "array"}, None),
    "W4": Shape(500_000, 64, {"id": "array", "x": "array", "text": "text"}, "id"),
}
# W5 has no data: it is a chain over a range, of which the filter keeps every second number.
RANGE_RECORDS = 1_000_000
RANGE_BATCH = 64
# How many records the dataset has that is opened against the clock.
OPEN_RECORDS = 1_000_000


@dataclass(frozen=True)
class Effort:
    """How long one measurement of a rate lasts, and the part of each data set that is used.

    At least `least_epochs` and `least_s`, and not much longer than `most_s`.
    """

    least_epochs: int = 5
    least_s: float = 1.0
    most_s: float = 6.0
    scale: float = 1.0

    def records(self, whole: int) -> int:
        """How many records of a set of `whole` are used; three batches at least."""
        return max(192, int(whole * self.scale))


FULL = Effort()
QUICK = Effort(least_epochs=1, least_s=0.25, most_s=1.0, scale=0.1)
