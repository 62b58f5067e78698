"""A shuffle for slow media: each index moves a little, so reads stay nearly sequential."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts.errors import seed_value, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import visited
from headrace.orders.keys import key
from headrace.orders.windows import aligned


@dataclass(frozen=True, slots=True)
class Nearby:
    """`order` with each index at most `window` places from where it was.

    Two passes, each shuffling runs of two thirds of `window` positions in themselves; the
    borders of one pass lie in the middle of the runs of the other, and all move with the epoch,
    so that no border is ever closed.

    **Quality**: the distance moved is at most `window` (exact), 0.43 `window` in the root mean
    square, against 0.58 for a uniform draw within the bound; neighbours in the result are
    0.55 `window` apart in the root mean square. In any epoch an index meets only others within
    twice `window`: shuffle records sorted by class globally, or by `Blocks`.
    **Length**: that of `order`.
    **Cost**: two `Windowed` shuffles, 25 to 120 ns an index; any position in O(1).
    **Raises**: ArgumentError for a window below 1 or a seed that is no whole number; StreamError
    at first use where the seed is still None.
    """

    order: Order
    window: int
    seed: int | None = None

    def __post_init__(self) -> None:
        remedy = "Give how many places an index may move, such as 1000."
        window = whole("the window of a nearby shuffle", self.window, least=1, remedy=remedy)
        object.__setattr__(self, "window", window)
        if self.seed is not None:
            object.__setattr__(self, "seed", seed_value(self.seed))

    def __str__(self) -> str:
        return f"{self.order} > nearby({self.window}, seed={self.seed})"

    def count(self, epoch: int) -> int:
        """That of the order before."""
        return self.order.count(epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        count = self.order.count(epoch)
        for run, shift, run_key in reversed(self._passes(epoch, count)):
            positions = aligned(positions, count, run, shift).forward(positions, run_key)
        return self.order.at(epoch, positions)

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(self.order.locate(epoch, indices), lambda there: self._back(epoch, there))

    def _back(self, epoch: int, positions: Indices) -> Indices:
        count = self.order.count(epoch)
        for run, shift, run_key in self._passes(epoch, count):
            positions = aligned(positions, count, run, shift).backward(positions, run_key)
        return positions

    def _passes(self, epoch: int, count: int) -> tuple[tuple[int, int, int], ...]:
        """Run length, shift of the borders and key of the two passes.

        The first pass moves an index by at most run - 1, to the end of its run: the middle of a
        run of the second pass, which adds at most half a run. Both fit `window` for this run.
        """
        second = (2 * self.window + 2) // 3
        # A window of 1 leaves room for one pass of swaps alone.
        first = max(second, 2)
        first, second = (max(min(run, count), 1) for run in (first, second))
        phase = key("nearby phase", self.seed, epoch) % first
        return (
            (first, phase, key("nearby first", self.seed, epoch)),
            (second, (phase + first // 2) % second, key("nearby second", self.seed, epoch)),
        )
