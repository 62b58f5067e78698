"""Records to shards and back: schema, Arrow shards, manifest, gathered reads. No storage here."""

from __future__ import annotations

from headrace.formats.check import shard_fault
from headrace.formats.manifest import FORMAT_VERSION, Manifest, Shard, decode, encode, shard_key
from headrace.formats.stored import StoredRecords
from headrace.formats.writer import SHARD_BYTES, Written, write_blocks

__all__ = [
    "FORMAT_VERSION",
    "Manifest",
    "SHARD_BYTES",
    "Shard",
    "StoredRecords",
    "Written",
    "decode",
    "encode",
    "shard_fault",
    "shard_key",
    "write_blocks",
]
