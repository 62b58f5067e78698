"""`progress`: a bar on the terminal while the records pass."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from headrace.contracts import Block, Cursor, Run, State, iterate, marker, with_memo
from headrace.contracts.errors import ArgumentError, whole
from headrace.progress import ProgressBar
from headrace.stages.marked import Marked
from headrace.watching import Rate

# Any, in this file: a stage is met before its record types are known.
# The rate shown is that of so many seconds: it neither jumps nor lags. The bar moves in sixteenths
# of them, so four times a second.
WINDOW_S = 4.0


@dataclass(frozen=True)
class Progress:
    """Draws a bar on stderr: records so far, how many a second, and when they will be through.

    It appears after a second, on a terminal or in a notebook and on rank 0, and goes when the
    epoch ends, is left or fails; elsewhere, and with HEADRACE_PROGRESS=0, nothing is written.
    While another bar is on the terminal, it waits for its turn. `total` is taken from the chain
    where that knows its length; without one there is a count and no end. `label` stands before
    the epoch's number.

    **Length**: kept. **State**: the number of records that passed, so that a resumed bar goes on
    where it was. **Cost**: 0.3 us a record or batch. Put it last, or before stages that run
    beside the consumer anyway: what follows it does.

    Raises:
        ArgumentError: `total` is negative or no whole number, or `label` no text.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(6)).batch(2).progress(label="train").join()
        3
    """

    # Who watches, and how, changes no record.
    content: ClassVar[None] = None

    total: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if self.total is not None:
            remedy = "Leave it out where it is not known."
            whole("the total of a progress bar", self.total, least=0, remedy=remedy)
        if self.label is not None and not isinstance(self.label, str):
            raise ArgumentError(
                f"the label of a progress bar must be text, got {self.label!r}. "
                "Give a short one, such as 'train'."
            )

    def __str__(self) -> str:
        # Nothing that changes no record: a state loads whatever is drawn.
        return "progress"

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> ProgressCursor:
        epoch = f"epoch {run.epoch}"
        title = epoch if self.label is None else f"{self.label}, {epoch}"
        return ProgressCursor(parent, ProgressBar(title, total=self.total), memo or 0)


class ProgressCursor:
    """Passes records on, and moves the bar now and then."""

    def __init__(
        self,
        parent: Cursor[Any],
        bar: ProgressBar,
        given: int,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._parent = parent
        self._bar = bar
        self._clock = clock
        self._mark = marker(parent)
        self._given = given
        # What a resumed epoch gave before took other time.
        self._before = given
        self._rate: Rate | None = None
        self._due_s = -math.inf

    def read(self, n: int) -> Block[Any]:
        if self._clock() >= self._due_s:
            self._move()
        try:
            block = self._parent.read(n)
        except BaseException:
            self._bar.close()
            raise
        self._given += len(block)
        if not block:
            self._bar.close()
        return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        clock = self._clock
        due_s = self._move()
        try:
            for record in iterate(self._parent):
                self._given += 1
                yield record
                if clock() >= due_s:
                    due_s = self._move()
        finally:
            self._bar.close()

    def state(self) -> State:
        return with_memo(self._parent.state(), self._given)

    def mark(self) -> Marked:
        return Marked(self._mark(), self._given)

    def close(self) -> None:
        self._bar.close()
        self._parent.close()

    def _move(self) -> float:
        """Moves the bar, and says when to do so again."""
        now_s = self._clock()
        if self._rate is None:
            self._rate = Rate(WINDOW_S, now_s)
        else:
            self._rate.note(now_s, self._given - self._before, 0.0)
        count, _ = self._rate.a_second()
        self._bar.advance(self._given - self._bar.done, speed=f"{count:,.0f}/s")
        self._due_s = self._rate.due_s
        return self._due_s
