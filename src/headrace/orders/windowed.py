"""The windowed shuffle as an order: each aligned window of positions is shuffled in itself."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.errors import seed_value, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import visited
from headrace.orders.keys import key
from headrace.orders.windows import Windows, aligned


@dataclass(frozen=True, slots=True)
class Windowed:
    """`order` with the positions of each aligned run of `window` in random order.

    Nothing crosses the border of a window, and each window is keyed by its first position: what
    a buffer of `window` records does, but with exact seeks. To mix over borders take `Nearby`.

    **Length**: that of `order`; the last window may be short.
    **Cost**: some 40 ns an index where positions are neighbours; a window of up to 256 costs its
    whole length however few of its positions are asked.
    **Raises**: ArgumentError for a window below 1 or a seed that is no whole number; StreamError
    at first use where the seed is still None.
    """

    order: Order
    window: int
    seed: int | None = None

    def __post_init__(self) -> None:
        remedy = "Give the number of positions to mix, such as 1000."
        window = whole("the window of a shuffle", self.window, least=1, remedy=remedy)
        object.__setattr__(self, "window", window)
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))

    def __str__(self) -> str:
        return f"{self.order} > windowed({self.window}, seed={self.seed})"

    def count(self, epoch: int) -> int:
        """That of the order before."""
        return self.order.count(epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        moved = self._windows(epoch, positions).forward(positions, self._key(epoch))
        return self.order.at(epoch, moved)

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(
            self.order.locate(epoch, indices),
            lambda there: self._windows(epoch, there).backward(there, self._key(epoch)),
        )

    def _windows(self, epoch: int, positions: Indices) -> Windows:
        count = self.order.count(epoch)
        return aligned(positions, count, max(min(self.window, count), 1))

    def _key(self, epoch: int) -> int:
        return key("windowed", self.seed, epoch)
