"""Draws records ahead of their consumer, has a function run over them, and delivers."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import suppress
from functools import partial
from typing import Any

from headrace.contracts import Cursor, Failed, Mark, iterate, marker
from headrace.contracts.errors import ClosedError
from headrace.executors.held import HOLD_SECONDS, Held
from headrace.executors.places import Place, Places
from headrace.executors.runner import Outcome, Runner

# Any, in this file: records and results of every type.
# How long `close` waits for what is running; user functions may hang.
CLOSE_SECONDS = 5.0
# How often a consumer that waits asks whether the executor still lives.
CHECK_SECONDS = 1.0

logger = logging.getLogger("headrace")
_END = object()


class Ahead:
    """A thread that draws from `parent` and hands over to `runner`; nothing before `take`.

    At most `buffer` records lie between the oldest undelivered one and the newest drawn one.
    Without a runner records are only drawn. `soft` is the name under which a failing record is
    given as `Failed`; None where it is raised.
    """

    def __init__(
        self,
        parent: Cursor[Any],
        places: Places,
        runner: Runner | None = None,
        *,
        buffer: int,
        soft: str | None = None,
    ) -> None:
        self._parent = parent
        self._places = places
        self._runner = runner
        self._buffer = buffer
        self._soft = soft
        # Guards all below. Reentrant: a dropped loader may be closed inside any statement here.
        self._lock = threading.RLock()
        self._ready = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._held = Held(runner, buffer)
        self._thread: threading.Thread | None = None
        # What ended the drawing, and where the parent stood then.
        self._end: tuple[BaseException | None, Mark] | None = None
        self._failure: BaseException | None = None
        self._failed_at: tuple[Mark, Mark] | None = None
        self._worked_s = 0.0
        self._is_stopped = False
        self._is_paused = False
        self._is_closed = False
        self._closes_parent = False

    def take(self, most: int) -> list[Any]:
        """What is ready, at most `most`; waits for the first, and gives none only at the end."""
        self.begin()
        self.resume()
        while True:
            with self._lock:
                found = self._places.take(most)
                if found:
                    if self._has_room():
                        self._room.notify()
                    return found
                if self._is_over():
                    return found
                is_woken = self._ready.wait(HOLD_SECONDS if self._held else CHECK_SECONDS)
                is_due = not is_woken or self._held.is_urgent
                groups = self._held.cut(everything=True) if is_due else []
            self._submit(groups)
            if not is_woken:
                self._check()

    def begin(self) -> None:
        """Begins to draw."""
        with self._lock:
            if self._thread is not None or self._is_closed:
                return
            self._thread = threading.Thread(target=self._draw, name="headrace-ahead", daemon=True)
            self._thread.start()

    def is_settled(self) -> bool:
        """Whether it has drawn and done all that may be ahead."""
        with self._lock:
            is_full = self._end is not None or len(self._places) >= self._buffer
            return is_full and self._places.are_done

    def pause(self) -> None:
        """Draws no more for now; what the executor has been given it finishes."""
        with self._lock:
            self._is_paused = True

    def resume(self) -> None:
        """Draws on."""
        if not self._is_paused:
            return
        with self._lock:
            self._is_paused = False
            self._room.notify()

    def where(self) -> tuple[Mark, int]:
        """Where the parent stood before the oldest undelivered record, and the delivered mask."""
        with self._lock:
            return self._places.at, self._places.mask

    def failed_at(self, error: BaseException) -> tuple[Mark, Mark] | None:
        """Where the parent stood before and after the record that gave this error."""
        return self._failed_at if error is self._failure else None

    def worked(self) -> tuple[float, int]:
        """The seconds that the function took so far on all workers, and how many there are."""
        return self._worked_s, 1 if self._runner is None else self._runner.workers

    def close(self) -> None:
        """Ends the threads, bounded in time, and closes the parent."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            self._stop()
            self._places.clear()
        until = time.monotonic() + CLOSE_SECONDS
        try:
            self._end_drawing()
        finally:
            if self._runner is not None:
                self._runner.close(max(0.0, until - time.monotonic()))

    def _end_drawing(self) -> None:
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join(CLOSE_SECONDS)
            if thread.is_alive():
                logger.warning(
                    "%s still draws from its source %s s after the end; it ends with the process",
                    thread.name,
                    CLOSE_SECONDS,
                )
        with self._lock:
            # One thread at a time uses a cursor: that one may still be inside it.
            self._closes_parent = thread is not None and self._end is None
        if not self._closes_parent:
            self._parent.close()

    def _is_over(self) -> bool:
        """Whether all is delivered; raises what stands at this place, again when asked again."""
        if self._failure is None:
            place = self._places.ready()
            if place is not None:
                self._failure, self._failed_at = place.error, (place.before, place.after)
            elif self._is_closed:
                raise ClosedError("this cursor was closed. Open a new one from its state.")
            elif self._end is not None and not len(self._places):
                self._failure, self._places.at = self._end
            if self._failure is not None:
                self._stop()
        if self._failure is not None:
            raise self._failure
        return self._end is not None and not len(self._places)

    def _stop(self) -> None:
        """Draws no more, and forgets what has not begun."""
        self._is_stopped = True
        self._held.clear()
        if self._runner is not None:
            self._runner.cancel()
        self._room.notify_all()
        self._ready.notify_all()

    def _check(self) -> None:
        """Raises where the executor can give nothing any more, and keeps that error."""
        try:
            if self._runner is not None:
                self._runner.check()
        except Exception as error:
            with self._lock:
                self._failure = error
                self._stop()
            raise

    # -- the thread that draws ---------------------------------------------------------------

    def _draw(self) -> None:
        mark = marker(self._parent)
        after = self._places.at
        error: BaseException | None = None
        try:
            records = iterate(self._parent)
            while self._waited_for_room():
                record = next(records, _END)
                after = mark()
                if record is _END:
                    break
                self._submit(self._added(record, after))
        except BaseException as raised:
            # Whatever it is: a thread that ends in silence leaves its consumer waiting.
            error = raised
            with suppress(Exception):
                after = mark()
        with self._lock:
            self._end = error, after
            groups = self._held.cut(everything=True)
            self._ready.notify_all()
            closes_parent = self._closes_parent
        self._submit(groups)
        if closes_parent:
            self._parent.close()

    def _waited_for_room(self) -> bool:
        """Waits until a record may be drawn; False where none is wanted any more."""
        while True:
            with self._lock:
                if self._is_stopped:
                    return False
                has_room = len(self._places) < self._buffer and not self._held.is_urgent
                if has_room and not self._is_paused:
                    return True
                groups = self._held.cut(everything=True)
                if not groups:
                    self._room.wait()
            self._submit(groups)

    def _has_room(self) -> bool:
        """Whether it is worth waking the thread that draws: for a whole group."""
        return not self._places or len(self._places) + self._held.size <= self._buffer

    def _added(self, record: Any, after: Mark) -> list[list[Place]]:
        """Notes a drawn record; gives the groups to hand over now."""
        is_plain = self._runner is None or (self._soft is not None and isinstance(record, Failed))
        with self._lock:
            place = self._places.add(record, after)
            if place is None or self._is_stopped:
                return []
            if not is_plain:
                return self._held.add(place)
            self._places.finish(place, record)
            self._tell()
            return []

    def _tell(self) -> None:
        if self._places.ready() is not None:
            self._ready.notify()

    def _submit(self, groups: list[list[Place]]) -> None:
        # Never under the lock: an executor may run the function before it returns.
        for group in groups:
            assert self._runner is not None
            try:
                self._runner.submit([place.value for place in group], partial(self._done, group))
            except BaseException as error:
                self._done(group, Outcome([], error, is_lost=True))

    def _done(self, group: list[Place], outcome: Outcome) -> None:
        """Notes what became of a group; called from whatever thread."""
        with self._lock:
            self._worked_s += outcome.seconds
            if self._is_stopped:
                return
            for place, value in zip(group, outcome.values, strict=False):
                self._places.finish(place, value)
            rest = group[len(outcome.values) :]
            if outcome.error is not None:
                rest = self._failed(rest, outcome.error, is_lost=outcome.is_lost)
            if rest:
                self._held.put_back(rest)
                self._ready.notify()
                self._room.notify()
            self._held.learn(outcome.seconds, len(group))
            self._tell()

    def _failed(self, rest: list[Place], error: BaseException, *, is_lost: bool) -> list[Place]:
        """Notes an error at the first of `rest`; gives those that run all the same."""
        place = rest[0]
        if self._soft is not None and isinstance(error, Exception) and not is_lost:
            self._places.finish(place, Failed(error, self._soft))
            return rest[1:]
        self._places.finish(place, None, error)
        return []
