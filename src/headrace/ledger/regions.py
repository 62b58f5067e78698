"""Sets of outputs: whole positions, and those of which some outputs are meant."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from headrace.contracts import Indices, State
from headrace.contracts.rest import Progressions
from headrace.engine.resting import rest_of, row_of_json
from headrace.ledger.cuts import Cut
from headrace.ledger.sessions import Session
from headrace.orders import INFINITE, between

Mask: TypeAlias = npt.NDArray[np.bool_]

# Where the outputs of a unit begin and end, as places within it compare.
BEGIN: tuple[float, ...] = ()
END: tuple[float, ...] = (math.inf,)


class Fragment(NamedTuple):
    """The outputs from `start` to `stop` of the unit at these positions."""

    positions: Progressions
    start: tuple[float, ...]
    stop: tuple[float, ...]


@dataclass(frozen=True)
class Region:
    """The outputs of whole positions, and of fragments of units."""

    whole: Progressions = ()
    fragments: tuple[Fragment, ...] = ()

    @property
    def lines(self) -> Progressions:
        """All positions of which something is meant."""
        return (*self.whole, *(line for one in self.fragments for line in one.positions))

    def at(self, place: tuple[float, ...]) -> Progressions:
        """The positions whose output at a place within their unit is meant."""
        begun = (one for one in self.fragments if one.start <= place < one.stop)
        return (*self.whole, *(line for one in begun for line in one.positions))

    def holds(self, positions: Indices, place: tuple[float, ...] = BEGIN) -> Mask:
        """Whether it has the outputs at a place within the unit of each of some positions."""
        found = np.zeros(len(positions), dtype=np.bool_)
        for start, stop, step in self.at(place):
            found |= (positions >= start) & (positions < stop) & ((positions - start) % step == 0)
        return found


def region_of(session: Session, start: Cut, stop: Cut | None) -> Region:
    """The outputs between two cuts of a session; None is the end of the epoch."""
    pieces = _Pieces(session)
    unit, inside = start[0], start[1:]
    end, end_inside = (INFINITE, ()) if stop is None else (stop[0], stop[1:])
    if start >= (end, *end_inside):
        return Region()
    fragments: list[Fragment] = []
    if any(inside):
        last = tuple(end_inside) if unit == end else END
        fragments.append(Fragment(pieces.unit(unit), tuple(inside), last))
        unit += 1
    if any(end_inside) and unit <= end:
        fragments.append(Fragment(pieces.unit(end), pieces.begin(end), tuple(end_inside)))
    begun = range(unit, min(end, len(pieces.begun)))
    fragments += [Fragment(pieces.unit(one), pieces.begin(one), END) for one in begun]
    return Region(pieces.units(unit, end), tuple(one for one in fragments if one.positions))


def left_by(state: State) -> Region:
    """What a merged state leaves to its ranks."""
    rest = rest_of(state)
    assert rest is not None
    begun = (Fragment(row, (delivered,), END) for row, delivered in rest.leftovers)
    return Region(rest.positions, tuple(begun))


class _Pieces:
    """The units of what a session's rank visits."""

    def __init__(self, session: Session) -> None:
        header = session.header
        self.begun = [(row_of_json(row), int(done)) for row, done in header["begun"]]
        self._share = row_of_json(header["share"])
        self._unit = int(header["unit"])
        self._is_rising = bool(header["is_rising"]) and len(self._share) > 1

    def unit(self, number: int) -> Progressions:
        """The positions of a unit."""
        if number < len(self.begun):
            return self.begun[number][0]
        return self.units(number, number + 1)

    def begin(self, number: int) -> tuple[float, ...]:
        """Where the outputs of a unit begin: after those delivered before a merge."""
        return (self.begun[number][1],) if number < len(self.begun) else BEGIN

    def units(self, start: int, stop: int) -> Progressions:
        """The positions of some units that no rank had begun."""
        before = len(self.begun)
        begin, end = max(0, start - before) * self._unit, max(0, stop - before) * self._unit
        return between(self._share, begin, end, is_rising=self._is_rising)
