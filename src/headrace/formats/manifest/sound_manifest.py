"""Whether a manifest could have been written by us: asked before anything is made of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from headrace.formats.manifest.placement import Placement
from headrace.formats.schema.schema import Schema, leaves_of
from headrace.formats.schema.sound import check_schema, fixed_bytes

if TYPE_CHECKING:
    from headrace.formats.manifest.manifest import Manifest, Shard

# A plain file name everywhere, also in an address: no separators, no leading dot, no `~`.
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,127}")
# A million shards and where their buffers lie; several times its size is made of it.
LARGEST_BYTES = 256 * 2**20
# Positions are numbers of 64 bits with a sign.
MOST_RECORDS = 2**63 - 1
# For each leaf of each shard a reader keeps a place, of about 24 bytes: 1.6 GB in all.
MOST_PLACES = 2**26


def check_size(size_bytes: int) -> None:
    """Makes sure that the bytes of a manifest may be parsed. Raises ValueError."""
    if size_bytes > LARGEST_BYTES:
        raise ValueError(
            f"it has {size_bytes:,} bytes of at most {LARGEST_BYTES:,}: fewer and larger shards, "
            "by shard_bytes=, need less"
        )


def check_names(manifest: Manifest) -> None:
    """Makes sure that keys of a storage can be made of its names. Raises ValueError."""
    names = (manifest.dataset, manifest.version, *filter(None, [manifest.parent]))
    for name in names:
        if not NAME.fullmatch(name):
            raise ValueError(f"it is of {name!r:.80}, which is no name")


def check_manifest(manifest: Manifest) -> None:
    """Makes sure that records can be read as the manifest says.

    Raises:
        ValueError: it is none of ours; the message says where.
    """
    shards, schema = manifest.shards, manifest.schema
    if max(manifest.rows, manifest.size_bytes) > MOST_RECORDS:
        raise ValueError(
            f"{manifest.rows:,} records and {manifest.size_bytes:,} bytes are too many"
        )
    if schema is None:
        if shards:
            raise ValueError(f"it has {len(shards)} shards, and no schema")
        return
    check_schema(schema)
    _check_shards(shards, schema)


def _check_shards(shards: tuple[Shard, ...], schema: Schema) -> None:
    leaves = leaves_of(schema)
    if len(leaves) * len(shards) > MOST_PLACES:
        raise ValueError(
            f"{len(leaves):,} leaves in {len(shards):,} shards are more than {MOST_PLACES:,}: "
            "store it in larger shards, by shard_bytes="
        )
    row_bytes = sum(map(fixed_bytes, leaves))
    for shard in shards:
        if shard.rows * row_bytes > shard.size_bytes:
            raise ValueError(
                f"shard {shard.digest} of {shard.size_bytes:,} bytes cannot hold {shard.rows:,} "
                f"records of {row_bytes:,} bytes"
            )
    # Shards share them: each is looked at once. Their spans are checked where they are used.
    placed = (shard.buffers.schema for shard in shards if isinstance(shard.buffers, Placement))
    for own in {id(own): own for own in placed if own is not None and own is not schema}.values():
        check_schema(own)
