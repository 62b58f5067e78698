"""Which pass over a dataset a worker process runs: agreed among processes that cannot talk."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import re
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import reduction
from multiprocessing.context import get_spawning_popen
from typing import IO, Any

from headrace.contracts import State

# Passes remembered by their workers; only those that still start are looked up.
RECENT = 64
# More than a few main processes that share a dataset ever write: some KB each.
MOST_BYTES = 2**24


@dataclass(frozen=True)
class Begin:
    """Where a main process last set its position, and how often it had set it by then."""

    move: int
    state: State


@dataclass(frozen=True)
class Starter:
    """A worker that starts a pass.

    All workers of a pass have its `seed` and `turn`. Two passes may have the same seed, where
    the user sets torch's; their workers then are other processes: `first` is the number that the
    main process gave to the first of them.
    """

    main: int
    seed: int
    turn: int
    first: int
    workers: int

    def is_with(self, seed: int, turn: int, first: int) -> bool:
        """Whether that worker starts the same pass."""
        # Another thread may make processes while torch makes these, so the numbers may have gaps.
        return (seed, turn) == (self.seed, self.turn) and abs(first - self.first) < self.workers


def starter_of(worker: Any, turn: int) -> Starter:  # Any: torch's WorkerInfo
    """This process as a worker that starts its pass number `turn`."""
    main = multiprocessing.parent_process()
    assert main is not None
    assert main.pid is not None
    # multiprocessing numbers the processes that a process makes, and names them so.
    number = re.search(r"\d+$", multiprocessing.current_process().name)
    first = int(number[0]) - worker.id if number else 0
    return Starter(main.pid, worker.seed - worker.id, turn, first, worker.num_workers)


class Passes:
    """The passes that workers began, by main process, in a file that only these processes have.

    It has no name and is gone with the last of them. Each change is made under its lock, which
    dies with its holder. Forked and spawned processes share it; a copy that is pickled elsewhere
    begins anew.
    """

    def __init__(self, file: IO[bytes] | None = None) -> None:
        # Open for as long as this is.
        self._file = tempfile.TemporaryFile() if file is None else file  # noqa: SIM115
        weakref.finalize(self, self._file.close)

    def begin(self, worker: Starter, begin: Begin) -> tuple[Begin, int]:
        """Where the main process last began, and how many passes came before this one since.

        `begin` is what this worker knows of it, which is older where it lives on over passes.
        """
        with self._changing(worker.main) as kept:
            if kept.get("move", -1) < begin.move:
                _set(kept, begin)
            found = [number for number, *other in kept["recent"] if worker.is_with(*other)]
            number = found[0] if found else kept["begun"]
            if not found:
                kept["begun"] += 1
                kept["recent"].append((number, worker.seed, worker.turn, worker.first))
                del kept["recent"][:-RECENT]
            return Begin(kept["move"], kept["state"]), number

    def set(self, main: int, begin: Begin) -> None:
        """Notes where a main process set its position; no pass has begun from there."""
        with self._changing(main) as kept:
            _set(kept, begin)

    def begun(self, main: int, move: int) -> tuple[int, State | None]:
        """How many passes began on workers since the main process made that move, and where."""
        with self._changing(main) as kept:
            return (kept["begun"], kept["state"]) if kept.get("move") == move else (0, None)

    def is_first_to_tell(self, main: int) -> bool:
        """True once."""
        with self._changing(main) as kept:
            was_told, kept["told"] = kept.get("told", False), True
        return not was_told

    @contextmanager
    def _changing(self, main: int) -> Iterator[dict[str, Any]]:  # Any: JSON
        handle = self._file.fileno()
        fcntl.lockf(handle, fcntl.LOCK_EX)
        try:
            # Forked processes share the file's own offset: it is never used.
            kept = json.loads(os.pread(handle, MOST_BYTES, 0) or b"{}")
            yield kept.setdefault(str(main), {})
            content = json.dumps(kept).encode()
            os.pwrite(handle, content, 0)
            os.ftruncate(handle, len(content))
        finally:
            fcntl.lockf(handle, fcntl.LOCK_UN)

    def __reduce__(self) -> tuple[Any, ...]:  # Any: what pickle calls
        if get_spawning_popen() is None:
            return Passes, ()
        return _received, (reduction.DupFd(self._file.fileno()),)


def _set(kept: dict[str, Any], begin: Begin) -> None:  # Any: JSON
    kept.update(asdict(begin), begun=0, recent=[])


def _received(handle: Any) -> Passes:  # Any: it has no public type
    return Passes(os.fdopen(handle.detach(), "r+b"))
