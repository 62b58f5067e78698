"""The values of labels: how often each occurs, and what the dataset calls it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.dataref import DataRef

# Any, in this file: values are the user's, of every type.

# A field with more values than this is not one of labels.
MOST_DISTINCT = 64
# Longer texts are no labels.
MOST_LABEL = 80


@dataclass(frozen=True)
class ValueCount:
    """How often a value occurs; `name` is what the dataset calls it, "" where it does not say."""

    value: bool | int | str
    count: int
    name: str = ""


def label_names(ref: DataRef[Any]) -> Mapping[str, Sequence[Any]]:
    """The names of the labels by field, where the version's origin has them."""
    records: object = ref
    while isinstance(records, DataRef):
        records = records.records
    origin = getattr(records, "origin", None)
    names = origin.get("label_names") if isinstance(origin, Mapping) else None
    return names if isinstance(names, Mapping) else {}


def value_counts(
    present: list[Any], names: Sequence[Any]
) -> tuple[int | None, tuple[ValueCount, ...]]:
    """How many distinct values there are, and each with its count; None where no labels are."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in present]
    if not plain or not all(map(_could_be_label, plain)):
        return None, ()
    # True and 1 are equal, and are not the same label.
    found = Counter((type(value), value) for value in plain)
    if len(found) > MOST_DISTINCT:
        return None, ()
    ordered = sorted(found.items(), key=lambda one: (-one[1], one[0][0].__name__, one[0][1]))
    counts = (ValueCount(value, n, _name(value, names)) for (_, value), n in ordered)
    return len(found), tuple(counts)


def _could_be_label(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and len(value) <= MOST_LABEL)


def _name(value: object, names: Sequence[Any]) -> str:
    # What an origin holds is JSON, of whatever kind.
    if isinstance(value, int) and isinstance(names, list | tuple) and 0 <= value < len(names):
        return str(names[value])
    return ""
