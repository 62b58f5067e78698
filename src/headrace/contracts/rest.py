"""What of a running epoch is left to visit after the states of several ranks were merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, TypeAlias

# (start, stop, step), as in `range`: positions of the order before it is shared out.
Progression: TypeAlias = tuple[int, int, int]
Progressions: TypeAlias = tuple[Progression, ...]


class Leftover(NamedTuple):
    """A unit that a rank had begun: its positions, and how many of its outputs are delivered."""

    positions: Progressions
    delivered: int


@dataclass(frozen=True)
class Rest:
    """The rest of an epoch: positions that no rank has begun, and this rank's begun units.

    A rank reads it piece after piece: each leftover alone and whole, then its share of
    `positions`. With `piece` it is one of these alone: the leftover of that number, or, after
    the last, the share.
    """

    positions: Progressions
    leftovers: tuple[Leftover, ...] = ()
    piece: int | None = None

    def only(self, piece: int) -> Rest:
        """One piece of it."""
        return replace(self, piece=piece)
