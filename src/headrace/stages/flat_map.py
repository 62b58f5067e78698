"""`flat_map`: a function from one record to several."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Kernel
from headrace.stages.naming import plain_name_of


@dataclass(frozen=True)
class FlatMap:
    """Gives every record of `fn(record)`, an iterable, in order.

    The iterable is drawn lazily. **Length**: not known. **State**: outputs delivered of the
    current record. **Cost** of a resume: `fn` runs again on that one record.

    Example:
        >>> import headrace as hr
        >>> hr.stream(["to be", "or not"]).flat_map(str.split).collect()
        ['to', 'be', 'or', 'not']
    """

    fn: Callable[[Any], Iterable[Any]]  # Any: records

    def __str__(self) -> str:
        return "flat_map"

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    @property
    def kernel(self) -> Kernel:
        return Kernel("flat_map", self.fn, f"flat_map({plain_name_of(self.fn)})")
