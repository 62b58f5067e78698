"""Grain with mp_prefetch: W1 and W3, and W2d decoded in its processes."""

# Any, in this file: batches are dicts of arrays.
from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grain

from benchmarks.case import Bench, Case
from benchmarks.decoding import BATCH, decode_cases, decoded
from benchmarks.measure import Figures, read_rate, warm
from benchmarks.reading import WORKERS, Records

SEED = 1
# In its processes 16 threads more would only be in their way.
NO_THREADS = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)


@contextmanager
def _batches(records: Records, size: int) -> Iterator[Callable[[], Any]]:
    """Without an end: at the end of an epoch its processes would end, and start again."""
    chain = grain.MapDataset.source(records).shuffle(SEED).repeat().batch(size)
    options = grain.MultiprocessingOptions(num_workers=WORKERS)
    batches = iter(chain.to_iter_dataset(NO_THREADS).mp_prefetch(options))
    try:
        yield lambda: batches
    finally:
        batches.close()  # type: ignore[attr-defined]


def _read(bench: Bench, work: str) -> Figures:
    source = bench.workload(work)
    warm(bench.data_folder / f"{source.name}-{len(source)}")
    with _batches(Records(bench, work), source.shape.batch_size) as epoch:
        return read_rate(
            epoch,
            records=len(source),
            per_batch=source.shape.batch_size,
            check=source.check,
            effort=bench.effort,
        )


CASES = [
    Case("workers W1", "Grain", lambda bench: _read(bench, "W1")),
    Case("workers W3", "Grain", lambda bench: _read(bench, "W3")),
    *decode_cases("Grain", lambda bench: _batches(Records(bench, "W2", decoded), BATCH)),
]
