"""What the processes do that are started and killed while they cache or rotate."""

from __future__ import annotations

import functools
import time
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import numpy as np
from tests.faults.builders import note

import headrace as hr

RECORDS = 300


def made(calls: Path, x: int, slowly: bool = False) -> dict[str, Any]:
    """A record that notes that it was made."""
    note(calls)
    if slowly:
        time.sleep(0.001)
    return {"x": np.full(20, x), "text": f"record {x}"}


def cached(root: Path, calls: Path, *, slowly: bool = False) -> hr.Stream[Any]:
    """A stream of them, cached on disk; a key, because a slow one is the same."""
    fn = functools.partial(made, calls, slowly=slowly)
    return hr.stream(range(RECORDS)).map(fn).cache(root / "cache", key="records")


def known(root: Path, calls: Path) -> hr.Stream[Any]:
    """The same, known by its function."""
    fn = functools.partial(made, calls)
    return hr.stream(range(RECORDS)).map(lambda x: fn(x)).cache(root / "cache")


def digest(stream: hr.Stream[Any]) -> str:
    """The content of a stream as text."""
    found = [(int(record["x"].sum()), record["text"]) for record in stream]
    return repr(found)


def expected() -> str:
    """The digest of all records."""
    return repr([(20 * x, f"record {x}") for x in range(RECORDS)])


def read_all(root: Path, calls: Path, barrier: Barrier | None, answer: Connection) -> None:
    """Reads an epoch, together with others."""
    stream = cached(root, calls, slowly=barrier is not None)
    if barrier is not None:
        barrier.wait()
    answer.send(digest(stream))


def read_known(root: Path, calls: Path, answer: Connection) -> None:
    """Reads an epoch of the stream without a key."""
    answer.send(digest(known(root, calls)))


def cache_until_killed(root: Path, calls: Path, report: Connection) -> None:
    """Reads epochs for ever, each kept under a root of its own, and reports each record."""
    for number in range(10**9):
        for _ in cached(root / str(number % 3), calls):
            report.send("record")


def rotate_until_killed(root: Path, report: Connection) -> None:
    """Fills a window on disk, and waits."""
    stream = hr.stream(range(10)).rotate(2, window=10, medium="disk", path=root, seed=1)
    records = iter(stream)
    for _ in range(5):
        next(records)
    report.send("half a window")
    report.recv()
