"""A fork server: a clean interpreter without threads, which forks a worker on request."""

from __future__ import annotations

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import traceback
import warnings
from importlib import import_module
from typing import NoReturn

from headrace.backends.processes.messages import PROCESS, Kind, Line
from headrace.backends.processes.process import Parent, descriptor_of, leave
from headrace.backends.processes.worker import work

# What nearly every worker needs; imported once here.
IMPORTED = ("cloudpickle", "pyarrow")


def serve(line: Line, parent: Parent) -> None:
    """Serves until the parent says so or ends; the workers end with it."""
    for module in IMPORTED:
        import_module(module)
    # What is here stays, so collections in the workers need not touch its pages.
    gc.freeze()
    line.send(Kind.READY)
    Server(line, parent).run()


class Server:
    """The children that it has forked, and what they and the pool tell it."""

    def __init__(self, line: Line, parent: Parent) -> None:
        self._line = line
        self._parent = parent
        # Process numbers of those that live, and the numbers of their starts.
        self._children: dict[int, int] = {}
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def run(self) -> None:
        """Forks, and tells of those that have ended."""
        selector = selectors.DefaultSelector()
        assert self._parent.descriptor is not None
        for source in (self._line.end, self._woken, self._parent.descriptor):
            selector.register(source, selectors.EVENT_READ)
        with contextlib.suppress(ConnectionError):
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._reap()
                if self._parent.descriptor in ready:
                    break
                if self._line.end in ready and not self._answer():
                    break
        self._close()
        # A function that holds the interpreter's lock keeps its worker from seeing the end.
        for process in self._children:
            os.kill(process, signal.SIGKILL)

    def _answer(self) -> bool:
        frame = self._line.receive()
        if frame is None or frame.kind == Kind.END:
            return False
        [end] = self._line.descriptors
        process = self._fork(end)
        os.close(end)
        self._children[process] = frame.number
        # Not reaped yet, so the number is its own.
        descriptor = descriptor_of(process)
        assert descriptor is not None
        self._line.send(Kind.FORKED, frame.number, PROCESS.pack(process), [descriptor])
        os.close(descriptor)
        return True

    def _fork(self, end: int) -> int:
        with warnings.catch_warnings():
            # A library with threads of its own may have been preloaded; it was told not to.
            warnings.simplefilter("ignore", DeprecationWarning)
            process = os.fork()
        if process == 0:
            self._become_worker(end)
        return process

    def _become_worker(self, end: int) -> NoReturn:
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._close()
            draw_anew()
            # Held to the very end: the pool kills who hangs up.
            line = Line(socket.socket(fileno=end))
            work(line, self._parent)
        except BaseException:
            traceback.print_exc()
            leave(1)
        leave(0)

    def _close(self) -> None:
        signal.set_wakeup_fd(-1)
        for end in (self._line.end, self._woken, self._waker):
            end.close()

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(64):
                pass
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                process, status = found
                number = self._children.pop(process, None)
                if number is not None:
                    code = os.waitstatus_to_exitcode(status)
                    self._line.send(Kind.ENDED, number, PROCESS.pack(code))


def draw_anew() -> None:
    """Seeds the global generators: forked processes would all begin with the same numbers."""
    for name in ("numpy.random", "torch"):
        module = sys.modules.get(name)
        if module is not None:
            module.seed()
