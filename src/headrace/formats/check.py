"""Whether a stored shard is what was written."""

from __future__ import annotations

import xxhash

from headrace.contracts.blobs import Blobs
from headrace.formats.manifest import Shard, shard_key


def shard_fault(blobs: Blobs, folder: str, shard: Shard) -> str | None:
    """What is wrong with a shard, None where nothing is. Reads all of its bytes."""
    key = shard_key(folder, shard.digest)
    found = blobs.stat(key)
    if found is None:
        return "missing"
    if found.size_bytes < shard.size_bytes:
        return f"truncated: {found.size_bytes} of {shard.size_bytes} bytes"
    if found.size_bytes > shard.size_bytes:
        return f"too long: {found.size_bytes} bytes, {shard.size_bytes} were written"
    if xxhash.xxh3_128_hexdigest(blobs.map(key).data) != shard.digest:
        return "checksum differs"
    return None
