"""Shards are written while the source goes on, and what fails there is not lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

import pytest
from tests.formats.stand_in import FOLDER, MemoryBlobs

from headrace.formats import Target, write_blocks

# Any, in this file: records are whatever a test makes.
# One record of the test is a shard.
SHARD_BYTES = 1


class Waiting(MemoryBlobs):
    """Blobs whose writes wait until they are allowed, or fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__()
        self.allowed = threading.Event()
        self.failure = failure

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        assert self.allowed.wait(60)
        if self.failure is not None:
            raise self.failure
        return super().write(key, fill)


def written(blobs: Waiting, records: Iterator[Any]) -> Any:
    return write_blocks(
        ([record] for record in records),
        Target(blobs, FOLDER, SHARD_BYTES),
        advance=lambda count: None,
    )


def test_the_source_goes_on_while_a_shard_is_written() -> None:
    blobs = Waiting()

    def records() -> Iterator[int]:
        yield 1
        # Only after this is the first shard allowed to be written.
        blobs.allowed.set()
        yield 2
        yield 3

    found = written(blobs, records())
    assert [shard.rows for shard in found.shards] == [1, 1, 1]
    assert len(blobs.held) == 3


def test_what_a_write_raises_is_raised_here() -> None:
    blobs = Waiting(OSError("the disk is full"))
    blobs.allowed.set()
    with pytest.raises(OSError, match="the disk is full"):
        written(blobs, iter([1]))
    with pytest.raises(OSError, match="the disk is full"):
        written(blobs, iter(range(100)))


def test_nothing_is_under_way_when_the_source_has_failed() -> None:
    blobs = Waiting()

    def records() -> Iterator[int]:
        yield 1
        blobs.allowed.set()
        raise ValueError("no more")

    with pytest.raises(ValueError, match="no more"):
        written(blobs, records())
    assert len(blobs.held) == 1
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("headrace-shard")]
