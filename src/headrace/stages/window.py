"""`window`: neighbouring records together, again and again."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from headrace.contracts import (
    Block,
    Columns,
    Cursor,
    Indices,
    Layout,
    Mark,
    Records,
    RowKind,
    Run,
    State,
    Visit,
    identity_of,
    marker,
    read_ahead_of,
    read_fully,
    rows,
    with_memo,
)
from headrace.contracts.errors import ArgumentError, near, whole
from headrace.contracts.records import read_exactly
from headrace.orders import NOTHING, Sliding, windows_of
from headrace.stages.batch import COLLATES, collator
from headrace.stages.zip import ZippedRecords

# Any, in this file: a stage is met before its record types are known.
Joined = Literal["list", "stack", "pad", "ragged"]

# Records that no window holds are drawn and dropped in runs of so many.
DROPPED_RECORDS = 1_024


@dataclass(frozen=True)
class Window:
    """Gives sliding windows: window i holds the records from i * `stride` on, `size` of them.

    Only whole windows are given: none where there are fewer records than `size`. With `partial`
    each record that a window could begin with begins one, so that the last ones are shorter: of
    4 records, `window(3, partial=True)` gives windows of 3, 3, 2 and 1 records. A `stride` above
    `size` leaves records out. A record that stands in several windows is the same object in each:
    do not change it in place. `collate` is that of `batch`; for a function, put `.map` behind.

    Straight after a dataset in its order this is arithmetic on positions: windows are of the
    order *before* `shard`, ranks share out the windows, and a read of several windows is one
    gather of each of their records once. Else the windows are made beside the consumer, which
    reads each record once: where a single read is dear, put a `.map` before.

    **Length**: `(n - size) // stride + 1`; with `partial` `n / stride` rounded up. **State**:
    none, or the state where the next window begins. **Cost** of a resume: none, or the records
    of one window are read again.

    Raises:
        ArgumentError: `size` or `stride` is below 1, or `collate` is unknown.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(5)).window(3).collect()
        [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
        >>> hr.stream(range(5)).window(3, 2, partial=True).collect()
        [[0, 1, 2], [2, 3, 4], [4]]
    """

    replays: ClassVar[bool] = True

    size: int
    stride: int = 1
    partial: bool = False
    collate: Joined = "list"

    def __post_init__(self) -> None:
        remedy = "Give the number of records in a window."
        whole("window size", self.size, least=1, remedy=remedy)
        remedy = "Give 1 to begin a window at each record, or the size for windows side by side."
        whole("window stride", self.stride, least=1, remedy=remedy)
        if self.collate not in COLLATES:
            raise ArgumentError(
                f"a window's collate must be the name of a way to join records, got "
                f"{self.collate!r}. {near(str(self.collate), COLLATES)} For a function, put "
                ".map(fn) behind .window."
            )

    def __str__(self) -> str:
        return f"window({self.size}, {self.stride}, partial={self.partial}, collate={self.collate})"

    def length(self, before: int | None) -> int | None:
        if before is None:
            return None
        return windows_of(before, self.size, self.stride, partial=self.partial)

    def reorder(self, visit: Visit) -> Visit | None:
        is_plain = visit.is_bare and not visit.is_cut and not visit.offset
        # A zip has several indices at a position already.
        if not is_plain or isinstance(visit.records, ZippedRecords):
            return None
        return replace(
            visit,
            records=WindowRecords(visit.records, self.size, self.collate),
            order=Sliding(visit.order, self.size, self.stride, self.partial),
            is_bare=False,
        )

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> SlidingCursor:
        return SlidingCursor(parent, self, memo or 0)


@dataclass(frozen=True)
class WindowRecords:
    """Random access to windows: `read` takes one column of indices for each, -1 for no record."""

    records: Records[Any]
    size: int
    collate: Joined

    def __len__(self) -> int:
        return len(self.records)

    @property
    def identity(self) -> str:
        return identity_of(self.records)

    @property
    def read_ahead(self) -> int:
        ahead = read_ahead_of(self.records)
        return max(1, ahead // self.size) if ahead else 0

    def read(self, indices: Indices) -> Block[Any]:
        wanted = indices.T
        is_there = wanted != NOTHING
        # Neighbouring windows share records: each is read once.
        distinct, places = np.unique(wanted[is_there], return_inverse=True)
        block = _gathered(read_exactly(self.records, distinct), places.ravel())
        if isinstance(block, Columns) and self._can_stack(block) and is_there.all():
            return _stacked(block, wanted.shape)
        stops = np.cumsum(is_there.sum(axis=1)).tolist()
        join = collator(self.collate)
        return [
            join(block[start:stop]) for start, stop in zip([0, *stops[:-1]], stops, strict=True)
        ]

    def _can_stack(self, block: Columns[Any]) -> bool:
        return self.collate == "stack" and "object" not in block.layout.kinds


def _gathered(block: Block[Any], places: Indices) -> Block[Any]:
    if not isinstance(block, Columns):
        return [block[place] for place in places.tolist()]
    leaves = [
        [leaf[place] for place in places.tolist()] if isinstance(leaf, list) else leaf[places]
        for leaf in block.leaves
    ]
    return Columns(block.layout, leaves, len(places))


def _stacked(block: Columns[Any], shape: tuple[int, ...]) -> Columns[Any]:
    """The windows as columns, so that a batch of them is stacked already."""
    arrays = [np.asarray(leaf) for leaf in block.leaves]
    leaves = [array.reshape(*shape, *array.shape[1:]) for array in arrays]
    kind: RowKind = "array"
    layout = Layout(block.layout.tree, (kind,) * len(leaves))
    return Columns(layout, list(leaves), shape[0])


class SlidingCursor:
    """Holds the records of one window; its state is where that window begins.

    Its memo is the number of records to drop there first, where windows leave some out.
    """

    def __init__(self, parent: Cursor[Any], stage: Window, skip: int) -> None:
        self._parent = parent
        self._stage = stage
        self._collate = collator(stage.collate)
        self._mark = marker(parent)
        self._begin = self._mark()
        self._skip = skip
        self._is_skipped = False
        self._held: list[Any] = []
        # Where the windows begin that begin among the held records, oldest first.
        self._begins: deque[Mark] = deque()
        self._is_over = False
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        windows: list[Any] = []
        try:
            while len(windows) < n and self._fill():
                windows.append(self._collate(self._held[: self._stage.size]))
                self._move_on()
        except BaseException as error:
            self._failure = error
            if not windows:
                raise
        return windows

    def state(self) -> State:
        return with_memo(self._begin.state(), self._skip)

    def close(self) -> None:
        self._parent.close()

    def _fill(self) -> bool:
        """Holds the records of the current window; False where there is none."""
        self._drop()
        size, stride = self._stage.size, self._stage.stride
        while len(self._held) < size and not self._is_over:
            after_begin = len(self._held) % stride
            if not after_begin:
                self._begins.append(self._mark())
            wanted = min(stride - after_begin, size - len(self._held))
            records = read_fully(self._parent, wanted)
            self._held += records
            self._is_over = len(records) < wanted
        return len(self._held) >= size or (self._stage.partial and bool(self._held))

    def _move_on(self) -> None:
        stride = self._stage.stride
        self._skip = max(0, stride - len(self._held))
        self._is_skipped = False
        self._held = self._held[stride:]
        self._begins.popleft()
        self._begin = self._begins[0] if self._begins else self._mark()

    def _drop(self) -> None:
        """Drops what no window holds; until the next window is given, the state stays before."""
        left = 0 if self._is_skipped else self._skip
        while left and not self._is_over:
            dropped = len(rows(self._parent.read(min(left, DROPPED_RECORDS))))
            left -= dropped
            self._is_over = not dropped
        self._is_skipped = True
