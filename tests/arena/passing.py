"""Both sides of an arena in one process, and a worker process on the other end of a socket."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from headrace.arena import Arena, Desk, Slot

# Any, in this file: results of every type.
MOST_BYTES = 1 << 24


class Passage:
    """Sends results through slots, as a pool and one worker do."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.arena = Arena(most_bytes)
        self.desk = Desk(most_bytes)
        self.numbers: list[int] = []
        self._known: set[int] = set()

    def __call__(self, make: Callable[[], Any], mended: Callable[..., Any] | None = None) -> Any:
        """What `make` gives, as it arrives."""
        slot = self.take()
        return self.arena.opened(slot, self.packed(slot, make, mended))

    def take(self) -> Slot:
        slot = self.arena.take()
        self.numbers.append(slot.number)
        return slot

    def packed(
        self, slot: Slot, make: Callable[[], Any], mended: Callable[..., Any] | None = None
    ) -> bytes:
        if slot.number not in self._known:
            handle = slot.handle
            self.desk.add(slot.number, os.dup(handle) if isinstance(handle, int) else handle)
            self._known.add(slot.number)
        return self.desk.packed(slot.number, make, mended or refused)

    def close(self) -> None:
        self.desk.close()
        self.arena.close()


def refused(result: object, error: Exception) -> object:
    raise error


class Worker:
    """A process that runs the functions of `worker.py`."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        self.process = subprocess.Popen(
            [*command, str(theirs.fileno()), str(most_bytes)],
            pass_fds=[theirs.fileno()],
            # The package as it is here, tests that hide a name included.
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        theirs.close()
        self._known: set[int] = set()

    def begin(self, slot: Slot, work: str, *args: Any) -> None:
        is_new = slot.number not in self._known
        self._known.add(slot.number)
        handles = [slot.handle] if is_new and isinstance(slot.handle, int) else []
        name = slot.handle if is_new and isinstance(slot.handle, str) else None
        message = pickle.dumps((slot.number, name, work, args))
        socket.send_fds(self._socket, [message], handles)

    def answer(self) -> bytes:
        return self._socket.recv(1 << 20)

    def run(self, slot: Slot, work: str, *args: Any) -> bytes:
        self.begin(slot, work, *args)
        return self.answer()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        self._socket.close()
        self.process.wait(10)


@contextmanager
def worker(most_bytes: int = MOST_BYTES) -> Generator[Worker]:
    one = Worker(most_bytes)
    try:
        yield one
    finally:
        one.close()
