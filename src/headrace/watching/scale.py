"""Weighs all records that pass by weighing a share of them."""

from __future__ import annotations

import math
import random
import sys
from typing import Any

from headrace.contracts import Block, Columns
from headrace.watching.sizes import size_of

# Any, in this file: records pass through untyped.
# To weigh a record takes 1 to 2 us: this many a second are a fifth of a percent of the time, and
# in 5 s enough for an error of 2 %.
WEIGHED_A_SECOND = 1_000
# Where records become slow all at once, so few of them pass before the next is weighed.
MOST_APART = 64
# Any number: which records are weighed must only not follow a pattern in the records.
SEED = 0


class Scale:
    """Counts records, and estimates their bytes.

    Each record is weighed while at most `WEIGHED_A_SECOND` come; of more about as many, at
    random distances, each standing for those since the one before. Records of one size give
    the exact sum; of sizes that scatter by s about their mean m, n weighed ones give it with a
    standard error of at most 1.2 s / (m sqrt(n)). Columns of plain arrays are always exact.

    Example:
        >>> scale = Scale()
        >>> scale.add([b"four", b"or", b"seventy"])
        >>> scale.count, scale.size_bytes
        (3, 13.0)
    """

    def __init__(self, *, is_weighing: bool = True) -> None:
        self.count = 0
        # The number of the record that is weighed next, counted from 1.
        self.next = 1 if is_weighing else sys.maxsize
        self._is_weighing = is_weighing
        self._apart = 1
        self._chance = random.Random(SEED)
        # The bytes of the first `_told` records.
        self._bytes = 0.0
        self._told = 0

    @property
    def size_bytes(self) -> float:
        """The bytes of all records counted; those after the last weighed one as the average."""
        return self._bytes * self.count / self._told if self._told else 0.0

    def tune(self, a_second: float) -> None:
        """Weighs the next record, and then a share that fits `a_second` records a second."""
        self._apart = min(max(1, math.ceil(a_second / WEIGHED_A_SECOND)), MOST_APART)
        if self._is_weighing:
            self.next = self.count + 1

    def weigh(self, record: Any) -> None:
        """Takes the weight of the record that was counted last."""
        self._take(self.count, size_of(record))

    def add(self, block: Block[Any]) -> None:
        """Counts a block, which stays as it is."""
        before = self.count
        self.count += len(block)
        if isinstance(block, Columns):
            self._add_columns(block, before)
            return
        while self.next <= self.count:
            self._take(self.next, size_of(block[self.next - before - 1]))

    def _add_columns(self, columns: Columns[Any], before: int) -> None:
        if not self._is_weighing or not len(columns):
            return
        lists = [leaf for leaf in columns.leaves if isinstance(leaf, list)]
        fixed = sum(leaf.nbytes for leaf in columns.leaves if not isinstance(leaf, list))
        each = fixed / len(columns)
        if not lists:
            self._take(self.count, each)
        while self.next <= self.count:
            row = self.next - before - 1
            self._take(self.next, each + sum(size_of(leaf[row]) for leaf in lists))

    def _take(self, number: int, size: float) -> None:
        self._bytes += size * (number - self._told)
        self._told = number
        # Between 1 and twice as far as they are to be apart: `apart` on average.
        self.next = number + 1 + int(self._chance.random() * (2 * self._apart - 1))
