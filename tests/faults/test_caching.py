"""Caches that are made by several processes at once, killed while they are made, and reused."""

from __future__ import annotations

import random
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import pytest
from tests.faults.caching import (
    RECORDS,
    cache_until_killed,
    cached,
    digest,
    expected,
    read_all,
    read_known,
    rotate_until_killed,
)
from tests.faults.killing import context

import headrace as hr


# Any: pipes have another type on each system.
def started(target: Callable[..., None], *arguments: Any) -> tuple[BaseProcess, Any]:
    """A process, and the end of a pipe whose other end it was given last."""
    ours, theirs = context().Pipe()
    process = context().Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def calls_in(path: Path) -> int:
    return len(path.read_text().splitlines()) if path.exists() else 0


def half_written(root: Path) -> list[Path]:
    return [one for one in root.rglob("~writing/*/**/*") if one.is_file()]


@pytest.mark.slow
def test_d_b9_the_next_process_finds_the_cache_of_the_last(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    for _ in range(3):
        process, answer = started(read_known, tmp_path, calls)
        assert answer.recv() == expected()
        process.join()
        assert calls_in(calls) == RECORDS


@pytest.mark.slow
def test_processes_that_make_the_same_cache_are_all_right(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    barrier = context().Barrier(4)
    racers = [started(read_all, tmp_path, calls, barrier) for _ in range(4)]
    assert [answer.recv() for _, answer in racers] == [expected()] * 4
    for racer, _ in racers:
        racer.join()
    assert half_written(tmp_path) == []
    assert len(list(tmp_path.rglob("manifest"))) == 1
    made = calls_in(calls)
    assert digest(cached(tmp_path, calls)) == expected()
    assert calls_in(calls) == made


@pytest.mark.slow
def test_whenever_it_is_killed_the_cache_is_whole_or_not_there(tmp_path: Path) -> None:
    rng = random.Random(5)
    calls = tmp_path / "calls"
    left = 0
    for _ in range(12):
        process, report = started(cache_until_killed, tmp_path, calls)
        # Also about the end of an epoch, where it is published.
        for _ in range(rng.choice([1, 150, RECORDS, RECORDS + 1, 2 * RECORDS])):
            report.recv()
        process.join(rng.choice([0, 0, 0.001, 0.004]))
        process.kill()
        process.join()
        left += bool(list(tmp_path.glob("*/cache/~writing/0")))
        for number in range(3):
            assert digest(cached(tmp_path / str(number), calls)) == expected()
        made = calls_in(calls)
        assert digest(cached(tmp_path / "0", calls)) == expected()
        assert calls_in(calls) == made
        for cache in tmp_path.glob("*/cache"):
            # Whoever writes there next removes what the dead one left.
            hr.stream([1]).cache(cache, key="another").join()
            assert list(cache.glob("~writing/0")) == []
        # The next one shall make a cache, too.
        for manifest in tmp_path.rglob("manifest"):
            manifest.unlink()
    assert left > 2


@pytest.mark.slow
def test_a_killed_rotation_leaves_nothing_after_the_next_run(tmp_path: Path) -> None:
    process, report = started(rotate_until_killed, tmp_path)
    assert report.recv() == "half a window"
    process.kill()
    process.join()
    assert list(tmp_path.glob("~writing/0"))
    stream = hr.stream(range(10)).rotate(2, window=10, medium="disk", path=tmp_path, seed=1)
    assert len(stream.collect()) == 20
    assert list(tmp_path.glob("~writing/0")) == []
