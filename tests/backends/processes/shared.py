"""Workers that are started once for many tests, and functions that these run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

import headrace as hr
from headrace.backends.processes.pool import ProcessWorkers
from headrace.contracts import Future

# Any, in this file: tasks and records of every type.
DEADLINE_SECONDS = 60


@dataclass(frozen=True)
class SharedProcesses:
    """A backend whose workers are there already, and stay."""

    workers: ProcessWorkers

    @property
    def look_ahead(self) -> int:
        return 6

    @property
    def shares_globals(self) -> bool:
        return False

    def start(self) -> StayingWorkers:
        return StayingWorkers(self.workers)

    def __repr__(self) -> str:
        return "SharedProcesses()"


@dataclass(frozen=True)
class StayingWorkers:
    """Workers that nobody closes but who started them."""

    workers: ProcessWorkers

    def submit(self, task: Callable[[], Any]) -> Future[Any]:
        return self.workers.submit(task)

    def close(self) -> None:
        pass


@contextmanager
def started(num_workers: int = 2, **options: Any) -> Iterator[ProcessWorkers]:
    """A pool for one test."""
    workers = hr.Processes(num_workers, **options).start()
    try:
        yield workers
    finally:
        workers.close()


def eventually(holds: Callable[[], Any]) -> Any:
    """What `holds` gives, once that is true."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (found := holds()):
        assert time.monotonic() < deadline, "this never came to hold"
        time.sleep(0.005)
    return found


def descendants() -> set[int]:
    """The processes under this one, by their numbers."""
    return {process.pid for process in psutil.Process().children(recursive=True)}


def in_session(session: int) -> list[int]:
    """The living processes of a session."""
    found = []
    for process in psutil.pids():
        try:
            if os.getsid(process) == session and psutil.Process(process).status() != "zombie":
                found.append(process)
        except (OSError, psutil.Error):
            continue
    return found


def mapped_files() -> set[str]:
    """What lies in shared memory by a name."""
    return {path.name for path in Path("/dev/shm").iterdir() if path.name.startswith("hr_")}


def kill(process: int) -> None:
    os.kill(process, signal.SIGKILL)


def server_of(workers: ProcessWorkers) -> int:
    """The fork server of a pool."""
    return workers.submit(os.getppid).result()


def running(workers: ProcessWorkers) -> set[int]:
    """The workers of a pool, whose fork server lives."""
    return {worker.pid for worker in psutil.Process(server_of(workers)).children()}
