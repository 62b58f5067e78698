"""Interpreters that work for this one, started clean: nothing of it is forked."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Protocol

from headrace.backends.processes.process import descriptor_of
from headrace.backends.processes.setup import Recipe

# Sets the paths before anything of ours is imported: they may be what finds it.
PROGRAM = (
    "import sys; sys.path[:] = {path!r}; from headrace.backends.processes.child import main; "
    "main({role!r}, {end!r}, {parent!r}, {preload!r})"
)

# Windows has one way to end a process.
KILL = getattr(signal, "SIGKILL", signal.SIGTERM)

Ended = Callable[[int, int | None], None]


class Launcher(Protocol):
    """Starts worker processes, for the pool's thread.

    It tells of each that has ended, once, with its exit code where that is known.
    """

    def begin(self, number: int, end: socket.socket) -> None:
        """Starts one that is at the other side of `end`, and closes `end`."""
        ...

    def lost(self, number: int) -> None:
        """Ends one that has closed its socket."""
        ...

    def kill(self, number: int, sign: signal.Signals) -> None:
        """Sends a signal to one that may have ended."""
        ...

    def close(self) -> None:
        """Ends what is left."""
        ...


class Spawner:
    """Starts an interpreter for each worker."""

    def __init__(
        self,
        selector: selectors.BaseSelector,
        ended: Ended,
        recipe: Recipe,
    ) -> None:
        self._selector = selector
        self._ended = ended
        self._recipe = recipe
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._descriptors: dict[int, int] = {}

    def begin(self, number: int, end: socket.socket) -> None:
        process = interpreter("worker", end, self._recipe)
        self._processes[number] = process
        descriptor = descriptor_of(process.pid)
        if descriptor is not None:
            self._descriptors[number] = descriptor
            self._selector.register(descriptor, selectors.EVENT_READ, lambda _: self._reap(number))

    def lost(self, number: int) -> None:
        self.kill(number, KILL)
        if number not in self._descriptors:
            self._reap(number)

    def kill(self, number: int, sign: signal.Signals) -> None:
        if number in self._processes:
            self._processes[number].send_signal(sign)

    def close(self) -> None:
        for number in list(self._processes):
            self.kill(number, KILL)
            self._reap(number)

    def _reap(self, number: int) -> None:
        process = self._processes.pop(number, None)
        if process is None:
            return
        descriptor = self._descriptors.pop(number, None)
        if descriptor is not None:
            self._selector.unregister(descriptor)
            os.close(descriptor)
        self._ended(number, process.wait())


def interpreter(role: str, end: socket.socket, recipe: Recipe) -> subprocess.Popen[bytes]:
    """A clean interpreter with the flags and paths of this one; `end` becomes its own."""
    descriptor = None if sys.platform == "win32" else end.fileno()
    program = PROGRAM.format(
        path=[str(entry) for entry in sys.path],
        role=role,
        end=descriptor,
        parent=os.getpid(),
        preload=recipe.preload,
    )
    flags: list[str] = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]
    process = subprocess.Popen(
        [sys.executable, *flags, "-c", program],
        env=recipe.environment(),
        stdin=subprocess.PIPE if descriptor is None else subprocess.DEVNULL,
        pass_fds=() if descriptor is None else (descriptor,),
    )
    if sys.platform == "win32":
        assert process.stdin is not None
        with process.stdin as described:
            described.write(end.share(process.pid))
    end.close()
    return process


def without_interrupts() -> None:
    """Keeps Ctrl-C from this thread, and from the processes that it starts until they are up."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def can_fork() -> bool:
    """Whether this system has all that a fork server needs."""
    names = {
        os: ("fork", "memfd_create", "pidfd_open", "register_at_fork"),
        socket: ("send_fds", "recv_fds"),
        signal: ("pidfd_send_signal",),
    }
    if not all(hasattr(module, name) for module, of_it in names.items() for name in of_it):
        return False
    descriptor = descriptor_of(os.getpid())
    if descriptor is not None:
        os.close(descriptor)
    return descriptor is not None
