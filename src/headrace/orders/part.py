"""What one rank of many visits: shuffle first, share out after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headrace.contracts.errors import ArgumentError, near, whole
from headrace.contracts.order import Indices, Order
from headrace.contracts.stage import Remainder
from headrace.orders.bounds import INFINITE

REMAINDERS: tuple[Remainder, ...] = ("keep", "drop", "pad")


@dataclass(frozen=True, slots=True)
class Part:
    """The positions `rank`, `rank` + `world_size`, ... of `order`: always the outermost order.

    Positions that cannot be shared out evenly: "keep" gives them to the first ranks, "drop"
    leaves them out, "pad" fills up with positions from the beginning (`is_padding` tells).

    **Length**: of n positions n // world_size ("drop"), that rounded up ("pad"), or the one or
    the other by rank ("keep"); 0 for a rank that gets none.
    **Raises**: ArgumentError for a rank outside the world, an unknown remainder, or "drop" with
    fewer positions than ranks.
    """

    order: Order
    rank: int = 0
    world_size: int = 1
    remainder: Remainder = "keep"

    def __post_init__(self) -> None:
        remedy = "Give the number of processes that share the records; 1 is one alone."
        world_size = whole("world_size", self.world_size, least=1, remedy=remedy)
        remedy = "Ranks are counted from 0."
        object.__setattr__(self, "rank", whole("rank", self.rank, least=0, remedy=remedy))
        object.__setattr__(self, "world_size", world_size)
        if self.rank >= world_size:
            raise ArgumentError(
                f"rank {self.rank} of a world of {world_size} does not exist. A rank from 0 to "
                f"{world_size - 1} was expected. Ranks are counted from 0; or raise world_size."
            )
        if self.remainder not in REMAINDERS:
            raise ArgumentError(
                f"remainder {self.remainder!r} is unknown. One of {', '.join(REMAINDERS)} was "
                f"expected. {near(str(self.remainder), REMAINDERS)}"
            )
        count = self.order.count(0)
        # One rank alone drops nothing, not even of an empty order.
        if self.remainder == "drop" and world_size > max(count, 1):
            raise ArgumentError(
                f'remainder="drop" would leave nothing of {count} records: too few records to '
                f"give each of {world_size} ranks one. At least {world_size} were expected. "
                'Take remainder="keep" (some ranks get none) or "pad", or fewer ranks.'
            )

    def __str__(self) -> str:
        return f"{self.order} > part({self.rank}/{self.world_size}, {self.remainder})"

    def count(self, epoch: int) -> int:
        """How many positions this rank has."""
        count = self.order.count(epoch)
        if count >= INFINITE:
            return INFINITE
        if self.remainder == "drop":
            return count // self.world_size
        if self.remainder == "pad":
            return -(-count // self.world_size)
        return len(range(self.rank, count, self.world_size))

    def at(self, epoch: int, positions: Indices) -> Indices:
        """The index at each position of this rank.

        **Raises**: ArgumentError for a position that this rank does not have.
        """
        if len(positions):
            self._inside(epoch, int(positions.min()), int(positions.max()) + 1)
        places = self.global_positions(positions)
        if self.remainder == "pad":
            places %= max(self.order.count(epoch), 1)
        return self.order.at(epoch, places)

    def indices(self, epoch: int, start: int, stop: int) -> Indices:
        """The indices at the positions from `start` to `stop` of this rank.

        **Raises**: ArgumentError where these are not inside the rank's epoch.
        """
        remedy = "Count epochs and positions from 0."
        epoch = whole("the epoch", epoch, least=0, remedy=remedy)
        start = whole("the start", start, least=0, remedy=remedy)
        stop = whole("the stop", stop, least=start, remedy="Give a stop not before the start.")
        self._inside(epoch, start, stop)
        return self.at(epoch, np.arange(start, stop, dtype=np.int64))

    def locate(self, epoch: int, indices: Indices) -> Indices:
        """The position of each index on this rank, -1 where this rank does not visit it.

        Padding is not looked at: an index is where it stands first.
        """
        ranks, positions = self.owner(epoch, indices)
        return np.where(ranks == self.rank, positions, np.int64(-1))

    def owner(self, epoch: int, indices: Indices) -> tuple[Indices, Indices]:
        """Rank and position of each index in the whole world, both -1 where nobody visits it."""
        places = self.order.locate(epoch, indices)
        positions, ranks = np.divmod(places, self.world_size)
        nobody = places < 0
        if self.remainder == "drop":
            nobody |= positions >= self.count(epoch)
        ranks[nobody] = positions[nobody] = -1
        return ranks, positions

    def global_positions(self, positions: Indices) -> Indices:
        """The positions in the order before it was shared out; padding lies beyond its end."""
        return positions * self.world_size + self.rank

    def is_padding(self, epoch: int, positions: Indices) -> npt.NDArray[np.bool_]:
        """Whether each position repeats one of the beginning to even out the ranks."""
        return self.global_positions(positions) >= self.order.count(epoch)

    def _inside(self, epoch: int, start: int, stop: int) -> None:
        count = self.count(epoch)
        if start < 0 or stop > count:
            raise ArgumentError(
                f"positions {start} to {stop} were asked of {self}. Its epoch {epoch} has the "
                f"positions 0 to {count}. Ask inside these; the next epoch begins at 0 again."
            )
