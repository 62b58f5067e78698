"""`async def` functions on an event loop of their own."""

from __future__ import annotations

import asyncio
import threading

import pytest

import headrace as hr
from headrace.executors import ahead

pytestmark = pytest.mark.timeout(60)
SECONDS = 30


def test_as_many_as_the_buffer_are_in_flight_in_one_thread() -> None:
    flying, most = 0, 0
    threads = set()
    all_here = asyncio.Event()

    async def fetch(x: int) -> int:
        nonlocal flying, most
        threads.add(threading.current_thread().name)
        flying += 1
        most = max(most, flying)
        if flying == 20:
            all_here.set()
        await asyncio.wait_for(all_here.wait(), SECONDS)
        flying -= 1
        return -x

    stream = hr.stream(range(50)).async_map(fetch, buffer=20)
    assert stream.collect() == [-x for x in range(50)]
    assert most == 20
    assert threads == {"headrace-loop"}


def test_a_callable_object_and_unordered_results() -> None:
    class Fetch:
        async def __call__(self, x: int) -> int:
            await asyncio.sleep(0)
            return x

    assert sorted(hr.stream(range(9)).async_map(Fetch(), ordered=False)) == list(range(9))


def test_an_early_end_cancels_what_is_in_flight() -> None:
    cancelled = threading.Semaphore(0)
    begun = threading.Semaphore(0)

    async def fetch(x: int) -> int:
        if x:
            begun.release()
            try:
                await asyncio.sleep(3600)
            finally:
                cancelled.release()
        return x

    records = iter(hr.stream(range(9)).async_map(fetch, buffer=4))
    assert next(records) == 0
    for _ in range(4):
        assert begun.acquire(timeout=SECONDS)
    records.close()  # type: ignore[attr-defined]
    for _ in range(4):
        assert cancelled.acquire(timeout=SECONDS)
    assert [t for t in threading.enumerate() if t.name == "headrace-loop"] == []


def test_an_error_and_a_cancellation_of_its_own_are_the_record_s() -> None:
    async def timed_out(x: int) -> int:
        if x == 2:
            raise asyncio.CancelledError
        return x

    found: list[int] = []
    with pytest.raises(asyncio.CancelledError):
        found.extend(hr.stream(range(9)).async_map(timed_out))
    assert found == [0, 1]


def test_a_loop_that_hangs_is_left_behind_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ahead, "CLOSE_SECONDS", 0.05)
    gate, hangs = threading.Event(), threading.Event()

    async def hang(x: int) -> int:
        if x:
            hangs.set()
            gate.wait(SECONDS)
        return x

    records = iter(hr.stream(range(3)).async_map(hang))
    assert next(records) == 0
    assert hangs.wait(SECONDS)
    records.close()  # type: ignore[attr-defined]
    assert "async_map(hang) still runs a user function after the end, in headrace-l" in caplog.text
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "headrace-loop":
            thread.join(SECONDS)
