"""`shard`: the part of one rank."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from headrace.contracts import Block, Cursor, Run, State, Visit, rows, with_memo
from headrace.contracts.errors import StreamError
from headrace.orders import INFINITE, Part, Range

# Any, in this file: a stage is met before its record types are known.
Remainder = Literal["keep", "drop", "pad"]


@dataclass(frozen=True)
class Shard:
    """Gives every `world_size`-th record, from `rank` on.

    While each record before it comes from one position this is arithmetic: nothing is read for
    other ranks. After a filter the records of all ranks are made and the others' are dropped.

    **Length**: divided by `world_size`; `remainder` "keep" leaves some ranks one longer, "drop"
    and "pad" (which repeats the first records) make them equal, by arithmetic only.
    **State**: none, or a count.

    Raises:
        ArgumentError: `rank` is not below `world_size`, or `remainder` is unknown.
        StreamError: "drop" or "pad" after a stage that changes the number of records.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(7)).shard(1, 3).collect()
        [1, 4]
    """

    rank: int
    world_size: int
    remainder: Remainder = "keep"

    def __post_init__(self) -> None:
        # The order checks the three values, here where the user wrote them.
        Part(Range(INFINITE), self.rank, self.world_size, self.remainder)

    def __str__(self) -> str:
        return f"shard({self.rank}/{self.world_size}, {self.remainder})"

    def length(self, before: int | None) -> int | None:
        return None if before is None else max(0, -(-(before - self.rank) // self.world_size))

    def reorder(self, visit: Visit) -> Visit | None:
        if visit.is_cut or visit.offset:
            return None
        order = Part(visit.order, *visit.part) if visit.part else visit.order
        # Refuses "drop" of too few records here, where the user wrote it.
        Part(order, self.rank, self.world_size, self.remainder)
        return replace(visit, order=order, part=(self.rank, self.world_size, self.remainder))

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> ShardCursor:
        if self.remainder != "keep":
            raise StreamError(
                f"{self} stands where the number of records is not known, and cannot even out "
                'the ranks. Shard first, on the DataRef, or take remainder="keep".'
            )
        return ShardCursor(parent, self, memo or 0)


class ShardCursor:
    """Counts all records and gives those of its rank."""

    def __init__(self, parent: Cursor[Any], stage: Shard, seen: int) -> None:
        self._parent = parent
        self._stage = stage
        self._seen = seen

    def read(self, n: int) -> Block[Any]:
        found: list[Any] = []
        rank, world_size = self._stage.rank, self._stage.world_size
        while len(found) < n:
            # Up to the next record of this rank, so that nothing beyond it is made.
            ahead = (rank - self._seen) % world_size + 1
            try:
                block = rows(self._parent.read(ahead))
            except Exception:
                # What came before the error is given first; the parent raises it again.
                if found:
                    return found
                raise
            if not block:
                break
            if len(block) == ahead:
                found.append(block[-1])
            self._seen += len(block)
        return found

    def state(self) -> State:
        return with_memo(self._parent.state(), self._seen)

    def close(self) -> None:
        self._parent.close()
