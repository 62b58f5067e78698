"""Whole units of an order, every so many: what one of several equal readers visits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headrace.contracts.errors import whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import INFINITE, visited


@dataclass(frozen=True, slots=True)
class Every:
    """The units `first`, `first` + `step`, ... of `order`, each a run of `unit` positions.

    The last unit of the order may be shorter; it is then the last of whoever visits it.

    **Length**: `unit` for each unit visited, what the last one has for that.
    **Raises**: ArgumentError for a negative first, or a unit or step below 1.
    """

    order: Order
    unit: int
    first: int
    step: int

    def __post_init__(self) -> None:
        whole("the unit", self.unit, least=1, remedy="Give 1 for single positions.")
        whole("the first unit", self.first, least=0, remedy="Units are counted from 0.")
        whole("the step", self.step, least=1, remedy="Give 1 for all units.")

    def __str__(self) -> str:
        return f"{self.order} > every({self.unit} x {self.first}::{self.step})"

    def count(self, epoch: int) -> int:
        """How many positions are visited."""
        count = self.order.count(epoch)
        if count >= INFINITE:
            return INFINITE
        units = len(range(self.first, -(-count // self.unit), self.step))
        last = self.first + (units - 1) * self.step
        missing = max(0, (last + 1) * self.unit - count) if units else 0
        return units * self.unit - missing

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, self.places(positions))

    def places(self, positions: Indices) -> Indices:
        """The position in the whole order of each position here."""
        units, inside = np.divmod(positions, self.unit)
        return (units * self.step + self.first) * self.unit + inside

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(self.order.locate(epoch, indices), self._inside)

    def _inside(self, positions: Indices) -> Indices:
        units, inside = np.divmod(positions, self.unit)
        turns, rest = np.divmod(units - self.first, self.step)
        is_here = (rest == 0) & (turns >= 0)
        return np.where(is_here, turns * self.unit + inside, np.int64(-1))
