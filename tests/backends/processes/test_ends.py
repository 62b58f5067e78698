"""However a run ends, no process, thread or memory of it stays."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.backends.processes import scripts, tasks
from tests.backends.processes.shared import (
    DEADLINE_SECONDS,
    descendants,
    eventually,
    in_session,
    mapped_files,
    started,
)

import headrace as hr
from headrace.contracts.errors import ClosedError

# Any, in this file: results of every type.


@pytest.fixture
def nothing_stays() -> Iterator[None]:
    processes, threads, files = descendants(), set(threading.enumerate()), mapped_files()
    yield
    gc.collect()
    eventually(lambda: descendants() <= processes)
    eventually(lambda: set(threading.enumerate()) <= threads)
    assert mapped_files() <= files


def squares(count: int = 1000) -> hr.Stream[Any]:
    return hr.stream(range(count)).map(tasks.slow).batch(10)


def test_a_break_ends_them_with_the_loader(nothing_stays: None) -> None:
    with hr.DataLoader(squares(), backend=hr.Processes(2)) as loader:
        for _ in loader:
            break


def test_an_error_in_the_loop_ends_them_with_the_loader(nothing_stays: None) -> None:
    loader = hr.DataLoader(squares(), backend=hr.Processes(2))

    def train() -> None:
        with loader:
            for _ in loader:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        train()


def test_a_dropped_loader_ends_them(nothing_stays: None) -> None:
    loader = hr.DataLoader(squares(), backend=hr.Processes(2))
    next(iter(loader))
    del loader


def test_b5_a_second_iterator_in_mid_epoch_hangs_nothing(nothing_stays: None) -> None:
    with hr.DataLoader(squares(), backend=hr.Processes(2)) as loader:
        older = iter(loader)
        next(older)
        assert len(list(loader)) == 100
        with pytest.raises(ClosedError, match="not the loader's newest"):
            next(older)


def test_two_loaders_at_once_do_not_meet(nothing_stays: None) -> None:
    backend = hr.Processes(1)
    with (
        hr.DataLoader(squares(300), backend=backend) as one,
        hr.DataLoader(hr.stream(range(30)).map(str), backend=backend) as other,
    ):
        found = list(itertools.zip_longest(one, other))
    assert [record for _, record in found] == [str(number) for number in range(30)]
    assert sum(batch.sum() for batch, _ in found) == sum(x * x for x in range(300))


def test_close_is_bounded_where_a_function_never_ends(tmp_path: Path, nothing_stays: None) -> None:
    def deaf() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        tasks.hang_once(tmp_path / "marker")

    with started(2) as workers:
        future = workers.submit(deaf)
        waiting = workers.submit(int)
        eventually((tmp_path / "marker").exists)
        began = time.monotonic()
        workers.close()
        assert 2.9 < time.monotonic() - began < 6
        workers.close()
        assert future.done()
        assert waiting.done()
        with pytest.raises(ClosedError, match="ended before a task of theirs was done. Make a new"):
            future.result()
        with pytest.raises(ClosedError, match="given to workers that have ended. Make a new"):
            workers.submit(int)


def test_workers_may_be_closed_before_they_are_up(nothing_stays: None) -> None:
    for method in ("forkserver", "spawn"):
        began = time.monotonic()
        with started(2, start_method=method) as workers:
            workers.submit(int)
        assert time.monotonic() - began < 3


def test_a_forked_child_cannot_use_or_end_the_workers() -> None:
    with started(1) as workers:
        waiting = workers.submit(partial(time.sleep, 60))
        workers.submit(int)
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.raises(ClosedError, match="forked from it. Make a new DataLoader in"):
                    workers.submit(int)
                with pytest.raises(ClosedError, match=f"workers of process {os.getppid()} were"):
                    waiting.result()
                workers.close()
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        workers.resize(2)
        assert workers.submit(lambda: 7).result() == 7


@pytest.mark.parametrize(
    ("method", "stay"),
    [
        # With the interpreter's lock held.
        ("forkserver", "ctypes.PyDLL(None).sleep(100)"),
        ("spawn", "while True: pass"),
    ],
)
def test_b3_nobody_outlives_a_killed_parent(tmp_path: Path, method: str, stay: str) -> None:
    files = mapped_files()
    with scripts.started(tmp_path, scripts.ENDLESS.format(stay=stay, method=method)) as program:
        scripts.lines_until(program.stdout, "reached")
        assert len(in_session(program.pid)) >= 3
        program.kill()
        program.wait(DEADLINE_SECONDS)
        killed = time.monotonic()
        eventually(lambda: not in_session(program.pid))
        assert time.monotonic() - killed < 2
    assert mapped_files() == files


def test_a_script_without_a_guard_runs_once_and_may_end_without_shutdown(tmp_path: Path) -> None:
    assert scripts.output_of(tmp_path, scripts.ONCE) == ["begin", "45 True"]


def test_an_interrupt_leaves_state_and_loader_usable(tmp_path: Path) -> None:
    output = scripts.output_of(tmp_path, scripts.INTERRUPTED)
    assert output == ["interrupted 0 7", "100", "70"]
