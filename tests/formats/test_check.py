from __future__ import annotations

import pytest
from tests.formats.stand_in import FOLDER, MemoryBlobs, stored

from headrace.formats import shard_fault


@pytest.fixture
def blobs() -> MemoryBlobs:
    return MemoryBlobs()


def fault(blobs: MemoryBlobs, change: bytes | None) -> str | None:
    (shard,) = stored([[1, 2, 3]], blobs).manifest.shards
    (key,) = blobs.held
    if change is None:
        del blobs.held[key]
    else:
        whole = blobs.held[key]
        blobs.held[key] = {b"-": whole[:10], b"+": whole + b"!", b"": whole}.get(
            change, change + whole[len(change) :]
        )
    return shard_fault(blobs, FOLDER, shard)


def test_a_whole_shard_has_no_fault(blobs: MemoryBlobs) -> None:
    assert fault(blobs, b"") is None


def test_a_missing_shard_is_found(blobs: MemoryBlobs) -> None:
    assert fault(blobs, None) == "missing"


def test_a_truncated_shard_is_found(blobs: MemoryBlobs) -> None:
    (size,) = [shard.size_bytes for shard in stored([[1, 2, 3]]).manifest.shards]
    assert fault(blobs, b"-") == f"truncated: 10 of {size} bytes"


def test_a_shard_that_grew_is_found(blobs: MemoryBlobs) -> None:
    (size,) = [shard.size_bytes for shard in stored([[1, 2, 3]]).manifest.shards]
    assert fault(blobs, b"+") == f"too long: {size + 1} bytes, {size} were written"


def test_a_flipped_byte_is_found(blobs: MemoryBlobs) -> None:
    assert fault(blobs, b"B") == "checksum differs"
