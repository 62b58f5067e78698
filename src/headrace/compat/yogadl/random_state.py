"""The order that YogaDL shuffles by: NumPy's legacy generator, within each shard."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from headrace.contracts.errors import ArgumentError, whole
from headrace.contracts.order import Indices, Order
from headrace.orders.bounds import finite, visited

# The seeds of RandomState end here.
SEEDS = 2**32
# Two epochs at once, and shards of two lengths.
TABLES = 4


class _Tables:
    """The last permutations that were drawn: blocks of an epoch are asked for one by one.

    They are no part of an order's value, and do not travel with it.
    """

    __slots__ = ("backward", "forward")

    def __init__(self) -> None:
        self.forward: Callable[[int, int], Indices] = functools.lru_cache(TABLES)(permutation)
        self.backward: Callable[[int, int], Indices] = functools.lru_cache(TABLES)(_inverse)

    def __reduce__(self) -> tuple[type[_Tables], tuple[()]]:
        return _Tables, ()


@dataclass(frozen=True, slots=True)
class RandomStateShuffled:
    """`order` shuffled by `RandomState(seed + epoch)`, as YogaDL does it.

    Of several shards (the positions rank, rank + num_shards, ...) each is shuffled by itself, by
    the same seed: behind it goes `Part(..., rank, num_shards)`, and with num_shards=1 the shuffle
    is global. Without `reshuffles` each epoch has the order of the first one.

    **Length**: that of `order`.
    **Cost**: a table of 8 bytes a record, made anew in each epoch: 0.07 s a million.
    **Raises**: ArgumentError for a seed outside of 0 to 2**32 - 1, or num_shards below 1;
    StreamError where `order` has no end.

    Example:
        >>> import headrace as hr
        >>> from headrace.compat.yogadl import RandomStateShuffled
        >>> ref = hr.DataRef.from_sequence(range(10))
        >>> hr.DataRef(ref.records, RandomStateShuffled(ref.order, 777)).stream().collect()
        [2, 0, 8, 3, 4, 5, 1, 9, 6, 7]
    """

    order: Order
    seed: int
    num_shards: int = 1
    reshuffles: bool = True
    _tables: _Tables = field(default_factory=_Tables, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "seed", random_state_seed(self.seed))
        remedy = "1 is a shuffle of the whole."
        num_shards = whole("num_shards", self.num_shards, least=1, remedy=remedy)
        object.__setattr__(self, "num_shards", num_shards)
        finite(self.order, "shuffle")

    def __str__(self) -> str:
        shards = "" if self.num_shards == 1 else f", num_shards={self.num_shards}"
        same = "" if self.reshuffles else ", reshuffles=False"
        return f"{self.order} > random_state(seed={self.seed}{shards}{same})"

    def count(self, epoch: int) -> int:
        """That of the order before."""
        return self.order.count(epoch)

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position."""
        return self.order.at(epoch, self._moved(epoch, positions, self._tables.forward))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index, -1 where it is not visited."""
        return visited(
            self.order.locate(epoch, indices),
            lambda there: self._moved(epoch, there, self._tables.backward),
        )

    def _moved(
        self, epoch: int, positions: Indices, table: Callable[[int, int], Indices]
    ) -> Indices:
        seed = (self.seed + (epoch if self.reshuffles else 0)) % SEEDS
        length, rest = divmod(self.order.count(epoch), self.num_shards)
        places, shards = np.divmod(positions, self.num_shards)
        is_longer = shards < rest
        moved = np.empty_like(positions)
        for chosen, count in ((is_longer, length + 1), (~is_longer, length)):
            if chosen.any():
                moved[chosen] = table(seed, count)[places[chosen]]
        moved *= self.num_shards
        moved += shards
        return moved


def random_state_seed(value: object) -> int:
    """`value` as a seed of RandomState.

    Raises:
        ArgumentError: it is no whole number from 0 to 2**32 - 1.
    """
    remedy = "Give an int such as 7; the same int gives the same order again."
    seed = whole("shuffle_seed", value, least=0, remedy=remedy)
    if seed >= SEEDS:
        raise ArgumentError(
            f"shuffle_seed must be below 2**32, as RandomState takes it, got {seed}. {remedy}"
        )
    return seed


def permutation(seed: int, count: int) -> Indices:
    """What RandomState(seed).shuffle makes of a list of 0 to count - 1."""
    table = np.arange(count, dtype=np.int64)
    # The legacy generator is what YogaDL's orders are defined by.
    np.random.RandomState(seed).shuffle(table)
    table.setflags(write=False)
    return table


def _inverse(seed: int, count: int) -> Indices:
    back = np.empty(count, dtype=np.int64)
    back[permutation(seed, count)] = np.arange(count, dtype=np.int64)
    back.setflags(write=False)
    return back
