"""What the workers of the tests run: a module that loads at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path


def hang_once(marker: Path) -> None:
    """Hangs in the process that comes first, after it has left its number."""
    try:
        with marker.open("x") as file:
            file.write(f"{os.getpid()}\n")
    except FileExistsError:
        return
    while True:
        signal.pause()


def hanging_at(number: int, marker: Path) -> Callable[[int], int]:
    """Squares; the process that first meets a number hangs."""

    def fn(x: int) -> int:
        if x == number:
            hang_once(marker)
        return x * x

    return fn


def slow(x: int) -> int:
    """Squares, in a fifth of a millisecond."""
    threading.Event().wait(0.0002)
    return x * x


def exiting_at_70(x: int) -> int:
    """The number, unless it ends its process."""
    if x == 70:
        os._exit(3)
    return x


def refuse(worker_id: int) -> None:
    """A `worker_init_fn` that fails."""
    raise KeyError(f"no device {worker_id}")
