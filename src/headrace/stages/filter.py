"""`filter`: only the records for which a function says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Kernel
from headrace.stages.naming import plain_name_of


@dataclass(frozen=True)
class Filter:
    """Keeps the records for which `predicate(record)` is true, in order.

    **Length**: not known. **State**: none. A batch after a filter is made beside the consumer,
    since it crosses units.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(6)).filter(lambda x: x % 2 == 0).collect()
        [0, 2, 4]
    """

    predicate: Callable[[Any], object]  # Any: records

    def __str__(self) -> str:
        return "filter"

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    @property
    def kernel(self) -> Kernel:
        return Kernel("filter", self.predicate, f"filter({plain_name_of(self.predicate)})")
