"""headrace calling a function on threads of its own, and the same by threads in loops."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import headrace as hr
from benchmarks.case import Case
from benchmarks.waiting import BUFFER, WORKERS, Fn, async_cases, waits


def _async_map(fn: Fn, count: int) -> Iterable[int]:
    return hr.stream(range(count)).async_map(fn, max_workers=WORKERS, buffer=BUFFER)


def _by_hand(fn: Fn, count: int) -> Iterable[int]:
    """Each thread has its share from the start: no hand-over, no order, no bound."""
    found = [0] * count

    def work(first: int) -> None:
        for number in range(first, count, WORKERS):
            found[number] = fn(number)

    threads = [threading.Thread(target=work, args=(first,)) for first in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


CASES = [
    *async_cases("headrace", _async_map),
    Case("async", "limit: threads in loops", lambda bench: waits(bench, _by_hand)),
]
