"""Parquet files are read batch by batch, and differ from each other in nothing."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, RecordError
from headrace.sources import Intake
from headrace.sources.tables import parquet_source
from headrace.sources.tables.pieces import PIECE_BYTES


def written(path: Path, table: pa.Table, row_group_size: int | None = None) -> Path:
    pyarrow.parquet.write_table(table, path, row_group_size=row_group_size)
    return path


def test_files_are_read_one_after_the_other(tmp_path: Path) -> None:
    table = pa.table({"x": np.arange(10), "s": list("abcdefghij")})
    for part in range(2):
        written(tmp_path / f"{part}.parquet", table.slice(5 * part, 5), row_group_size=2)
    stream = hr.from_parquet(tmp_path)
    assert len(stream) == 10
    assert stream.collect() == stream.collect() == table.to_pylist()
    assert hr.from_parquet(str(tmp_path / "1.*")).collect() == table.slice(5).to_pylist()
    assert pickle.loads(pickle.dumps(parquet_source([tmp_path / "0.parquet"]))).size == 5
    assert len(hr.Storage(tmp_path / "cache").submit(stream, "t", "1")) == 10


def test_only_the_columns_that_are_asked_for_are_read(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2], "b": [3, 4], "a.c": [5, 6], "s": [{"a": 7}, {"a": 8}]})
    path = written(tmp_path / "t.parquet", table)
    records = hr.from_parquet(path, columns=["s", "a"]).collect()
    assert records == [{"s": {"a": 7}, "a": 1}, {"s": {"a": 8}, "a": 2}]
    assert list(records[0]) == ["s", "a"]
    with pytest.raises(ArgumentError, match="column 'aa' was asked for.*Did you mean one of 'a'"):
        hr.from_parquet(path, columns=["aa"])
    with pytest.raises(ArgumentError, match=r"must be a list of names, got the text 'a'. Pass \["):
        hr.from_parquet(path, columns="a")


def test_large_rows_come_in_small_blocks(tmp_path: Path) -> None:
    # Random, since Parquet would make little of anything else.
    rng = np.random.default_rng(0)
    table = pa.table({"x": [rng.bytes(PIECE_BYTES // 4) for _ in range(9)]})
    source = parquet_source([written(tmp_path / "t.parquet", table)])
    sizes = [len(block) for block in Intake(source)]
    assert max(sizes) <= 4
    assert sum(sizes) == Intake(source).total == 9


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"x": [1.5], "s": ["b"]}, "column 'x' is double in '.*b.parquet' and int64 in '.*a.par"),
        ({"x": [1]}, "column 's' is missing in '.*b.parquet' and string in"),
        ({"x": [1], "s": ["b"], "y": [1]}, "column 'y' is int64 in '.*b.parquet' and missing in"),
    ],
    ids=["type", "missing", "added"],
)
def test_files_that_differ_are_refused(
    tmp_path: Path, other: dict[str, list[object]], message: str
) -> None:
    written(tmp_path / "a.parquet", pa.table({"x": [1], "s": ["a"]}))
    written(tmp_path / "b.parquet", pa.table(other))
    with pytest.raises(RecordError, match=message):
        hr.from_parquet(tmp_path)


def test_files_may_differ_where_records_do_not(tmp_path: Path) -> None:
    written(tmp_path / "a.parquet", pa.table({"x": [1], "s": ["a"]}))
    small = pa.array([2], pa.int8())
    written(tmp_path / "b.parquet", pa.table({"s": pa.array(["b"], pa.large_string()), "x": small}))
    written(tmp_path / "c.parquet", pa.table({"x": [3], "s": pa.nulls(1)}))
    records = hr.from_parquet(tmp_path).collect()
    assert records == [{"x": 1, "s": "a"}, {"x": 2, "s": "b"}, {"x": 3, "s": None}]
    ref = hr.Storage(tmp_path / "cache").submit(hr.from_parquet(tmp_path), "t", "1")
    assert ref.stream().collect() == records


def test_a_damaged_file_is_closed(tmp_path: Path) -> None:
    def is_open() -> bool:
        links = (Path("/proc/self/fd", name) for name in os.listdir("/proc/self/fd"))
        return any(link.is_symlink() and link.resolve() == path for link in links)

    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1" + bytes(100))
    with pytest.raises(IntegrityError) as caught:
        hr.stream([path]).flat_map(hr.parse.parquet()).collect()
    assert not is_open(), caught


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = written(tmp_path / "t.parquet", pa.table({"x": np.arange(1000)}))
    stream = hr.from_parquet(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:4] + bytes(2000) + raw[2004:])
    with pytest.raises(IntegrityError, match=r"t\.parquet' cannot be read as Parquet.*Write the"):
        stream.collect()
    path.write_bytes(b"no table")
    with pytest.raises(IntegrityError, match=r"t\.parquet' cannot be read as Parquet"):
        hr.from_parquet(path)
