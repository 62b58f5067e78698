"""Which shards of a far store are fetched whole, and of which single rows are read by ranges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from headrace.formats.manifest.manifest import Shard
from headrace.formats.schema.schema import Leaf
from headrace.formats.shards.gather import Numbers

Flags = npt.NDArray[np.bool_]

# What a request costs beside its bytes: 20 ms at 100 MB/s, with 32 of them under way at once.
REQUEST_BYTES = 2**16
# A shard is fetched whole where its rows would cost this part of it by ranges: it serves again.
WHOLE_SHARE = 4
# Of a version that the cache cannot hold, one reader holds this part of the bound open: the other
# readers of the machine, and what comes, need room in it too.
HELD_SHARE = 8
# The part of the bound that the shards which are known to come may take; in the rest of it they
# are exchanged.
COMING_SHARE = 0.75
# Of what is told, this part is needed next.
NEXT_PART = 8
KIB = 1024


class Need(NamedTuple):
    """What reads need: shards, how many rows of each, and in how many runs of neighbours."""

    shards: Numbers
    rows: Numbers
    runs: Numbers
    # Whether each is needed at once.
    are_next: Flags


def need_of(shards: Sequence[int], rows: Mapping[int, Numbers]) -> Need:
    """What one read needs of some shards, of which it wants those rows."""
    wanted = [rows[shard] for shard in shards]
    runs = [1 + int((np.diff(own) != 1).sum()) for own in wanted]
    counts = [len(own) for own in wanted]
    known = [np.array(numbers, np.int64) for numbers in (shards, counts, runs)]
    return Need(known[0], known[1], known[2], np.ones(len(wanted), np.bool_))


def need_in_order(indices: Numbers, starts: Numbers) -> Need:
    """What the reads of `indices` need, the shard that is needed first in front.

    `starts` has the first index of each shard, and the one behind the last.
    """
    shards = starts.searchsorted(indices, side="right") - 1
    count = len(starts) - 1
    begins_run = np.ones(len(indices), np.bool_)
    begins_run[1:] = (np.diff(indices) != 1) | (np.diff(shards) != 0)
    firsts = np.full(count, len(indices))
    # Of several assignments to one place the last one stays.
    firsts[shards[::-1]] = np.arange(len(indices))[::-1]
    rows = np.bincount(shards, minlength=count)
    runs = np.bincount(shards[begins_run], minlength=count)
    used = np.flatnonzero(rows)
    used = used[firsts[used].argsort()]
    return Need(used, rows[used], runs[used], firsts[used] * NEXT_PART < len(indices))


class Reach:
    """Decides by arithmetic; `bound_bytes` is how much the cache of whole shards may hold.

    With `is_whole` nothing is read by ranges. For one thread at a time.
    """

    def __init__(
        self,
        shards: Sequence[Shard],
        leaves: Sequence[Leaf],
        *,
        bound_bytes: int | None,
        is_whole: bool = False,
    ) -> None:
        self.is_whole = is_whole
        self.sizes = np.array([shard.size_bytes for shard in shards], np.int64)
        # Whether each shard stays, once it is here.
        self.fits = bound_bytes is None or int(self.sizes.sum()) <= bound_bytes
        self.bound_bytes = bound_bytes
        self._rows = np.array([shard.rows for shard in shards], np.int64)
        self._is_placed = np.array([shard.buffers is not None for shard in shards], np.bool_)
        # One request for each run of values, and one for each small buffer beside them.
        self._values = sum(leaf.form != "null" for leaf in leaves)
        self._tables = sum(
            leaf.nullable + (leaf.form in ("bytes", "ragged")) + leaf.is_compressed
            for leaf in leaves
        )
        # What single rows have cost so far: were it not counted, each would be cheap for ever.
        self._spent = np.zeros(len(shards), np.int64)
        self._is_coming_whole = np.zeros(len(shards), np.bool_)
        self._is_coming = np.zeros(len(shards), np.bool_)

    def are_whole(self, need: Need) -> Flags:
        """Whether each shard that a read needs is fetched whole; else the ranges are counted."""
        shards = need.shards
        spent = self._spent[shards] + self.cost(need)
        is_enough = self._pays(shards, spent)
        if not self.fits:
            # Of those that are known to go again, a few rows now say nothing.
            is_enough &= ~self._is_coming[shards]
        whole = self._is_coming_whole[shards] | is_enough | ~self._is_placed[shards]
        self._spent[shards] = np.where(whole, 0, spent)
        return whole

    def come(self, need: Need, left: int) -> Numbers:
        """Takes in what comes, and gives the shards that will be whole, the first in front."""
        whole = need.shards[self.are_coming_whole(need, left)]
        self._is_coming[:] = self._is_coming_whole[:] = False
        self._is_coming[need.shards] = True
        self._is_coming_whole[whole] = True
        return whole

    def are_coming_whole(self, need: Need, left: int) -> Flags:
        """Whether each shard pays in the reads to come, of which `left` are left in the epoch."""
        shards, expected = need.shards, need
        if self.fits:
            # What is wanted of it later finds it here: as much as of all shards on the average.
            all_rows = self._rows[shards] * min(1.0, left / max(1, int(self._rows.sum())))
            growth = np.maximum(1.0, all_rows / need.rows)
            rows, runs = ((one * growth).astype(np.int64) for one in (need.rows, need.runs))
            expected = need._replace(rows=rows, runs=runs)
        whole = self._pays(shards, self.cost(expected)) | ~self._is_placed[shards]
        if self.bound_bytes is not None and not self.fits:
            # More would go again before they are used, and be fetched once a record. Where many
            # are needed at once, all processes of the machine choose the same, again and again.
            later = np.arange(len(shards))
            first = np.lexsort((np.where(need.are_next, shards, later), ~need.are_next))
            room = np.cumsum((self.sizes[shards] * whole)[first]) <= self.bound_bytes * COMING_SHARE
            whole[first] &= room
        return whole

    def cost(self, need: Need) -> Numbers:
        """What the rows of each shard cost by ranges, in bytes, with their requests."""
        useful = need.rows * (self.sizes[need.shards] // np.maximum(self._rows[need.shards], 1))
        return useful + (need.runs * self._values + self._tables) * REQUEST_BYTES

    def described(self, need: Need, left: int) -> str:
        """Which way what comes would be read, and why."""
        whole = self.are_coming_whole(need, left) | self.is_whole
        size = size_text(int(self.sizes[need.shards].max()))
        if whole.all():
            return f"whole shards of {size}, fetched along the order"
        ranged = need.shards[~whole]
        row_bytes = int(self.sizes[ranged].sum() // max(1, self._rows[ranged].sum()))
        records = number_text(int(need.rows[~whole].sum()), "record")
        text = f"ranges of {size_text(row_bytes)}: {records} of {number_text(len(ranged), 'shard')}"
        if not whole.any():
            return f"{text} of {size}"
        return f"{number_text(int(whole.sum()), 'whole shard')} of {size}, {text}"

    def kept(self, opened: Sequence[int], needed: Sequence[int]) -> list[int]:
        """Which shards stay open beside those that are needed: as many as there is room for.

        First those that come, then those that were `opened` last.
        """
        if self.bound_bytes is None or self.fits:
            return list(opened)
        room = self.bound_bytes // HELD_SHARE - int(self.sizes[list(needed)].sum())
        found = []
        newest_first = opened[::-1]
        for shard in sorted(newest_first, key=lambda one: not self._is_coming_whole[one]):
            room -= int(self.sizes[shard])
            if room < 0:
                break
            found.append(shard)
        return found

    def _pays(self, shards: Numbers, spent: Numbers) -> Flags:
        pays: Flags = spent * WHOLE_SHARE >= self.sizes[shards]
        return pays


def size_text(size_bytes: int) -> str:
    """The size for people: `64 MiB`."""
    size, unit = float(size_bytes), "B"
    for larger in ("KiB", "MiB", "GiB"):
        if size < KIB:
            break
        size, unit = size / KIB, larger
    return f"{size:.3g} {unit}"


def number_text(number: int, noun: str) -> str:
    """So many of them: `1 shard`, `2 shards`."""
    return f"{number:,} {noun}{'s' * (number != 1)}"
