"""The works of Squirrel's own document, the same for the original and for the facade."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect

# Any, in this file: a source is a class of either package.
WORK = "compat squirrel"
# Enough that starting the threads is a small part of it.
NUMBERS, CALLS, KEYS = 500_000, 20_000, 20_000
WINDOW, BATCH = 1_000, 32
# Arrays that are small enough to be allocated without new pages, which would be what is measured.
ARRAYS, SIDE, ARRAY_BATCH = 4_000, 64, 5

Draw: TypeAlias = Callable[[], Iterable[Any]]


def cases(name: str, source: Any) -> list[Case]:
    """A package's rows, by its class `IterableSource`."""
    works = {
        "batches": (_batches, NUMBERS),
        "async_map": (_calls, CALLS),
        "store": (_stored, KEYS),
        "monitor": (_monitored, ARRAYS),
    }
    return [
        Case(WORK, f"{name}, {work}", partial(fn, source=source, count=count))
        for work, (fn, count) in works.items()
    ]


def _batches(bench: Bench, source: Any, count: int) -> Figures:
    records = range(bench.effort.records(count))
    chain = source(records).map(lambda x: x + 1).filter(lambda x: x % 2 == 0).batched(BATCH)
    expected = [number for number in range(1, len(records) + 1) if number % 2 == 0]
    whole = len(expected) // BATCH * BATCH
    return _rate(bench, chain, len(records), lambda found: _joined(found) == expected[:whole])


def _calls(bench: Bench, source: Any, count: int) -> Figures:
    records = list(range(bench.effort.records(count)))
    chain = source(records).map(lambda x: x + 1).async_map(lambda x: x**2)
    chain = chain.filter(lambda x: x % 2 == 0)
    expected = [number**2 for number in range(1, len(records) + 1) if number % 2 == 0]
    return _rate(bench, chain, len(records), lambda found: found == expected)


def _stored(bench: Bench, source: Any, count: int) -> Figures:
    store = {f"id_{number}": number for number in range(bench.effort.records(count))}
    chain = source(list(store)).shuffle(size=WINDOW).async_map(store.get)
    chain = chain.batched(BATCH, drop_last_if_not_full=False)
    expected = list(range(len(store)))
    return _rate(bench, chain, len(store), lambda found: sorted(_joined(found)) == expected)


def _monitored(bench: Bench, source: Any, count: int) -> Figures:
    reports: list[Any] = []
    records = [np.full((SIDE, SIDE), number, np.float64) for number in range(count)]
    chain = source(records).async_map(lambda x: x * 2).monitor(reports.append).batched(ARRAY_BATCH)
    return _rate(bench, chain, count, lambda found: found[-1][-1][0, 0] == 2 * (count - 1))


def _joined(batches: Iterable[list[int]]) -> list[int]:
    return [number for batch in batches for number in batch]


def _rate(bench: Bench, chain: Any, records: int, check: Callable[[Any], Any]) -> Figures:
    """Records a second over whole epochs, with their starts and ends."""
    expect(bool(check(list(chain))), "the records are not those expected")
    started, epochs, elapsed = time.perf_counter(), 0, 0.0
    while epochs < bench.effort.least_epochs or elapsed < bench.effort.least_s:
        for _ in chain:
            pass
        epochs += 1
        elapsed = time.perf_counter() - started
        if elapsed >= bench.effort.most_s:
            break
    rate = records * epochs / elapsed
    return {"value": rate, "unit": "records/s", "epochs": epochs, "elapsed_s": elapsed}
