"""Weighted draws with replacement: each position draws on its own."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import xxhash

from headrace.contracts.errors import ArgumentError, seed_value, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import BLOCK_POSITIONS, INFINITE, finite
from headrace.orders.keys import derived, key

# A double has so many bits: draws are whole multiples of 2**-53.
_DOUBLE_BITS = 53
# `locate` looks through the draws in turn; what is not among so many (a second or two) counts as
# not drawn.
LOCATE_DRAWS = 10_000_000


@dataclass(frozen=True, slots=True)
class Draws:
    """`count_drawn` positions of `order`, each drawn by weight, whatever the others are.

    The draw at a position is a hash of (seed, epoch, position): another one each epoch.

    **Length**: `count_drawn`.
    **Cost**: O(log positions) a draw; 8 bytes a position of `order`. `locate` draws again until
    it has met all that is asked, up to 10 million times.
    **Raises**: ArgumentError for weights that are negative, no finite numbers, all 0 or not one
    for each position, for a count below 0, or a seed that is no whole number; StreamError at
    first use where the seed is still None.
    """

    order: Order
    weights: npt.ArrayLike = field(compare=False, repr=False)
    count_drawn: int
    seed: int | None = None
    digest: str = field(init=False)
    _sums: npt.NDArray[np.float64] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        remedy = "Give how many records to draw; 0 draws none."
        drawn = whole("the number of draws", self.count_drawn, least=0, remedy=remedy)
        object.__setattr__(self, "count_drawn", min(drawn, INFINITE))
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))
        finite(self.order, "sample")
        weights = _checked(self.weights, self.order.count(0))
        object.__setattr__(self, "weights", weights)
        object.__setattr__(self, "digest", xxhash.xxh3_128_hexdigest(weights.data))
        object.__setattr__(self, "_sums", np.cumsum(weights))

    def __reduce__(self) -> tuple[type[Draws], tuple[object, ...]]:
        # A pickled array comes back writable; the constructor makes it read-only again.
        return Draws, (self.order, self.weights, self.count_drawn, self.seed)

    def __str__(self) -> str:
        return f"{self.order} > draws({self.count_drawn}, {self.digest}, seed={self.seed})"

    def count(self, epoch: int) -> int:
        """How many are drawn."""
        return self.count_drawn

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        drawn = np.array(key("draws", self.seed, epoch), dtype=np.uint64)
        words = derived(drawn, positions.astype(np.uint64))
        shares = (words >> np.uint64(64 - _DOUBLE_BITS)) * 2.0**-_DOUBLE_BITS
        # To the right of equal sums, so that a weight of 0 is never drawn.
        picks = np.searchsorted(self._sums, shares * self._sums[-1:], side="right")
        return self.order.at(epoch, picks.astype(np.int64, copy=False))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The first position of each index, -1 where it is not met."""
        found = np.full(len(indices), -1, dtype=np.int64)
        for start in range(0, min(self.count_drawn, LOCATE_DRAWS), BLOCK_POSITIONS):
            missing = np.flatnonzero(found < 0)
            if not len(missing):
                break
            stop = min(start + BLOCK_POSITIONS, self.count_drawn)
            drawn, first = np.unique(self.at(epoch, np.arange(start, stop)), return_index=True)
            slots = np.minimum(np.searchsorted(drawn, indices[missing]), len(drawn) - 1)
            is_met = drawn[slots] == indices[missing]
            found[missing[is_met]] = first[slots[is_met]] + start
        return found


def _checked(weights: object, count: int) -> npt.NDArray[np.float64]:
    given = np.asarray(weights)
    if given.ndim != 1 or given.dtype.kind not in "iuf" or len(given) != count:
        raise ArgumentError(
            f"{type(weights).__name__} of shape {given.shape} and dtype {given.dtype} was given "
            f"as the weights of {count} records. A flat list of numbers was expected, one for "
            "each record."
        )
    copied = np.array(given, dtype=np.float64)
    wrong = np.flatnonzero(~((copied >= 0) & (copied < math.inf)))
    if len(wrong):
        raise ArgumentError(
            f"weight {wrong[0]} of {count} is {given[wrong[0]]}. A finite number of at least 0 "
            "was expected. Give 0 to a record that is never to be drawn."
        )
    with np.errstate(over="ignore"):
        total = copied.sum()
    # Shares of what is smaller yet would be rounded up to the whole.
    if not sys.float_info.min <= total < math.inf:
        raise ArgumentError(
            f"the weights of {count} records sum to {total}. A finite number above 0 was "
            "expected. Give some record a weight above 0, and scale huge or tiny weights."
        )
    copied.setflags(write=False)
    return copied
