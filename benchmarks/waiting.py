"""The async works: functions that are called many at once, and how their rate is measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeAlias

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect

WAIT_S = 0.010
WAITS = 2_000
# Enough that starting the threads is a small part of it.
CALLS = 20_000
WORKERS, BUFFER = 32, 64

Fn: TypeAlias = Callable[[int], int]
# The results of a function over range(count), in its order.
Draw: TypeAlias = Callable[[Fn, int], Iterable[int]]


def wait(number: int) -> int:
    """What a request or a read from afar is like."""
    time.sleep(WAIT_S)
    return number


def same(number: int) -> int:
    """Costs nothing: what is measured is the way to it and back."""
    return number


def timed(draw: Draw, fn: Fn, count: int) -> float:
    """Seconds of the whole, with the start and the end of its workers.

    Raises:
        ValueError: the results are not those of `fn`, in order.
    """
    started = time.perf_counter()
    found = list(draw(fn, count))
    elapsed = time.perf_counter() - started
    expect(found == list(range(count)), f"the results begin with {found[:4]}, of {len(found)}")
    return elapsed


def waits(bench: Bench, draw: Draw) -> Figures:
    """Records a second of a function that waits."""
    count = bench.effort.records(WAITS)
    elapsed = timed(draw, wait, count)
    return {"value": count / elapsed, "unit": "records/s", "elapsed_s": elapsed}


def overhead(bench: Bench, draw: Draw) -> Figures:
    """Microseconds a record of a function that does nothing."""
    count = bench.effort.records(CALLS)
    return {"value": timed(draw, same, count) / count * 1e6, "unit": "us/record"}


def async_cases(name: str, draw: Draw) -> list[Case]:
    """A peer's rows of both works."""
    return [
        Case("async", name, lambda bench: waits(bench, draw)),
        Case("async no-op", name, lambda bench: overhead(bench, draw)),
    ]
