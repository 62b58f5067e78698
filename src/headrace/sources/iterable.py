"""Iterables and functions that return them, drawn from epoch after epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from headrace.contracts.errors import StreamError
from headrace.sources.blocks import is_infinite, iterable_of

# Any, in this file: records are the user's values, of every type.


@dataclass(frozen=True)
class IterableSource:
    """Records of an iterable, or of a function that returns one.

    Its positions count the records drawn: to resume, as many are drawn and dropped. An iterator
    can be drawn from once; a function is called for each epoch.

    Raises:
        ArgumentError: it is neither.
        StreamError: an iterator is drawn from again.
    """

    origin: Iterable[Any] | Callable[[], Iterable[Any]]
    # The iterators drawn from already; an iterator cannot tell by itself.
    _drawn: list[Iterator[Any]] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self._is_function:
            iterable_of(self.origin)

    @property
    def identity(self) -> str:
        """The type's name, or the function's."""
        name = getattr(self.origin, "__qualname__", None) or type(self.origin).__name__
        return f"drawn from {name}"

    @property
    def size(self) -> int | None:
        """The length of a sized iterable, else None."""
        return len(self.origin) if hasattr(type(self.origin), "__len__") else None  # type: ignore[arg-type]

    @property
    def is_endless(self) -> bool:
        """Whether it is one of those known never to end."""
        return not self._is_function and is_infinite(iterable_of(self.origin))

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        origin: Any = self.origin
        records = iter(iterable_of(origin() if self._is_function else origin))
        if records is origin:
            if self._drawn:
                raise StreamError(
                    f"this {type(origin).__name__} was drawn from before, and an iterator gives "
                    "its records once. Pass the function that makes it: hr.stream(make_records)."
                )
            self._drawn.append(records)
        return records

    @property
    def _is_function(self) -> bool:
        return callable(self.origin) and not hasattr(type(self.origin), "__iter__")
