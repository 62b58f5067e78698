"""Tables, readers and data frames are sources, in memory and in storage."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

import headrace as hr
from headrace.contracts.block import Columns
from headrace.contracts.errors import ArgumentError, RecordError, StreamError
from headrace.sources import Intake, opened
from headrace.sources.tables import TableRecords
from headrace.sources.tables.pieces import PIECE_BYTES

# Any, in this file: tables hold values of every type.


def table_of(count: int) -> pa.Table:
    return pa.table({"n": np.arange(count), "s": [f"text {n}" for n in range(count)]})


@given(
    lengths=st.lists(st.integers(0, 9) | st.just(40), max_size=5),
    views=st.booleans(),
    data=st.data(),
)
def test_rows_are_read_in_any_order(lengths: list[int], views: bool, data: st.DataObject) -> None:
    text = pa.string_view() if views else pa.string()
    whole = table_of(sum(lengths))
    whole = whole.set_column(1, "s", whole.column("s").cast(text))
    starts = np.cumsum([0, *lengths]).tolist()
    parts = [whole.slice(start, length) for start, length in zip(starts, lengths, strict=False)]
    table = pa.concat_tables(parts) if parts else whole
    places = st.integers(0, max(0, table.num_rows - 1))
    most = 90 if table.num_rows else 0
    indices = np.array(data.draw(st.lists(places, max_size=most)), np.int64)

    block = TableRecords(table).read(indices)

    assert isinstance(block, Columns)
    expected = whole.to_pylist()
    assert list(block) == [expected[index] for index in indices]


def test_a_table_is_stored_and_streamed(tmp_path: Path) -> None:
    table = pa.table({"x": [[1, 2], [3, 4], [5, 6]], "s": ["a", None, "c"], "f": [0.5, 1.0, 2.0]})
    expected = table.to_pylist()
    ref = hr.Storage(tmp_path).submit(table, "t", "1")
    for records in (hr.stream(table).collect(), ref.stream().collect()):
        assert [{**row, "x": row["x"].tolist()} for row in records] == expected
    assert repr(hr.stream(table).skip(1).take(1).collect()[0]["f"]) == "1.0"


def test_a_record_batch_is_a_table() -> None:
    batch = table_of(3).to_batches()[0]
    assert hr.stream(batch).collect() == table_of(3).to_pylist()
    assert opened(batch).identity == "Table[3]"  # type: ignore[union-attr]


def test_a_table_is_stored_in_pieces(tmp_path: Path) -> None:
    rows = 3 * PIECE_BYTES // 8
    blocks = list(Intake(pa.table({"x": np.zeros(rows)})))
    assert max(map(len, blocks)) * 8 <= PIECE_BYTES
    assert sum(map(len, blocks)) == rows
    wide = pa.table({"x": pa.array([b"0" * (PIECE_BYTES // 2)] * 5)})
    assert [len(block) for block in Intake(wide, limit=4)] == [1, 1, 1, 1]


def test_records_of_a_table_can_be_pickled() -> None:
    records = pickle.loads(pickle.dumps(TableRecords(table_of(3), "mine")))
    assert records.read(np.array([2])).rows() == [{"n": 2, "s": "text 2"}]
    assert records.identity == "mine[3]"


def test_none_in_a_list_names_the_row_of_the_table() -> None:
    table = pa.table({"x": [[1], [2], [3], [None]]})
    with pytest.raises(RecordError, match="of row 3 holds None"):
        TableRecords(table).read(np.array([1, 3, 0]))
    with pytest.raises(RecordError, match="of row 3 holds None"):
        list(Intake(pa.RecordBatchReader.from_batches(table.schema, table.to_batches(2))))


def test_a_reader_gives_its_rows_once() -> None:
    table = table_of(5)

    def reader() -> pa.RecordBatchReader:
        return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(2))

    stream = hr.stream(reader())
    assert stream.collect() == table.to_pylist()
    with pytest.raises(StreamError, match=r"RecordBatchReader was drawn from before.*that opens"):
        stream.collect()
    again = hr.stream(reader)
    assert again.collect() == again.collect() == table.to_pylist()
    assert all(isinstance(block, Columns) for block in Intake(reader()))


def test_a_dataset_of_arrow_knows_its_size(tmp_path: Path) -> None:
    table = table_of(10)
    for part in range(2):
        pyarrow.parquet.write_table(table.slice(5 * part, 5), tmp_path / f"{part}.parquet")
    dataset = pyarrow.dataset.dataset(tmp_path)
    stream = hr.stream(dataset)
    assert len(stream) == 10
    assert stream.collect() == stream.collect() == table.to_pylist()
    assert Intake(pyarrow.dataset.dataset(table)).total is None


def test_a_data_frame_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {
            "float": [1.0, np.nan],
            "text": ["a", None],
            "nullable": pandas.array([1, None], "Int64"),
            "class": pandas.Categorical(["x", None]),
            "when": pandas.to_datetime(["2026-01-02", None]),
            7: [[1, 2], [3]],
        }
    )
    first, second = hr.stream(frame).collect()
    assert first["7"].tolist() == [1, 2]
    assert {**first, "7": 0, "when": 0} == {
        "float": 1.0,
        "text": "a",
        "nullable": 1,
        "class": "x",
        "when": 0,
        "7": 0,
    }
    assert first["when"] == np.datetime64("2026-01-02")
    assert np.isnan(second["float"])
    assert [second[name] for name in ("text", "nullable", "class", "when")] == [None] * 4


def test_an_index_of_pandas_is_a_field_where_it_has_a_name() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1]}, index=["a"])
    assert hr.stream(frame).collect() == [{"x": 1}]
    assert hr.stream(frame.rename_axis("key")).collect() == [{"key": "a", "x": 1}]
    deep = frame.set_index(pandas.MultiIndex.from_tuples([(1, 2)], names=["one", None]))
    assert hr.stream(deep).collect() == [{"one": 1, "x": 1}]
    with pytest.raises(ArgumentError, match="two columns named 'x'"):
        hr.stream(frame.rename_axis("x"))


@pytest.mark.parametrize(
    ("values", "place"),
    [([1, None, 2.5, "a", 3], "'a' at row 3"), ([1j], "1j at row 0"), (["a", 1], "1 at row 1")],
    ids=["mixed", "complex", "text first"],
)
def test_a_mixed_column_of_pandas_names_its_row(values: list[Any], place: str) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": pandas.Series(values, dtype=object)})
    with pytest.raises(RecordError, match=f"column 'x' of dtype object holds {place}.*one kind"):
        hr.stream(frame)


def test_columns_of_pandas_with_several_levels_are_refused() -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ArgumentError, match=r"got \('a', 'b'\). Name it anew"):
        hr.stream(pandas.DataFrame({("a", "b"): [1]}))


def test_data_frames_of_polars(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame(
        {"x": [1, 2, 3], "s": ["a", None, "c"], "l": [[1.0], [2.0, 3.0], []]}
    ).with_columns(polars.col("s").cast(polars.Categorical).alias("c"))
    expected = frame.to_dicts()
    ref = hr.Storage(tmp_path).submit(frame.lazy().filter(polars.col("x") > 1), "t", "1")
    for records, rows in (
        (hr.stream(frame).collect(), expected),
        (ref.stream().collect(), expected[1:]),
    ):
        assert [{**row, "l": row["l"].tolist()} for row in records] == rows
    lazy = hr.stream(frame.lazy())
    assert len(lazy.collect()) == len(lazy.collect()) == 3
