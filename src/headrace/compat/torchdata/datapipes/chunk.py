"""`DataChunk`: what `batch` gives, a list that prints as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


class DataChunk(list[T]):
    """A list of records.

    Example:
        >>> DataChunk([1, 2])
        [1, 2]
        >>> DataChunk([1, 2]).as_str("  ")
        '  [1, 2]'
    """

    def __init__(self, items: Iterable[T] = ()) -> None:
        super().__init__(items)

    @property
    def items(self) -> list[T]:
        """The records, as the original names them."""
        return self

    def as_str(self, indent: str = "") -> str:
        """It as text, behind an indent."""
        return f"{indent}[{', '.join(str(record) for record in self)}]"

    def raw_iterator(self) -> Iterator[T]:
        """The records one by one, whatever a subclass iterates."""
        yield from super().__iter__()
