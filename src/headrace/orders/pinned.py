"""An order that is the same in every epoch."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.errors import whole
from headrace.contracts.order import Indices, Order


@dataclass(frozen=True, slots=True)
class Pinned:
    """`order` as it is in epoch `epoch`, whichever epoch is asked.

    What a split needs: a random part must hold the same records in each epoch.

    **Length**: that of `order`.
    **Raises**: ArgumentError where `epoch` is no whole number of at least 0.
    """

    order: Order
    epoch: int = 0

    def __post_init__(self) -> None:
        remedy = "Give the epoch to keep, counted from 0."
        epoch = whole("the epoch of a pinned order", self.epoch, least=0, remedy=remedy)
        object.__setattr__(self, "epoch", epoch)

    def __str__(self) -> str:
        return f"{self.order} > pinned({self.epoch})"

    def count(self, epoch: int) -> int:
        """That of the order in its pinned epoch."""
        return self.order.count(self.epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(self.epoch, positions)

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return self.order.locate(self.epoch, indices)
