"""The exact global shuffle: each position of an order goes anywhere, and none is held."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.errors import seed_value
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import finite, visited
from headrace.orders.permutation import Permutation


@dataclass(frozen=True, slots=True)
class Shuffled:
    """All of `order` in a random order, another one each epoch.

    The order is a function of (seed, epoch) and of how many positions there are. Without a seed
    it is a description to complete: `with_seed` does.

    **Length**: that of `order`.
    **Cost**: 25 to 70 ns an index, whatever the size (see `Permutation`).
    **Raises**: ArgumentError for a seed that is no whole number of 64 bits; StreamError where
    `order` has no end, and at first use where the seed is still None.
    """

    order: Order
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))
        finite(self.order, "shuffle")

    def __str__(self) -> str:
        return f"{self.order} > shuffled(seed={self.seed})"

    def count(self, epoch: int) -> int:
        """That of the order before."""
        return self.order.count(epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, self._permutation(epoch).forward(positions))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(self.order.locate(epoch, indices), self._permutation(epoch).backward)

    def _permutation(self, epoch: int) -> Permutation:
        return Permutation(self.order.count(epoch), self.seed, epoch)
