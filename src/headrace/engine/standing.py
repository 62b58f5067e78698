"""Where each rank stands in what the ranks share out, read from its state alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from headrace.contracts import State
from headrace.contracts.errors import StateError
from headrace.contracts.rest import Leftover, Progressions
from headrace.contracts.stage import Remainder
from headrace.engine.resting import leftovers_of, row_of_json
from headrace.orders import INFINITE, between, evened, shared, size_of


@dataclass(frozen=True)
class Extent:
    """What the ranks share out in an epoch, and how.

    Where it `is_rising` each rank visits the lowest of its positions first, else those of the
    first progressions.
    """

    unit: int
    count: int
    row: Progressions
    world_size: int
    remainder: Remainder
    is_rising: bool

    @staticmethod
    def of(state: State) -> Extent:
        """What the state of any of the ranks says of it."""
        count = INFINITE if state["count"] is None else state["count"]
        whole = ((state.get("begin", 0), count, 1),)
        return Extent(
            unit=state["unit"],
            count=count,
            row=whole if state.get("rest") is None else row_of_json(state["rest"]),
            world_size=state["world_size"],
            remainder=state.get("remainder", "keep"),
            is_rising=state.get("drawn", False),
        )

    @property
    def is_whole(self) -> bool:
        """Whether these are all positions of the epoch."""
        return self.row == ((0, self.count, 1),)

    @cached_property
    def _evened(self) -> Progressions:
        return evened(self.row, self.world_size, self.remainder, self.count)

    @cached_property
    def _size(self) -> int:
        return size_of(self._evened)

    def share(self, rank: int) -> Progressions:
        """The positions of one rank."""
        return shared(self._evened, rank, self.world_size)

    def size(self, rank: int) -> int:
        """How many these are."""
        return len(range(rank, self._size, self.world_size))

    def units(self, share: Progressions, start: int, stop: int) -> Progressions:
        """The positions of some units of a share."""
        places = start * self.unit, stop * self.unit
        return between(share, *places, is_rising=self.is_rising)


@dataclass(frozen=True)
class Place:
    """Where a rank stands: of its share, `size` positions, the first `front` are behind it.

    But for units that it had begun, `leftovers`, and positions that it passed over, `holes`.
    """

    share: Progressions
    size: int
    front: int
    leftovers: tuple[Leftover, ...] = ()
    holes: Progressions = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing is left."""
        return not self.leftovers and not self.holes and self.front >= self.size


def place_of(state: State, extent: Extent) -> Place:
    """Where the rank of a state stands.

    Raises:
        StateError: the state says no place.
    """
    share, size = extent.share(state["rank"]), extent.size(state["rank"])
    leftovers = leftovers_of(state.get("leftovers"))
    at, delivered = state["at"], state["part"][0][1] if state["part"] else 0
    if at < len(leftovers):
        first = leftovers[at]
        begun = (first._replace(delivered=delivered or first.delivered), *leftovers[at + 1 :])
        return _without_padding(Place(share, size, 0, begun), extent)
    unit = at - len(leftovers)
    mask = _mask(state)
    past = unit + (1 if delivered else mask.bit_length())
    begun = (Leftover(extent.units(share, unit, unit + 1), delivered),) if delivered else ()
    holes = [
        one for run in _unset(mask) for one in extent.units(share, unit + run[0], unit + run[1])
    ]
    if begun and not begun[0].positions:
        raise StateError(
            f"a state says that unit {at} is begun, and its rank {state['rank']} has no such unit. "
            "Merge what state_dict() gave, unchanged."
        )
    place = Place(share, size, min(past * extent.unit, size), begun, tuple(holes))
    return _without_padding(place, extent)


def _without_padding(place: Place, extent: Extent) -> Place:
    """Units that only repeat records to even out the ranks have done so."""
    kept = [one for one in place.leftovers if any(row[0] < extent.count for row in one.positions)]
    holes = tuple(row for row in place.holes if row[0] < extent.count)
    return replace(place, leftovers=tuple(kept), holes=holes)


def _mask(state: State) -> int:
    """Which units beyond `at` are delivered: bit i is unit `at` + i."""
    memo = state["stages"][0] if state["stages"] else None
    return int(memo, 16) if isinstance(memo, str) else 0


def _unset(mask: int) -> list[tuple[int, int]]:
    """The runs of bits below the highest one that are not set."""
    found: list[tuple[int, int]] = []
    bits = f"{mask:b}"[::-1] if mask else ""
    start = bits.find("0")
    while start >= 0:
        stop = bits.find("1", start)
        found.append((start, stop))
        start = bits.find("0", stop)
    return found
