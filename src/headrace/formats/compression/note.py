"""What a shard says of a compressed column, in the metadata of its Arrow schema."""

from __future__ import annotations

import msgspec

# Notes are filled up to a multiple of this, so that the widest column of fixed size still begins a
# multiple of it apart in all shards, as a gather across them wants it.
NOTE_STEP = 1024


class Packing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The note of a compressed column, as JSON; the dictionary is base64 there."""

    codec: str
    # Of all values before compression: no single one can be larger.
    raw_bytes: int
    dictionary: bytes = b""


def note_of(packing: Packing) -> bytes:
    """The note as it lies in a shard."""
    note = msgspec.json.encode(packing)
    return note.ljust(-(-len(note) // NOTE_STEP) * NOTE_STEP)
