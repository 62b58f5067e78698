"""How a rate, a cost and a batch are measured: the same for every peer."""

# Any, in this file: batches are whatever a peer gives.
from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.sizes import Effort

# The clock is read once for this many single records; a batch is long enough for one reading.
RECORDS_A_CLOCK = 64
BYTES_A_READ = 1 << 22

# What a case gives: `value`, `unit`, and whatever else it wants in the JSON.
Figures = dict[str, Any]


def read_rate(
    epoch: Callable[[], Iterable[Any]],
    *,
    records: int,
    per_batch: int,
    check: Callable[[Any], None],
    effort: Effort,
) -> Figures:
    """Records a second from the second batch on; `check` gets the first batch.

    `epoch` is called for each epoch anew, and what it costs to begin one counts.
    """
    batches = iter(epoch())
    check(next(batches))
    every = RECORDS_A_CLOCK if per_batch == 1 else 1
    started = time.perf_counter()
    seen, in_epoch, epochs = 0, records - per_batch, 0
    while True:
        limit_s = effort.most_s if epochs < effort.least_epochs else effort.least_s
        count, is_whole = _drain(batches, started + limit_s, every)
        seen += in_epoch if is_whole else count * per_batch
        epochs += is_whole
        elapsed = time.perf_counter() - started
        if elapsed >= (effort.most_s if epochs < effort.least_epochs else effort.least_s):
            break
        batches, in_epoch = iter(epoch()), records
    _end(batches)
    return {"value": seen / elapsed, "unit": "records/s", "epochs": epochs, "elapsed_s": elapsed}


def seconds(run: Callable[[], object], repeats: int) -> Figures:
    """The median wall time of `run`."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return {"value": median(times), "unit": "s", "repeats": repeats}


def warm(folder: Path) -> None:
    """Reads every file under a folder, so that it lies in the page cache."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(BYTES_A_READ):
                    pass


def settle() -> None:
    """Waits until earlier writes are on the disk, so that none is paid for by the next."""
    os.sync()


def expect(is_so: bool, what: str) -> None:
    """Ends a measurement whose outcome is not what it must be.

    Raises:
        ValueError: `is_so` is false; the message is `what`.
    """
    if not is_so:
        raise ValueError(what)


def _drain(batches: Iterator[Any], deadline: float, every: int) -> tuple[int, bool]:
    """Draws batches to the end or the deadline; the one before is dropped by each next."""
    count = 0
    for _batch in batches:
        count += 1
        if count % every == 0 and time.perf_counter() >= deadline:
            return count, False
    return count, True


def _end(batches: Iterator[Any]) -> None:
    close = getattr(batches, "close", None)
    if close is not None:
        close()
