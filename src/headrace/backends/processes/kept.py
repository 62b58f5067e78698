"""Numbers for what workers are sent once and then keep."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import count

# Fixed parts and jobs; more are in use only where so many chains are joined.
MOST_KEPT = 128


class Kept:
    """The things used last, by numbers that are never used again."""

    def __init__(self, forget: Callable[[int], None], most: int = MOST_KEPT) -> None:
        self._forget = forget
        self._most = most
        self._new = count(1)
        # By identity, which holds for as long as the thing is kept here.
        self._numbers: OrderedDict[int, tuple[int, object]] = OrderedDict()

    def number_of(self, thing: object) -> int:
        """Its number; the thing that was used longest ago makes room for a new one."""
        found = self._numbers.get(id(thing))
        if found is None:
            found = self._numbers[id(thing)] = next(self._new), thing
            if len(self._numbers) > self._most:
                _, (number, _) = self._numbers.popitem(last=False)
                self._forget(number)
        else:
            self._numbers.move_to_end(id(thing))
        return found[0]
