"""Worlds of real ranks: processes with a gloo group among them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

# Any, in this file: functions of tests, with results of every type.
# A rank that says nothing for so long hangs.
ANSWER_S = 60


class World:
    """Processes that run functions, one each."""

    def __init__(self, pids: list[int], connections: list[Any]) -> None:
        self._pids = pids
        self._connections = connections

    def begin(self, fn: Callable[..., Any], *args: Any) -> None:
        """Begins `fn(rank, *args)` on each rank."""
        for rank in range(len(self._connections)):
            self._begin(rank, fn, (rank, *args))

    def result(self, rank: int) -> Any:
        """What it gave on a rank, or the error that it raised there."""
        assert self._connections[rank].poll(ANSWER_S), f"rank {rank} hangs"
        value, error = cloudpickle.loads(self._connections[rank].recv_bytes())
        return value if error is None else error.opened()

    def each(self, fn: Callable[..., Any], *args: Any) -> list[Any]:
        """What `fn(rank, *args)` gives on each rank; the first error is raised."""
        self.begin(fn, *args)
        results = [self.result(rank) for rank in range(len(self._connections))]
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return results

    def kill(self, rank: int) -> None:
        """Ends a rank as the kernel does it."""
        os.kill(self._pids[rank], signal.SIGKILL)

    def join(self, *, timeout_s: float = 30) -> None:
        """Makes a gloo group of all of them."""
        self.begin(_joined, free_port(), len(self._pids), timeout_s)
        for rank in range(len(self._pids)):
            error = self.result(rank)
            assert error is None, error

    def close(self) -> None:
        """Ends them all."""
        for connection in self._connections:
            connection.close()

    def _begin(self, rank: int, fn: Callable[..., Any], args: tuple[Any, ...]) -> None:
        cloudpickle.register_pickle_by_value(sys.modules[fn.__module__])
        self._connections[rank].send_bytes(cloudpickle.dumps((fn, args)))


@pytest.fixture(scope="session")
def make_processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], World]]:
    """Makes processes that have torch imported."""
    pytest.importorskip("torch")
    address = str(tmp_path_factory.mktemp("ranks") / "socket")
    zygote = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("zygote.py")), address],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert zygote.stdout is not None
    assert zygote.stdout.readline(), "the process that ranks are forked from did not start"
    with Listener(address, family="AF_UNIX") as listener:

        def make(count: int) -> World:
            assert zygote.stdin is not None
            zygote.stdin.write("\n" * count)
            zygote.stdin.flush()
            connections = [listener.accept() for _ in range(count)]
            return World([connection.recv() for connection in connections], connections)

        yield make
        assert zygote.stdin is not None
        zygote.stdin.close()
        zygote.wait(ANSWER_S)


@pytest.fixture
def make_world(make_processes: Callable[[int], World]) -> Iterator[Callable[[int], World]]:
    """Makes processes with a gloo group of their own, for one test."""
    made: list[World] = []

    def make(count: int) -> World:
        made.append(make_processes(count))
        made[-1].join()
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture(scope="session")
def two_ranks(make_processes: Callable[[int], World]) -> Iterator[World]:
    """Two ranks, for all tests that leave them whole."""
    world = make_processes(2)
    world.join()
    yield world
    world.close()


@pytest.fixture(scope="session")
def four_ranks(make_processes: Callable[[int], World]) -> Iterator[World]:
    """Four ranks, for all tests that leave them whole."""
    world = make_processes(4)
    world.join()
    yield world
    world.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _joined(rank: int, port: int, world_size: int, timeout_s: float) -> None:
    from datetime import timedelta

    import torch.distributed as dist

    timeout = timedelta(seconds=timeout_s)
    address = f"tcp://127.0.0.1:{port}"
    dist.init_process_group(
        "gloo", init_method=address, rank=rank, world_size=world_size, timeout=timeout
    )
