"""A part of an order: the positions from `start` to `stop`, each `step`-th."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import INFINITE, visited


@dataclass(frozen=True, slots=True)
class Slice:
    """The positions `start`, `start` + `step`, ... below `stop` of `order`.

    A `stop` of None is the end; what lies beyond the end is cut off, as in a list.

    **Length**: `len(range(start, min(stop, length), step))`.
    **Raises**: ArgumentError for a negative start or stop, or a step below 1.
    """

    order: Order
    start: int
    stop: int | None
    step: int = 1

    def __post_init__(self) -> None:
        remedy = "Count from the beginning: an order has no negative positions."
        start = whole("the start of a slice", self.start, least=0, remedy=remedy)
        # Beyond every order there is nothing, and positions are counted in 64 bits.
        object.__setattr__(self, "start", min(start, INFINITE))
        if self.stop is not None:
            stop = whole("the stop of a slice", self.stop, least=0, remedy=remedy)
            object.__setattr__(self, "stop", stop)
        remedy = "Give 1 for all positions, 2 for every other one."
        step = whole("the step of a slice", self.step, least=1, remedy=remedy)
        object.__setattr__(self, "step", step)

    def __str__(self) -> str:
        stop = "" if self.stop is None else self.stop
        step = "" if self.step == 1 else f":{self.step}"
        return f"{self.order} > slice({self.start}:{stop}{step})"

    def count(self, epoch: int) -> int:
        """How many positions lie inside."""
        stop = self._stop(epoch)
        # What is left of an endless order is endless.
        if stop >= INFINITE:
            return INFINITE
        return len(range(self.start, stop, self.step))

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, positions * self.step + self.start)

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(self.order.locate(epoch, indices), lambda there: self._inside(epoch, there))

    def _inside(self, epoch: int, positions: Indices) -> Indices:
        places, rest = np.divmod(positions - self.start, self.step)
        inside = (rest == 0) & (places >= 0) & (positions < self._stop(epoch))
        return np.where(inside, places, np.int64(-1))

    def _stop(self, epoch: int) -> int:
        count = self.order.count(epoch)
        return count if self.stop is None else min(self.stop, count)
