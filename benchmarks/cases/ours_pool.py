"""headrace calling a function in a pool of processes, and the pool's own ways to do it."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TypeAlias

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures
from benchmarks.waiting import CALLS, Fn, same, timed

PROCESSES = 2
# What a user who knows the pool would pass to its `map`.
CHUNK = 100
# Records that start the processes and have them import what they need.
WARM = 200

PoolDraw: TypeAlias = Callable[[ProcessPoolExecutor, Fn, int], Iterable[int]]


def _async_map(pool: ProcessPoolExecutor, fn: Fn, count: int) -> Iterable[int]:
    return hr.stream(range(count)).async_map(fn, pool, buffer=1_000)


def _future_a_record(pool: ProcessPoolExecutor, fn: Fn, count: int) -> Iterable[int]:
    return (future.result() for future in [pool.submit(fn, number) for number in range(count)])


def _chunks(pool: ProcessPoolExecutor, fn: Fn, count: int) -> Iterable[int]:
    return pool.map(fn, range(count), chunksize=CHUNK)


def _rate(bench: Bench, draw: PoolDraw) -> Figures:
    count = bench.effort.records(CALLS)
    # Processes that are forked from this one would inherit its threads' locks.
    context = multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        timed(partial(draw, pool), same, WARM)
        elapsed = timed(partial(draw, pool), same, count)
    return {"value": count / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def _case(name: str, draw: PoolDraw) -> Case:
    return Case("async pool", name, lambda bench: _rate(bench, draw))


CASES = [
    _case("headrace", _async_map),
    _case("one future a record", _future_a_record),
    _case(f"pool.map, chunks of {CHUNK}", _chunks),
]
