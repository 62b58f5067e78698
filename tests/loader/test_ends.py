"""One iterator at a time, shutdown, and the end of every thread."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.streams import each_backend, same, shuffled

import headrace as hr
from headrace.contracts import Backend
from headrace.contracts.errors import ArgumentError, ClosedError

# Any, in this file: records of every type.


@each_backend
def test_an_older_iterator_says_that_it_is_not_the_newest(backend: Backend) -> None:
    with hr.DataLoader(shuffled(), backend=backend) as loader:
        first = iter(loader)
        next(first)
        second = iter(loader)
        with pytest.raises(
            ClosedError, match="this iterator is not the loader's newest.*one itera"
        ):
            next(first)
        assert list(second) == shuffled().epoch(1).collect()


def test_an_older_iterator_that_never_began_takes_nothing_from_the_newer() -> None:
    loader = hr.DataLoader(hr.stream(range(4)))
    first, second = iter(loader), iter(loader)
    with pytest.raises(ClosedError, match="not the loader's newest"):
        next(first)
    assert list(second) == [0, 1, 2, 3]


@each_backend
def test_a_loader_that_was_shut_down_says_so_and_still_gives_its_state(backend: Backend) -> None:
    loader = hr.DataLoader(shuffled(), backend=backend)
    iterator = iter(loader)
    head = [next(iterator), next(iterator)]
    loader.shutdown()
    loader.shutdown()
    message = "this DataLoader was shut down. Make a new one and load its state_dict"
    for use in (lambda: next(iterator), lambda: iter(loader)):
        with pytest.raises(ClosedError, match=message):
            use()
    with pytest.raises(ClosedError, match=message):
        loader.load_state_dict(loader.state_dict())
    with hr.DataLoader(shuffled(), backend=backend) as again:
        again.load_state_dict(loader.state_dict())
        assert head + list(again) == shuffled().collect()


@pytest.mark.parametrize("backend", [hr.Threads, 5, "threads", None.__class__])
def test_what_is_no_backend_is_refused(backend: Any) -> None:
    with pytest.raises(
        ArgumentError, match=r"a backend that says look_ahead and start was expected, got .*Inline"
    ):
        hr.DataLoader(hr.stream([1]), backend=backend)


def test_what_is_no_stream_is_refused() -> None:
    with pytest.raises(ArgumentError, match=r"a DataLoader runs a Stream, got list. Make one by"):
        hr.DataLoader([1])  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [float("nan"), "7", 1.0])
def test_a_seed_that_is_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="a seed must be a whole number"):
        hr.DataLoader(hr.stream([1]), seed=seed)
    with pytest.raises(ArgumentError, match="a seed must be a whole number"):
        hr.DataLoader(hr.stream([1])).seed(seed)


def our_threads() -> list[threading.Thread]:
    found = [one for one in threading.enumerate() if one.name.startswith("headrace")]
    # The pool of processes that tests share stays.
    return [one for one in found if one.name != "headrace-processes"]


def endless() -> Iterator[int]:
    return itertools.count()


SOURCES: list[Callable[[], Any]] = [lambda: hr.stream(range(10**6)), lambda: hr.stream(endless)]
each_source = pytest.mark.parametrize("source", SOURCES, ids=["addressed", "drawn"])


def assert_no_threads_are_left() -> None:
    gc.collect()
    for thread in our_threads():
        thread.join(10)
    assert our_threads() == []


@each_source
def test_threads_end_with_the_with_block(source: Callable[[], Any]) -> None:
    with hr.DataLoader(source().map(same), backend=hr.Threads(2)) as loader:
        next(iter(loader))
        assert our_threads()
    assert our_threads() == []


@each_source
def test_threads_end_when_the_loop_is_left_and_the_loader_dropped(
    source: Callable[[], Any],
) -> None:
    for _ in hr.DataLoader(source().map(same), backend=hr.Threads(2)):
        break
    assert_no_threads_are_left()


@each_source
def test_threads_end_when_an_error_leaves_the_loader(source: Callable[[], Any]) -> None:
    def fail(x: int) -> int:
        if x == 50:
            raise ValueError("fifty")
        return x

    with pytest.raises(ValueError, match="fifty"):
        list(hr.DataLoader(source().map(fail), backend=hr.Threads(2)))
    assert_no_threads_are_left()


@each_source
def test_threads_end_when_the_last_reference_is_dropped(source: Callable[[], Any]) -> None:
    loader = hr.DataLoader(source().map(same), backend=hr.Threads(2))
    iterator = iter(loader)
    next(iterator)
    dropped = weakref.ref(loader)
    del loader, iterator
    assert dropped() is None
    assert_no_threads_are_left()


@pytest.mark.timeout(60)
def test_a_pump_that_is_full_ends_when_the_last_reference_is_dropped() -> None:
    drawn = threading.Semaphore(0)

    def records() -> Iterator[int]:
        for k in itertools.count():
            drawn.release()
            yield k

    loader = hr.DataLoader(hr.stream(records).batch(1024), backend=hr.Threads(1))
    iterator = iter(loader)
    next(iterator)
    for _ in range(2 * 1024):
        assert drawn.acquire(timeout=30)
    del loader, iterator
    assert_no_threads_are_left()


@each_backend
def test_leaving_a_loop_ends_the_generator_behind_it(backend: Backend) -> None:
    ended = threading.Event()

    def records() -> Iterator[int]:
        try:
            yield from itertools.count()
        finally:
            ended.set()

    loader = hr.DataLoader(hr.stream(records).map(same), backend=backend)
    next(iter(loader))
    loader.shutdown()
    gc.collect()
    assert ended.is_set()


class UserNumbers:
    """A sequence of the user's own: nothing says that it may be read ahead."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> int:
        return index


@pytest.mark.timeout(60)
def test_a_slow_consumer_has_at_most_look_ahead_tasks_waiting() -> None:
    calls: list[int] = []
    backend = hr.Threads(2)
    # A task of 1,024 positions is one batch, so that batches count tasks.
    stream = hr.DataRef.from_sequence(UserNumbers(1024 * 40)).stream().tap(calls.append).batch(1024)
    most = 0
    with hr.DataLoader(stream, backend=backend) as loader:
        for given, _ in enumerate(loader, 1):
            most = max(most, len(calls) - given * 1024)
    assert len(calls) == 1024 * 40
    assert 0 < most <= backend.look_ahead * 1024
