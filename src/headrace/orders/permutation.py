"""The keyed bijection of [0, n) behind every shuffle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.order import Indices
from headrace.orders.feistel import BACKWARD, FORWARD, ROUNDS, walk
from headrace.orders.keys import Words, counters, derived, key

# Below this a table is cheap (30 us) and a network too narrow to reach all orders of few numbers.
TABLE_SIZE = 4_096
# The low bits of a hash that make room for the number itself: 2**12 is TABLE_SIZE.
_NUMBER_MASK = np.uint64(TABLE_SIZE - 1)


@dataclass(frozen=True, slots=True)
class Permutation:
    """A bijection of [0, `size`), fixed by (`seed`, `epoch`, `purpose`).

    Up to 4,096 numbers: sorting keyed 64-bit hashes, so that all orders are equally likely.
    Above: a Feistel network over the exact bit width of `size` - 1, walked along its cycles.

    **Cost**: some 25 ns a number below 2**32 and 35 ns above, up to twice that where `size`
    is just above a power of two; 0.1 ms a call. No memory beyond the numbers asked.
    **Source**: `headrace.orders.feistel`.
    """

    size: int
    seed: int | None
    epoch: int
    purpose: str = "shuffled"

    def forward(self, numbers: Indices) -> Indices:
        """Where each number goes."""
        if self.size <= TABLE_SIZE:
            order: Indices = tables(self._key(), self.size)[0]
            return order[numbers]
        return walk(numbers, self.size, round_keys(self._key())[:, 0], FORWARD)

    def backward(self, numbers: Indices) -> Indices:
        """Where each number comes from: the inverse of `forward`."""
        if self.size <= TABLE_SIZE:
            back: Indices = inverses(tables(self._key(), self.size))[0]
            return back[numbers]
        return walk(numbers, self.size, round_keys(self._key())[:, 0], BACKWARD)

    def _key(self) -> Words:
        # The size too: a part of a shuffled whole, shuffled by the same seed, is another order.
        return np.array([key(self.purpose, self.seed, self.epoch, self.size)], dtype=np.uint64)


def round_keys(keys: Words) -> Words:
    """The keys of each round, shape (ROUNDS, len(keys))."""
    return derived(keys, counters(ROUNDS, start=1)[:, None])


def tables(keys: Words, size: int) -> Indices:
    """One random order of [0, `size`) a key, shape (len(keys), size); `size` up to 4,096.

    Sorting by a hash is a Fisher-Yates shuffle up to ties; hashes are cut to 52 bits, so a tie
    is met once in 5e8 tables of 4,096 numbers, and is broken by the number.
    """
    numbers = counters(size)
    hashes = derived(keys[:, None], numbers)
    hashes &= ~_NUMBER_MASK
    hashes |= numbers
    hashes.sort(axis=1)
    hashes &= _NUMBER_MASK
    return hashes.view(np.int64)


def inverses(orders: Indices) -> Indices:
    """The inverse of each row of `orders`."""
    back = np.empty_like(orders)
    row = np.arange(orders.shape[1], dtype=np.int64)[None, :]
    np.put_along_axis(back, orders, np.broadcast_to(row, orders.shape), axis=1)
    return back
