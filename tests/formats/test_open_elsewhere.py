from __future__ import annotations

from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pyarrow as pa
import pytest
from tests.formats.stand_in import FolderBlobs, stored

duckdb = pytest.importorskip("duckdb")
polars = pytest.importorskip("polars")

# Any, in this file: the three readers give values of every type.

RECORDS: list[dict[str, Any]] = [
    {
        "id": number,
        "is_even": number % 2 == 0,
        "image": np.full((2, 3), number, np.float32),
        "text": f"Mühle {number}",
        "raw": bytes([number]),
        "place": {"lat": number / 2, "when": np.datetime64(number, "us")},
        "ragged": np.arange(number, dtype=np.int16),
        "maybe": None if number == 1 else number,
        "nothing": None,
        "mask": np.array([True, number == 2]),
    }
    for number in range(4)
]


@pytest.fixture
def shard(tmp_path: Path) -> Path:
    stored([RECORDS], FolderBlobs(tmp_path))
    (path,) = tmp_path.rglob("*.arrow")
    return path


def check(column: dict[str, list[Any]]) -> None:
    assert column["id"] == [0, 1, 2, 3]
    assert column["text"] == [record["text"] for record in RECORDS]
    assert column["raw"] == [record["raw"] for record in RECORDS]
    assert column["place.lat"] == [0.0, 0.5, 1.0, 1.5]
    assert [np.datetime64(when, "us") for when in column["place.when"]] == [
        record["place"]["when"] for record in RECORDS
    ]
    assert column["maybe"] == [0, None, 2, 3]
    assert [list(values) for values in column["ragged"]] == [[], [0], [0, 1], [0, 1, 2]]
    assert [np.ravel(values).tolist() for values in column["image"]] == [
        [number] * 6 for number in range(4)
    ]
    assert [bool(value) for value in column["is_even"]] == [True, False, True, False]


def test_pyarrow_opens_a_shard(shard: Path) -> None:
    with pa.ipc.open_file(pa.memory_map(str(shard))) as reader:
        table = reader.read_all()
    check(table.to_pydict())
    assert table.schema.field("image").type == pa.fixed_shape_tensor(pa.float32(), (2, 3))
    assert table.column("image").chunk(0).to_numpy_ndarray()[3].tolist() == [[3.0] * 3] * 2
    assert table.schema.field("nothing").type == pa.null()


def test_a_shard_is_one_batch_without_compression(shard: Path) -> None:
    mapped = pa.memory_map(str(shard))
    reader = pa.ipc.open_file(mapped)
    assert reader.num_record_batches == 1
    before = pa.total_allocated_bytes()
    held = reader.read_all()
    # What is not compressed is not copied either.
    assert pa.total_allocated_bytes() == before
    assert held.num_rows == 4


def test_dtypes_that_arrow_lacks_are_bytes_or_unsigned_integers(tmp_path: Path) -> None:
    record = {
        "big": np.zeros(2, ">f4"),
        "brain": np.zeros(2, ml_dtypes.bfloat16),
        "fields": np.zeros((), "i4,f8")[()],
        "complex": np.complex64(1),
        "day": np.datetime64(3, "D"),
    }
    stored([[record]], FolderBlobs(tmp_path))
    (path,) = tmp_path.rglob("*.arrow")
    found = pa.ipc.open_file(pa.memory_map(str(path))).schema
    assert found.field("big").type == pa.binary(8)
    assert found.field("brain").type == pa.fixed_shape_tensor(pa.uint16(), (2,))
    assert found.field("fields").type == pa.binary(12)
    assert found.field("complex").type == pa.list_(pa.float32(), 2)
    assert found.field("day").type == pa.int64()


def test_polars_opens_a_shard(shard: Path) -> None:
    check(polars.read_ipc(shard).to_dict(as_series=False))


def test_duckdb_opens_a_shard_through_arrow(shard: Path) -> None:
    table = pa.ipc.open_file(pa.memory_map(str(shard))).read_all()
    found = duckdb.from_arrow(table).fetchall()
    check({name: [row[at] for row in found] for at, name in enumerate(table.column_names)})
