"""Kills builders while they write, and looks at what they left each time."""

from __future__ import annotations

import multiprocessing as mp
import random
import signal
from multiprocessing.context import ForkServerContext
from pathlib import Path

from tests.faults.builders import seed_of, submit_and_report

from headrace.storage import Storage

# The writes that a build reports: its note, six shards, two manifests, and the note's removal.
REPORTS = 10


def context() -> ForkServerContext:
    """Processes that start in milliseconds, with headrace imported."""
    found = mp.get_context("forkserver")
    found.set_forkserver_preload(["headrace.storage", "tests.faults.builders"])
    return found


def kill_builders(root: Path, *, kills: int, seed: int) -> None:
    """Kills `kills` builders, each after a random report that it is writing.

    After each the storage holds the old state or the new one, all of it. At the end only what
    the versions list is left.
    """
    rng = random.Random(seed)
    storage = Storage(root)
    held: dict[str, int] = {}
    killed = 0
    number = 0
    while killed < kills:
        number += 1
        # Some builds replace a version, some make a new one.
        version = f"{rng.randrange(4)}.0"
        was_killed = _kill_one(root, version, number, rng)
        killed += was_killed
        _check(storage, held, version, number, must_be_new=not was_killed)
    storage.prune(grace_s=0)
    _check_no_leftovers(root, storage)


def _kill_one(root: Path, version: str, number: int, rng: random.Random) -> bool:
    reader, writer = context().Pipe(duplex=False)
    builder = context().Process(
        target=submit_and_report, args=(str(root), version, number, writer), daemon=True
    )
    builder.start()
    writer.close()
    try:
        for _ in range(rng.randint(1, REPORTS)):
            reader.recv()
        # Not always at the very begin of the write: somewhere in it, or between two.
        builder.join(rng.choice([0, 0, 0.0005, 0.002, 0.005]))
        builder.kill()
    except EOFError:
        pass
    builder.join()
    reader.close()
    return builder.exitcode == -signal.SIGKILL


def _check(
    storage: Storage, held: dict[str, int], version: str, number: int, *, must_be_new: bool
) -> None:
    versions = storage.versions("digits") if storage.datasets() else []
    if version in versions:
        found = seed_of(storage.fetch("digits", version))
        assert found == number or (found == held.get(version) and not must_be_new)
        held[version] = found
    assert sorted(versions) == sorted(held)
    for other, seed in held.items():
        assert seed_of(storage.fetch("digits", other)) == seed
    if versions:
        storage.verify("digits")


def _check_no_leftovers(root: Path, storage: Storage) -> None:
    listed = storage.verify("digits").shard_count + len(storage.versions("digits"))
    files = [path for path in root.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert len(files) == listed
