"""Records to shards and back: schema, Arrow shards, manifest, gathered reads. No storage here."""

from __future__ import annotations

from headrace.formats.manifest.manifest import (
    FORMAT_VERSION,
    Manifest,
    Shard,
    decode,
    encode,
    shard_key,
)
from headrace.formats.shards.check import shard_fault
from headrace.formats.stored import StoredRecords
from headrace.formats.writing.target import SHARD_BYTES, Target
from headrace.formats.writing.writer import Written, write_blocks

__all__ = [
    "FORMAT_VERSION",
    "Manifest",
    "SHARD_BYTES",
    "Shard",
    "StoredRecords",
    "Target",
    "Written",
    "decode",
    "encode",
    "shard_fault",
    "shard_key",
    "write_blocks",
]
