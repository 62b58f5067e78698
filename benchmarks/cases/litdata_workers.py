"""LitData's StreamingDataLoader with 2 workers: W1, W3, and W2d decoded in them."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import litdata
import torch

from benchmarks.case import Bench, Case
from benchmarks.decoding import BATCH, decode_cases, decoded
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS, Records, as_arrays

# What its guide takes.
CHUNK_BYTES = "64MB"


def record(records: Any, index: int) -> dict[str, Any]:
    """What LitData calls in a process of its own."""
    return records[index]


def stored(bench: Bench, work: str) -> Path:
    """The records as LitData stores them, written once a run."""
    path = bench.scratch / work
    if not path.exists():
        records = Records(bench, work)
        litdata.optimize(
            partial(record, records),
            list(range(len(records))),
            str(path),
            num_workers=1,
            chunk_bytes=CHUNK_BYTES,
            verbose=False,
        )
    warm(path)
    return path


@contextmanager
def _batches(
    bench: Bench, work: str, size: int, fn: Callable[[Any], Any] | None = None
) -> Iterator[Callable[[], Any]]:
    torch.set_num_threads(1)
    records = litdata.StreamingDataset(str(stored(bench, work)), shuffle=True, transform=fn)
    loader = litdata.StreamingDataLoader(
        records, batch_size=size, num_workers=WORKERS, persistent_workers=True
    )
    yield lambda: loader


def _read(bench: Bench, work: str) -> Figures:
    source = bench.workload(work)
    size = source.shape.batch_size
    with warnings.catch_warnings(), _batches(bench, work, size) as epoch:
        warnings.simplefilter("ignore")
        return read_rate(
            epoch,
            records=len(source),
            per_batch=size,
            check=lambda batch: source.check(as_arrays(batch)),
            effort=bench.effort,
        )


CASES = [
    Case("workers W1", "LitData", lambda bench: _read(bench, "W1")),
    Case("workers W3", "LitData", lambda bench: _read(bench, "W3")),
    *decode_cases("LitData", lambda bench: _batches(bench, "W2", BATCH, decoded)),
]
