"""One loader's file in a ledger."""

from __future__ import annotations

import io
import json
import os
import secrets
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import xxhash

from headrace.contracts import Cursor, Run, State
from headrace.contracts.errors import ArgumentError, ClosedError
from headrace.engine import Chain
from headrace.ledger.cuts import Cuts
from headrace.ledger.described import Array, described
from headrace.ledger.ledger import Ledger
from headrace.ledger.pieces import pieces_of
from headrace.orders import INFINITE

T = TypeVar("T")

# Raised when the meaning of a file changes; older ones are then still read, or said to be old.
LEDGER_VERSION = 1
SUFFIX = ".ledger"
US_NS = 1_000
MS_US = 1_000


def writer_of(ledger: Ledger | None, chain: Chain, *, ends_early: bool) -> Writer | None:
    """What notes the batches of a chain in a ledger, None where there is none.

    Raises:
        ArgumentError: it is no Ledger.
        StreamError: the places of the chain are no positions.
    """
    if ledger is None:
        return None
    if not isinstance(ledger, Ledger):
        raise ArgumentError(
            f"ledger must be a Ledger, got {ledger!r}. Write it like "
            'ledger=hr.Ledger("runs/ledger").'
        )
    return Writer(ledger, chain, ends_early=ends_early)


class Writer:
    """Notes the batches of a loader, session by session: a session is one opening of an epoch.

    A session begins with a line of JSON; then comes a line for each batch: how far the cut moved,
    and the milliseconds since the line before. A line of JSON ends it, unless the process died.

    Raises:
        StreamError: the places of the chain are no positions.
    """

    def __init__(
        self,
        ledger: Ledger,
        chain: Chain,
        *,
        ends_early: bool = False,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._folder = ledger.folder
        self._chain = chain
        # Whether the ranks agree to leave out what some of them lack.
        self._ends_early = ends_early
        self._cuts = Cuts(chain)
        self._clock = clock
        self._file: io.FileIO | None = None
        self._name = ""
        self._process = 0
        self._cut: tuple[int, ...] = ()
        self._moment = 0
        self._batches = 0
        # Whether a session has begun and not ended.
        self._is_open = False
        self._failure: OSError | None = None

    def begin(self, run: Run, cursor: Cursor[Any], loaded: State | None) -> None:
        """Begins a session: an epoch that was opened, from a state that was loaded, or from none.

        Where it fails it closes the cursor, which nobody can read then.

        Raises:
            OSError: it cannot be written.
        """
        self.end("left")
        try:
            if self._process != os.getpid():
                self._open(run)
            self._failure = None
            self._cut, self._batches = self._cuts.of(cursor.state()), 0
            self._moment = self._clock() // US_NS
            self._write_line(self._session(run, loaded))
        except BaseException:
            cursor.close()
            raise
        self._is_open = True

    def noted(self, batches: Iterator[T], cursor: Cursor[Any]) -> Iterator[T]:
        """`batches` of the session, each noted before it is handed out.

        Raises:
            ClosedError: the process was forked since the session began.
            OSError: the batch before could not be noted.
        """
        for batch in batches:
            self.note(cursor.state())
            yield batch
            self.check()

    def check(self) -> None:
        """Raises OSError where the batch before could not be noted."""
        if self._failure is not None:
            raise self._failure

    def end(self, how: str, state: State | None = None) -> None:
        """Ends the session that is open, if one is: the epoch was "finished", or "left".

        `state` is where it ended, by default after the last batch.
        """
        if not self._is_open or self._process != os.getpid():
            return
        self._is_open = False
        stop = self._cut if state is None else self._cuts.of(state)
        line = {"end": how, "batches": self._batches, "cut": self._cut, "stop": stop}
        if self._failure is None:
            self._write_line(line)

    def note(self, state: State) -> None:
        """Notes a batch of the session, by the state after it.

        Raises:
            ClosedError: the process was forked since the session began.
        """
        if self._process != os.getpid():
            raise ClosedError(
                "a DataLoader with a ledger was forked in mid-epoch, and two processes cannot "
                "note the same epoch. Iterate in the process that began it, or make the loader "
                "in the child."
            )
        cut = self._cuts.of(state)
        steps = " ".join([str(new - old) for new, old in zip(cut, self._cut, strict=True)])
        # What is less than a millisecond is left for the next line.
        passed = (self._clock() // US_NS - self._moment) // MS_US
        try:
            self._write(f"{steps} {passed}\n".encode())
        except OSError as error:
            # The batch is made: it is handed out, and the error comes in the place of the next.
            self._failure = error
        self._cut, self._moment = cut, self._moment + passed * MS_US
        self._batches += 1

    def _open(self, run: Run) -> None:
        rank = pieces_of(self._chain, run).rank
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._clock() / 1e9))
        name = f"rank-{rank:05d}-{stamp}-{secrets.token_hex(4)}{SUFFIX}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # A name that is there already is an error: no two processes ever share a file.
            self._file = io.FileIO(self._folder / name, "x")
        except OSError as error:
            error.add_note(
                f"headrace: the ledger {self._folder} must hold a file of this loader, and takes "
                "none. Give hr.Ledger a folder that is there, or can be made, and may be written."
            )
            raise
        self._name = name
        self._process = os.getpid()
        weakref.finalize(self, self._file.close)

    def _session(self, run: Run, loaded: State | None) -> dict[str, Any]:
        chain, pieces = self._chain, pieces_of(self._chain, run)
        count = pieces.order.count(run.epoch)
        stages = [
            str(stage)
            for stage, where in zip(chain.stages, chain.plan.wheres, strict=True)
            if where != "order"
        ]
        return {
            "ledger": LEDGER_VERSION,
            "file": self._name,
            "data": chain.identity,
            "chain": chain.fingerprint,
            "stages": " | ".join(stages),
            "epoch": run.epoch,
            "seed": run.seed,
            "rank": pieces.rank,
            "world_size": pieces.world_size,
            "unit": chain.plan.segment.unit,
            "count": None if count >= INFINITE else count,
            "order": described(pieces.order, self._kept),
            "share": pieces.share,
            "is_rising": pieces.is_rising,
            "begun": pieces.begun,
            "dropped": pieces.dropped,
            "ends_early": self._ends_early,
            "began_us": self._moment,
            "cut": self._cut,
            "state": loaded,
        }

    def _kept(self, array: Array) -> str:
        """Keeps an array beside the ledger's files, under the name of its contents."""
        name = f"{xxhash.xxh3_128_hexdigest(np.ascontiguousarray(array).data)}.npy"
        path = self._folder / name
        if not path.exists():
            aside = path.with_suffix(f".{secrets.token_hex(4)}")
            with aside.open("xb") as file:
                np.save(file, array, allow_pickle=False)
            aside.replace(path)
        return name

    def _write_line(self, line: dict[str, Any]) -> None:
        self._write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        assert self._file is not None
        try:
            written = self._file.write(line)
            if written != len(line):
                # What comes next begins a line of its own.
                self._file.truncate(self._file.seek(-written, os.SEEK_CUR))
                raise OSError(f"{written} of {len(line)} bytes were taken")
        except OSError as error:
            error.add_note(
                f"headrace: the ledger {self._folder} must note each batch, and takes no line. "
                "Make room, and resume from the newest state."
            )
            raise
