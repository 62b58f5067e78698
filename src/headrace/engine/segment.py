"""A segment: the longest prefix of a chain that can be computed from one window of positions.

Its *unit* is the smallest aligned run of positions whose outputs depend on nothing else. A task
is a run of whole units, and a position in the segment's output is (unit, outputs delivered).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

from headrace.contracts import Block, Columns, Failed, Groups, Kernel, Windows
from headrace.engine.fuse import Fused

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class Grouped:
    """A batch stage inside a segment: `positions` make a batch, `per` of them each record.

    Where it `is_soft`, a `Failed` takes the place of a batch that fails or has a failed record.
    """

    stage: Groups
    per: int
    positions: int
    number: int
    is_soft: bool = False

    def over(self, records: Iterator[Any], group: Callable[[Block[Any]], Any]) -> Iterator[Any]:
        """The batches of `records`, each made by `group`."""
        size = self.stage.size
        while block := list(islice(records, size)):
            if len(block) < size and self.stage.drop_last:
                return
            yield group(block)

    def group(self, block: Block[Any]) -> Any:
        if not self.is_soft:
            return grouped(self.stage, block)
        return softly_grouped(self.stage, block)


def grouped(stage: Groups, block: Block[Any]) -> Any:
    """One batch; its frame tells an error of the batch from one of the stages before it."""
    return stage.group(block)


def softly_grouped(stage: Groups, block: Block[Any]) -> Any:
    """One batch, or what stands for it where one of its records has failed, or it fails."""
    failed = () if isinstance(block, Columns) else (one for one in block if type(one) is Failed)
    first = next(iter(failed), None)
    if first is not None:
        return first
    try:
        return grouped(stage, block)
    except Exception as error:
        return Failed(error, str(stage))


@dataclass(frozen=True)
class Windowed:
    """A regrouping stage inside a segment, over aligned windows of `positions` positions."""

    stage: Windows
    positions: int
    number: int


def regrouped(stage: Windows, records: list[Any], key: bytes) -> list[Any]:
    """What comes out of one window; its frame tells an error of it from one of those before."""
    return stage.regroup(records, key)


Level: TypeAlias = Fused | Grouped | Windowed


@dataclass(frozen=True)
class Segment:
    """The levels of a segment, and its unit in positions.

    `per` is the number of positions behind one output while each unit gives exactly one
    (`is_exact`); `is_many` says that a unit may give several. Where it `covers_source`, a
    record that cannot be read comes as `Failed`.
    """

    levels: tuple[Level, ...] = ()
    unit: int = 1
    per: int = 1
    is_exact: bool = True
    is_many: bool = False
    covers_source: bool = False

    @cached_property
    def is_unit_by_unit(self) -> bool:
        """Whether a pass covers one unit: of a window, no output tells whose it is."""
        return any(isinstance(level, Windowed) for level in self.levels)

    def kernels(self) -> Iterator[Kernel]:
        for level in self.levels:
            if isinstance(level, Fused):
                yield from level.kernels

    @property
    def guards(self) -> tuple[Kernel, ...]:
        """The kernels that decide about failures, in order."""
        return tuple(kernel for kernel in self.kernels() if kernel.guard is not None)

    def covering(self) -> Segment:
        """This segment, each level told whether guards behind it cover its failures."""
        found: list[Level] = []
        # Whether a failure that comes out of the level is decided about behind it.
        behind = False
        for level in reversed(self.levels):
            if isinstance(level, Windowed):
                # A window cannot be made of records that are not there.
                break
            if isinstance(level, Fused):
                before = level.covers_input if level.decides else behind
                level = replace(level, takes_failed=before, is_soft=behind)
                behind = before
            else:
                level = replace(level, is_soft=behind)
            found.append(level)
        levels = (*self.levels[: len(self.levels) - len(found)], *reversed(found))
        return replace(self, levels=levels, covers_source=behind and len(found) == len(levels))
