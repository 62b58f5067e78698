"""Stored records over shards that are mapped now and checked when they are first used."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import xxhash

from headrace.blobs import LocalBlobs
from headrace.contracts import Block, Indices
from headrace.contracts.blobs import Blobs, Mapped
from headrace.formats.manifest.manifest import SHARD_SUFFIX, Manifest, shard_key
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.stored import StoredRecords
from headrace.kept.copies import writable
from headrace.kept.spool import SHARDS

# Any, in this file: records are the user's values, of every type.


class HeldShards:
    """The shards of a manifest, which may be deleted while they are read.

    Raises:
        NotFound: one is missing.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        blobs = LocalBlobs(folder, durable=False)
        self.url = blobs.url
        keys = [shard_key(SHARDS, shard.digest) for shard in manifest.shards]
        self._maps = {key: blobs.map(key) for key in keys}

    def map(self, key: str) -> Mapped:
        """The bytes of a shard. Raises Damaged where they are not what its name says."""
        mapped = self._maps[key]
        digest = key.removeprefix(f"{SHARDS}/").removesuffix(SHARD_SUFFIX)
        if xxhash.xxh3_128_hexdigest(mapped.data) != digest:
            raise Damaged("its checksum differs")
        return mapped


class HeldRecords:
    """Records by number or in an order, gathered in runs of what one read takes."""

    def __init__(self, folder: Path, manifest: Manifest, *, allow_pickle: bool = False) -> None:
        # Of blobs, stored records use no more than the maps.
        shards = cast("Blobs", HeldShards(folder, manifest))
        self._records = StoredRecords(shards, manifest, folder=SHARDS, allow_pickle=allow_pickle)
        self._order: Indices | None = None
        self._first = 0
        self._block: Block[Any] = []

    def __len__(self) -> int:
        return len(self._records)

    def put_in(self, order: Indices) -> None:
        """From now on number n is the record `order[n]`."""
        self._order, self._block = order, []

    def read(self, start: int, n: int) -> Block[Any]:
        """At most `n` records from number `start` on, none behind the last.

        Raises:
            IntegrityError: they are not what was written.
        """
        begin = start - self._first
        if not 0 <= begin < len(self._block):
            self._gather(start, n)
            begin = 0
        return self._block[begin : begin + n]

    def _gather(self, start: int, n: int) -> None:
        stop = min(start + max(n, self._records.read_ahead), len(self._records))
        numbers = np.arange(start, max(start, stop), dtype=np.int64)
        asked = numbers if self._order is None else self._order[numbers]
        self._block = writable(self._records.read(asked)) if len(asked) else []
        self._first = start
