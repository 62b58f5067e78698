"""Calls that may never return, given up after a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` gives, or its error.

    Nothing can end a call that hangs in a collective or in a socket of a machine that is gone:
    its thread stays until the process ends.

    Raises:
        TimeoutError: it has not returned within so many seconds.
    """
    answers: queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=run, name="headrace-ranks", daemon=True).start()
    try:
        answer = answers.get(timeout=min(seconds, threading.TIMEOUT_MAX))
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:g} s") from None
    if answer[1] is not None:
        raise answer[1]
    return answer[0]
