"""What a chain begins with: a visit, or something that can only be drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias, runtime_checkable

from headrace.contracts.stage import Visit

# Any, in this file: a source is met before its record type is known.


@runtime_checkable
class Drawn(Protocol):
    """A source without random access: its positions count the records drawn."""

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
