"""Threads: they run tasks side by side, and end."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from functools import partial
from typing import Any

import pytest

from headrace.backends import Threads, threads
from headrace.contracts.errors import ArgumentError, ClosedError
from headrace.testing import check_backend

# Any, in this file: numbers of workers of every type.
pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("num_workers", [1, 4])
def test_threads_conform(num_workers: int) -> None:
    check_backend(Threads(num_workers))


def test_tasks_run_side_by_side() -> None:
    barrier = threading.Barrier(3)
    workers = Threads(3).start()
    futures = [workers.submit(lambda: barrier.wait(30)) for _ in range(3)]
    assert sorted(future.result() for future in futures) == [0, 1, 2]
    workers.close()


@pytest.mark.parametrize("num_workers", [0, -1, 1.5, True, None])
def test_less_than_one_worker_is_refused(num_workers: Any) -> None:
    with pytest.raises(ArgumentError, match=r"num_workers must be .* Use hr.Inline\(\) for no"):
        Threads(num_workers)


def test_a_task_after_the_end_is_refused() -> None:
    workers = Threads(1).start()
    workers.close()
    with pytest.raises(
        ClosedError, match="a task was given to threads that have ended. Make a new"
    ):
        workers.submit(int)


def test_close_cancels_what_waits_and_never_hangs() -> None:
    for _ in range(200):
        workers = Threads(2).start()
        futures = [workers.submit(int) for _ in range(8)]
        workers.close()
        assert all(future.done() for future in futures)


def test_a_result_is_not_kept_alive_by_its_thread() -> None:
    class Large:
        pass

    workers = Threads(1).start()
    result: Any = workers.submit(Large).result()
    workers.submit(int).result()
    dropped = weakref.ref(result)
    del result
    gc.collect()
    assert dropped() is None
    workers.close()


def test_a_function_that_hangs_is_left_behind_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    began = threading.Event()

    def hang() -> bool:
        began.set()
        return release.wait(30)

    monkeypatch.setattr(threads, "CLOSE_SECONDS", 0.01)
    workers = Threads(1).start()
    workers.submit(hang)
    assert began.wait(30)
    workers.close()
    assert "headrace-0 still runs a user function 0.01 s after shutdown" in caplog.text
    release.set()
    for thread in threading.enumerate():
        if thread.name == "headrace-0":
            thread.join(30)


def test_threads_may_be_closed_by_one_of_them() -> None:
    before = set(threading.enumerate())
    workers = Threads(2).start()
    started = set(threading.enumerate()) - before
    workers.submit(workers.close).result()
    assert len(started) == 2
    for thread in started:
        thread.join(30)
        assert not thread.is_alive()


def test_threads_are_added_and_end_after_what_they_were_given() -> None:
    before = set(threading.enumerate())
    workers = Threads(1).start()
    before_it: list[int | None] = [workers.look_ahead]
    workers.resize(3)
    assert before_it == [None]
    assert (workers.num_workers, workers.look_ahead) == (3, 6)
    barrier = threading.Barrier(3)
    futures = [workers.submit(lambda: barrier.wait(30)) for _ in range(3)]
    assert sorted(future.result() for future in futures) == [0, 1, 2]
    gates = [threading.Event() for _ in range(3)]
    held = [workers.submit(partial(gate.wait, 30)) for gate in gates]
    queued = workers.submit(int)
    workers.resize(1)
    for gate in gates:
        gate.set()
    assert [future.result() for future in held] == [True] * 3
    assert queued.result() == 0
    assert workers.submit(int).result() == 0
    started = set(threading.enumerate()) - before
    # Two of the three were told to end, behind what was queued.
    until = time.monotonic() + 30
    while sum(thread.is_alive() for thread in started) > 1 and time.monotonic() < until:
        time.sleep(0.001)
    assert sum(thread.is_alive() for thread in started) == 1
    workers.close()
    assert not [thread for thread in started if thread.is_alive()]


def test_close_cancels_what_waits_behind_threads_that_are_to_end() -> None:
    for _ in range(50):
        workers = Threads(4).start()
        futures = [workers.submit(int) for _ in range(4)]
        workers.resize(1)
        futures += [workers.submit(int) for _ in range(8)]
        workers.close()
        assert all(future.done() for future in futures)


def test_threads_that_have_ended_are_not_resized() -> None:
    workers = Threads(1).start()
    workers.close()
    workers.resize(3)
    assert workers.num_workers == 1
