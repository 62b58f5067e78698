"""headrace decoding W2d on 2 threads and in 2 processes, and nothing but the decoding."""

# Any, in this file: streams and records are used through their public methods alone.
from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.decoding import BATCH, decode_cases, decoded, pixels
from benchmarks.measure import Figures, warm
from benchmarks.reading import WORKERS
from benchmarks.stored import stored

SEED = 1


@contextmanager
def _epochs(bench: Bench, backend: Any) -> Iterator[Callable[[], Any]]:
    stream = stored(bench, "W2").shuffle(SEED).stream().map(decoded).batch(BATCH)
    warm(bench.scratch / "stored" / "W2")
    with hr.DataLoader(stream, backend=backend) as loader:
        yield lambda: loader


def _alone(bench: Bench, start: Callable[[], Executor]) -> Figures:
    """Images a second of workers that share nothing and hand nothing over."""
    count = len(bench.workload("W2"))
    share = partial(_decode, bench)
    passes, elapsed = 0, 0.0
    with start() as pool:
        # Starts the workers, and maps what they read.
        list(pool.map(share, range(WORKERS), [WORKERS * BATCH] * WORKERS))
        began = time.perf_counter()
        while elapsed < bench.effort.least_s * WORKERS:
            list(pool.map(share, range(WORKERS), [count] * WORKERS))
            passes += 1
            elapsed = time.perf_counter() - began
    return {"value": passes * count / elapsed, "unit": "images/s", "elapsed_s": elapsed}


def _decode(bench: Bench, first: int, count: int) -> None:
    source = bench.workload("W2").fields["jpeg"]
    for index in range(first, count, WORKERS):
        pixels(source[index])


def _processes() -> Executor:
    # Processes that are forked from this one would inherit its threads' locks.
    context = multiprocessing.get_context("forkserver")
    return ProcessPoolExecutor(WORKERS, mp_context=context)


CASES = [
    *decode_cases("headrace, threads", lambda b: _epochs(b, hr.Threads(WORKERS))),
    *decode_cases("headrace, processes", lambda b: _epochs(b, hr.Processes(WORKERS))),
    Case("W2d", "limit: 2 threads", lambda b: _alone(b, lambda: ThreadPoolExecutor(WORKERS))),
    Case("W2d", "limit: 2 processes", lambda b: _alone(b, _processes)),
]
