"""Arrow tables become columns whose rows are those of to_pylist."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.errors import ArgumentError, RecordError
from headrace.sources.tables import columns_of_table
from headrace.testing import check_block

# Any, in this file: tables hold values of every type.

NUMBERS = {
    pa.bool_(): st.booleans(),
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32, allow_nan=False),
    pa.float64(): st.floats(allow_nan=False),
}
TEXTS = {
    **dict.fromkeys((pa.string(), pa.large_string(), pa.string_view()), st.text(max_size=3)),
    **dict.fromkeys((pa.binary(), pa.large_binary(), pa.binary_view()), st.binary(max_size=3)),
    pa.binary(2): st.binary(min_size=2, max_size=2),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from("abc"),
}
MOMENT = datetime.datetime(2026, 1, 2, 3, 4, 5, 678)


def arrays_as_lists(value: Any) -> Any:
    """The value as to_pylist has it."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: arrays_as_lists(one) for key, one in value.items()}
    return value


@st.composite
def types(draw: st.DrawFn) -> tuple[pa.DataType, st.SearchStrategy[Any]]:
    """A type, and the values it can have."""
    single = st.sampled_from([*NUMBERS.items(), *TEXTS.items()])
    kind, values = draw(single)
    for wrap in draw(
        st.lists(st.sampled_from(["list", "large", "view", "fixed", "struct"]), max_size=2)
    ):
        # None inside a list of numbers has a test of its own.
        inner = values if pa.types.is_primitive(kind) else st.none() | values
        if wrap == "struct":
            kind = pa.struct([("a", kind), ("b", pa.int64())])
            values = st.fixed_dictionaries({"a": st.none() | values, "b": st.integers(0, 9)})
        elif wrap == "fixed":
            size = draw(st.integers(0, 2))
            if pa.types.is_fixed_size_list(kind):
                inner = values
            kind, values = pa.list_(kind, size), st.lists(inner, min_size=size, max_size=size)
        else:
            if pa.types.is_fixed_size_list(kind):
                inner = values
            made = {"list": pa.list_, "large": pa.large_list, "view": pa.list_view}[wrap]
            kind, values = made(kind), st.lists(inner, max_size=3)
    return kind, values


@given(st.data())
def test_rows_are_those_of_to_pylist(data: st.DataObject) -> None:
    kind, values = data.draw(types())
    nullable = data.draw(st.booleans())
    chunks = data.draw(
        st.lists(st.lists(st.none() | values if nullable else values, max_size=4), max_size=3)
    )
    column = pa.chunked_array([pa.array(chunk, kind) for chunk in chunks], kind)
    table = pa.table({"x": column, "n": np.arange(len(column))})
    start = data.draw(st.integers(0, table.num_rows))
    part = table.slice(start, data.draw(st.integers(0, table.num_rows)))

    rows = columns_of_table(part).rows()

    assert [arrays_as_lists(row) for row in rows] == part.to_pylist()
    # What a row is depends on no other row.
    alone = [columns_of_table(part.slice(at, 1))[0] for at in range(part.num_rows)]
    assert repr(alone) == repr(rows)


def test_columns_are_a_block() -> None:
    table = pa.table({"x": [1, 2, 3], "s": ["a", None, "c"], "l": [[1.0], [2.0], [3.0]]})
    texts = ["a", None, "c"]
    expected = [{"x": n + 1, "s": texts[n], "l": np.array([n + 1.0])} for n in range(3)]
    check_block(columns_of_table(table), expected)


def test_numbers_and_equally_long_lists_are_not_copied() -> None:
    numbers = np.arange(12.0)
    lists = pa.FixedSizeListArray.from_arrays(pa.array(numbers), 3)
    columns = columns_of_table(pa.table({"x": numbers[:4], "l": lists}))
    for leaf in columns.leaves:
        assert np.shares_memory(np.asarray(leaf), numbers)
    assert columns.layout.kinds == ("python", "array")


def test_lists_of_lists_of_one_length_are_one_array() -> None:
    kind = pa.list_(pa.list_(pa.int16(), 2))
    columns = columns_of_table(pa.table({"x": pa.array([[[1, 2], [3, 4]], [[5, 6]]], kind)}))
    assert [row["x"].tolist() for row in columns] == [[[1, 2], [3, 4]], [[5, 6]]]
    assert {row["x"].dtype for row in columns} == {np.dtype(np.int16)}


def test_tensors_have_their_shape() -> None:
    kind = pa.fixed_shape_tensor(pa.int32(), (2, 3), permutation=[1, 0])
    storage = pa.array([list(range(6)), None], pa.list_(pa.int32(), 6))
    table = pa.table({"x": pa.ExtensionArray.from_storage(kind, storage)})
    expected = np.arange(6).reshape(2, 3).T
    first, second = columns_of_table(table)
    assert np.array_equal(first["x"], expected)
    assert second["x"] is None
    assert np.array_equal(columns_of_table(table.slice(0, 1)).stack()["x"], expected[np.newaxis])


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (pa.timestamp("us"), MOMENT, np.datetime64(MOMENT, "us")),
        (pa.timestamp("ns", "Asia/Tokyo"), 5, np.datetime64(5, "ns")),
        (pa.date32(), MOMENT.date(), np.datetime64(MOMENT.date(), "D")),
        (pa.date64(), MOMENT.date(), np.datetime64(MOMENT.date(), "ms")),
        (pa.time32("s"), MOMENT.time().replace(microsecond=0), np.timedelta64(11045, "s")),
        (pa.time64("ns"), 7, np.timedelta64(7, "ns")),
        (pa.duration("ms"), datetime.timedelta(seconds=1), np.timedelta64(1000, "ms")),
    ],
    ids=str,
)
def test_times_are_those_of_numpy(kind: pa.DataType, value: Any, expected: Any) -> None:
    array = pa.array([None, value], kind)
    first, second = columns_of_table(pa.table({"x": array}))
    assert first["x"] is None
    assert (second["x"], second["x"].dtype) == (expected, expected.dtype)
    whole = columns_of_table(pa.table({"x": array.slice(1)}))
    assert (whole.layout.kinds, whole[0]) == (("scalar",), {"x": expected})


def test_a_decimal_is_text_and_loses_nothing() -> None:
    values = [decimal.Decimal("0.10"), None, decimal.Decimal("12345678901234567890.00")]
    rows = columns_of_table(pa.table({"x": pa.array(values, pa.decimal128(38, 2))})).rows()
    assert rows == [{"x": "0.10"}, {"x": None}, {"x": "12345678901234567890.00"}]


def test_an_extension_type_is_what_it_is_stored_as() -> None:
    array = pa.array([b"0" * 16, None], pa.uuid())
    assert columns_of_table(pa.table({"x": array})).rows() == [{"x": b"0" * 16}, {"x": None}]


def test_maps_and_lists_of_structs_are_lists() -> None:
    table = pa.table(
        {
            "m": pa.array([[("k", 1)], []], pa.map_(pa.string(), pa.int64())),
            "s": [[{"a": 1}], None],
            "n": pa.nulls(2),
        }
    )
    assert columns_of_table(table).rows() == table.to_pylist()


def test_rows_without_columns_are_empty() -> None:
    table = pa.table({"x": [1, 2]})
    assert columns_of_table(table.select([])).rows() == [{}, {}]
    assert columns_of_table(table.slice(2)).rows() == []
    assert columns_of_table(table.to_batches()[0]).rows() == [{"x": 1}, {"x": 2}]


def test_none_in_a_list_of_floats_is_nan() -> None:
    (row,) = columns_of_table(pa.table({"x": [[1.0, None]]}))
    assert np.array_equal(row["x"], [1.0, np.nan], equal_nan=True)


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.list_(pa.list_(pa.int8(), 1))], ids=str)
def test_none_in_a_list_of_whole_numbers_names_its_row(kind: pa.DataType) -> None:
    is_deep = pa.types.is_fixed_size_list(kind.value_type)
    rows = [[[1], [1]], None, [[1], [None]]] if is_deep else [[1, 1], None, [1, None]]
    table = pa.table({"deep": pa.StructArray.from_arrays([pa.array(rows, kind)], ["x"])})
    with pytest.raises(RecordError, match=r"in column 'deep\.x' of row 2 holds None.* cast the"):
        columns_of_table(table)
    with pytest.raises(RecordError, match="of row 107 holds None"):
        columns_of_table(table, numbers=[7, 9, 107])


def test_two_columns_of_one_name_are_refused() -> None:
    one = pa.array([1])
    with pytest.raises(ArgumentError, match="the table has two columns named 'a'.*a name of its"):
        columns_of_table(pa.Table.from_arrays([one, one], ["a", "a"]))
    inner = pa.StructArray.from_arrays([one, one], ["a", "a"])
    with pytest.raises(ArgumentError, match="'s' has two columns named 'a'"):
        columns_of_table(pa.table({"s": inner}))
