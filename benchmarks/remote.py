"""Reading from far away: a server with a latency, an empty cache, and what is read from it."""

# Any, in this file: batches and records are whatever a peer gives.
from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.case import Bench, Case
from benchmarks.measure import Figures, expect, read_rate, warm
from benchmarks.reading import Records
from benchmarks.serving import FileServer, file_server
from benchmarks.workloads import Workload

LATENCY_S = 0.02
# What is read of a version of many shards: some records from anywhere.
SHARDS, SHARD_BYTES, ROW_BYTES = 100, 2**26, 512 * 4 + 8
CHOSEN = 100
SEED = 1

# Gives what begins an epoch; all that is done by then is part of the first.
Epochs = Callable[[Bench, FileServer, Path], AbstractContextManager[Callable[[], Iterable[Any]]]]
# Reads the records at some indices of a version that is in no cache yet.
Pick = Callable[[Bench, FileServer, Path, Sequence[int]], Iterable[Any]]


class Repeated:
    """W1 again and again, each row with a number of its own: as many as fill the shards."""

    def __init__(self, bench: Bench) -> None:
        self._records = Records(bench, "W1")
        self.shard_bytes = int(SHARD_BYTES * bench.effort.scale)

    def __len__(self) -> int:
        return SHARDS * (self.shard_bytes // ROW_BYTES)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {**self._records[index % self._length], "label": index}

    @cached_property
    def _length(self) -> int:
        return len(self._records)

    def chosen(self) -> list[int]:
        """The indices that are read."""
        found = np.random.default_rng(SEED).choice(len(self), CHOSEN, replace=False)
        return [int(index) for index in found]

    def check(self, indices: Sequence[int], got: Iterable[Any]) -> None:
        """Compares what was read. Raises ValueError."""
        for index, record in zip(indices, got, strict=True):
            is_same = np.array_equal(record["tokens"], self[index]["tokens"])
            expect(is_same and int(record["label"]) == index, f"record {index} is another one")


@contextmanager
def far(bench: Bench) -> Iterator[tuple[FileServer, Path]]:
    """A server whose bucket is what this group has written, and an empty folder for a cache."""
    bench.scratch.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=bench.scratch, ignore_cleanup_errors=True) as folder,
        file_server(bench.scratch.parent, latency_s=LATENCY_S) as server,
    ):
        yield server, Path(folder)


def address(bench: Bench, path: str) -> str:
    """The address of what lies at a path of this group's folder."""
    return f"s3://{bench.scratch.name}/{path}"


def stream_cases(name: str, write: Callable[[Bench], Path], epochs: Epochs) -> list[Case]:
    """A peer's rows of W2: the first epoch, from an empty cache, and the next ones."""
    return [
        Case("remote W2", name, lambda bench: _first(bench, write, epochs)),
        Case("remote W2 again", name, lambda bench: _again(bench, write, epochs)),
    ]


def pick_case(name: str, write: Callable[[Bench], Path], pick: Pick) -> Case:
    """A peer's row of some records of many shards."""
    return Case("remote sparse", name, lambda bench: picked(bench, write, pick))


def picked(bench: Bench, write: Callable[[Bench], Path], pick: Pick) -> Figures:
    """Milliseconds from opening a version to its last record, and what the server has sent."""
    records = Repeated(bench)
    indices = records.chosen()
    warm(write(bench))
    with far(bench) as (server, folder):
        started = time.perf_counter()
        got = pick(bench, server, folder, indices)
        elapsed = time.perf_counter() - started
        records.check(indices, got)
        return {"value": elapsed * 1e3, "unit": "ms", **server.counts()}


def _first(bench: Bench, write: Callable[[Bench], Path], epochs: Epochs) -> Figures:
    source = bench.workload("W2")
    warm(write(bench))
    with far(bench) as (server, folder):
        started = time.perf_counter()
        with epochs(bench, server, folder) as epoch:
            batches = iter(epoch())
            first = next(batches)
            seen = len(first["label"]) + sum(len(batch["label"]) for batch in batches)
            elapsed = time.perf_counter() - started
        expect(seen == len(source), f"{seen} records came, expected {len(source)}")
        _check(source, first)
        counts = server.counts()
    return {"value": seen / elapsed, "unit": "records/s", "elapsed_s": elapsed, **counts}


def _again(bench: Bench, write: Callable[[Bench], Path], epochs: Epochs) -> Figures:
    warm(write(bench))
    with far(bench) as (server, folder), epochs(bench, server, folder) as epoch:
        deque(epoch(), maxlen=0)
        server.counts()
        return {**later_rate(bench, epoch), **server.counts()}


def later_rate(bench: Bench, epoch: Callable[[], Iterable[Any]]) -> Figures:
    """Records a second of epochs of W2 that are not the first."""
    source = bench.workload("W2")
    return read_rate(
        epoch,
        records=len(source),
        per_batch=source.shape.batch_size,
        check=lambda batch: _check(source, batch),
        effort=bench.effort,
    )


def _check(source: Workload, batch: Any) -> None:
    source.check({"jpeg": batch["jpeg"], "label": np.asarray(batch["label"])})
