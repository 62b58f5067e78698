"""`enumerate`: each record with its number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import Kernel
from headrace.contracts.errors import whole


@dataclass(frozen=True)
class Enumerate:
    """Gives `(number, record)`, counted from `start` on each rank and in each epoch.

    **Length**: kept. **State**: none while each record before it comes from one position, else
    a count.

    Raises:
        ArgumentError: `start` is no whole number from 0.

    Example:
        >>> import headrace as hr
        >>> hr.stream(["a", "b"]).enumerate(start=1).collect()
        [(1, 'a'), (2, 'b')]
    """

    start: int = 0

    def __post_init__(self) -> None:
        whole("the start of enumerate", self.start, least=0, remedy="Leave it out to count from 0.")

    def __str__(self) -> str:
        return f"enumerate({self.start})"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        return Kernel("map", Numbered(self.start), "enumerate", wants="ordinal")


@dataclass(frozen=True)
class Numbered:
    """Pairs a record with its number."""

    start: int

    def __call__(self, record: Any, ordinal: int) -> tuple[int, Any]:  # Any: records
        return self.start + ordinal, record
