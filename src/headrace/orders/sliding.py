"""Sliding windows of an order: neighbouring positions together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import StreamError, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import INFINITE

# Stands where a window reaches beyond the end of its order.
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Sliding:
    """Position p is the window of positions p * `stride` to p * `stride` + `size` of `order`.

    Only whole windows are given; with `partial` each one that begins inside the order, the last
    ones filled up with -1.

    **Shape**: `at` gives (size, n), or (count, n) where the order is shorter than a window.
    **Length**: `(n - size) // stride + 1`, at least 0; with `partial` `n / stride` rounded up.
    **Cost**: that of the positions that the windows cover, each once where windows are neighbours.
    **Raises**: ArgumentError for a size or stride below 1.
    """

    order: Order
    size: int
    stride: int = 1
    partial: bool = False

    def __post_init__(self) -> None:
        whole("the size of a window", self.size, least=1, remedy="Give the number of records.")
        whole("the stride of a window", self.stride, least=1, remedy="Give 1 for every window.")

    def __str__(self) -> str:
        partial = ", partial" if self.partial else ""
        return f"{self.order} > sliding({self.size}:{self.stride}{partial})"

    def count(self, epoch: int) -> int:
        """How many windows one epoch has."""
        count = self.order.count(epoch)
        if count >= INFINITE:
            return INFINITE
        return windows_of(count, self.size, self.stride, partial=self.partial)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """One column of indices a window, -1 beyond the end."""
        count = self.order.count(epoch)
        # Nothing is laid out for what is wider than the whole order.
        size, stride = (min(extent, max(1, count)) for extent in (self.size, self.stride))
        if not len(positions):
            return np.empty((size, 0), dtype=np.int64)
        places = positions * stride + np.arange(size, dtype=np.int64)[:, None]
        first, last = int(places.min()), min(int(places.max()), count - 1)
        if last - first < places.size:
            table = self.order.at(epoch, np.arange(first, last + 1, dtype=np.int64))
            indices = table[np.minimum(places, last) - first]
        else:
            indices = self.order.at(epoch, np.minimum(places, last).ravel()).reshape(places.shape)
        return np.where(places < count, indices, np.int64(NOTHING))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """Raises StreamError: an index stands in several windows, or in none."""
        raise StreamError(
            f"cannot locate {len(indices)} indices in {self}: a record stands in several windows "
            "or in none. An order of single records was expected. Locate in the order before."
        )


def windows_of(count: int, size: int, stride: int, *, partial: bool) -> int:
    """How many windows `count` records give."""
    return -(-count // stride) if partial else max(0, (count - size) // stride + 1)
