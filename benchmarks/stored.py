"""The data sets as headrace stores them: written once a run, opened anew by each case."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import headrace as hr
from benchmarks.case import Bench
from benchmarks.remote import Repeated
from benchmarks.sizes import OPEN_RECORDS

VERSION = "1"
WIDE = "open"
REPEATED = "repeated"


def storage_at(folder: Path, *, durable: bool) -> hr.Storage:
    """A storage on this machine's disk, with fsync or without."""
    return hr.Storage(folder, durable=durable)


def stored(bench: Bench, work: str) -> Any:
    """The DataRef of a data set, submitted where it is not there yet."""
    storage = storage_at(bench.scratch / "stored", durable=False)
    if work not in storage.datasets():
        storage.submit(bench.workload(work).records(), work, VERSION)
    return storage.fetch(work, VERSION)


def stored_repeated(bench: Bench) -> Any:
    """The DataRef of W1 repeated until it fills its shards."""
    storage = storage_at(bench.scratch / "stored", durable=False)
    if REPEATED not in storage.datasets():
        records = Repeated(bench)
        drawn = (records[index] for index in range(len(records)))
        storage.submit(drawn, REPEATED, VERSION, shard_bytes=records.shard_bytes)
    return storage.fetch(REPEATED, VERSION)


def stored_wide(bench: Bench) -> Path:
    """The storage that holds the dataset of many small records, for opening against the clock."""
    folder = bench.scratch / "wide"
    storage = storage_at(folder, durable=False)
    if WIDE not in storage.datasets():
        records = bench.effort.records(OPEN_RECORDS)
        rng = np.random.default_rng(1)
        arrays = {
            "x": rng.random((records, 16), dtype=np.float32),
            "label": np.arange(records),
        }
        storage.submit(arrays, WIDE, VERSION)
    return folder
