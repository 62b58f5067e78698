"""`rebatch`: batches of one size made batches of another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.contracts import Cursor, Run, State, marker, rows, unstack, with_memo
from headrace.contracts.errors import whole
from headrace.stages.batch import Collate, check_collate, collator

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Rebatch:
    """Regroups the records of batches into batches of `size`.

    **Shape**: `(size, *leaf's shape)`. **Length**: not known. **State**: the state before the
    oldest batch that is not used up, and how many of its records are.

    Raises:
        ArgumentError: `size` is below 1, or `collate` is unknown.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(5)).batch(2).rebatch(3).collect()
        [array([0, 1, 2]), array([3, 4])]
    """

    # A batch whose records are not used up is made again.
    replays: ClassVar[bool] = True

    size: int
    drop_last: bool = False
    collate: Collate = "stack"

    def __post_init__(self) -> None:
        whole("batch size", self.size, least=1, remedy="To get single records, use .unbatch.")
        check_collate(self.collate)

    def __str__(self) -> str:
        name = self.collate if isinstance(self.collate, str) else "function"
        return f"rebatch({self.size}, drop_last={self.drop_last}, collate={name})"

    def length(self, before: int | None) -> int | None:
        return 0 if before == 0 else None

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> RebatchCursor:
        return RebatchCursor(parent, self, memo or 0)


class RebatchCursor:
    """Holds the rest of one batch; its state says where that batch begins."""

    def __init__(self, parent: Cursor[Any], stage: Rebatch, used: int) -> None:
        self._parent = parent
        self._stage = stage
        self._collate = collator(stage.collate)
        self._mark = marker(parent)
        self._begin = self._mark()
        self._used = used
        self._records: list[Any] = []
        self._is_drawn = False
        self._failure: BaseException | None = None

    def read(self, n: int) -> list[Any]:
        if self._failure is not None:
            raise self._failure
        batches: list[Any] = []
        while len(batches) < n:
            before = self._begin, self._used
            try:
                records = self._take()
                if not records:
                    break
                batches.append(self._collate(records))
            except BaseException as error:
                self._begin, self._used = before
                self._failure = error
                if not batches:
                    raise
                break
        return batches

    def state(self) -> State:
        return with_memo(self._begin.state(), self._used)

    def close(self) -> None:
        self._parent.close()

    def _take(self) -> list[Any]:
        size = self._stage.size
        records: list[Any] = []
        while len(records) < size:
            if self._used >= len(self._records) and not self._draw():
                break
            taken = self._records[self._used : self._used + size - len(records)]
            self._used += len(taken)
            records += taken
        return [] if self._stage.drop_last and len(records) < size else records

    def _draw(self) -> bool:
        # What a saved state says was used belongs to the first batch alone.
        used = 0 if self._is_drawn else self._used
        begin = self._mark()
        block = rows(self._parent.read(1))
        self._begin, self._used, self._is_drawn = begin, used, True
        self._records = unstack(block[0]) if block else []
        return bool(block)
