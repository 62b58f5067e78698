"""Where shards go, and how they are written."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.blobs import Blobs
from headrace.digests import Trust
from headrace.formats.compression.fields import NO_COMPRESSION, Compression

# Large enough that the cost of a file is nothing, small enough to hold in memory.
SHARD_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Target:
    """The folder that shards go to, how large they are, and how they are stored and named."""

    blobs: Blobs
    folder: str
    # Of records before compression: what a shard holds does not depend on how well it works.
    shard_bytes: int = SHARD_BYTES
    compression: Compression = NO_COMPRESSION
    trust: Trust = "xxh3"
