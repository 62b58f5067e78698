"""Some positions of an order: what is left of an epoch."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headrace.contracts.order import Indices, Order
from headrace.contracts.rest import Progressions
from headrace.orders.bounds import INFINITE, visited
from headrace.orders.progressions import is_endless, size_of


@dataclass(frozen=True)
class Chosen:
    """The positions of `order` that a row of progressions says, in their order.

    Positions from the end of `order` on are padding: they begin at its beginning again.

    **Length**: that of the progressions. **Cost**: some 20 ns an index.
    """

    order: Order
    row: Progressions
    # The place at which each progression ends, where it begins, its start and its step.
    _ends: Indices = field(init=False, repr=False, compare=False)
    _lines: Indices = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        there = [one for one in self.row if one[0] < one[1]]
        ends: list[int] = []
        lines: list[tuple[int, int, int]] = []
        for start, stop, step in there:
            begin = ends[-1] if ends else 0
            lines.append((begin, start, step))
            ends.append(min(INFINITE, begin + len(range(start, stop, step))))
        object.__setattr__(self, "_ends", np.array(ends, dtype=np.int64))
        object.__setattr__(self, "_lines", np.array(lines, dtype=np.int64).reshape(-1, 3).T)

    def __str__(self) -> str:
        return f"{self.order} > chosen({len(self.row)} progressions)"

    def count(self, epoch: int) -> int:
        """How many positions are chosen."""
        return INFINITE if is_endless(self.row) else size_of(self.row)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, self.places(positions) % max(self.order.count(epoch), 1))

    def places(self, positions: Indices) -> Indices:
        """The position in the whole order of each position here; padding lies beyond its end."""
        if not len(positions):
            return positions
        begins, starts, steps = self._lines[:, np.searchsorted(self._ends, positions, "right")]
        found: Indices = starts + (positions - begins) * steps
        return found

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited; padding is not looked at."""
        return visited(self.order.locate(epoch, indices), self._inside)

    def _inside(self, positions: Indices) -> Indices:
        found = np.full(len(positions), -1, dtype=np.int64)
        for (begin, start, step), end in zip(self._lines.T.tolist(), self._ends, strict=True):
            places, rest = np.divmod(positions - start, step)
            is_here = (rest == 0) & (places >= 0) & (places < end - begin)
            found[is_here] = places[is_here] + begin
        return found
