"""Grain: W5, read with its own threads and without."""

from __future__ import annotations

from collections.abc import Iterable

import grain

from benchmarks.case import Case
from benchmarks.chain import keep, rate, triple
from benchmarks.sizes import RANGE_BATCH

# By default 16 threads fetch each record ahead, which for records of no cost is only a detour.
NO_THREADS = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)


def _chain(records: int, options: grain.ReadOptions | None) -> Iterable[list[int]]:
    chain = grain.MapDataset.range(records).map(triple).to_iter_dataset(options)
    return chain.filter(keep).batch(RANGE_BATCH, batch_fn=list)


CASES = [
    Case("W5", "Grain", lambda bench: rate(bench, lambda records: _chain(records, NO_THREADS))),
    Case("W5", "Grain, 16 threads", lambda bench: rate(bench, lambda size: _chain(size, None))),
]
