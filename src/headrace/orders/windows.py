"""Many small permutations at once: positions that stay inside the window they are in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from headrace.contracts.order import Indices
from headrace.orders.bounds import BLOCK_POSITIONS
from headrace.orders.feistel import BACKWARD, FORWARD, walk
from headrace.orders.groups import groups
from headrace.orders.keys import SECOND, Words, derived
from headrace.orders.permutation import inverses, round_keys, tables

# A table a window costs its whole length, however few of its positions are asked (a rank of
# many asks few); above this length the network, which costs per position, is random enough.
TABLE_WINDOW = 256


@dataclass(frozen=True, slots=True)
class Windows:
    """For each of some positions, the window it lies in: where that begins, and its length.

    **Shape**: both (n,) int64. Windows do not overlap.
    """

    begins: Indices
    lengths: Indices

    def forward(self, positions: Indices, key: int) -> Indices:
        """Where each position goes inside its window, keyed by (key, the window's begin)."""
        return self._moved(positions, key, _forward)

    def backward(self, positions: Indices, key: int) -> Indices:
        """Where each position comes from: the inverse of `forward`."""
        return self._moved(positions, key, _backward)

    def _moved(self, positions: Indices, key: int, move: _Move) -> Indices:
        moved = np.empty(len(positions), dtype=np.int64)
        for start in range(0, len(positions), BLOCK_POSITIONS):
            block = slice(start, start + BLOCK_POSITIONS)
            begins = self.begins[block]
            places = positions[block] - begins
            for length, chosen in groups(self.lengths[block]):
                places[chosen] = _same_length(places[chosen], begins[chosen], length, key, move)
            moved[block] = places + begins
        return moved


def aligned(positions: Indices, count: int, window: int, shift: int = 0) -> Windows:
    """The windows of `window` positions that `positions` of [0, `count`) lie in.

    Borders are at the multiples of `window` less `shift`; the first and last may be short.
    """
    begins = (positions + shift) // window * window - shift
    # Cut at the count first: a sum past the greatest int64 would wrap around.
    ends = np.minimum(begins, count - window) + window
    ends[begins > count - window] = count
    begins = np.maximum(begins, 0)
    return Windows(begins, ends - begins)


# From (keys of the windows, length, window of each place, place) to the new place.
_Move: TypeAlias = Callable[[Words, int, Indices, Indices], Indices]


def _same_length(places: Indices, begins: Indices, length: int, key: int, move: _Move) -> Indices:
    met, window_of_each = _distinct(begins, length)
    keys = derived(np.uint64(key) + np.zeros_like(met, np.uint64), met.astype(np.uint64), SECOND)
    return move(keys, length, window_of_each, places)


def _distinct(begins: Indices, length: int) -> tuple[Indices, Indices]:
    """The windows met (and a few beside them), and which of these each position is in."""
    numbers = (begins - begins.min()) // length
    span = int(numbers.max()) + 1
    # Where windows lie side by side, numbering them is ten times faster than sorting them.
    if span * length <= 4 * (len(begins) + length):
        met = np.zeros(span, dtype=np.int64)
        met[numbers] = begins
        return met, numbers
    found, window_of_each = np.unique(begins, return_inverse=True)
    return found, window_of_each


def _forward(keys: Words, length: int, window_of_each: Indices, places: Indices) -> Indices:
    if length <= TABLE_WINDOW:
        return tables(keys, length)[window_of_each, places]
    return walk(places, length, _keys_of_each(keys, window_of_each), FORWARD)


def _backward(keys: Words, length: int, window_of_each: Indices, places: Indices) -> Indices:
    if length <= TABLE_WINDOW:
        return inverses(tables(keys, length))[window_of_each, places]
    return walk(places, length, _keys_of_each(keys, window_of_each), BACKWARD)


def _keys_of_each(keys: Words, window_of_each: Indices) -> Words:
    rounds = round_keys(keys)
    return rounds[:, 0] if len(keys) == 1 else rounds[:, window_of_each]
