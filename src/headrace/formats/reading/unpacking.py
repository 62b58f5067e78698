"""Values out of compressed columns, the last step of reading them: each by itself."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headrace.formats.compression.note import Packing
from headrace.formats.compression.zstd import BadFrame, Decompressor
from headrace.formats.schema.schema import ZSTD, Leaf
from headrace.formats.shards.parts import Part
from headrace.formats.shards.shard_file import Damaged
from headrace.formats.shards.spans import Places


class DamagedValue(Damaged):
    """A value that cannot be decompressed: its shard, its row there, its column, and why."""

    def __init__(self, shard: int, row: int, column: str, reason: str) -> None:
        super().__init__(shard, row, column, reason)
        self.shard = shard
        self.row = row
        self.column = column
        self.reason = reason

    def __str__(self) -> str:
        return f"row {self.row} of {self.column!r} cannot be decompressed: {self.reason}"


def unpacker(note: bytes) -> Decompressor:
    """What takes values out of a column with that note.

    Raises:
        Damaged: it is no note, or one of another codec.
        MissingExtra: the package of its codec is not installed.
    """
    try:
        packing = msgspec.json.decode(note, type=Packing)
        if packing.codec != ZSTD:
            raise Damaged(f"a column is compressed by {packing.codec!r}, and {ZSTD!r} is known")
        return Decompressor(packing.dictionary, most_bytes=packing.raw_bytes)
    except (msgspec.DecodeError, UnicodeDecodeError, BadFrame) as error:
        raise Damaged(f"a column does not say how it is compressed: {error}") from error


class Unpackers:
    """What takes the values of one leaf out of the shards that have it compressed.

    **Cost**: about 150 KB for each such shard.
    """

    def __init__(self, leaf: Leaf) -> None:
        self._column = leaf.column
        self._by_shard: dict[int, Decompressor] = {}

    def add(self, shard: int, part: Part) -> None:
        """Makes a shard known. Raises Damaged where it does not say how to read it."""
        if part.leaf.is_compressed:
            self._by_shard[shard] = unpacker(part.note())

    def unpacked(self, pieces: list[memoryview], places: Places) -> Sequence[bytes | memoryview]:
        """The values of the pieces, which lie at those places.

        Raises:
            DamagedValue: one cannot be decompressed.
        """
        known = self._by_shard
        if not known:
            return pieces
        found: list[bytes | memoryview] = []
        # The shard of a run is named without end.
        where = zip(places.each_shard(), places.rows.tolist(), pieces, strict=False)
        for shard, row, piece in where:
            unpack = known.get(shard)
            try:
                found.append(piece if unpack is None else unpack(piece))
            except BadFrame as error:
                raise DamagedValue(shard, row, self._column, str(error)) from error
        return found
