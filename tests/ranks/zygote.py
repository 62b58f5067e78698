"""Forks processes that have torch imported already: `zygote.py SOCKET`, a number a line.

To import it takes seconds; a forked rank is there at once.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing.connection import Client

import cloudpickle
import torch.distributed as dist

import headrace as hr
from headrace.carried import CarriedError


def serve(address: str) -> None:
    """Runs what comes, one call after the other, until nobody sends any more."""
    with Client(address, family="AF_UNIX") as connection:
        connection.send(os.getpid())
        while True:
            try:
                fn, args = cloudpickle.loads(connection.recv_bytes())
            except EOFError:
                return
            answer: tuple[object, CarriedError | None]
            try:
                answer = (fn(*args), None)
            except Exception as error:
                answer = (None, CarriedError(error))
            connection.send_bytes(cloudpickle.dumps(answer))


IMPORTED = (dist, hr)

if __name__ == "__main__":
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    # Nobody reads what a rank prints.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for _ in sys.stdin:
        if os.fork() == 0:
            try:
                serve(sys.argv[1])
            finally:
                os._exit(0)
