"""From a chain of Squirrel's to one of headrace's: where it begins, and the stages after it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial, reduce
from typing import Any, TypeAlias

import numpy as np

from headrace.compat.squirrel.iterstream.looping import Counted
from headrace.compat.squirrel.iterstream.splits import ByRank, ByWorker
from headrace.compat.squirrel.iterstream.watched import Reports, Watched
from headrace.contracts import Run, Stage, Visit, iterate
from headrace.contracts.errors import StreamError
from headrace.dataref import DataRef
from headrace.engine import Chain
from headrace.orders import Range
from headrace.sources import SequenceRecords
from headrace.sources.iterable import is_endless
from headrace.stages import AsyncMap, Filter, FlatMap, Map, Repeat, Shuffle, Take
from headrace.streams import Stream

# Any, in this file: records and sources are whatever the user has.
# What gives one record for each, in order: which positions are wanted can be said before it.
ONE_FOR_ONE = (Map, AsyncMap, Watched)
# What may be done in parts, of which the union is the whole.
IN_PARTS = (*ONE_FOR_ONE, Filter, FlatMap, Shuffle, Counted, Repeat)
# Seeds that neither the user nor a DataLoader gives: the same in each worker and rank, so that
# their parts fit together.
SEED = 0


Step: TypeAlias = "Stage | ByRank | ByWorker"


@dataclass(frozen=True)
class Parts:
    """Where a chain begins, and its steps in the order in which the user wrote them."""

    origin: Chain
    steps: tuple[Step, ...] = ()

    def then(self, *steps: Step) -> Parts:
        """This chain with more steps."""
        return replace(self, steps=(*self.steps, *steps))

    def chain(self) -> Chain:
        """The chain of headrace that does the same, and no more than is asked of it."""
        return reduce(Chain.then, moved(self.steps), self.origin)

    def read(self, epoch: int) -> Generator[Any, None, None]:
        """The records of one epoch."""
        chain, run = self.chain(), Run(epoch=epoch, seed=SEED)
        is_watched = any(isinstance(stage, Watched) for stage in chain.every_stage)
        reports = Reports(run.shared) if is_watched else None
        cursor = chain.open(run)
        try:
            records = iterate(cursor)
            yield from records if reports is None else reports.made(records)
        finally:
            cursor.close()


def moved(steps: Sequence[Step]) -> list[Stage]:
    """The stages, with those that say which records are wanted as early as they can stand."""
    found: list[Step] = []
    for step in steps:
        place = len(found)
        while place and isinstance(found[place - 1], _passed(step)):
            place -= 1
        found.insert(place, step)
    stages = [step.shard() if isinstance(step, ByRank | ByWorker) else step for step in found]
    return [stage for stage in stages if stage is not None]


def parts_of(source: Any) -> Parts:
    """The parts of whatever stands before a step, or is given to a source.

    A class of the user's that has its own `__iter__` is drawn from.
    """
    for kind in type(source).__mro__:
        if "as_parts" in vars(kind):
            parts: Parts = source.as_parts()
            return parts
        if "__iter__" in vars(kind):
            break
    return Parts(_origin(source))


def stream_of(source: Any) -> Stream[Any]:
    """The stream of headrace that gives the same records."""
    return Stream(parts_of(source).chain())


@dataclass(frozen=True)
class Drawing:
    """Records of what `make(epoch)` gives, as a source of headrace's."""

    make: Callable[[int], Iterable[Any]]
    name: str
    is_endless: bool = False
    size: int | None = None

    @property
    def identity(self) -> str:
        """The name of the data in saved states."""
        return f"drawn from {self.name}"

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        return iter(self.make(epoch))


def _passed(step: Step) -> tuple[type, ...]:
    """The kinds of steps that a step may be moved before."""
    if isinstance(step, ByWorker):
        return IN_PARTS
    # Ranks must get equally many records, so that theirs are counted where the user says.
    return ONE_FOR_ONE if isinstance(step, ByRank | Shuffle | Take) else ()


def _origin(source: Any) -> Chain:
    if isinstance(source, Stream | DataRef):
        return (source if isinstance(source, Stream) else source.stream()).node
    name = getattr(source, "__qualname__", type(source).__qualname__)
    if callable(source):
        return Chain(Drawing(partial(_called, source), name))
    if isinstance(source, Sequence) or (isinstance(source, np.ndarray) and source.ndim):
        records: SequenceRecords[Any] = SequenceRecords(source)
        return Chain(Visit(records, Range(len(records))))
    return Chain(Drawing(partial(_begun, source), name, is_endless(source)))


def _called(function: Callable[[], Any], epoch: int) -> Any:
    given = function()
    return parts_of(given).read(epoch) if hasattr(given, "as_parts") else given


def _begun(source: Any, epoch: int) -> Iterable[Any]:
    """A pass over an iterable; what a class of the user's reads is in the same epoch."""
    below = source
    while hasattr(below, "as_parts"):
        below = below.source
        if hasattr(below, "as_parts"):
            below.epochs_read = epoch
    if not (hasattr(type(source), "__iter__") or hasattr(type(source), "__getitem__")):
        raise StreamError(
            f"the source of a stream is {source!r}, and an iterable, or a function that gives one, "
            "was expected. Pass one to IterableSource(...) or .source_(...)."
        )
    records: Iterable[Any] = source
    return records
