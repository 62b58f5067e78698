"""A thread that draws from an iterator ahead of its consumer, bounded."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")

# How long `close` waits for a draw that is running; user iterators may hang.
CLOSE_SECONDS = 5.0

logger = logging.getLogger("headrace")


class Pump(Generic[T]):
    """Draws ahead while fewer than `bound()` are drawn and not taken. Errors keep their place."""

    def __init__(self, source: Iterator[T], bound: Callable[[], int]) -> None:
        self._source = source
        self._bound = bound
        # Guarded by `_changed`: at most `bound()` drawn ones, oldest first.
        self._drawn: deque[T] = deque()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="headrace-pump", daemon=True)
        self._thread.start()

    def next(self) -> T | None:
        """The oldest drawn one, None after the last; raises what drawing raised."""
        with self._changed:
            self._changed.wait_for(lambda: self._drawn or self._is_over)
            if self._drawn:
                taken = self._drawn.popleft()
                self._changed.notify_all()
                return taken
        if self._error is not None:
            raise self._error
        return None

    def drawn(self) -> list[T]:
        """What was drawn and not taken, oldest first."""
        with self._changed:
            return list(self._drawn)

    def is_full(self) -> bool:
        """Whether it draws no more for now."""
        with self._changed:
            return self._is_over or len(self._drawn) >= self._bound()

    def wake(self) -> None:
        """Looks at the bound again, which has changed."""
        with self._changed:
            self._changed.notify_all()

    def close(self) -> list[T]:
        """Ends the thread after the draw it is in; gives what was drawn and not taken."""
        with self._changed:
            self._is_over = True
            left, self._drawn = list(self._drawn), deque()
            self._changed.notify_all()
        if self._thread is not threading.current_thread():
            self._thread.join(CLOSE_SECONDS)
            if self._thread.is_alive():
                logger.warning(
                    "%s still draws from its source %s s after the end; it ends with the process",
                    self._thread.name,
                    CLOSE_SECONDS,
                )
                return left
        self._source = iter(())
        return left

    def _run(self) -> None:
        try:
            while self._has_room():
                drawn = next(self._source)
                with self._changed:
                    if not self._is_over:
                        self._drawn.append(drawn)
                    self._changed.notify_all()
        except StopIteration:
            pass
        except BaseException as error:
            # Whatever it is: a thread that ends in silence leaves its consumer waiting.
            self._error = error
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: len(self._drawn) < self._bound() or self._is_over)
            return not self._is_over
