"""LMDB with one pickled record a key, as YogaDL and TensorPack store them."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

import pickle
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate, settle, warm

SEED = 1
# Address space, not disk: more than any data set here needs.
MAP_BYTES = 1 << 33
Collate = Callable[[list[Any]], Any]


def _key(index: int) -> bytes:
    return struct.pack(">Q", index)


def _fill(path: Path, records: Iterator[dict[str, Any]], *, has_fsync: bool) -> None:
    """One transaction, keys appended in order: the fastest way that LMDB offers."""
    with (
        lmdb.open(str(path), map_size=MAP_BYTES, sync=has_fsync, metasync=has_fsync) as store,
        store.begin(write=True) as transaction,
    ):
        for index, record in enumerate(records):
            pickled = pickle.dumps(record, protocol=pickle.HIGHEST_PROTOCOL)
            transaction.put(_key(index), pickled, append=True)


def _stored(bench: Bench, work: str) -> Path:
    path = bench.scratch / f"{work}.lmdb"
    if not path.exists():
        _fill(path, bench.workload(work).records(), has_fsync=False)
    return path


def _collate(records: list[dict[str, Any]]) -> dict[str, Any]:
    return {name: _stack([record[name] for record in records]) for name in records[0]}


def _stack(values: list[Any]) -> Any:
    if isinstance(values[0], np.ndarray):
        return np.stack(values)
    return np.array(values) if isinstance(values[0], int) else values


def _batches(transaction: Any, ids: list[int], size: int) -> Iterator[dict[str, Any]]:
    for start in range(0, len(ids), size):
        part = ids[start : start + size]
        yield _collate([pickle.loads(transaction.get(_key(index))) for index in part])


def _rows(transaction: Any, ids: list[int], size: int) -> Iterator[dict[str, Any]]:
    return (pickle.loads(transaction.get(_key(index))) for index in ids)


def _read(bench: Bench, work: str, *, by_record: bool = False) -> Figures:
    source = bench.workload(work)
    path = _stored(bench, work)
    warm(path)
    rng = np.random.default_rng(SEED)
    draw, size = _rows if by_record else _batches, source.shape.batch_size
    with (
        lmdb.open(str(path), readonly=True, lock=False) as store,
        # Buffers spare LMDB one copy of each value.
        store.begin(buffers=True) as transaction,
    ):
        return read_rate(
            lambda: draw(transaction, rng.permutation(len(source)).tolist(), size),
            records=len(source),
            per_batch=1 if by_record else size,
            check=source.check_record if by_record else source.check,
            effort=bench.effort,
        )


def _write(bench: Bench, work: str, *, has_fsync: bool) -> Figures:
    source = bench.workload(work)
    path = bench.scratch / "write.lmdb"
    shutil.rmtree(path, ignore_errors=True)
    records = source.made()
    settle()
    started = time.perf_counter()
    _fill(path, records, has_fsync=has_fsync)
    elapsed = time.perf_counter() - started
    with (
        lmdb.open(str(path), readonly=True, lock=False) as store,
        store.begin() as transaction,
    ):
        expect(store.stat()["entries"] == len(source), "LMDB has not all records")
        source.check_record(pickle.loads(transaction.get(_key(len(source) - 1)) or b""))
    shutil.rmtree(path)
    return {"value": len(source) / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _reads(work: str) -> Case:
    return Case(work, "LMDB + pickle", lambda bench: _read(bench, work))


def _writes(work: str, name: str, *, has_fsync: bool) -> Case:
    return Case(f"write {work}", name, lambda bench: _write(bench, work, has_fsync=has_fsync))


CASES = [
    *[_reads(work) for work in ("W1", "W2", "W3", "W4")],
    Case("W4", "LMDB + pickle, rows", lambda bench: _read(bench, "W4", by_record=True)),
    *[_writes(w, "LMDB + pickle, no fsync", has_fsync=False) for w in ("W1", "W4")],
    *[_writes(w, "LMDB + pickle, fsync", has_fsync=True) for w in ("W1", "W4")],
]
