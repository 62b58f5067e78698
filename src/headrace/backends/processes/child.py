"""Where worker interpreters and fork servers begin."""

from __future__ import annotations

import importlib
import pickle
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

from headrace.backends.processes.messages import Kind, Line
from headrace.backends.processes.process import Parent, leave
from headrace.backends.processes.server import serve
from headrace.backends.processes.worker import work
from headrace.carried import CarriedError


def main(role: str, end: int | None, parent: int, preload: Sequence[str]) -> NoReturn:
    """Runs as a `"server"` or a `"worker"`; `end` is a socket to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        # The parent blocked it until here.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    line = Line(socket_of(end))
    watched = Parent(parent)
    try:
        for module in preload:
            importlib.import_module(module)
    except BaseException as error:
        line.send(Kind.BROKEN, body=pickle.dumps(CarriedError(error)))
        leave(0)
    try:
        run = serve if role == "server" else work
        run(line, watched)
    except BaseException:
        traceback.print_exc()
        leave(1)
    leave(0)


def socket_of(descriptor: int | None) -> socket.socket:
    """The socket that was inherited, or is described on the standard input, as Windows needs."""
    if sys.platform == "win32":
        return socket.fromshare(sys.stdin.buffer.read())
    return socket.socket(fileno=descriptor)
