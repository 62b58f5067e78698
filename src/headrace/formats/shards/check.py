"""Whether a stored shard is what was written."""

from __future__ import annotations

from headrace.contracts.blobs import Blobs, Mapped
from headrace.digests import is_named
from headrace.formats.manifest.manifest import Shard, shard_key


def shard_fault(blobs: Blobs, folder: str, shard: Shard) -> str | None:
    """What is wrong with a shard, None where nothing is. Reads all of its bytes."""
    key = shard_key(folder, shard.digest)
    found = blobs.stat(key)
    if found is None:
        return "missing"
    return size_fault(shard, found.size_bytes) or content_fault(shard, blobs.map(key))


def content_fault(shard: Shard, payload: Mapped) -> str | None:
    """What is wrong with the bytes of a shard, None where nothing is."""
    fault = size_fault(shard, len(payload))
    if fault is None and not is_named(payload, shard.digest):
        return "checksum differs"
    return fault


def size_fault(shard: Shard, size_bytes: int) -> str | None:
    """What is wrong with the size of a shard, None where nothing is."""
    if size_bytes < shard.size_bytes:
        return f"truncated: {size_bytes} of {shard.size_bytes} bytes"
    if size_bytes > shard.size_bytes:
        return f"too long: {size_bytes} bytes, {shard.size_bytes} were written"
    return None
