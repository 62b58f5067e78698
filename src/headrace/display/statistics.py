"""What the fields of a dataset hold, in figures: from all records, or some from everywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headrace.contracts import Column
from headrace.contracts.errors import whole
from headrace.contracts.order import Indices
from headrace.dataref import DataRef
from headrace.display.arrays import Array, as_array
from headrace.display.encoded import encoded_kind
from headrace.display.fields import Field, fields_of
from headrace.display.labels import MOST_DISTINCT, ValueCount, label_names, value_counts
from headrace.display.numbers import NumberStatistics, number_statistics

# Any, in this file: values are the user's, of every type.

# Enough for two digits of a mean, and 0.1 s where records are small.
MOST_RECORDS = 10_000
# Of large records fewer are read: as many as take 0.2 s.
MOST_BYTES = 64 * 2**20
# Values of arrays take their time each, whatever their bytes.
VALUE_BYTES = 4
# So many records tell how large one is.
WEIGHED = 8
# The draw inside each stratum is the same each time: figures do not change by being asked again.
DRAW_SEED = 0


@dataclass(frozen=True)
class LengthStatistics:
    """The lengths of texts in characters, of bytes in bytes, of lists and arrays in values."""

    least: int
    mean: float
    most: int


@dataclass(frozen=True)
class FieldStatistics:
    """What one field holds in `looked_at` of `of` records.

    `type` is that of the values, `none` how many there are not. `shapes` are those of arrays,
    the most frequent first. `distinct` and `counts` (the most frequent first) are there where
    whole numbers, booleans or short texts have at most 64 values, `formats` where bytes are
    files of known kinds.
    """

    name: str
    type: str
    looked_at: int
    of: int
    none: int = 0
    shapes: tuple[tuple[tuple[int, ...], int], ...] = ()
    numbers: NumberStatistics | None = None
    lengths: LengthStatistics | None = None
    distinct: int | None = None
    counts: tuple[ValueCount, ...] = ()
    formats: tuple[tuple[str, int], ...] = ()

    @property
    def is_exact(self) -> bool:
        """Whether all records were looked at."""
        return self.looked_at == self.of

    @property
    def is_label(self) -> bool:
        """Whether the values repeat enough to be counted one by one."""
        present = self.looked_at - self.none
        return bool(self.counts) and 2 * len(self.counts) <= max(present, 2)


def field_statistics(ref: DataRef[Any], *, most: int = MOST_RECORDS) -> list[FieldStatistics]:
    """The statistics of each field, by its dotted name.

    They are of all records where there are at most `most` and they are small, of records taken
    evenly over the dataset otherwise: one from each of as many equal parts.

    **Cost**: reads at most `most` records and about 64 MiB, once.

    Raises:
        ArgumentError: `most` is below 1.
        StreamError: `ref` repeats without end.

    Example:
        >>> import headrace as hr
        >>> ref = hr.DataRef.from_sequence([{"label": n % 2} for n in range(6)])
        >>> label = field_statistics(ref)[0]
        >>> label.name, label.numbers.mean, label.counts[0].count
        ('label', 0.5, 3)
    """
    whole("most", most, least=1, remedy="10,000 tells most of any dataset.")
    positions = spread(len(ref), _affordable(ref, most))
    names = label_names(ref)
    return [
        _statistics(field, len(positions), len(ref), names.get(field.name, ()))
        for field in fields_of(ref.read(positions))
    ]


def spread(count: int, most: int) -> Indices:
    """At most `most` positions below `count`, one out of each of as many equal parts.

    Where in its part is drawn, so that no regularity of the records hides from an even step.
    """
    if count <= most:
        return np.arange(count)
    edges = np.linspace(0, count, most + 1).astype(np.int64)
    drawn = np.random.default_rng(DRAW_SEED).random(most)
    return edges[:-1] + (drawn * np.diff(edges)).astype(np.int64)


def _affordable(ref: DataRef[Any], most: int) -> int:
    """How many records can be read without taking more than their share of time."""
    if len(ref) <= WEIGHED:
        return most
    weighed = fields_of(ref.read(spread(len(ref), WEIGHED)))
    size = sum(_weight(field.values) for field in weighed) / WEIGHED
    return max(1, min(most, int(MOST_BYTES / max(size, 1))))


def _weight(values: Column) -> int:
    if isinstance(values, np.ndarray):
        return VALUE_BYTES * values.size
    return sum(_bytes_of(value) for value in values)


def _bytes_of(value: Any) -> int:
    array = as_array(value)
    if array is not None:
        return VALUE_BYTES * array.size
    if isinstance(value, memoryview):
        return value.nbytes
    return len(value) if isinstance(value, str | bytes | bytearray | list) else 1


def _statistics(field: Field, looked_at: int, of: int, names: Sequence[Any]) -> FieldStatistics:
    values = field.values
    # Whatever the kind of a column's rows, those of one axis are single values.
    if isinstance(values, np.ndarray) and values.ndim > 1:
        shape = (values.shape[1:], len(values))
        numbers = number_statistics(values)
        return FieldStatistics(
            field.name, field.type, looked_at, of, shapes=(shape,), numbers=numbers
        )
    present = _present(values)
    distinct, counts = value_counts(present, names)
    return FieldStatistics(
        *(field.name, field.type, looked_at, of),
        none=len(values) - len(present),
        shapes=_shapes(present),
        numbers=_numbers(values if isinstance(values, np.ndarray) else present),
        lengths=_lengths(present),
        distinct=distinct,
        counts=counts,
        formats=_formats(present),
    )


def _present(values: Column) -> list[Any]:
    if isinstance(values, np.ndarray):
        listed: list[Any] = values.tolist() if values.dtype.kind in "biufcSU" else list(values)
        return listed
    return [value for value in values if value is not None]


def _numbers(values: Column) -> NumberStatistics | None:
    """Of single numbers, and of those in arrays and lists."""
    if isinstance(values, np.ndarray):
        return number_statistics(values)
    parts: list[Array] = []
    plain: list[Any] = []
    for value in values:
        if isinstance(value, bool | int | float | complex | np.number | np.bool_):
            plain.append(value)
        elif isinstance(value, list):
            plain += [part for part in value if isinstance(part, bool | int | float | complex)]
        else:
            array = np.asarray(value) if isinstance(value, np.generic) else as_array(value)
            parts += [] if array is None else [array.reshape(-1)]
    return number_statistics(_joined(plain, parts)) if plain or parts else None


def _joined(plain: list[Any], parts: list[Array]) -> Array:
    """All numbers as one array; what has no number in common is left out."""
    try:
        if plain:
            parts = [np.array(plain), *parts]
        if len({part.dtype for part in parts}) == 1 and parts[0].dtype != object:
            return np.concatenate(parts)
        return np.concatenate([part.astype(np.float64) for part in parts])
    except (TypeError, ValueError, OverflowError):
        return np.empty(0, object)


def _lengths(present: list[Any]) -> LengthStatistics | None:
    lengths = [length for length in map(_length, present) if length is not None]
    if not lengths:
        return None
    return LengthStatistics(min(lengths), sum(lengths) / len(lengths), max(lengths))


def _length(value: Any) -> int | None:
    if isinstance(value, memoryview):
        return value.nbytes
    if isinstance(value, str | bytes | bytearray | list):
        return len(value)
    array = as_array(value)
    return len(array) if array is not None and array.ndim == 1 else None


def _shapes(present: list[Any]) -> tuple[tuple[tuple[int, ...], int], ...]:
    arrays = [as_array(value) for value in present]
    found = Counter(array.shape for array in arrays if array is not None)
    return tuple(found.most_common(MOST_DISTINCT))


def _formats(present: list[Any]) -> tuple[tuple[str, int], ...]:
    """The kinds of files that bytes are; "" counts those of none."""
    payloads = [value for value in present if isinstance(value, bytes | bytearray | memoryview)]
    kinds = Counter(kind.name if kind else "" for kind in map(encoded_kind, payloads))
    return () if set(kinds) <= {""} else tuple(kinds.most_common())
