"""Single rows of shards that lie far away, read by ranges of their files."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from headrace.contracts.blobs import Blobs, Mapped
from headrace.formats.far.ranges import Stretches, fetched
from headrace.formats.manifest.manifest import Shard
from headrace.formats.manifest.placement import Placement, Role, Spans, spans_of
from headrace.formats.schema.schema import Leaf, leaves_of
from headrace.formats.shards.gather import Bytes2d, Numbers
from headrace.formats.shards.parts import BITS, OFFSET_BYTES, Part
from headrace.formats.shards.shard_file import Buffers, Damaged

# Offsets, shapes and flags of a whole shard are fetched at once up to here, and kept.
WHOLE_BYTES = 2**16
# As many as take 16 MiB, or twice that where they are dictionaries of compressed columns.
KEPT_BUFFERS = 256


class SparseRows:
    """Reads rows of shards whose placement is known; small index buffers are kept.

    Thread-safe. The digest of a shard cannot be compared with a few of its bytes; that all that
    is read lies inside its buffers is checked as for a whole one.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, int], Mapped] = OrderedDict()

    def part(self, key: str, shard: Shard, rows: Numbers) -> Part:
        """The rows of a shard, which rise, as a shard of these alone.

        Raises:
            Damaged: what is there cannot be a shard of that placement.
            NotFound: there is no such shard.
            IntegrityError: it ends too early.
        """
        placement = shard.buffers
        assert isinstance(placement, Placement)
        assert placement.schema is not None
        try:
            spans = spans_of(placement, shard.size_bytes)
        except ValueError as error:
            raise Damaged(f"its manifest says wrongly where its buffers are: {error}") from error
        leaves = zip(leaves_of(placement.schema), spans, strict=True)
        columns = [_LeafRows(leaf, own, shard.rows, rows) for leaf, own in leaves]
        self._find_tables(key, [cut for column in columns for cut in column.cuts.values()])
        values = [column.values() for column in columns]
        wanted_bytes = sum(int(one.lengths.sum()) for one in values)
        found = fetched(self._blobs, key, values, spare_bytes=wanted_bytes)
        buffers = [one.buffers(own) for one, own in zip(columns, found, strict=True)]
        return Part(placement.schema, len(rows), buffers)

    def _find_tables(self, key: str, cuts: list[_Cut]) -> None:
        """Fetches what is wanted of the cuts, and keeps what is wanted of a whole shard."""
        with self._lock:
            for cut in cuts:
                cut.found = self._kept.get((key, cut.begin))
        missing = [cut for cut in cuts if cut.found is None]
        # Twice the bytes of the records are read at most, beside what is kept.
        wanted_bytes = sum(len(cut.starts) * cut.length for cut in missing if not cut.is_whole)
        wanted = [cut.wanted for cut in missing]
        pieces = fetched(self._blobs, key, wanted, spare_bytes=wanted_bytes)
        for cut, piece in zip(missing, pieces, strict=True):
            cut.found = piece
        with self._lock:
            for cut in cuts:
                if cut.is_whole and cut.found is not None:
                    self._kept[key, cut.begin] = cut.found
                    self._kept.move_to_end((key, cut.begin))
            while len(self._kept) > KEPT_BUFFERS:
                self._kept.popitem(last=False)


@dataclass
class _Cut:
    """Equally long pieces of a buffer, one for each row; a small buffer is fetched whole."""

    begin: int
    size_bytes: int
    starts: Numbers
    length: int
    is_whole: bool
    # What was wanted, once it was fetched.
    found: Mapped | None = None

    @property
    def wanted(self) -> Stretches:
        if self.is_whole:
            return Stretches(np.array([self.begin]), np.array([self.size_bytes]))
        return Stretches(self.begin + self.starts, np.full(len(self.starts), self.length))

    @property
    def table(self) -> Bytes2d:
        """The pieces, one below the other."""
        assert self.found is not None
        if self.is_whole:
            pieces = self.starts[:, np.newaxis] + np.arange(self.length)
            return self.found.take(pieces.reshape(-1)).reshape(pieces.shape)
        return self.found.reshape(len(self.starts), self.length)


class _LeafRows:
    """Some rows of one leaf: first what has a fixed place for each, then values of any length."""

    def __init__(self, leaf: Leaf, spans: Spans, count: int, rows: Numbers) -> None:
        self._leaf = leaf
        self._spans = spans
        self._rows = rows
        self.cuts: dict[Role, _Cut] = {}
        row_bytes = leaf.row_bytes if leaf.form == "fixed" else 0
        self._cut("validity", rows // BITS, 1, -(-count // BITS))
        self._cut("offsets", rows * OFFSET_BYTES, 2 * OFFSET_BYTES, (count + 1) * OFFSET_BYTES)
        self._cut("values", rows * row_bytes, row_bytes, count * row_bytes)
        shape_bytes = OFFSET_BYTES * leaf.ndim
        self._cut("shapes", rows * shape_bytes, shape_bytes, count * shape_bytes)
        self._cut("note", rows, 0, 0)

    def values(self) -> Stretches:
        """Where the values of rows of any length are, once their offsets were fetched."""
        if "offsets" not in self.cuts:
            return Stretches(np.empty(0, np.int64), np.empty(0, np.int64))
        begin, size_bytes = self._spans["values"]
        itemsize = 1 if self._leaf.form == "bytes" else self._leaf.numpy.itemsize
        starts, stops = self._offsets().T
        are_apart = (starts <= stops).all() and (stops[:-1] <= starts[1:]).all()
        if not (are_apart and starts[0] >= 0 and stops[-1] <= size_bytes // itemsize):
            raise Damaged("an offset points behind the end of its column")
        return Stretches(begin + starts * itemsize, (stops - starts) * itemsize)

    def buffers(self, values: Mapped) -> Buffers:
        """The buffers of a shard that has these rows alone, given values of any length."""
        if self._leaf.form == "null":
            return [None]
        found: Buffers = [self._validity()]
        if "offsets" in self.cuts:
            starts, stops = self._offsets().T
            found += [np.concatenate(([0], np.cumsum(stops - starts))).view(np.uint8), values]
        else:
            found.append(self.cuts["values"].table.reshape(-1))
        if "shapes" in self.cuts:
            found.append(self.cuts["shapes"].table.reshape(-1))
        if "note" in self.cuts:
            found.append(self.cuts["note"].found)
        return found

    def _cut(self, role: Role, starts: Numbers, length: int, needed: int) -> None:
        begin, size_bytes = self._spans.get(role, (0, 0))
        is_left_out = role not in self._spans or (role == "validity" and not size_bytes)
        if is_left_out or (role == "values" and self._leaf.form != "fixed"):
            return
        if size_bytes < needed:
            raise Damaged(f"a column has {size_bytes} of {needed} bytes")
        is_whole = role == "note" or (role != "values" and size_bytes <= WHOLE_BYTES)
        self.cuts[role] = _Cut(begin, size_bytes, starts, length, is_whole)

    def _offsets(self) -> Numbers:
        return self.cuts["offsets"].table.view(np.int64)

    def _validity(self) -> Mapped | None:
        if "validity" not in self.cuts:
            return None
        bits = self.cuts["validity"].table[:, 0] >> (self._rows % BITS) & 1
        return np.packbits(bits, bitorder="little")
