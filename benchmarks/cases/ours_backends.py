"""What headrace's workers cost beside records: starting, waiting, state, reports."""

# Any, in this file: loaders and backends are used through their public methods alone.
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from statistics import median
from typing import Any

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.cpu import tree_seconds
from benchmarks.measure import Figures, warm
from benchmarks.reading import WORKERS
from benchmarks.starting import start_cases
from benchmarks.stored import stored

SEED = 1
BATCH = 64
STATES = 500
REPEATS = 5
# Mid-epoch, also of the tenth of the data.
BEFORE_IDLE = 50
# By then the workers have filled what they may have ahead.
SETTLING_S = 1.0
IDLE_S = 3.0
# Whole epochs in turns: a task holds more batches than a short turn would draw.
TURNS = 15


def _stream(bench: Bench) -> Any:
    return stored(bench, "W1").shuffle(SEED).stream().batch(BATCH)


def _idle(bench: Bench, backend: Any) -> Figures:
    """CPU seconds of parent and workers while nobody draws."""
    with hr.DataLoader(_stream(bench), backend=backend) as loader:
        batches = iter(loader)
        deque(islice(batches, BEFORE_IDLE), maxlen=0)
        time.sleep(SETTLING_S)
        began = tree_seconds()
        time.sleep(IDLE_S)
        return {"value": tree_seconds() - began, "unit": "s of CPU in 3 s"}


def _state(bench: Bench, backend: Any) -> Figures:
    """Microseconds of a state, taken after each batch."""
    with hr.DataLoader(_stream(bench), backend=backend) as loader:
        # The least of some: whoever else runs may come between.
        times = [
            min(_timed_s(loader.state_dict) for _ in range(REPEATS))
            for _batch in islice(loader, STATES)
        ]
    return {"value": median(times) * 1e6, "unit": "us", "largest_us": max(times) * 1e6}


def _stats(bench: Bench, backend: Any) -> Figures:
    """The rate with `stats=True` as a part of the rate of the epochs without it."""
    stream = _stream(bench)
    warm(bench.scratch / "stored" / "W1")
    ratios = []
    with (
        hr.DataLoader(stream, backend=backend) as plain,
        hr.DataLoader(stream, backend=backend, stats=True) as timed,
    ):
        for turn in range(TURNS + 1):
            # The first of two has colder caches: each is it in turn.
            first, second = (plain, timed) if turn % 2 else (timed, plain)
            seconds = {loader: _timed_s(partial(deque, loader, 0)) for loader in (first, second)}
            ratios.append(seconds[plain] / seconds[timed])
        timed.report()
    # In the first turn the workers start.
    return {"value": median(ratios[1:]), "unit": "x", "turns": TURNS}


def _timed_s(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def _case(work: str, name: str, run: Any, backend: Any) -> Case:
    return Case(work, name, lambda bench: run(bench, backend))


CASES = [
    *start_cases("headrace", "headrace"),
    _case("idle", "headrace, 2 processes", _idle, hr.Processes(WORKERS)),
    _case("idle", "headrace, 2 threads", _idle, hr.Threads(WORKERS)),
    _case("state_dict", "headrace, inline", _state, hr.Inline()),
    _case("state_dict", "headrace, 2 threads", _state, hr.Threads(2)),
    _case("state_dict", "headrace, 8 threads", _state, hr.Threads(8)),
    _case("state_dict", "headrace, 2 processes", _state, hr.Processes(2)),
    _case("state_dict", "headrace, 8 processes", _state, hr.Processes(8)),
    _case("report cost", "headrace, inline", _stats, hr.Inline()),
    _case("report cost", "headrace, 2 processes", _stats, hr.Processes(WORKERS)),
]
