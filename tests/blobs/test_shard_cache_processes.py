"""One cache folder among processes: fetched once, never in use and gone, right after any death."""

from __future__ import annotations

import multiprocessing as mp
import os
import random
import signal
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from tests.blobs import cache_readers
from tests.blobs.test_shard_cache import (
    NOTE_BYTES,
    SHARD_BYTES,
    cached,
    cached_bytes,
    contents,
    fetches,
    files,
    filled,
    sizes,
)

from headrace.blobs.cache.listing import Chosen, cleared
from headrace.contracts.errors import StorageError


def context() -> ForkServerContext:
    found = mp.get_context("forkserver")
    found.set_forkserver_preload(["tests.blobs.cache_readers"])
    return found


def started(target: Any, *arguments: object) -> tuple[BaseProcess, Any]:  # Any: a pipe's end
    """A process, and the pipe that is its last argument."""
    ours, theirs = context().Pipe()
    process = context().Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def kill(process: BaseProcess) -> None:
    process.kill()
    process.join()


@pytest.mark.slow
def test_processes_that_start_together_fetch_each_shard_once(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 20)
    begin = context().Barrier(4)
    limit_bytes = 30 * SHARD_BYTES
    running = [
        started(cache_readers.read_all, tmp_path, keys, limit_bytes, begin) for _ in range(4)
    ]
    assert [pipe.recv() for _, pipe in running] == [True] * 4
    for process, _ in running:
        process.join()
    assert sorted(fetches(tmp_path)) == sorted(keys)


@pytest.mark.slow
def test_two_cache_folders_are_two_machines_that_fetch_each_for_itself(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 2)
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        (tmp_path / machine / "far").symlink_to(tmp_path / "far")
        (tmp_path / machine / "log").symlink_to(tmp_path / "log")
        assert cached(tmp_path / machine).map(keys[0]).tobytes() == contents(0)
    assert fetches(tmp_path) == [keys[0]] * 2


@pytest.mark.slow
def test_what_another_process_uses_stays_until_it_dies(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 6)
    limit_bytes = 3 * SHARD_BYTES + 999
    process, pipe = started(cache_readers.hold, tmp_path, keys[:1], limit_bytes)
    assert pipe.recv() == 1
    blobs = cached(tmp_path, shards=3)
    for key in keys:
        blobs.map(key)
    assert keys[0] in files(tmp_path)
    gone, used = cleared(tmp_path / "cache", Chosen())
    assert (len(gone), len(used)) == (2, 1)

    kill(process)
    for key in keys[1:]:
        blobs.map(key)
    assert keys[0] not in files(tmp_path)


@pytest.mark.slow
def test_another_fetches_at_once_what_a_killed_process_had_begun(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 1)
    process, pipe = started(cache_readers.fetch_and_hang, tmp_path, keys[0], 30 * SHARD_BYTES)
    pipe.recv()
    alone = context().Barrier(1)
    reader = cache_readers.read_all, tmp_path, keys, 30 * SHARD_BYTES, alone
    second, answer = started(*reader)
    assert not answer.poll(0.3)
    kill(process)

    assert answer.recv() is True
    second.join()
    # The half that it left is gone with the next process that opens the cache.
    last, answer = started(*reader)
    assert answer.recv() is True
    last.join()
    assert [path.name for path in (tmp_path / "cache").rglob("~*")] == ["~locks"]


@pytest.mark.slow
def test_a_shard_that_a_stopped_process_had_begun_is_fetched_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.blobs.cache.turns.PATIENCE_S", 0.2)
    monkeypatch.setattr("headrace.blobs.cache.turns.LOOK_FOR_WRITES_EVERY_S", 0.05)
    keys = filled(tmp_path / "far", 1)
    process, pipe = started(cache_readers.fetch_and_hang, tmp_path, keys[0], 30 * SHARD_BYTES)
    pipe.recv()
    mapped = cached(tmp_path).map(keys[0])
    assert mapped.tobytes() == contents(0)

    # It goes on, and has its own at last.
    pipe.send("go on")
    process.join()
    assert process.exitcode == 0
    assert mapped.tobytes() == cached(tmp_path).map(keys[0]).tobytes() == contents(0)


@pytest.mark.slow
def test_who_waits_for_a_process_that_was_stopped_at_the_gate_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.blobs.cache.byte_locks.PATIENCE_S", 0.2)
    keys = filled(tmp_path / "far", 2)
    blobs = cached(tmp_path)
    blobs.map(keys[0])
    process, pipe = started(cache_readers.hold_the_gate, tmp_path / "cache")
    pipe.recv()
    told = r"locks in .*~locks were waited for over 0\.2 s.* stopped\. Continue or end it, .*_dir"
    with pytest.raises(StorageError, match=told):
        blobs.map(keys[1])
    # What is here needs nobody.
    assert blobs.map(keys[0]).tobytes() == contents(0)

    kill(process)
    assert blobs.map(keys[1]).tobytes() == contents(1)


@pytest.mark.slow
def test_whatever_is_killed_whenever_all_reads_right_and_the_bound_holds(tmp_path: Path) -> None:
    rng = random.Random(7)
    keys = filled(tmp_path / "far", 12)
    limit_bytes = 8 * SHARD_BYTES + 999
    running: list[tuple[BaseProcess, Any]] = []
    for seed in range(25):
        running.append(started(cache_readers.read_until_killed, tmp_path, keys, limit_bytes, seed))
        assert running[-1][1].recv() == "reading"
        if len(running) == 3:
            process, pipe = running.pop(rng.randrange(3))
            process.join(rng.choice([0, 0.001, 0.01, 0.05]))
            assert process.is_alive()
            kill(process)
            with pytest.raises(EOFError):
                # It would have told what it read wrong.
                pipe.recv()
    for process, _ in running:
        kill(process)
    assert cached_bytes(tmp_path) <= limit_bytes + NOTE_BYTES

    blobs = cached(tmp_path, shards=8)
    for seed, key in enumerate(keys):
        assert blobs.map(key).tobytes() == contents(seed)
        assert cached_bytes(tmp_path) <= limit_bytes
    assert [path.name for path in (tmp_path / "cache").rglob("~*")] == ["~locks"]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_reads_what_is_cached_and_uses_it_itself(tmp_path: Path) -> None:
    keys = filled(tmp_path / "far", 2)
    blobs = cached(tmp_path)
    mapped = blobs.map(keys[0])
    plan = blobs.ahead(sizes(keys))
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            same = mapped.tobytes() == blobs.map(keys[0]).tobytes() == contents(0)
            os.write(writing, b"right" if same else b"wrong")
            signal.pause()
        finally:
            os._exit(1)
    try:
        assert os.read(reading, 5) == b"right"
        del mapped
        # The child still looks at it.
        _, used = cleared(tmp_path / "cache", Chosen())
        assert keys[0].rpartition("/")[2] in {file.place.rpartition("/")[2] for file in used}
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    plan.close()
    cleared(tmp_path / "cache", Chosen())
    assert files(tmp_path) == set()
