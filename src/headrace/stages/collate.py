"""`collate`: lists of records made into batches."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts import Kernel
from headrace.stages.batch import Collate, check_collate, collator


@dataclass(frozen=True)
class CollateLists:
    """Makes each list of records one batch, as `batch(collate=...)` does.

    For chains that work on the list first: `.batch(8, collate="list").map(sort).collate("pad")`.

    **Shape**: `(records, *leaf's shape)`. **Length**: kept. **State**: none.

    Raises:
        ArgumentError: `how` is unknown.
        RecordError: arrays of different shapes under "stack".

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2, 3, 4]).batch(2, collate="list").collate("stack").collect()
        [array([1, 2]), array([3, 4])]
    """

    how: Collate = "stack"

    def __post_init__(self) -> None:
        check_collate(self.how)

    def __str__(self) -> str:
        return f"collate({self.how if isinstance(self.how, str) else 'function'})"

    def length(self, before: int | None) -> int | None:
        return before

    @property
    def kernel(self) -> Kernel:
        return Kernel("map", collator(self.how), str(self))
