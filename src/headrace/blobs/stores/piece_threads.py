"""Threads that read pieces of blobs, for all who want blobs as files in this process."""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

# Pieces that are on their way and in memory, of all blobs together: one connection alone is slow.
AT_ONCE = 16


class PieceThreads:
    """Does so many things at once, in the order in which they were asked for.

    So a blob that was asked for first is there first. The threads end with the work. They are no
    daemons, which the end of the process may abort inside of obstore: it waits for what is under
    way, and nothing more is begun.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = at_once
        self._waiting: deque[tuple[Future[None], Callable[[], None]]] = deque()
        self._running = 0
        self._mutex = threading.Lock()

    def submit(self, work: Callable[[], None]) -> Future[None]:
        """Does it when its turn has come, unless it was cancelled. Raises RuntimeError at exit."""
        future: Future[None] = Future()
        with self._mutex:
            self._waiting.append((future, work))
            is_one_more = self._running < self._at_once
            self._running += is_one_more
        if is_one_more:
            try:
                # Said, as it would be one where a daemon asks.
                threading.Thread(target=self._run, name="headrace-piece", daemon=False).start()
            except RuntimeError:
                with self._mutex:
                    self._running -= 1
                # Unless another thread does it.
                if future.cancel():
                    raise
        return future

    def _run(self) -> None:
        while True:
            with self._mutex:
                if not self._waiting:
                    self._running -= 1
                    return
                future, work = self._waiting.popleft()
            if future.set_running_or_notify_cancel():
                _settle(future, work)


@functools.cache
def piece_threads() -> PieceThreads:
    """Those of this process: more of them would share one link and one memory."""
    return PieceThreads(AT_ONCE)


def _settle(future: Future[None], work: Callable[[], None]) -> None:
    try:
        if not threading.main_thread().is_alive():
            raise RuntimeError("nothing is fetched any more: the process ends")
        work()
    except BaseException as error:
        future.set_exception(error)
    else:
        future.set_result(None)
