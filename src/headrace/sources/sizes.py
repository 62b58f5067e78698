"""How many bytes records hold, roughly: enough to bound the memory of a block."""

from __future__ import annotations

import sys
from typing import Any

from headrace.contracts.block import Block

# Any, in this file: records are the user's values, of every type.

# A block holds about this much where records are large, so that a shard bounds memory.
BLOCK_BYTES = 4 * 2**20
# More in one block makes nothing faster.
BLOCK_RECORDS = 4096
# How many of a block's records are looked at: all of them would cost as much as storing them.
LOOKED_AT = 8


def next_count(records: Block[Any]) -> int:
    """How many records the block after `records` may have."""
    grown = min(2 * len(records), BLOCK_RECORDS)
    step = -(-len(records) // LOOKED_AT)
    largest = max(size_of(record) for record in records[::step])
    return max(1, min(grown, BLOCK_BYTES // max(1, largest)))


def size_of(record: Any) -> int:
    """The bytes of a record's leaves."""
    if isinstance(record, dict):
        return sum(map(size_of, record.values()))
    if isinstance(record, list | tuple):
        return sum(map(size_of, record))
    if isinstance(record, str | bytes):
        return len(record)
    return int(getattr(record, "nbytes", 0)) or sys.getsizeof(record, 64)
