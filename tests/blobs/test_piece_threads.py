"""Threads that do so many things at once, the first that was asked for first."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from headrace.blobs.stores.piece_threads import PieceThreads


def running() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "headrace-piece"]


def test_no_more_is_done_at_once() -> None:
    threads = PieceThreads(2)
    are_two, may_go_on = threading.Barrier(3), threading.Event()
    done: list[int] = []

    def wait() -> None:
        are_two.wait()
        may_go_on.wait()

    # Those of earlier tests may be about to end.
    others = set(running())
    held = [threads.submit(wait) for _ in range(2)]
    are_two.wait()
    rest = [threads.submit(partial(done.append, number)) for number in range(20)]
    found = len(set(running()) - others), list(done)
    may_go_on.set()
    for one in (*held, *rest):
        one.result()
    assert found == (2, [])
    assert sorted(done) == list(range(20))


def test_what_was_asked_for_first_comes_first_unless_it_was_cancelled() -> None:
    threads = PieceThreads(1)
    may_begin = threading.Event()
    done: list[int] = []

    def wait() -> None:
        may_begin.wait()

    threads.submit(wait)
    rest = [threads.submit(partial(done.append, number)) for number in range(20)]
    assert rest[7].cancel()
    may_begin.set()
    rest[-1].result()
    assert done == [number for number in range(20) if number != 7]


def test_what_fails_says_so_and_the_others_are_done() -> None:
    def fail() -> None:
        raise ValueError("no such piece")

    threads = PieceThreads(1)
    failing, other = threads.submit(fail), threads.submit(lambda: None)
    other.result()
    with pytest.raises(ValueError, match="no such piece"):
        failing.result()


def test_the_threads_end_with_the_work_and_begin_again() -> None:
    threads = PieceThreads(3)
    others = set(running())
    for _ in range(2):
        for one in [threads.submit(lambda: None) for _ in range(9)]:
            one.result()
        for thread in set(running()) - others:
            thread.join()
