"""An `async def` function on an event loop of its own, in one thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from headrace.deferred import asyncio
from headrace.executors.runner import Done, Outcome

# Any, in this file: functions, records and results of every type.
logger = logging.getLogger("headrace")


class LoopRunner:
    """One loop in one thread; as many records are in flight as are handed over."""

    # Records wait for each other in no group: the loop takes them one by one.
    handover_s = 0.0

    def __init__(self, fn: Callable[[Any], Awaitable[Any]], name: str, workers: int) -> None:
        self.workers = workers
        self._fn = fn
        self._name = name
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        # Touched by the loop's thread only.
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_over = False

    def submit(self, records: list[Any], done: Done) -> None:
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._serve, args=(self._loop,), name="headrace-loop", daemon=True
                )
                self._thread.start()
        for record in records:
            self._loop.call_soon_threadsafe(self._begin, record, done)

    def cancel(self) -> None:
        self._is_over = True
        self._call(self._cancel_all)

    def check(self) -> None:
        """The loop lives as long as its thread."""

    def close(self, seconds: float) -> None:
        self.cancel()
        self._call(self._stop_when_empty)
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(seconds)
        if thread.is_alive():
            logger.warning(
                "%s still runs a user function after the end, in %s; it ends with the process",
                self._name,
                thread.name,
            )

    def _call(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.call_soon_threadsafe(callback)

    # -- in the loop's thread ----------------------------------------------------------------

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            with self._lock:
                loop.close()

    def _begin(self, record: Any, done: Done) -> None:
        if self._is_over:
            return
        task = asyncio.get_running_loop().create_task(self._run(record, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, record: Any, done: Done) -> None:
        began = time.perf_counter()
        try:
            value = await self._fn(record)
        except BaseException as error:
            # A task that we cancelled ends here too: nobody asks for its outcome any more.
            done(Outcome([], error, time.perf_counter() - began))
        else:
            done(Outcome([value], None, time.perf_counter() - began))

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

    def _stop_when_empty(self) -> None:
        loop = asyncio.get_running_loop()
        if self._tasks:
            # One more round each: a cancelled task may still have something to await.
            self._cancel_all()
            loop.call_later(POLL_SECONDS, self._stop_when_empty)
        else:
            loop.stop()


# How often a loop that ends looks whether its last tasks have.
POLL_SECONDS = 0.005
