"""What it costs headrace to find a version: one that was built before, and one of many shards."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import headrace as hr
from benchmarks import workloads
from benchmarks.case import Bench, Case
from benchmarks.cases.ours_remote import far_storage
from benchmarks.measure import Figures, expect, seconds
from benchmarks.remote import far
from benchmarks.stored import VERSION, storage_at

REPEATS = 15
BUILT, MANY = "built", "many"
SHARDS, ROWS_A_SHARD = 10_000, 8
# What is done with a storage, made anew each time.
Find = Callable[[hr.Storage], object]


def _records(folder: str, count: int) -> Iterator[dict[str, Any]]:
    return workloads.load(Path(folder), "W1", count).records()


def _built(bench: Bench) -> Find:
    """Calls a function whose version is there."""
    count = len(bench.workload("W1"))

    def call(storage: hr.Storage) -> None:
        ref = storage.cacheable(BUILT, VERSION)(_records)(str(bench.data_folder), count)
        expect(len(ref) == count, f"{len(ref)} records were stored, expected {count}")

    call(_storage(bench))
    return call


def _many(bench: Bench) -> Find:
    """Opens a version that is there."""
    storage = _storage(bench)
    if MANY not in storage.datasets():
        shards = int(SHARDS * bench.effort.scale)
        rows = np.arange(shards * ROWS_A_SHARD)
        arrays = {"x": np.zeros((len(rows), 4), np.float32), "label": rows}
        row_bytes = sum(array[0].nbytes for array in arrays.values())
        storage.submit(arrays, MANY, VERSION, shard_bytes=ROWS_A_SHARD * row_bytes)
        found = storage.describe(MANY, VERSION).shard_count
        expect(found == shards, f"{found} shards were written, expected {shards}")
    return lambda storage: storage.fetch(MANY, VERSION)


def _storage(bench: Bench) -> hr.Storage:
    return storage_at(bench.scratch / "stored", durable=False)


def _local(bench: Bench, prepared: Callable[[Bench], Find]) -> Figures:
    find = prepared(bench)
    return _ms(lambda: find(_storage(bench)))


def _remote(bench: Bench, prepared: Callable[[Bench], Find]) -> Figures:
    find = prepared(bench)
    with far(bench) as (server, folder):
        return _ms(lambda: find(far_storage(bench, server, folder)))


def _requests(bench: Bench, prepared: Callable[[Bench], Find]) -> Figures:
    find = prepared(bench)
    with far(bench) as (server, folder):
        find(far_storage(bench, server, folder))
        return {"value": server.counts()["requests"], "unit": "requests"}


def _ms(run: Callable[[], object]) -> Figures:
    figures = seconds(run, REPEATS)
    return {**figures, "value": figures["value"] * 1e3, "unit": "ms"}


def _cases(name: str, prepared: Callable[[Bench], Find]) -> list[Case]:
    return [
        Case("remote costs", f"{name}, local", lambda bench: _local(bench, prepared)),
        Case("remote costs", f"{name}, remote", lambda bench: _remote(bench, prepared)),
        Case("remote costs", f"{name}, requests", lambda bench: _requests(bench, prepared)),
    ]


CASES = [*_cases("cacheable hit", _built), *_cases("open 10,000 shards", _many)]
