"""The scheduler: a bounded window, in order, with errors at their place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from functools import partial
from typing import Any

import pytest

from headrace.backends import Threads
from headrace.schedule import Schedule

# Any, in this file: tasks of every result type.


class Held:
    """Workers that run nothing until they are told which."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []
        self.tasks: list[Callable[[], Any]] = []

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        self.futures.append(Future())
        self.tasks.append(task)
        return self.futures[-1]

    def finish(self, number: int) -> None:
        self.futures[number].set_result(self.tasks[number]())

    def close(self) -> None:
        pass


def tasks(count: int) -> Iterator[Callable[[], int]]:
    return (partial(int, k) for k in range(count))


def test_results_come_in_the_order_of_the_tasks() -> None:
    held = Held()
    schedule: Schedule[int] = Schedule(held, tasks(5), look_ahead=3)
    first: list[int | None] = []
    thread = threading.Thread(target=lambda: first.append(schedule.next()))
    thread.start()
    while len(held.futures) < 3:
        thread.join(0.001)
    held.finish(1)
    held.finish(2)
    held.finish(0)
    thread.join()
    assert first == [0]
    assert [schedule.next(), schedule.next()] == [1, 2]


def test_at_most_look_ahead_tasks_are_undelivered() -> None:
    held = Held()
    schedule: Schedule[int] = Schedule(held, tasks(50), look_ahead=3)
    held_next = held.submit

    def submit(task: Callable[[], Any]) -> Future[Any]:
        future = held_next(task)
        held.finish(len(held.futures) - 1)
        return future

    held.submit = submit  # type: ignore[method-assign]
    found = []
    while (result := schedule.next()) is not None:
        found.append(result)
        assert len(held.futures) - len(found) <= 3
    assert found == list(range(50))
    assert schedule.next() is None


def failing_tasks() -> Iterator[Callable[[], int]]:
    yield lambda: 0
    yield lambda: 1
    raise OSError("no more input")


@pytest.mark.parametrize("is_pumped", [False, True])
def test_an_error_of_the_input_comes_after_what_was_drawn_and_stays(is_pumped: bool) -> None:
    workers = Threads(1).start()
    schedule: Schedule[int] = Schedule(workers, failing_tasks(), look_ahead=8, is_pumped=is_pumped)
    assert [schedule.next(), schedule.next()] == [0, 1]
    for _ in range(2):
        with pytest.raises(OSError, match="no more input"):
            schedule.next()
    schedule.close()
    workers.close()


def test_an_error_of_a_task_comes_at_its_place_and_stays() -> None:
    def fail() -> int:
        raise ValueError("second")

    workers = Threads(2).start()
    schedule: Schedule[int] = Schedule(workers, iter([lambda: 0, fail, lambda: 2]), look_ahead=3)
    assert schedule.next() == 0
    for _ in range(2):
        with pytest.raises(ValueError, match="second"):
            schedule.next()
    schedule.close()
    workers.close()


def test_close_cancels_what_has_not_begun_and_ends_the_input() -> None:
    ended = threading.Event()

    def endless() -> Iterator[Callable[[], int]]:
        try:
            while True:
                yield lambda: 0
        finally:
            ended.set()

    held = Held()
    schedule: Schedule[int] = Schedule(held, endless(), look_ahead=3)
    schedule._fill()
    schedule.close()
    schedule.close()
    for future in held.futures:
        with pytest.raises(CancelledError):
            future.result()
    assert ended.is_set()
