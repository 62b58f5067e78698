from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import ml_dtypes
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.leaves import LEAVES

import headrace as hr
from headrace.contracts.errors import ArgumentError, StreamError
from headrace.display import FieldStatistics, field_statistics
from headrace.display.statistics import spread

# Any, in this file: records of every type.


class Box(NamedTuple):
    x: float
    y: float


def of(records: list[Any], **arguments: Any) -> dict[str, FieldStatistics]:
    """The statistics of records that lie in memory."""
    found = field_statistics(hr.DataRef.from_sequence(records), **arguments)
    return {field.name: field for field in found}


def stored(records: list[Any]) -> dict[str, FieldStatistics]:
    """The statistics of records that were stored, which come in columns."""
    ref = hr.Storage("memory://").submit(records, "waters", "1", allow_pickle=True)
    return {field.name: field for field in field_statistics(ref)}


@given(st.lists(st.floats(allow_nan=True) | st.none(), min_size=1), st.booleans())
def test_numbers_are_what_numpy_says(values: list[float | None], in_storage: bool) -> None:
    records = [{"x": value} for value in values]
    field = (stored if in_storage else of)(records)["x"]

    present = np.array([value for value in values if value is not None], np.float64)
    finite = present[np.isfinite(present)]
    assert field.none == values.count(None)
    if not len(present):
        assert field.numbers is None
        return
    assert field.numbers is not None
    assert field.numbers.nan == np.isnan(present).sum()
    assert field.numbers.infinite == np.isinf(present).sum()
    if not finite.size:
        assert field.numbers.mean is None
        return
    assert (field.numbers.least, field.numbers.most) == (finite.min(), finite.max())
    # In the wider floats of NumPy, where squares do not overflow.
    wide = finite.astype(np.longdouble)
    assert field.numbers.mean == pytest.approx(
        float(wide.mean()), rel=1e-6, abs=1e-9 * abs(finite).max()
    )
    assert field.numbers.std == pytest.approx(
        float(wide.std()), rel=1e-6, abs=1e-7 * abs(finite).max()
    )
    assert field.numbers.histogram is not None
    assert sum(field.numbers.histogram.counts) == finite.size


@pytest.mark.parametrize(
    "dtype", ["u1", "i4", ">i2", "f2", "f4", "bool", "c8", "g", "bfloat16", "int4"]
)
def test_arrays_count_by_their_values(dtype: str) -> None:
    made = np.dtype(getattr(ml_dtypes, dtype, dtype))
    arrays = np.random.default_rng(1).integers(0, 8, (50, 3, 4)).astype(made)
    plain = np.abs(arrays.astype(np.complex128)) if made.kind == "c" else arrays.astype(np.float64)

    for field in (
        of([{"a": array} for array in arrays])["a"],
        stored([{"a": array} for array in arrays])["a"],
    ):
        assert field.numbers is not None
        assert field.numbers.count == 600
        assert field.numbers.mean == pytest.approx(plain.mean())
        assert field.numbers.std == pytest.approx(plain.std())
        assert field.shapes == (((3, 4), 50),)


def test_a_histogram_has_the_bins_of_numpy() -> None:
    values = np.random.default_rng(2).normal(size=500)

    numbers = of([{"x": value} for value in values.tolist()])["x"].numbers

    assert numbers is not None
    assert numbers.histogram is not None
    assert numbers.histogram.counts == tuple(np.histogram(values, bins=32)[0])


def test_few_whole_numbers_have_a_bin_each() -> None:
    numbers = of([1.0, 1.0, 4.0])[""].numbers

    assert numbers is not None
    assert numbers.histogram is not None
    assert numbers.histogram.counts == (2, 0, 0, 1)


def test_large_whole_numbers_have_a_bin_each() -> None:
    numbers = of([2**62, 2**62 + 1, 2**62 + 3])[""].numbers

    assert numbers is not None
    assert numbers.histogram is not None
    assert numbers.histogram.counts == (1, 1, 0, 1)
    assert numbers.least == 2**62


def test_labels_are_counted_the_most_frequent_first() -> None:
    labels = ["cat", "dog", "cat", "cat", None, "dog"]

    for field in (
        of([{"label": label} for label in labels])["label"],
        stored([{"label": label} for label in labels])["label"],
    ):
        assert field.is_label
        assert field.none == 1
        assert field.distinct == 2
        assert [(one.value, one.count) for one in field.counts] == [("cat", 3), ("dog", 2)]


def test_values_that_do_not_repeat_are_no_labels() -> None:
    assert not of([{"id": n} for n in range(64)])["id"].is_label
    assert of([{"id": n} for n in range(65)])["id"].distinct is None


@dataclass(frozen=True)
class Named:
    """Records whose origin names their labels."""

    origin: Any

    def __len__(self) -> int:
        return 4

    def read(self, indices: Any) -> list[Any]:
        return [{"label": int(index) % 3} for index in indices]


def test_labels_have_the_names_of_their_origin() -> None:
    named = Named({"label_names": {"label": ["cat", "dog"]}})
    part = hr.DataRef(named).split([1.0], seed=1)[0].shuffle(seed=1)

    counts = field_statistics(part)[0].counts

    assert {one.value: one.name for one in counts} == {0: "cat", 1: "dog", 2: ""}


@pytest.mark.parametrize("names", [None, 3, "cat", {"label": 5}, {"label": {"0": "cat"}}], ids=str)
def test_an_origin_of_another_kind_names_nothing(names: object) -> None:
    field = field_statistics(hr.DataRef(Named({"label_names": names})))[0]

    assert {one.name for one in field.counts} == {""}


def test_texts_and_bytes_have_lengths_and_kinds() -> None:
    fields = of([{"t": "a" * n, "b": b"\xff\xd8\xff" if n else b"??"} for n in range(5)])

    assert fields["t"].lengths is not None
    assert (fields["t"].lengths.least, fields["t"].lengths.mean, fields["t"].lengths.most) == (
        0,
        2,
        4,
    )
    assert fields["b"].formats == (("JPEG", 4), ("", 1))


def test_nested_records_have_dotted_names() -> None:
    records = [
        {"box": Box(1.5, 2.0), "pair": (1, "a"), "tokens": [1, 2, n], 7: [np.arange(n), "x"]}
        for n in range(3)
    ]

    for fields in (of(records), stored(records)):
        types = {name: field.type for name, field in fields.items()}
        assert types == {
            "box.x": "float",
            "box.y": "float",
            "pair.0": "int",
            "pair.1": "str",
            "tokens": "list of 3 int",
            "7.0": "int64[?]",
            "7.1": "str",
        }


def test_records_that_differ_are_one_set_of_fields() -> None:
    fields = of([{"a": 1}, {"b": "x"}, {"a": "y", "c": [1, 2]}, {"c": []}])

    assert {name: (field.type, field.none) for name, field in fields.items()} == {
        "a": ("int | str | None", 2),
        "b": ("str | None", 3),
        "c": ("list of ? int | None", 2),
    }


@pytest.mark.parametrize("name", LEAVES)
def test_each_kind_of_leaf_has_statistics_that_json_holds(name: str) -> None:
    rng = np.random.default_rng(3)

    for fields in (
        of([LEAVES[name](rng) for _ in range(5)]),
        stored([LEAVES[name](rng) for _ in range(5)]),
    ):
        assert [(field.looked_at, field.of) for field in fields.values()] == [(5, 5)]
        assert msgspec.json.encode([asdict(field) for field in fields.values()])


@pytest.mark.parametrize(
    "records", [[], [{}], [None, None], [10**400, 1], [object(), 3, "x", b"y"]], ids=str
)
def test_odd_datasets_have_statistics(records: list[Any]) -> None:
    assert all(field.of == len(records) for field in of(records).values())


@given(st.integers(0, 500), st.integers(1, 60))
def test_positions_are_spread_over_equal_parts(count: int, most: int) -> None:
    positions = spread(count, most)

    edges = np.linspace(0, count, len(positions) + 1).astype(int)
    assert len(positions) == min(count, most)
    assert all(a <= p < b for a, p, b in zip(edges, positions, edges[1:], strict=False))


def test_an_even_step_hides_no_label() -> None:
    ref = hr.DataRef.from_sequence(range(100_000)).stream().map(lambda n: n % 10)
    labels = hr.Storage("memory://").submit(ref, "labels", "1")

    field = field_statistics(labels, most=1000)[0]

    assert (field.looked_at, field.of, field.is_exact) == (1000, 100_000, False)
    assert Counter({one.value: one.count for one in field.counts}).total() == 1000
    assert field.distinct == 10


def test_large_records_are_read_in_small_number() -> None:
    ref = hr.DataRef.from_sequence([np.zeros(2**20, np.uint8)] * 40)

    assert field_statistics(ref)[0].looked_at == 16


@pytest.mark.slow
def test_a_million_records_take_no_time(tmp_path: Path) -> None:
    n = 1_000_000
    columns = {"x": np.random.default_rng(0).random((n, 8), np.float32), "label": np.arange(n) % 10}
    ref = hr.Storage(tmp_path).submit(columns, "large", "1")

    began = time.perf_counter()
    field_statistics(ref)

    # 10 ms on two cores that have nothing else to do.
    assert time.perf_counter() - began < 0.3


def test_no_record_at_all_cannot_be_asked_for() -> None:
    with pytest.raises(ArgumentError, match=r"most must be .* at least 1, got 0\. 10,000 tells"):
        field_statistics(hr.DataRef.from_sequence([1]), most=0)


def test_a_dataset_without_end_is_refused() -> None:
    with pytest.raises(StreamError, match="repeats without end"):
        field_statistics(hr.DataRef.from_sequence([1]).repeat(None))
