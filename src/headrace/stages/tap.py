"""`tap`: a look at each record on its way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Kernel
from headrace.stages.naming import plain_name_of


@dataclass(frozen=True)
class Tap:
    """Calls `fn(record)` and passes the record on; what `fn` gives is dropped.

    On workers it is called there, ahead of delivery. **Length**: kept. **State**: none.

    Example:
        >>> import headrace as hr
        >>> seen = []
        >>> hr.stream([1, 2]).tap(seen.append).map(str).collect(), seen
        (['1', '2'], [1, 2])
    """

    fn: Callable[[Any], object]  # Any: records

    def __str__(self) -> str:
        return "tap"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        return Kernel("tap", self.fn, f"tap({plain_name_of(self.fn)})")
