"""Orders of several datasets mixed: whose record comes next is a pattern, not a draw."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from headrace.contracts.errors import ArgumentError, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.groups import groups
from headrace.orders.limits import Stop, check_stop, limits_of
from headrace.orders.pattern import Pattern, bounded
from headrace.orders.turns import Turns

# A source that begins again is in another epoch; so many epochs of the whole keep apart from it.
PASSES_APART = 2**20
# What is known of the last epochs; a repeat meets several at once.
KEPT_EPOCHS = 4


@dataclass(frozen=True, slots=True)
class Mix:
    """The positions of several orders in turns that `pattern` gives, over the indices of all.

    `orders` are pairs of (order, number of records of its dataset). The datasets lie side by
    side, as in `Concat`. `stop` says when it ends: "first" with the first order that is used up
    (the others have then had their share, in proportion); "all" when all are used up: turns of
    those that are, are passed over; "cycle" when each was seen whole once: those that are used
    up begin again, at most `max_repeats` times in all. Orders without a turn do not count.

    **Length**: by arithmetic, the same for each seed. With "first" an empty order ends it at once.
    **Cost**: that of the pattern for each period met, then one call an order met; the first use
    of an epoch asks each order for its length.
    **Raises**: ArgumentError where there is no pair, a size is no whole number, the pattern has
    another number of sources, `stop` is unknown, or `max_repeats` is below 1 or not of a "cycle".
    """

    orders: tuple[tuple[Order, int], ...]
    pattern: Pattern
    stop: Stop = "first"
    max_repeats: int | None = None
    _turns: dict[int, _Epoch] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_stop(self.stop, self.max_repeats)
        remedy = "Give the number of records of the dataset that the order walks over."
        pairs = tuple(
            (order, whole("the size of a dataset", size, least=0, remedy=remedy))
            for order, size in self.orders
        )
        object.__setattr__(self, "orders", pairs)
        if not pairs or len(pairs) != self.pattern.sources:
            raise ArgumentError(
                f"a mix got {len(pairs)} orders and a pattern of {self.pattern.sources}. At least "
                "one pair of (order, number of records) was expected, and a weight for each. "
                "For no records at all use Range(0)."
            )

    def __reduce__(self) -> tuple[type[Mix], tuple[object, ...]]:
        # What was computed is left behind: it is found again, and has a number for each order.
        return Mix, (self.orders, self.pattern, self.stop, self.max_repeats)

    def __str__(self) -> str:
        orders = bounded("; ".join(f"{order} of {size}" for order, size in self.orders))
        cap = "" if self.max_repeats is None else f", max_repeats={self.max_repeats}"
        return f"mix({orders}; {self.pattern}, stop={self.stop}{cap})"

    def count(self, epoch: int) -> int:
        """The turns that are taken; INFINITE where an order has no end and is waited for."""
        return self._epoch(epoch).turns.count

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position, over all datasets."""
        known = self._epoch(epoch)
        sources, before = known.turns.at(epoch, positions)
        found = np.empty(len(positions), dtype=np.int64)
        for source, chosen in groups(sources):
            order, length = self.orders[source][0], known.lengths[source]
            places = before[chosen]
            for number, inside in groups(places // length):
                again = places[inside] - number * length
                places[inside] = order.at(pass_epoch(epoch, number), again)
            found[chosen] = places + known.offsets[source]
        return found

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The first position of each index of all datasets, -1 where it is not visited.

        Of a "cycle" the first pass is looked through, in which all is visited.
        """
        known = self._epoch(epoch)
        numbers = np.searchsorted(known.offsets, indices, side="right") - 1
        places = np.full(len(indices), -1, dtype=np.int64)
        for number, chosen in groups(numbers):
            if number >= 0:
                inside = indices[chosen] - known.offsets[number]
                places[chosen] = self.orders[number][0].locate(epoch, inside)
        return known.turns.locate(epoch, numbers, places)

    def _epoch(self, epoch: int) -> _Epoch:
        known = self._turns.get(epoch)
        if known is None:
            lengths = tuple(order.count(epoch) for order, _ in self.orders)
            sizes = [size for _, size in self.orders]
            # Lengths are the same in each epoch, as a rule.
            for other in list(self._turns.values()):
                if other.lengths == lengths:
                    known = other
            if known is None:
                limits = limits_of(self.pattern, lengths, self.stop, self.max_repeats)
                offsets = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
                known = _Epoch(lengths, offsets, Turns(self.pattern, tuple(limits)))
            if len(self._turns) >= KEPT_EPOCHS:
                self._turns.clear()
            self._turns[epoch] = known
        return known


@dataclass(frozen=True, slots=True)
class _Epoch:
    """What an epoch needs to know: lengths, where each dataset begins, whose turn it is."""

    lengths: tuple[int, ...]
    offsets: Indices
    turns: Turns


def pass_epoch(epoch: int, number: int) -> int:
    """The epoch of a source in its pass `number`, so that each pass is shuffled anew."""
    return epoch + number * PASSES_APART
