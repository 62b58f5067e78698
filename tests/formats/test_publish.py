"""Shards are named by the digest of what is stored, however often blobs begin to write them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import BinaryIO, get_args

import pytest
from tests.formats.stand_in import FOLDER, MemoryBlobs, all_of

from headrace.digests import Trust
from headrace.formats import FORMAT_VERSION, Manifest, StoredRecords, Target, write_blocks
from headrace.formats.shards.check import shard_fault


class TwiceBlobs(MemoryBlobs):
    """Blobs that write once more, as after a lost connection."""

    def write(self, key: Callable[[], str], fill: Callable[[BinaryIO], None]) -> str:
        fill(io.BytesIO())
        return super().write(key, fill)


@pytest.mark.parametrize("trust", get_args(Trust))
def test_a_shard_that_is_written_once_more_has_the_name_of_its_bytes(trust: Trust) -> None:
    blobs = TwiceBlobs()
    target = Target(blobs, FOLDER, trust=trust)
    written = write_blocks([[1, 2, 3]], target, advance=lambda count: None)
    (shard,) = written.shards
    assert shard_fault(blobs, FOLDER, shard) is None
    manifest = Manifest(FORMAT_VERSION, "digits", "1.0", written.schema, written.shards, {})
    assert all_of(StoredRecords(blobs, manifest, folder=FOLDER)) == [1, 2, 3]
