"""Arrow files and Feather files are read where they lie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.feather
import pytest

import headrace as hr
from headrace.contracts.errors import IntegrityError, RecordError
from headrace.sources.tables import arrow_source

TABLE = pa.table({"x": np.arange(5), "s": list("abcde")})


def test_files_streams_and_feather_are_read(tmp_path: Path) -> None:
    with (
        pa.OSFile(str(tmp_path / "a.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, TABLE.schema) as file,
    ):
        file.write_table(TABLE)
    with (
        pa.OSFile(str(tmp_path / "b.arrow"), "wb") as sink,
        pa.ipc.new_stream(sink, TABLE.schema) as file,
    ):
        file.write_table(TABLE)
    pyarrow.feather.write_feather(TABLE, tmp_path / "c.feather", compression="lz4")
    assert hr.from_arrow(tmp_path).collect() == 3 * TABLE.to_pylist()
    assert hr.from_arrow(tmp_path).skip(14).collect() == [{"x": 4, "s": "e"}]


def test_what_is_not_compressed_is_not_read_before_it_is_asked_for(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(TABLE, tmp_path / "c.feather", compression="uncompressed")
    before = pa.total_allocated_bytes()
    records = arrow_source([tmp_path / "c.feather"])
    assert pa.total_allocated_bytes() - before < 100
    assert records.identity == "arrow[c.feather, 1 file][5]"


def test_files_that_differ_are_refused(tmp_path: Path) -> None:
    pyarrow.feather.write_feather(TABLE, tmp_path / "a.feather")
    pyarrow.feather.write_feather(TABLE.select(["x"]), tmp_path / "b.feather")
    with pytest.raises(
        RecordError, match=r"b\.feather' has x: int64, and '.*a\.feather' has x: .*s:"
    ):
        hr.from_arrow(tmp_path)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.arrow").write_bytes(b"no table at all")
    with pytest.raises(IntegrityError, match=r"a\.arrow' cannot be read as Arrow.*Write the file"):
        hr.from_arrow(tmp_path)
    (tmp_path / "a.arrow").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"a\.arrow' cannot be read as Arrow"):
        hr.from_arrow(tmp_path)
