"""One lazy pass of a segment over a block of positions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from operator import length_hint
from typing import Any

from headrace.carried import CarriedError
from headrace.contracts import Block, Columns, Failed, Kernel, Place
from headrace.contracts.timing import Timing
from headrace.engine.feed import LazyBlock
from headrace.engine.fuse import Decide, Fused, clocked
from headrace.engine.randomness import Keys
from headrace.engine.segment import Grouped, Level, Segment, Windowed, regrouped

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class Failure:
    """A record that could not be made, and was covered: by which guard, where, and why.

    `unit` is the one that was worked on (beside the consumer: the number of the record), `places`
    are the positions that it can have come of, None where they are not known.
    """

    guard: int
    unit: int
    places: tuple[int, int] | None
    stage: str
    error: Exception

    def __reduce__(self) -> tuple[Any, ...]:
        found = (self.guard, self.unit, self.places, self.stage)
        return _arrived, (*found, CarriedError(self.error))


def _arrived(*found: Any) -> Failure:
    """A failure in the process that asked for it."""
    guard, unit, places, stage, error = found
    return Failure(guard, unit, places, stage, error.opened())


class Meter:
    """How much of a block has been drawn, told by the list iterator behind everything."""

    __slots__ = ("_begin", "_left", "_size", "_step")

    def __init__(self, left: Iterator[Any], step: int, size: int) -> None:
        self._left = left
        self._step = step
        self._size = size
        self._begin = length_hint(left)

    def used(self) -> int:
        """How many positions have been drawn, those now worked on included."""
        used = (self._begin - length_hint(self._left)) * self._step
        # The last piece may be longer than what is left of the block.
        return used if used < self._size else self._size


def _nothing() -> int:
    return 0


class Pass:
    """One lazy pass of a segment over the block that begins at position `first`.

    `outputs` draws from it; `units_used` tells how many units the outputs so far have used.
    """

    def __init__(
        self,
        segment: Segment,
        block: Block[Any] | LazyBlock,
        first: int,
        *,
        keys: Keys,
        places: Callable[[int, int], list[int]],
        report: Callable[[Failure], None] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._segment = segment
        self._keys = keys
        self._places = places
        self._report = report
        self._timing = timing
        self._unit = segment.unit
        self._lazy = block if isinstance(block, LazyBlock) else None
        self._size = block.size if isinstance(block, LazyBlock) else len(block)
        # How many positions have been drawn, those now worked on included.
        self._used: Callable[[], int] = self._lazy.used if self._lazy is not None else _nothing
        self.outputs = self._run(segment.levels, block, first, is_outer=True)

    def units_used(self) -> int:
        """How many units have been drawn in, the one now worked on included."""
        return -(-self._used() // self._unit)

    @property
    def units(self) -> int:
        """After all outputs: how many units the pass has covered, a dropped last batch's too."""
        if self._lazy is not None:
            return self.units_used()
        return -(-self._size // self._unit)

    @property
    def failed_unit(self) -> int:
        """After an error: how many units before the failing one have been used up."""
        if self._lazy is not None and self._lazy.has_failed:
            return self._lazy.drawn // self._unit
        return max(0, self.units_used() - 1)

    @property
    def is_last(self) -> bool:
        """After all outputs: whether the source has no more."""
        return self._lazy is not None and self._lazy.drawn < self._size

    def _run(
        self,
        levels: tuple[Level, ...],
        block: Block[Any] | LazyBlock,
        first: int,
        *,
        is_outer: bool,
    ) -> Iterator[Any]:
        windows = [k for k, level in enumerate(levels) if isinstance(level, Windowed)]
        if windows:
            assert not isinstance(block, LazyBlock), "a window is read whole"
            return self._run_windows(levels, windows[-1], block, first)
        per = 1
        size = block.size if isinstance(block, LazyBlock) else len(block)
        meter: Meter | LazyBlock
        if isinstance(block, LazyBlock):
            outputs, meter = iter(block), block
        elif levels and isinstance(levels[0], Grouped) and isinstance(block, Columns):
            per = levels[0].positions
            outputs, meter = self._cut(levels[0], block)
            levels = levels[1:]
        else:
            outputs = iter(block.rows() if isinstance(block, Columns) else block)
            meter = Meter(outputs, 1, size)
        if is_outer:
            self._used = meter.used
        for level in levels:
            if isinstance(level, Grouped):
                per = level.positions
                outputs = level.over(outputs, self._clocked(level.group, level.number))
            elif isinstance(level, Fused):
                outputs = level.over(
                    outputs,
                    key=self._keys.of,
                    place=self._place_of(level, first, first + size, per),
                    ordinal=count(first // per).__next__ if level.wants_ordinal else None,
                    decide=self._decide(lambda: first + meter.used() - 1, per),
                    timing=self._timing,
                )
        return outputs

    def _cut(self, level: Grouped, block: Columns[Any]) -> tuple[Iterator[Any], Meter]:
        """Batches as slices of the columns: no record is ever taken apart."""
        stage, size = level.stage, level.stage.size
        stop = len(block) - len(block) % size if stage.drop_last else len(block)
        starts = iter(list(range(0, stop, size)))
        meter = Meter(starts, size, len(block))
        is_plain = stage.stacks and not level.is_soft and self._timing is None
        if is_plain and "object" not in block.layout.kinds:
            return block.batches(starts, size), meter
        group = self._clocked(level.group, level.number)
        return (group(block[start : start + size]) for start in starts), meter

    def _clocked(
        self, fn: Callable[..., Any], number: int, *, gives_many: bool = False
    ) -> Callable[..., Any]:
        """`fn`, which makes a batch or regroups a window, timed where that is asked for."""
        timing = self._timing
        return fn if timing is None else clocked(fn, timing.account(number), gives_many=gives_many)

    def _decide(self, position: Callable[[], int], per: int) -> Decide | None:
        """What the guards of a level tell of failures; `position` is the newest one drawn."""
        report, unit = self._report, self._unit
        if report is None:
            return None

        def decide(kernel: Kernel, failed: Failed) -> Any:
            newest = position()
            start = newest - newest % per
            places = (start, start + per)
            report(Failure(kernel.number, newest // unit, places, failed.stage, failed.error))
            return kernel.fn(failed.error)

        return decide

    def _place_of(
        self, level: Fused, start: int, stop: int, per: int
    ) -> Callable[[], Place] | None:
        if not level.wants_place:
            return None
        return iter(self._places(start, stop)[::per]).__next__

    def _run_windows(
        self, levels: tuple[Level, ...], last: int, block: Block[Any], first: int
    ) -> Iterator[Any]:
        window = levels[last]
        assert isinstance(window, Windowed)
        place: Place = 0
        begin = first
        ordinals: Iterator[int] = count()

        def windows() -> Iterator[Any]:
            nonlocal place, ordinals, begin
            for start in range(0, len(block), window.positions):
                begin = first + start
                part = block[start : start + window.positions]
                records = list(self._run(levels[:last], part, first + start, is_outer=False))
                place, ordinals = self._places(first + start, first + start + 1)[0], count()
                stage = window.stage
                key = self._keys.at(stage.seed, str(stage), window.number, place)
                yield from self._clocked(regrouped, window.number, gives_many=True)(
                    stage, records, key
                )

        outputs: Iterator[Any] = windows()
        for level in levels[last + 1 :]:
            assert isinstance(level, Fused), "after a window come pointwise stages only"
            outputs = level.over(
                outputs,
                key=self._keys.of,
                place=lambda: (place, next(ordinals)),  # type: ignore[arg-type, return-value]
                ordinal=None,
                # Which of a window's records it was, no output tells.
                decide=self._decide(lambda: begin, window.positions),
                timing=self._timing,
            )
        return outputs
