"""Plain Arrow IPC from whole columns: the limit of writing a dict of arrays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, settle
from benchmarks.workloads import Workload


def _batch(source: Workload) -> pa.RecordBatch:
    columns = {}
    for name, array in source.arrays().items():
        is_flat = array.ndim == 1
        convert = pa.array if is_flat else pa.FixedShapeTensorArray.from_numpy_ndarray
        columns[name] = convert(array)
    return pa.RecordBatch.from_pydict(columns)


def _fill(path: Path, source: Workload, *, has_fsync: bool) -> None:
    batch = _batch(source)
    with path.open("wb") as file:
        with pa.ipc.new_file(file, batch.schema) as writer:
            writer.write_batch(batch)
        file.flush()
        if has_fsync:
            os.fsync(file.fileno())


def _write(bench: Bench, *, has_fsync: bool) -> Figures:
    source = bench.workload("W1")
    path = bench.scratch / "write.arrow"
    path.unlink(missing_ok=True)
    settle()
    started = time.perf_counter()
    _fill(path, source, has_fsync=has_fsync)
    elapsed = time.perf_counter() - started
    with pa.memory_map(str(path)) as file:
        table = pa.ipc.open_file(file).read_all()
        last = table["tokens"].chunk(0).to_numpy_ndarray()[-1]
        expect(np.array_equal(last, source.fields["tokens"][-1]), "Arrow has another last row")
    path.unlink()
    return {"value": len(source) / elapsed, "unit": "records/s", "elapsed_s": elapsed}


CASES = [
    Case("write W1", "Arrow IPC, arrays, no fsync", lambda b: _write(b, has_fsync=False)),
    Case("write W1", "Arrow IPC, arrays, fsync", lambda b: _write(b, has_fsync=True)),
]
