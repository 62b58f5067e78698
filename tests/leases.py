"""What the processes do that race for a lease, die with one, or lose it."""

from __future__ import annotations

import ctypes
import fcntl
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

from tests.faults.builders import SHARD_BYTES, note, records, seed_of
from tests.faults.killing import context

from headrace.blobs import LocalBlobs, LockingBlobs, ObjectBlobs
from headrace.blobs.cache.cached import with_cache
from headrace.blobs.stores.options import options_of
from headrace.contracts.errors import LeaseLost
from headrace.storage import Storage

# Any, in this file: options of a store, and what is told by pipe.

VERSION = "1.0"


@dataclass(frozen=True)
class Root:
    """A storage that machines share: a store, or a folder whose locks do not hold."""

    url: str
    options: dict[str, Any] | None = None
    # Longer than a busy machine keeps a process from its turn.
    lease_s: float = 1.5

    def blobs(self, machine: Path | None = None) -> LockingBlobs:
        """Its blobs, with the cache of a machine."""
        if self.options is None:
            return LocalBlobs(Path(self.url), lease_s=self.lease_s)
        blobs = ObjectBlobs.at(self.url, options_of(self.options), self.lease_s)
        return blobs if machine is None else with_cache(blobs, cache_dir=machine)

    def storage(self, machine: Path | None = None) -> Storage:
        """A storage of its own, as another process has it."""
        return Storage(self.blobs(machine))


def lock_nothing() -> None:
    """Makes each lock of the system fail, as on a file system without locks."""

    def refuse(*_: object) -> None:
        raise OSError("no locks available")

    fcntl.flock = refuse


class Builder:
    """A process that runs `target` with a root, more arguments, and a pipe to this one."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self.pipe, there = context().Pipe()
        self.process: BaseProcess = context().Process(
            target=target, args=(*arguments, there), daemon=True
        )
        self.process.start()
        there.close()

    def told(self, *, patience_s: float = 60) -> Any:
        """What it says next. Raises EOFError where it has ended."""
        assert self.pipe.poll(patience_s), "the other process says nothing"
        return self.pipe.recv()

    def wait_for(self, words: str) -> None:
        """Reads until it says so."""
        while words not in str(self.told()):
            pass

    def result(self) -> int:
        """What it read at last, past all that it says in words."""
        while isinstance(said := self.told(), str):
            pass
        return int(said)

    def signal(self, number: int) -> None:
        """Sends it a signal."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.join()
        self.pipe.close()


def race(root: Root, machine: Path, calls: Path, barrier: Barrier, pipe: Connection) -> None:
    """Calls a cacheable function together with others, on a machine with a cache of its own."""
    lock_nothing_in(root)
    tempfile.tempdir = str(machine)
    storage = root.storage(machine / "cache")

    @storage.cacheable("digits", VERSION)
    def digits() -> Iterator[dict[str, Any]]:
        note(calls)
        return records(1)

    barrier.wait()
    pipe.send(seed_of(digits()))


def build(root: Root, seed: int, replace: bool, hold: str, pipe: Connection) -> None:
    """Builds a version, held up in its middle: by the pipe, and by a call that keeps the GIL.

    Tells "begun" then, and what became of it at the end.
    """
    lock_nothing_in(root)
    tell_waiting(pipe)

    def source() -> Iterator[dict[str, Any]]:
        yield from records(seed)
        pipe.send("begun")
        if hold != "nothing":
            pipe.recv()
        if hold == "gil":
            # PyDLL, unlike CDLL, keeps the interpreter's lock.
            ctypes.PyDLL(None).sleep(3)
        pipe.send("going on")

    try:
        root.storage().submit(source, "digits", VERSION, replace=replace, shard_bytes=SHARD_BYTES)
        pipe.send("published")
    except LeaseLost as error:
        pipe.send(f"LeaseLost: {error}")


def build_once(root: Root, seed: int, pipe: Connection) -> None:
    """Calls a cacheable function; tells when it waits, and what it read."""
    lock_nothing_in(root)
    tell_waiting(pipe)

    @root.storage().cacheable("digits", VERSION)
    def digits() -> Iterator[dict[str, Any]]:
        return records(seed)

    pipe.send(seed_of(digits()))


def lock_nothing_in(root: Root) -> None:
    """Makes sure that folders do without locks; the cache of a store may have them."""
    if root.options is None:
        lock_nothing()


def tell_waiting(pipe: Connection) -> None:
    """Tells by pipe what headrace logs, such as that it waits."""

    class Telling(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            pipe.send(record.getMessage())

    logger = logging.getLogger("headrace")
    logger.setLevel(logging.INFO)
    logger.addHandler(Telling())
