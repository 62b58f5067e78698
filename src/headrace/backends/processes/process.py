"""A process that works for another: how it ends with it, and how it leaves."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
from typing import NoReturn

# Without process descriptors, a parent that has ended is seen this late.
LOOK_SECONDS = 0.5


class Parent:
    """The process that this one works for, directly or through a fork server.

    Its descriptor becomes readable when it ends; forked processes inherit it.
    """

    def __init__(self, process: int) -> None:
        self._process = process
        self.descriptor = descriptor_of(process)
        if not self._is_there():
            end()

    def watch(self) -> None:
        """Ends this process with the parent, from a thread, whatever else runs."""
        threading.Thread(target=self._watch, name="headrace-parent", daemon=True).start()

    def _watch(self) -> None:
        if self.descriptor is None:
            while self._is_there():
                time.sleep(LOOK_SECONDS)
        else:
            ready = select.poll()
            ready.register(self.descriptor, select.POLLIN)
            ready.poll()
        end()

    def _is_there(self) -> bool:
        # Windows keeps the number of a parent that has ended; its socket alone tells there.
        return sys.platform == "win32" or os.getppid() == self._process


def descriptor_of(process: int) -> int | None:
    """A descriptor that is readable once the process has ended; None where there are none."""
    try:
        return os.pidfd_open(process)
    except (AttributeError, OSError):
        return None


def end() -> NoReturn:
    """Ends this process without a word: nobody is left to read it."""
    os._exit(1)


def leave(code: int) -> NoReturn:
    """Ends this process with what it has printed, and with none of its exit handlers.

    Those that came by a fork belong to others, and user functions may have left threads.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):
            continue
    os._exit(code)
