"""What a chain begins with: a visit, or something that can only be drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

from headrace.contracts.stage import Visit

# Any, in this file: a source is met before its record type is known.


@runtime_checkable
class Drawn(Protocol):
    """A source without random access: its positions count the records drawn.

    Three attributes are optional, for `Records` too. `blocks(epoch)` gives the records of a pass
    in blocks, where that is faster: storage then takes in whole columns. `origin` is a dict of
    JSON that is kept with a stored version, for a way back to what it came from. `unbatched()`
    gives the source of the records in its batches, where it knows them better than their arrays
    tell.
    """

    @property
    def identity(self) -> str:
        """The name of the data in saved states."""
        ...

    @property
    def size(self) -> int | None:
        """How many records an epoch has, None where it is not known."""
        ...

    @property
    def is_endless(self) -> bool:
        """Whether it is known never to end."""
        ...

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass over the records."""
        ...


Source: TypeAlias = Visit | Drawn
