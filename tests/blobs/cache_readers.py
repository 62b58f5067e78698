"""Processes that read through one cache folder, and what they are killed in."""

from __future__ import annotations

import os
import random
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import xxhash
from tests.blobs.far import FarBlobs

from headrace.blobs import LocalBlobs
from headrace.blobs.cache.byte_locks import ByteLocks
from headrace.blobs.cache.cached import CachedBlobs
from headrace.blobs.cache.cached_files import LOCKS

# Of the shards in these tests.
SHARD_BYTES = 10_000


def blobs_of(tmp_path: Path, limit_bytes: int) -> CachedBlobs:
    """The blobs of a far folder with a cache beside it."""
    far = FarBlobs(LocalBlobs(tmp_path / "far"), log=tmp_path / "log")
    return CachedBlobs(far, tmp_path / "cache", limit_bytes)


def is_right(blobs: CachedBlobs, key: str) -> bool:
    """Whether a shard is what its name says."""
    digest = key.rpartition("/")[2].removesuffix(".arrow")
    return xxhash.xxh3_128_hexdigest(blobs.map(key).tobytes()) == digest


def read_all(
    tmp_path: Path, keys: list[str], limit_bytes: int, begin: Barrier, answer: Connection
) -> None:
    """Reads each shard once, at the same time as others do."""
    blobs = blobs_of(tmp_path, limit_bytes)
    begin.wait()
    answer.send([is_right(blobs, key) for key in keys] == [True] * len(keys))


def read_until_killed(
    tmp_path: Path, keys: list[str], limit_bytes: int, seed: int, report: Connection
) -> None:
    """Reads shards in random orders, half of the time looking ahead; reports what is wrong."""
    rng = random.Random(seed)
    blobs = blobs_of(tmp_path, limit_bytes)
    report.send("reading")
    while True:
        order = rng.sample(keys, len(keys))
        sizes = dict.fromkeys(order, SHARD_BYTES)
        plan = blobs.ahead(sizes) if rng.random() < 0.5 else None
        for key in order:
            if not is_right(blobs, key):
                report.send(f"{key} is wrong")
        if plan is not None:
            plan.close()


def hold(tmp_path: Path, keys: list[str], limit_bytes: int, answer: Connection) -> None:
    """Looks at shards until it is killed."""
    blobs = blobs_of(tmp_path, limit_bytes)
    held = [blobs.map(key) for key in keys]
    answer.send(len(held))
    answer.recv()


def hold_the_gate(folder: Path, answer: Connection) -> None:
    """Is where all others have to wait, until it is killed."""
    with ByteLocks(folder / LOCKS).gate():
        answer.send("there")
        answer.recv()


def fetch_and_hang(tmp_path: Path, key: str, limit_bytes: int, answer: Connection) -> None:
    """Fetches half of a shard, and waits to be killed."""

    def hang(_: str, path: Path) -> None:
        path.write_bytes(b"half")
        answer.send(os.getpid())
        answer.recv()

    far = FarBlobs(LocalBlobs(tmp_path / "far"), before=hang)
    CachedBlobs(far, tmp_path / "cache", limit_bytes).map(key)
