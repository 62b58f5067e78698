"""A segment: the longest prefix of a chain that can be computed from one window of positions.

Its *unit* is the smallest aligned run of positions whose outputs depend on nothing else. A task
is a run of whole units, and a position in the segment's output is (unit, outputs delivered).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, islice
from operator import length_hint
from typing import Any

from headrace.contracts import Block, Columns, Groups, Kernel, Place, Windows
from headrace.engine.feed import LazyBlock
from headrace.engine.fuse import Fused
from headrace.engine.randomness import Keys

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class Grouped:
    """A batch stage inside a segment: `positions` make a batch, `per` of them each record."""

    stage: Groups
    per: int
    positions: int

    def over(self, records: Iterator[Any]) -> Iterator[Any]:
        size = self.stage.size
        while block := list(islice(records, size)):
            if len(block) < size and self.stage.drop_last:
                return
            yield grouped(self.stage, block)


def grouped(stage: Groups, block: Block[Any]) -> Any:
    """One batch; its frame tells an error of the batch from one of the stages before it."""
    return stage.group(block)


@dataclass(frozen=True)
class Windowed:
    """A regrouping stage inside a segment, over aligned windows of `positions` positions."""

    stage: Windows
    positions: int
    number: int


Level = Fused | Grouped | Windowed


@dataclass(frozen=True)
class Segment:
    """The levels of a segment, and its unit in positions.

    `per` is the number of positions behind one output while each unit gives exactly one
    (`is_exact`); `is_many` says that a unit may give several.
    """

    levels: tuple[Level, ...] = ()
    unit: int = 1
    per: int = 1
    is_exact: bool = True
    is_many: bool = False

    @property
    def is_unit_by_unit(self) -> bool:
        """Whether a pass covers one unit: of a window, no output tells whose it is."""
        return any(isinstance(level, Windowed) for level in self.levels)

    def kernels(self) -> Iterator[Kernel]:
        for level in self.levels:
            if isinstance(level, Fused):
                yield from level.kernels


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
    ) -> None:
        self._segment = segment
        self._keys = keys
        self._places = places
        self._unit = segment.unit
        self._lazy = block if isinstance(block, LazyBlock) else None
        self._size = block.size if isinstance(block, LazyBlock) else len(block)
        # The list iterator behind everything: its length hint says how much is left of it.
        self._meter: Iterator[Any] = iter(())
        self._meter_positions = 1
        self._meter_size = 0
        self.outputs = self._run(segment.levels, block, first, is_outer=True)

    def units_used(self) -> int:
        """How many units have been drawn in, the one now worked on included."""
        if self._lazy is not None:
            return -(-self._lazy.drawn // self._unit)
        used = self._meter_size - length_hint(self._meter) * self._meter_positions
        # The last piece of the meter may be longer than what is left of the block.
        return -(-(used if used < self._size else self._size) // self._unit)

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
        if isinstance(block, LazyBlock):
            outputs = iter(block)
        elif levels and isinstance(levels[0], Grouped) and isinstance(block, Columns):
            per = levels[0].positions
            outputs = self._cut(levels[0].stage, block, is_outer)
            levels = levels[1:]
        else:
            outputs = iter(block.rows() if isinstance(block, Columns) else block)
            self._watch(outputs, 1, is_outer)
        for level in levels:
            if isinstance(level, Grouped):
                per = level.positions
                outputs = level.over(outputs)
            elif isinstance(level, Fused):
                place = self._place_of(level, first, first + size, per)
                ordinal = count(first // per).__next__ if level.wants_ordinal else None
                outputs = level.over(outputs, key=self._keys.of, place=place, ordinal=ordinal)
        return outputs

    def _cut(self, stage: Groups, block: Columns[Any], is_outer: bool) -> Iterator[Any]:
        """Batches as slices of the columns: no record is ever taken apart."""
        size = stage.size
        stop = len(block) - len(block) % size if stage.drop_last else len(block)
        starts = iter(list(range(0, stop, size)))
        self._watch(starts, size, is_outer)
        if stage.stacks and "object" not in block.layout.kinds:
            return block.batches(starts, size)
        return (grouped(stage, block[start : start + size]) for start in starts)

    def _watch(self, meter: Iterator[Any], positions: int, is_outer: bool) -> None:
        if is_outer:
            self._meter, self._meter_positions = meter, positions
            self._meter_size = length_hint(meter) * positions

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
        ordinals: Iterator[int] = count()

        def windows() -> Iterator[Any]:
            nonlocal place, ordinals
            for start in range(0, len(block), window.positions):
                part = block[start : start + window.positions]
                records = list(self._run(levels[:last], part, first + start, is_outer=False))
                place, ordinals = self._places(first + start, first + start + 1)[0], count()
                stage = window.stage
                key = self._keys.at(stage.seed, str(stage), window.number, place)
                yield from window.stage.regroup(records, key)

        outputs: Iterator[Any] = windows()
        for level in levels[last + 1 :]:
            assert isinstance(level, Fused), "after a window come pointwise stages only"
            outputs = level.over(
                outputs,
                key=self._keys.of,
                place=lambda: (place, next(ordinals)),  # type: ignore[arg-type, return-value]
                ordinal=None,
            )
        return outputs
