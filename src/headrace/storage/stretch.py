"""One stretch of a version: read and written as shards where a worker is."""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from headrace.carried import CarriedError, Portable
from headrace.contracts import Block, Run
from headrace.contracts.blobs import Blobs
from headrace.contracts.errors import NotFound, StorageError, StreamError
from headrace.engine.feed import AddressedFeed
from headrace.engine.inline import InlineCursor
from headrace.engine.job import SegmentJob
from headrace.engine.position import Position
from headrace.formats.writing.stretches import Stretch
from headrace.formats.writing.target import Target
from headrace.formats.writing.writer import ShardWriter, Written
from headrace.sources import read_on

# Any, in this file: records are the user's values, of every type.
# How often a worker looks whether the version is still being built.
LOOK_SECONDS = 0.5


@dataclass
class Outcome:
    """What became of a stretch: what was written, or why it was not.

    `record` is the one at which the source raised the error; None where somebody else did.
    """

    written: Written | None
    error: Exception | None = None
    record: int | None = None

    def __getstate__(self) -> dict[str, Any]:
        error = self.error
        return {**vars(self), "error": None if error is None else CarriedError(error)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if isinstance(state["error"], CarriedError):
            opened = state["error"].opened()
            assert isinstance(opened, Exception)
            self.error = opened


@dataclass(frozen=True)
class Mark:
    """A blob that is there while the version is built, by which a worker knows the storage."""

    key: str
    payload: bytes


@dataclass(frozen=True, eq=False)
class StretchParts:
    """What all stretches have in common, without the run: it travels to each process once.

    `records` are the parts of a segment, which a process that has them already loads no second
    time.
    """

    records: Portable
    target: Target
    allow_pickle: bool

    def __call__(self, run: Run, mark: Mark) -> StretchJob:
        """The job of one version."""
        segment: SegmentJob = self.records.loaded()(run)
        return StretchJob(self, segment, mark, Portable(self, segment.origin.identity))


@dataclass(frozen=True, eq=False)
class StretchJob:
    """Writes stretches until they are unwanted: this process is told, others miss the mark."""

    parts: StretchParts
    segment: SegmentJob
    mark: Mark
    fixed: Portable
    is_unwanted: Event = field(default_factory=Event)

    @property
    def moving(self) -> tuple[Run, Mark]:
        """The epoch, and what tells the storage."""
        return (*self.segment.moving, self.mark)

    def where(self, stretch: Stretch, *_: Any) -> str:
        """The positions, for messages."""
        return self.segment.where((stretch.begin, stretch.begin + (stretch.length or 0)))

    def mended(self, result: Outcome, error: Exception) -> Outcome:
        """Results are plain, and always pickle."""
        del result
        raise error

    def __call__(self, stretch: Stretch, *_: Any) -> Outcome:
        """Writes a stretch whose length is known; nothing of it is listed anywhere yet."""
        target = self.parts.target
        writer = ShardWriter(target, allow_pickle=self.parts.allow_pickle, stretch=stretch)
        with closing(writer):
            try:
                check_mark(target.blobs, self.mark)
                for block in self._blocks(stretch):
                    writer.add(block)
                self._check_wanted()
                return Outcome(writer.finish())
            except SourceFailed as failed:
                return Outcome(None, failed.error, failed.record)
            except Exception as error:
                return Outcome(None, error)

    def _blocks(self, stretch: Stretch) -> Iterator[Block[Any]]:
        """The records of a stretch, and no other: each may take its time, or fail."""
        assert stretch.length is not None
        at, stop = stretch.begin, stretch.begin + stretch.length
        looked = time.monotonic()
        with closing(self._cursor(at)) as cursor:
            blocks = read_on(lambda count: cursor.read(min(count, stop - at)) if at < stop else [])
            while True:
                if self.is_unwanted.is_set() or time.monotonic() > looked + LOOK_SECONDS:
                    self._check_wanted()
                    looked = time.monotonic()
                try:
                    block = next(blocks, None)
                except Exception as error:
                    raise SourceFailed(error, at) from error
                if block is None:
                    return
                at += len(block)
                yield block

    def _check_wanted(self) -> None:
        blobs = self.parts.target.blobs
        if self.is_unwanted.is_set() or blobs.stat(self.mark.key) is None:
            raise StreamError("this stretch is unwanted by now. Submit again.")

    def _cursor(self, begin: int) -> InlineCursor:
        segment = self.segment
        # It gives one record a unit, by number.
        assert isinstance(segment.feed, AddressedFeed)
        at = Position(begin)
        return InlineCursor(
            segment.feed, segment.segment, segment.keys, origin=segment.origin, at=at
        )


class SourceFailed(Exception):
    """The source raised an error, at that record."""

    def __init__(self, error: Exception, record: int) -> None:
        super().__init__(error, record)
        self.error = error
        self.record = record


def check_mark(blobs: Blobs, mark: Mark) -> None:
    """Makes sure that these are the blobs of whoever submits.

    Raises:
        StorageError: they are not.
    """
    with suppress(NotFound):
        if blobs.get(mark.key) == mark.payload:
            return
    raise StorageError(
        f"the storage at {blobs.url} on {platform.node()} is not that of the process that called "
        "submit. Where this is the worker of another machine or container, give it a storage "
        "that it can see too, under the same path; or submit without a backend."
    )
