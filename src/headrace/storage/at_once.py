"""Many answers of a store at once, in order: each would wait for the network by itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

# Manifests of many shards are some megabytes: so many of them are in memory at once.
AT_ONCE = 8
S = TypeVar("S")
T = TypeVar("T")


def each(ask: Callable[[S], T], wanted: Iterable[S], *, at_once: int = AT_ONCE) -> Generator[T]:
    """What `ask` gives for each that is wanted, in their order; it is called on threads.

    At most `at_once` are under way or wait to be taken. Where one raises, or whoever takes them
    leaves, those under way are waited for.

    Example:
        >>> list(each(abs, [-3, 2, -1]))
        [3, 2, 1]
    """
    coming: deque[Future[T]] = deque()
    with ThreadPoolExecutor(at_once, thread_name_prefix="headrace-ask") as pool:
        for one in wanted:
            coming.append(pool.submit(ask, one))
            if len(coming) == at_once:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()
