"""`batch`: records grouped for a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from headrace.contracts import (
    Block,
    Cursor,
    Failed,
    Mark,
    Run,
    State,
    marker,
    pad,
    read_fully,
    rows,
    stack,
    with_memo,
)
from headrace.contracts.collate import ragged
from headrace.contracts.errors import ArgumentError, near, whole

# Any, in this file: a stage is met before its record types are known.
Collate = Literal["stack", "pad", "ragged", "list"] | Callable[[list[Any]], Any]
COLLATES = ("stack", "pad", "ragged", "list")


@dataclass(frozen=True)
class Batch:
    """Groups `size` records into one batch; the last may be shorter.

    `collate` "stack" keeps the record's tree, each leaf stacked along a new first axis (numbers
    and arrays; strings, bytes and None become lists); "pad" does so with arrays of different
    shapes, filled up with zeros; "ragged" joins the arrays of each leaf along their first axis to
    {"values": array, "offsets": int64 array}, where `values[offsets[i] : offsets[i + 1]]` is that
    of record i (`unbatch` does not undo it); for both, a list of numbers counts as an array, and
    tensors of torch give tensors; "list" gives the list of records; a function is called with it.

    **Shape**: `(size, *leaf's shape)`. **Length**: divided by `size`, rounded up, or down with
    `drop_last`. **State**: none. Straight after a stored dataset no record is ever taken apart:
    arrays are gathered and cut.

    Raises:
        ArgumentError: `size` is below 1, or `collate` is unknown.
        RecordError: arrays of different shapes under "stack".

    Example:
        >>> import headrace as hr
        >>> hr.stream([{"x": 1}, {"x": 2}, {"x": 3}]).batch(2).collect()
        [{'x': array([1, 2])}, {'x': array([3])}]
    """

    size: int
    drop_last: bool = False
    collate: Collate = "stack"

    def __post_init__(self) -> None:
        whole("batch size", self.size, least=1, remedy="To keep records single, leave out .batch.")
        check_collate(self.collate)

    def __str__(self) -> str:
        name = self.collate if isinstance(self.collate, str) else "function"
        return f"batch({self.size}, drop_last={self.drop_last}, collate={name})"

    def length(self, before: int | None) -> int | None:
        if before is None:
            return None
        return before // self.size if self.drop_last else -(-before // self.size)

    @property
    def stacks(self) -> bool:
        return self.collate == "stack"

    def group(self, block: Block[Any]) -> Any:
        return collator(self.collate)(block)

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> BatchCursor:
        return BatchCursor(parent, self, collator(self.collate))

    def softened(self) -> SoftBatch:
        return SoftBatch(self)


@dataclass(frozen=True)
class SoftBatch:
    """A batch stage that gives `Failed` in the place of a batch that cannot be made."""

    stage: Batch

    def __str__(self) -> str:
        return str(self.stage)

    def length(self, before: int | None) -> int | None:
        return self.stage.length(before)

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> BatchCursor:
        return BatchCursor(parent, self.stage, self.group)

    def group(self, block: Block[Any]) -> Any:
        try:
            return self.stage.group(block)
        except Exception as error:
            return Failed(error, str(self))


def check_collate(collate: Collate) -> None:
    """Refuses what is neither a known name nor a function."""
    if not callable(collate) and collate not in COLLATES:
        raise ArgumentError(
            f"collate must be 'stack', 'pad', 'ragged', 'list' or a function, got {collate!r}. "
            + near(str(collate), COLLATES)
        )


def collator(how: Collate) -> Callable[[Block[Any]], Any]:
    """The function that makes one batch of the records of a block."""
    named: dict[str, Callable[[Block[Any]], Any]] = {
        "stack": stack,
        "pad": pad,
        "ragged": ragged,
        "list": rows,
    }
    return named[how] if isinstance(how, str) else Collated(how)


@dataclass(frozen=True)
class Collated:
    """A user's function, called with the list of records of a block."""

    fn: Callable[[list[Any]], Any]

    def __call__(self, block: Block[Any]) -> Any:
        return self.fn(rows(block))


class BatchCursor:
    """Batches beside the consumer: its state is its parent's, since it holds nothing."""

    def __init__(
        self, parent: Cursor[Any], stage: Batch, group: Callable[[Block[Any]], Any]
    ) -> None:
        self._parent = parent
        self._stage = stage
        self._group = group
        self._mark = marker(parent)
        # A batch that fails resumes at its first record: where that is, while it is made.
        self._before: Mark | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> list[Any]:
        if self._failure is not None:
            raise self._failure
        batches: list[Any] = []
        try:
            while len(batches) < n:
                self._before = self._mark()
                records = read_fully(self._parent, self._stage.size)
                if not records or self._is_left_out(records):
                    break
                batches.append(self._group(records))
        except BaseException as error:
            self._failure = error
            if not batches:
                raise
            return batches
        self._before = None
        return batches

    def __iter__(self) -> Iterator[Any]:
        """All batches that are left; between two of them the state is exact."""
        if self._failure is not None:
            raise self._failure
        read, mark, size = self._parent.read, self._mark, self._stage.size
        group = self._group
        try:
            while True:
                self._before = mark()
                block = read(size)
                if len(block) < size:
                    block = rows(block) + read_fully(self._parent, size - len(block))
                    if not block or self._is_left_out(block):
                        break
                batch = group(block)
                self._before = None
                yield batch
        except GeneratorExit:
            raise
        except BaseException as error:
            self._failure = error
            raise
        self._before = None

    def state(self) -> State:
        before = self._parent.state() if self._before is None else self._before.state()
        return with_memo(before, None)

    def close(self) -> None:
        self._parent.close()

    def _is_left_out(self, records: list[Any]) -> bool:
        return self._stage.drop_last and len(records) < self._stage.size
