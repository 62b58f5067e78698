"""What comes, told to records that fetch it: some positions ahead of those that are read."""

from __future__ import annotations

from typing import Any

import numpy as np

from headrace.contracts import Order, Records
from headrace.contracts.records import ahead_positions_of, tell_ahead

# It is told again when such a part of what was told has been read.
PART = 8


class Teller:
    """Tells records the indices of the positions that are read next, of one epoch.

    For one thread at a time. **Cost**: each index is computed once more.
    """

    # Any: records pass through untyped.
    def __init__(self, records: Records[Any], order: Order, epoch: int) -> None:
        self._records = records
        self._order = order
        self._epoch = epoch
        self._size = ahead_positions_of(records)
        self._count = order.count(epoch)
        # What was told: the indices from this position on, enough for reads up to `due`.
        self._told = order.at(epoch, np.empty(0, np.int64))
        self._start = self._due = 0
        # Without a gap, everything from here on was told.
        self._first = 0

    def before(self, start: int, stop: int) -> None:
        """Tells what comes when positions [start, stop) are to be read, if it is time to."""
        # Threads ask for tasks a little out of order: what lies just behind was mostly told before.
        is_known = start >= max(self._first, self._start - self._size)
        if start >= stop or (is_known and stop <= self._due):
            return
        # A position of zipped records has a row of indices.
        passed = start - self._start if start >= self._start else self._told.shape[-1]
        known = self._told[..., passed:]
        if not known.shape[-1]:
            self._first = start
        end = min(max(start + self._size, stop), self._count)
        more = np.arange(start + known.shape[-1], end, dtype=np.int64)
        self._told = np.concatenate((known, self._order.at(self._epoch, more)), axis=-1)
        self._start, self._due = start, max(stop, start + self._size // PART)
        tell_ahead(self._records, self._told, left=self._count - start)
