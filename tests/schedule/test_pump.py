"""The pump: draws ahead, bounded, and ends."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator

import pytest

from headrace.schedule import pump as pump_module
from headrace.schedule.pump import Pump

pytestmark = pytest.mark.timeout(60)


def alive() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "headrace-pump"]


def test_all_come_in_order_then_none() -> None:
    pump = Pump(iter([1, 2, 3]), lambda: 2)
    assert [pump.next() for _ in range(5)] == [1, 2, 3, None, None]
    pump.close()


def test_at_most_the_bound_is_drawn_and_not_taken() -> None:
    drawn: list[int] = []
    reached = threading.Semaphore(0)

    def numbers() -> Iterator[int]:
        for k in range(100):
            drawn.append(k)
            reached.release()
            yield k

    pump = Pump(numbers(), lambda: 3)
    most = 0
    for taken in range(1, 98):
        assert reached.acquire(timeout=30)
        assert pump.next() == taken - 1
        most = max(most, len(drawn) - taken)
    # One may be drawn between the taking and the look.
    assert 0 <= most <= 3
    pump.close()


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_whatever_the_source_raises_comes_at_its_place(kind: type[BaseException]) -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise kind("two")

    pump = Pump(numbers(), lambda: 5)
    assert pump.next() == 1
    for _ in range(2):
        with pytest.raises(kind, match="two"):
            pump.next()
    pump.close()
    assert alive() == []


def test_close_ends_a_full_pump_and_its_source_and_gives_what_is_left() -> None:
    ended = threading.Event()
    drawn = threading.Semaphore(0)

    def numbers() -> Iterator[int]:
        try:
            for k in itertools.count():
                drawn.release()
                yield k
        finally:
            ended.set()

    pump = Pump(numbers(), lambda: 2)
    assert drawn.acquire(timeout=30)
    assert drawn.acquire(timeout=30)
    left = pump.close()
    assert left == list(range(len(left)))
    assert alive() == []
    assert ended.is_set()
    assert pump.next() is None
    assert pump.close() == []


def test_a_source_that_hangs_is_left_behind_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()
    began = threading.Event()

    def hang() -> Iterator[int]:
        began.set()
        release.wait(30)
        yield 1

    monkeypatch.setattr(pump_module, "CLOSE_SECONDS", 0.01)
    pump = Pump(hang(), lambda: 2)
    assert began.wait(30)
    pump.close()
    assert "headrace-pump still draws from its source 0.01 s after the end" in caplog.text
    release.set()
    for thread in threading.enumerate():
        if thread.name == "headrace-pump":
            thread.join(30)
