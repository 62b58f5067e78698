"""The records that a page shows: drawn by a seeded shuffle, with a caption for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from headrace.contracts import Record, rows
from headrace.dataref import DataRef
from headrace.display.arrays import Array, as_array, as_numbers, is_float
from headrace.display.fields import Field, fields_of
from headrace.display.labels import ValueCount
from headrace.display.pixels import is_picture
from headrace.display.statistics import FieldStatistics
from headrace.display.text import leaf_text
from headrace.orders import Range, Shuffled

# Any, in this file: values are the user's, of every type.

Role = Literal["picture", "text", "signal", "array", "plain"]

# Shorter rows of numbers are tables or features rather than signals.
SIGNAL_VALUES = 256
# Texts that fit in the table of records need no room of their own.
PASSAGE = 60
# Fewer numbers are written out in the table of records.
ARRAY_VALUES = 9
# A caption is one line under a picture.
CAPTION = 40
LABELS_IN_CAPTION = 2


@dataclass(frozen=True)
class Drawn:
    """Some of `of` records: positions, fields and captions, all in the order of the draw."""

    of: int
    positions: list[int]
    records: list[Record]
    fields: list[Field]
    captions: list[str]

    def of_role(self, role: Role) -> list[Field]:
        """The fields that are shown so."""
        return [field for field in self.fields if role_of(field) == role]


def draw(
    ref: DataRef[Any], statistics: Sequence[FieldStatistics], *, records: int, seed: int
) -> Drawn:
    """`records` records of `ref`, or all where there are fewer, by its global shuffle."""
    count = len(ref)
    positions = Shuffled(Range(count), seed).at(0, np.arange(min(records, count)))
    drawn = rows(ref.read(positions)) if len(positions) else []
    fields = fields_of(drawn)
    captions = _captions(fields, statistics, len(drawn))
    return Drawn(count, positions.tolist(), drawn, fields, captions)


def role_of(field: Field) -> Role:
    """How the values of a field are shown, by the first that is there."""
    value = next((value for value in field.values if value is not None), None)
    if is_picture(value):
        return "picture"
    if isinstance(value, str):
        longest = max(len(text) for text in field.values if isinstance(text, str))
        return "text" if longest > PASSAGE else "plain"
    array = numbers_in(value)
    if array is None or array.size < ARRAY_VALUES:
        return "plain"
    is_wave = is_float(array) or array.dtype == np.int16
    return "signal" if array.ndim == 1 and len(array) >= SIGNAL_VALUES and is_wave else "array"


def numbers_in(value: Any) -> Array | None:
    """The numbers of an array or a list, None where it holds something else."""
    if type(value) is list and value and type(value[0]) in (bool, int, float):
        try:
            value = np.array(value)
        except OverflowError:
            return None
    array = as_array(value)
    if array is None or as_numbers(array.reshape(-1)[:0]) is None:
        return None
    return array


def _captions(
    fields: Sequence[Field], statistics: Sequence[FieldStatistics], count: int
) -> list[str]:
    """What the labels say of each record; short texts where there is no label."""
    # A label that never changes tells nothing.
    labels = {one.name: one.counts for one in statistics if one.is_label and len(one.counts) > 1}
    told = [field for field in fields if field.name in labels][:LABELS_IN_CAPTION]
    if not told:
        told = [field for field in fields if _is_short_text(field)][:1]
    return [
        " · ".join(_caption(field, field.values[at], labels.get(field.name, ())) for field in told)
        for at in range(count)
    ]


def _is_short_text(field: Field) -> bool:
    texts = [value for value in field.values if value is not None]
    return bool(texts) and all(isinstance(text, str) and len(text) <= PASSAGE for text in texts)


def _caption(field: Field, value: Any, counts: Sequence[ValueCount]) -> str:
    if isinstance(value, str):
        return leaf_text(value, CAPTION)
    names = {count.value: count.name for count in counts if count.name}
    plain = value.item() if isinstance(value, np.generic) else value
    known = names.get(plain) if isinstance(plain, int) else None
    return known or f"{field.name.rpartition('.')[2]} {leaf_text(value, CAPTION)}"
