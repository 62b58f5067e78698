"""Several epochs of an order as one long epoch, or epochs without end."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import INFINITE, finite
from headrace.orders.groups import groups

# `locate` looks through one inner epoch after the other; an index that stands in none of this
# many (a second or two) counts as not visited.
LOCATE_EPOCHS = 1_000


@dataclass(frozen=True, slots=True)
class Repeat:
    """`times` epochs of `order` in a row, each shuffled anew; `times=None` has no end.

    Position p of epoch e is position p % n of the inner epoch e * `times` + p // n, where n is
    the length of `order`. With `reshuffle=False` all of epoch e is the inner epoch e again.
    Without end there is one epoch: every e gives the same.

    **Length**: `times` times that of `order`; `INFINITE` without end (unless `order` is empty).
    **Cost**: one call of `order` for each inner epoch met; repeat a short order with care.
    **Raises**: ArgumentError for times below 1; StreamError where `order` itself has no end.
    """

    order: Order
    times: int | None
    reshuffle: bool = True

    def __post_init__(self) -> None:
        if self.times is not None:
            remedy = "Give None to repeat without end, or leave out `repeat` for one epoch."
            times = whole("the times of a repeat", self.times, least=1, remedy=remedy)
            object.__setattr__(self, "times", times)
        finite(self.order, "repeat")

    def __str__(self) -> str:
        times = "endless" if self.times is None else self.times
        same = "" if self.reshuffle else ", reshuffle=False"
        return f"{self.order} > repeat({times}{same})"

    def count(self, epoch: int) -> int:
        """The positions of all repeats; `INFINITE` without end."""
        inner = self.order.count(self._first(epoch))
        if self.times is None:
            return INFINITE if inner else 0
        return min(inner * self.times, INFINITE)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        first = self._first(epoch)
        repeats, inner = np.divmod(positions, max(self.order.count(first), 1))
        if not self.reshuffle:
            return self.order.at(first, inner)
        parts = [(chosen, self.order.at(first + k, inner[chosen])) for k, chosen in groups(repeats)]
        if len(parts) == 1:
            return parts[0][1]
        if not parts:
            return self.order.at(first, inner)
        found = np.empty((*parts[0][1].shape[:-1], len(positions)), dtype=np.int64)
        for chosen, indices in parts:
            found[..., chosen] = indices
        return found

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The first position of each index, -1 where it is not visited.

        Looks into the first 1,000 repeats: into as many as it takes to find all.
        """
        first, count = self._first(epoch), self.order.count(self._first(epoch))
        repeats = self.times if self.times is not None else LOCATE_EPOCHS
        if not self.reshuffle:
            repeats = 1
        found = np.full(len(indices), -1, dtype=np.int64)
        for repeat in range(min(repeats, LOCATE_EPOCHS)):
            missing = np.flatnonzero(found < 0)
            if not len(missing):
                break
            inner = self.order.locate(first + repeat, indices[missing])
            found[missing] = np.where(inner < 0, np.int64(-1), inner + repeat * count)
        return found

    def _first(self, epoch: int) -> int:
        """The inner epoch that this epoch begins with."""
        if not self.reshuffle:
            return epoch
        return 0 if self.times is None else epoch * self.times
