"""Orders of several datasets, one after the other, over the indices of all of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import ArgumentError, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import INFINITE, finite
from headrace.orders.groups import groups


@dataclass(frozen=True, slots=True)
class Concat:
    """All positions of the first order, then those of the second, and so on.

    `orders` are pairs of (order, number of records of its dataset). The datasets lie side by
    side: an index of the k-th is moved by the records of those before it.

    **Length**: the sum of the lengths; endless where the last one is.
    **Cost**: one call an order met; `count` asks each.
    **Raises**: ArgumentError where there is no pair, or a size is no whole number; StreamError
    where an order other than the last has no end.
    """

    orders: tuple[tuple[Order, int], ...]

    def __post_init__(self) -> None:
        if not self.orders:
            raise ArgumentError(
                "concat got no orders. At least one pair of (order, number of records) was "
                "expected. For no records at all use Range(0)."
            )
        remedy = "Give the number of records of the dataset that the order walks over."
        pairs = tuple(
            (order, whole("the size of a dataset", size, least=0, remedy=remedy))
            for order, size in self.orders
        )
        object.__setattr__(self, "orders", pairs)
        for order, _ in pairs[:-1]:
            finite(order, "put another order after")

    def __str__(self) -> str:
        return f"concat({'; '.join(f'{order} of {size}' for order, size in self.orders)})"

    def count(self, epoch: int) -> int:
        """The positions of all orders."""
        return min(sum(order.count(epoch) for order, _ in self.orders), INFINITE)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position, over all datasets."""
        begins = self._begins(epoch)
        numbers = np.searchsorted(begins, positions, side="right") - 1
        found = np.empty(len(positions), dtype=np.int64)
        for number, chosen in groups(numbers):
            order, offset = self.orders[number][0], self._offsets()[number]
            found[chosen] = order.at(epoch, positions[chosen] - begins[number]) + offset
        return found

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index of all datasets, -1 where it is not visited."""
        begins, offsets = self._begins(epoch), self._offsets()
        numbers = np.searchsorted(offsets, indices, side="right") - 1
        found = np.full(len(indices), -1, dtype=np.int64)
        for number, chosen in groups(numbers):
            if number < 0:
                continue
            places = self.orders[number][0].locate(epoch, indices[chosen] - offsets[number])
            found[chosen] = np.where(places < 0, np.int64(-1), places + begins[number])
        return found

    def _begins(self, epoch: int) -> Indices:
        return _sums_before([order.count(epoch) for order, _ in self.orders])

    def _offsets(self) -> Indices:
        return _sums_before([size for _, size in self.orders])


def _sums_before(sizes: list[int]) -> Indices:
    """The sum of those before each; the last size is left out, since it may be endless."""
    return np.cumsum([0, *sizes[:-1]], dtype=np.int64)
