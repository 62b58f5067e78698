"""What the processes do that the fault tests start and kill."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from headrace.blobs import LockingBlobs, open_blobs
from headrace.blobs.locking import Release
from headrace.contracts.blobs import BlobStat, Bytes, Mapped
from headrace.storage import Storage

# Some six shards of 4,000 bytes, so that a build has writes to be killed at.
RECORDS = 60
SHARD_BYTES = 4000


def content(seed: int) -> dict[str, Any]:
    """What a version of this seed holds."""
    rng = np.random.default_rng(seed)
    return {"id": np.arange(RECORDS) + 1000 * seed, "x": rng.random((RECORDS, 50))}


def seed_of(ref: Any) -> int:
    """The seed whose content this is, all of it."""
    batch = ref.read(np.arange(len(ref))).stack()
    seed = int(batch["id"][0]) // 1000
    expected = content(seed)
    assert (batch["id"] == expected["id"]).all()
    assert (batch["x"] == expected["x"]).all()
    return seed


def records(seed: int) -> Iterator[dict[str, Any]]:
    """The same, one by one."""
    arrays = content(seed)
    return ({"id": arrays["id"][n], "x": arrays["x"][n]} for n in range(RECORDS))


@dataclass(frozen=True)
class ReportingBlobs:
    """Blobs that say by pipe what they are about to write."""

    inner: LockingBlobs
    report: Connection

    @property
    def url(self) -> str:
        return self.inner.url

    def get(self, key: str) -> bytes:
        return self.inner.get(key)

    def stat(self, key: str) -> BlobStat | None:
        return self.inner.stat(key)

    def map(self, key: str) -> Mapped:
        return self.inner.map(key)

    def ranges(self, key: str, starts: Sequence[int], ends: Sequence[int]) -> list[Mapped]:
        return self.inner.ranges(key, starts, ends)

    def put(self, key: str, payload: Bytes, *, replace: bool = False) -> None:
        self.report.send(f"put {key}")
        self.inner.put(key, payload, replace=replace)

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        self.report.send("write")
        return self.inner.write(key, fill)

    def delete(self, key: str) -> None:
        self.report.send(f"delete {key}")
        self.inner.delete(key)

    def list(self, prefix: str) -> Iterator[BlobStat]:
        return self.inner.list(prefix)

    def folders(self, prefix: str) -> Iterator[str]:
        return self.inner.folders(prefix)

    def try_lock(self, key: str) -> Release | None:
        return self.inner.try_lock(key)

    def locks(self, folder: str) -> Iterator[str]:
        return self.inner.locks(folder)

    def aside(self, prefix: str) -> ReportingBlobs:
        return replace(self, inner=self.inner.aside(prefix))


def submit_and_report(url: str, version: str, seed: int, report: Connection) -> None:
    """Builds or replaces a version, reporting each write."""
    storage = Storage(ReportingBlobs(open_blobs(url), report))
    storage.submit(records(seed), "digits", version, shard_bytes=SHARD_BYTES, replace=True)


def call_cacheable(url: str, calls: Path, barrier: Barrier, answer: Connection) -> None:
    """Calls a cacheable function together with others, and notes whether it ran."""
    storage = Storage(url)

    @storage.cacheable("digits", "1.0")
    def digits() -> Iterator[dict[str, Any]]:
        note(calls)
        return records(1)

    barrier.wait()
    answer.send(seed_of(digits()))


def hang_in_the_middle(url: str, calls: Path, report: Connection) -> None:
    """Builds by a cacheable function that says that it has begun, and never ends."""
    storage = Storage(ReportingBlobs(open_blobs(url), report))

    @storage.cacheable("digits", "1.0")
    def digits() -> Iterator[dict[str, Any]]:
        note(calls)
        yield from records(1)
        for number in range(10**9):
            yield {"id": np.int64(number), "x": np.zeros(50)}

    digits()


def build_or_raise(url: str, calls: Path, report: Connection) -> None:
    """Builds by a cacheable function that raises in its middle once it is told to."""
    storage = Storage(url)

    @storage.cacheable("digits", "1.0")
    def digits() -> Iterator[dict[str, Any]]:
        note(calls)
        yield from records(1)
        report.send("begun")
        report.recv()
        raise OSError("no network")

    try:
        digits()
    except OSError as error:
        report.send(str(error))


def note(calls: Path) -> None:
    """Adds a line for a call; one write in append mode stays whole among processes."""
    with calls.open("ab", buffering=0) as file:
        file.write(b"%d\n" % os.getpid())
