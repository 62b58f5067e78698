"""Squirrel's IterStream: W5, and a function called on its threads."""

from __future__ import annotations

from collections.abc import Iterable

from squirrel.iterstream import IterableSource

from benchmarks.case import Case
from benchmarks.chain import keep, rate, triple
from benchmarks.sizes import RANGE_BATCH
from benchmarks.waiting import BUFFER, WORKERS, Fn, async_cases


def _range_chain(records: int) -> Iterable[list[int]]:
    chain = IterableSource(range(records)).map(triple).filter(keep)
    return chain.batched(RANGE_BATCH, drop_last_if_not_full=False)


def _async_map(fn: Fn, count: int) -> Iterable[int]:
    return IterableSource(range(count)).async_map(fn, buffer=BUFFER, max_workers=WORKERS)


CASES = [
    Case("W5", "Squirrel", lambda bench: rate(bench, _range_chain)),
    *async_cases("Squirrel", _async_map),
]
