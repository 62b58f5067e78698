"""headrace whose workers are killed, one each second, beside the same run without."""

# Any, in this file: records are dicts of arrays.
from __future__ import annotations

import random
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psutil

import headrace as hr
from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect
from benchmarks.reading import WORKERS
from benchmarks.stored import stored

SEED = 1
BATCH = 64
EVERY_S = 1.0
# An addition each, which take about a millisecond.
ADDITIONS = 40_000
# A run with kills and one without, in turns: the machine's speed changes meanwhile.
TURN_S, QUICK_TURN_S = 5.0, 2.0
TURNS = 4
# How long other measurements last where this one is not to be quick.
LONG_S = 6.0


def costly(record: dict[str, Any]) -> dict[str, Any]:
    """What a record costs that is parsed or transformed in Python."""
    return {**record, "sum": sum(range(ADDITIONS)) + int(record["label"])}


def _ratio(bench: Bench) -> Figures:
    """The rate with kills as a part of the rate without; the data must be the same."""
    turn_s = TURN_S if bench.effort.most_s >= LONG_S else QUICK_TURN_S
    stream = stored(bench, "W1").shuffle(SEED).stream().map(costly).batch(BATCH)
    with _run(stream) as whole, _run(stream) as attacked:
        for _ in range(TURNS):
            whole.read(turn_s)
            with _killing(attacked):
                attacked.read(turn_s)
    both = min(len(whole.digests), len(attacked.digests))
    expect(whole.digests[:both] == attacked.digests[:both], "the batches differ")
    expect(attacked.kills >= TURNS * turn_s / 2, f"only {attacked.kills} workers were killed")
    return {
        "value": attacked.rate / whole.rate,
        "unit": "x",
        "kills": attacked.kills,
        "records_s_without": whole.rate * BATCH,
    }


@dataclass
class _Run:
    """Batches that are drawn without an end: a digest of each, and how long they took."""

    batches: Iterator[Any]
    server: psutil.Process
    digests: list[int] = field(default_factory=list)
    elapsed_s: float = 0.0
    kills: int = 0

    @property
    def rate(self) -> float:
        return len(self.digests) / self.elapsed_s

    def read(self, lasts_s: float) -> None:
        started = time.perf_counter()
        while time.perf_counter() - started < lasts_s:
            self.digests.append(_digest(next(self.batches)))
        self.elapsed_s += time.perf_counter() - started


@contextmanager
def _run(stream: Any) -> Iterator[_Run]:
    """A loader whose workers have started; they are children of the one process it has."""
    before = set(psutil.Process().children())
    with hr.DataLoader(stream, backend=hr.Processes(WORKERS)) as loader:
        batches = _endless(loader)
        first = _digest(next(batches))
        [server] = set(psutil.Process().children()) - before
        yield _Run(batches, server, [first])


def _endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


def _digest(batch: Any) -> int:
    digest = 0
    for array in batch.values():
        digest = zlib.crc32(array, digest)
    return digest


@contextmanager
def _killing(run: _Run) -> Iterator[None]:
    """Kills a worker each second, meanwhile."""
    ended = threading.Event()
    rng = random.Random(SEED)

    def kill() -> None:
        while not ended.wait(EVERY_S):
            if workers := run.server.children():
                rng.choice(workers).kill()
                run.kills += 1

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


CASES = [Case("kills", "headrace, a worker each second", _ratio)]
