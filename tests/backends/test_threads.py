"""Threads: they run tasks side by side, and end."""

from __future__ import annotations

import gc
import threading
import weakref
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
    workers = Threads(2).start()
    workers.submit(workers.close).result()
    for thread in threading.enumerate():
        if thread.name.startswith("headrace-"):
            thread.join(30)
            assert not thread.is_alive()
