"""`unbatch`: the records of each batch, one by one."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.contracts import Kernel, unstack


@dataclass(frozen=True)
class Unbatch:
    """Gives the records of each batch: the inverse of `batch`.

    A list gives its members; a tree of arrays and lists is cut along their first axis.

    **Length**: not known. **State**: outputs delivered of the current batch, not the batch.

    Raises:
        ArgumentError: a batch has leaves of different lengths.

    Example:
        >>> import headrace as hr
        >>> hr.stream([[1, 2], [3]]).unbatch().collect()
        [1, 2, 3]
    """

    def __str__(self) -> str:
        return "unbatch"

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    @property
    def kernel(self) -> Kernel:
        return Kernel("flat_map", unstack, "unbatch")
