"""A worker process for tests: runs what it is asked for by name, and answers with payloads."""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from headrace.arena import Desk
from headrace.buffers import Buffers

# Any, in this file: results of every type.


def gathered(count: int, value: int) -> npt.NDArray[np.int64]:
    array = Buffers().empty((count,), np.dtype(np.int64))
    array[:] = value
    return array


def half_written(count: int, value: int) -> None:
    gathered(count, value)[count // 2 :] = 0
    line.send(b"half")
    signal.pause()


WORKS: dict[str, Any] = {"gathered": gathered, "half_written": half_written, "pid": os.getpid}


def refused(result: object, error: Exception) -> object:
    raise error


if __name__ == "__main__":
    line = socket.socket(fileno=int(sys.argv[1]))
    desk = Desk(int(sys.argv[2]))
    while True:
        message, handles, _, _ = socket.recv_fds(line, 1 << 20, 1)
        if not message:
            break
        number, name, work, args = pickle.loads(message)
        if handles or name is not None:
            desk.add(number, handles[0] if handles else name)
        line.send(desk.packed(number, partial(WORKS[work], *args), refused))
    desk.close()
