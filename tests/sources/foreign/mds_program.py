"""Writes MDS by the library's own writer, and compares what headrace reads; run by test_mds.py."""

from __future__ import annotations

import pickle
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import headrace as hr
from headrace.contracts.errors import ArgumentError, IntegrityError, PickleRefused
from headrace.sources.foreign import mds_source
from headrace.testing import check_records

# Any, in this file: the library is known in one environment only, and has no types.
COUNT = 50
COLUMNS = {"id": "int", "name": "str", "jpg": "bytes", "x": "ndarray:float32:2,3", "j": "json"}


def record(number: int) -> dict[str, Any]:
    x = np.full((2, 3), number, np.float32)
    # The writer sorts the columns.
    return {"id": number, "j": {"a": [1]}, "jpg": b"x" * number, "name": f"n{number}", "x": x}


def refused(kind: type[Exception], folder: Path, **options: bool) -> str:
    """What the error says with which reading the folder ends."""
    try:
        hr.from_mds(folder, **options).collect()
    except kind as error:
        return str(error)
    raise AssertionError(f"{kind.__name__} was expected")


def main(folder: Path) -> None:
    # Its ready datasets and its loader import torchvision and transformers; neither its writer
    # nor its readers need them.
    for name in ("base.dataloader", "multimodal", "text", "vision"):
        sys.modules[f"streaming.{name}"] = ModuleType(name)
    vars(sys.modules["streaming.base.dataloader"])["StreamingDataLoader"] = None
    writer_of: Any = import_module("streaming").MDSWriter

    records = [record(number) for number in range(COUNT)]
    with writer_of(out=str(folder / "d"), columns=COLUMNS, size_limit=2000) as writer:
        for one in records:
            writer.write(one)
    stream = hr.from_mds(str(folder / "d"))
    found = mds_source(folder / "d")
    assert len(found.starts) > 3, "several shards were meant"
    check_records(found, records)
    threads = [one["id"] for one in hr.DataLoader(stream, backend=hr.Threads(2))]
    assert threads == list(range(COUNT))
    assert pickle.loads(pickle.dumps(found)) == found

    with writer_of(out=str(folder / "p"), columns={"x": "pkl"}) as writer:
        writer.write({"x": {1, 2}})
    assert "['x']" in refused(PickleRefused, folder / "p")
    assert hr.from_mds(folder / "p", allow_pickle=True).collect() == [{"x": {1, 2}}]

    with writer_of(out=str(folder / "z"), columns={"id": "int"}, compression="zstd") as writer:
        writer.write({"id": 1})
    assert "only compressed" in refused(ArgumentError, folder / "z")

    shard = folder / "d" / "shard.00000.mds"
    shard.write_bytes(shard.read_bytes()[:40])
    assert "cannot be read" in refused(IntegrityError, folder / "d")
    print("all as written")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
