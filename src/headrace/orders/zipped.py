"""Orders of several datasets side by side: one index of each at every position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import ArgumentError, StreamError
from headrace.contracts.order import Indices, Order


@dataclass(frozen=True, slots=True)
class Zipped:
    """Position p of each of `orders`, together.

    **Shape**: `at` gives (number of orders, n).
    **Length**: that of the shortest order.
    **Raises**: ArgumentError where there is no order.
    """

    orders: tuple[Order, ...]

    def __post_init__(self) -> None:
        if not self.orders:
            raise ArgumentError(
                "zip got no orders. At least one was expected. For no records use Range(0)."
            )
        object.__setattr__(self, "orders", tuple(self.orders))

    def __str__(self) -> str:
        return f"zip({'; '.join(str(order) for order in self.orders)})"

    def count(self, epoch: int) -> int:
        """That of the shortest order."""
        return min(order.count(epoch) for order in self.orders)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """One row of indices an order."""
        return np.stack([order.at(epoch, positions) for order in self.orders])

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """Raises StreamError: an index of one dataset says nothing about the others."""
        raise StreamError(
            f"cannot locate {len(indices)} indices in {self}: a position has one index for each "
            "of several orders. An order over one dataset was expected. Locate in one of the "
            "zipped orders; its positions are those of the zip."
        )
