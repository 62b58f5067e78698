"""What it costs to watch W1: some batches with a monitor and some without one, in turns."""

# Any, in this file: streams of records that are dicts of arrays.
from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from statistics import median
from typing import Any, TypeAlias

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, warm
from benchmarks.stored import stored

SEED = 1
BATCH = 64
# Some 2 ms each: the machine's speed changes by more than a monitor costs, but seldom within.
BATCHES_A_TURN = 100
TURNS = 300

Watch: TypeAlias = Callable[[Any, list[dict[str, float]]], Any]


def _batches(stream: Any, reports: list[dict[str, float]]) -> Any:
    return stream.batch(BATCH).monitor(reports.append)


def _records(stream: Any, reports: list[dict[str, float]]) -> Any:
    return stream.monitor(reports.append).batch(BATCH)


def _ratio(bench: Bench, watch: Watch) -> Figures:
    """The rate of watched batches as a part of the rate of the unwatched ones beside them."""
    stream = stored(bench, "W1").shuffle(SEED).stream()
    warm(bench.scratch / "stored" / "W1")
    reports: list[dict[str, float]] = []
    ratios: list[float] = []
    plain, watched = stream.batch(BATCH), watch(stream, reports)
    with hr.DataLoader(plain) as first, hr.DataLoader(watched) as second:
        while len(ratios) < TURNS:
            ratios += _epoch(first, second)
    expect(set(reports[-1]) == {"IOPS number/s", "throughput MB/s"}, f"got {reports[-1]}")
    return {"value": median(ratios), "unit": "x", "turns": len(ratios)}


def _epoch(plain: Any, watched: Any) -> list[float]:
    """A ratio for each turn; what is left of both epochs is drawn at the end."""
    alone, seen = iter(plain), iter(watched)
    ratios = []
    for turn in range(len(plain) // BATCHES_A_TURN):
        # The first of two has colder caches: each is it in turn.
        if turn % 2 == 0:
            alone_s, seen_s = _turn_s(alone), _turn_s(seen)
        else:
            seen_s, alone_s = _turn_s(seen), _turn_s(alone)
        ratios.append(alone_s / seen_s)
    expect(sum(1 for _ in alone) == sum(1 for _ in seen), "one gave more batches")
    return ratios


def _turn_s(batches: Iterator[Any]) -> float:
    started = time.perf_counter()
    for _batch in islice(batches, BATCHES_A_TURN):
        pass
    return time.perf_counter() - started


CASES = [
    Case("monitor", "headrace, batches watched", lambda bench: _ratio(bench, _batches)),
    Case("monitor", "headrace, records watched", lambda bench: _ratio(bench, _records)),
]
