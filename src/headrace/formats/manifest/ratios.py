"""How much smaller the compressed columns of a version are than their values."""

from __future__ import annotations

from collections import Counter

from headrace.formats.manifest.manifest import Manifest, Shard
from headrace.formats.manifest.placement import Placement, spans_of
from headrace.formats.schema.schema import leaves_of

# The note of a column stands in the schema of its file, which Arrow writes at both ends.
NOTE_COPIES = 2


def ratios(manifest: Manifest) -> dict[str, float]:
    """By column: the bytes of the values over those of their frames and dictionaries."""
    raw: Counter[str] = Counter()
    stored: Counter[str] = Counter()
    for shard in manifest.shards:
        sizes = _stored_bytes(shard)
        raw.update({column: shard.raw_bytes[column] for column in sizes})
        stored.update(sizes)
    return {column: raw[column] / size_bytes for column, size_bytes in stored.items() if size_bytes}


def _stored_bytes(shard: Shard) -> dict[str, int]:
    placement = shard.buffers
    if not shard.raw_bytes or not isinstance(placement, Placement) or placement.schema is None:
        return {}
    leaves = leaves_of(placement.schema)
    try:
        found = zip(leaves, spans_of(placement, shard.size_bytes), strict=True)
    except ValueError:
        # Whoever reads the shard is told; a version can be shown all the same.
        return {}
    return {
        leaf.column: spans["values"][1] + NOTE_COPIES * spans["note"][1]
        for leaf, spans in found
        if leaf.is_compressed and leaf.column in shard.raw_bytes
    }
