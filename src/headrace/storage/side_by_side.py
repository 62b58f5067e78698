"""A version whose stretches are written side by side on workers, and listed here in order."""

from __future__ import annotations

import pickle
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from headrace.contracts import Block, Run, Task
from headrace.contracts.backend import Future
from headrace.contracts.errors import HeadraceError
from headrace.formats.schema.schema import Schema
from headrace.formats.writing.stretches import LAG, Stretch, Stretches
from headrace.formats.writing.target import Target
from headrace.formats.writing.writer import ShardWriter, Written
from headrace.progress import ProgressBar
from headrace.storage.spread import Spread
from headrace.storage.stretch import Mark, Outcome, StretchJob, StretchParts

# Any, in this file: records are the user's values, of every type.
# How long a failed submit waits for workers that still write, of which a cluster ends none.
END_SECONDS = 10.0
POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Division:
    """A version to be written in stretches: where, out of what, and how it is known there."""

    source: Spread
    target: Target
    mark: Mark
    title: str
    allow_pickle: bool
    # Of the records that are stored already, to which these are appended.
    schema: Schema | None = None

    def write(
        self, blocks: Iterable[Block[Any]], bar: ProgressBar, *, close: Callable[[], None]
    ) -> Written:
        """Writes the first stretch here, out of blocks, and the others on the source's crew.

        Only the first one's size tells how long the others are. `close` ends the blocks.
        """
        writer = ShardWriter(
            self.target,
            advance=bar.advance,
            allow_pickle=self.allow_pickle,
            stretch=Stretch(schema=self.schema),
        )
        with closing(writer):
            for block in blocks:
                writer.add(block)
                if writer.is_over:
                    break
            close()
            first = writer.finish()
        if not writer.is_over:
            return first
        # What was drawn beyond it is made again.
        bar.advance(first.rows - bar.done)
        return _Writing(self, first, bar.advance).rest()

    def job(self) -> StretchJob:
        """What each worker does."""
        spread = self.source
        run = Run(epoch=spread.first, shares_globals=spread.crew.shares_globals)
        parts = StretchParts(spread.chain.portable, self.target, self.allow_pickle)
        return parts(run, self.mark)


def is_divisible(source: Spread, target: Target) -> bool:
    """Whether the records of a source can be made, and written, by any worker."""
    if source.count is None:
        return False
    try:
        pickle.dumps(target.blobs)
    except Exception:
        # Blobs in this process's memory: no other could write there.
        return False
    return True


def note_source(error: Exception, title: str, record: int) -> None:
    """Says in a note that the source raised the error, and where."""
    error.add_note(f"The source of {title} raised this at record {record}; nothing was published.")


@dataclass(frozen=True)
class _Flying:
    number: int
    stretch: Stretch
    future: Future[Outcome]


class _Writing:
    """Keeps stretches in flight, oldest first, and takes in what was written.

    Each is begun with the schema of the stretches before it. Where a stretch turns out to change
    it, those behind are begun again, so that a shard is what it would be without workers.
    """

    def __init__(self, division: Division, first: Written, advance: Callable[[int], None]) -> None:
        assert division.source.count is not None
        self._count = division.source.count
        self._crew = division.source.crew
        self._blobs = division.target.blobs
        self._title = division.title
        self._job = division.job()
        self._advance = advance
        self._stretches = Stretches(division.target.shard_bytes)
        self._stretches.note(first.rows, first.size_bytes)
        self._schema: Schema | None = first.schema
        self._shards = list(first.shards)
        # The next stretch to be begun, and its first record.
        self._number, self._begin = 1, first.rows
        self._flight: deque[_Flying] = deque()

    def rest(self) -> Written:
        """Writes all stretches but the first."""
        try:
            while self._fill():
                self._take()
        except Exception:
            self._end()
            raise
        finally:
            self._drop()
        return Written(self._schema, tuple(self._shards))

    def _fill(self) -> bool:
        """Begins as many stretches as may be ahead; whether any is."""
        ahead = min(self._crew.look_ahead, LAG)
        while self._begin < self._count and len(self._flight) < ahead:
            length = min(self._stretches.length(self._number), self._count - self._begin)
            stretch = Stretch(self._begin, length, self._schema)
            future = self._crew.workers().submit(Task(self._job, (stretch,)))
            self._flight.append(_Flying(self._number, stretch, future))
            self._number, self._begin = self._number + 1, self._begin + length
        return bool(self._flight)

    def _take(self) -> None:
        """Takes in the oldest stretch in flight; waits for it."""
        # Taken off only when it is there: waiting may be interrupted.
        outcome = self._flight[0].future.result()
        flying = self._flight.popleft()
        if outcome.error is not None:
            if outcome.record is not None:
                note_source(outcome.error, self._title, outcome.record)
            raise outcome.error
        written = outcome.written
        assert written is not None
        assert written.rows == flying.stretch.length
        self._stretches.note(written.rows, written.size_bytes)
        self._shards += written.shards
        self._advance(written.rows)
        if written.schema != self._schema:
            self._schema = written.schema
            self._drop()

    def _end(self) -> None:
        """Lets those that still write see that it is in vain, so that they leave nothing."""
        self._job.is_unwanted.set()
        # What ended it is the error to read, not that of a store which fails once more.
        with suppress(HeadraceError, OSError):
            self._blobs.delete(self._job.mark.key)
        deadline = time.monotonic() + END_SECONDS
        while time.monotonic() < deadline:
            if all(flying.future.done() for flying in self._flight):
                return
            time.sleep(POLL_SECONDS)

    def _drop(self) -> None:
        """Forgets what is in flight, to begin it again."""
        if not self._flight:
            return
        # Threads of this process look at it, and end soon.
        self._job.is_unwanted.set()
        self._job = replace(self._job, is_unwanted=Event())
        self._number, self._begin = self._flight[0].number, self._flight[0].stretch.begin
        while self._flight:
            self._flight.popleft().future.cancel()
