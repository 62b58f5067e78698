"""A source whose records are made on a backend, and stored here in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from headrace.contracts import Block, Records, Run, Visit, rows
from headrace.contracts.order import Indices
from headrace.contracts.records import identity_of, read_ahead_of
from headrace.engine import Chain, ChainSource
from headrace.formats.schema.prepared import prepared, prepared_record
from headrace.orders import Range
from headrace.sources import ArrayRecords, Opened, read_on
from headrace.sources.drawing import count_of
from headrace.stages import Map
from headrace.storage.crew import Crew

# Any, in this file: records are the user's values, of every type.


def spread(crew: Crew) -> Callable[[Opened, int | None], Opened]:
    """How a source is read: where the crew runs ahead, in tasks on its workers.

    Arrays, files that are read as a whole, and what can only be drawn stay in this process. A
    limit, if any, is the second argument.
    """
    return lambda source, limit: _spread(source, limit, crew)


def _spread(source: Opened, limit: int | None, crew: Crew) -> Opened:
    if not crew.look_ahead:
        return source
    if isinstance(source, ChainSource):
        chain = None if hasattr(source.untouched, "blocks") else _preparing(source.chain)
        return source if chain is None else Spread(source, chain, source.first, limit, crew)
    if isinstance(source, ArrayRecords) or hasattr(source, "blocks"):
        return source
    if not isinstance(source, Records):
        return source
    visit = Visit(Prepared(source), Range(count_of(source, limit)))
    return Spread(source, Chain(visit), 0, limit, crew)


def _preparing(chain: Chain) -> Chain | None:
    """The chain, its records ready to be stored; None where nothing of it runs in tasks."""
    visit = chain.visit
    if visit is not None:
        if isinstance(visit.records, ArrayRecords):
            return None
        return Chain(replace(visit, records=Prepared(visit.records)))
    plan = chain.plan
    return chain.then(Map(prepared_record)) if plan.segment.levels and not plan.late else chain


@dataclass(frozen=True)
class Prepared:
    """Records ready to be stored."""

    records: Records[Any]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def identity(self) -> str:
        """The name of the records."""
        return identity_of(self.records)

    @property
    def read_ahead(self) -> int:
        """How many records may be read before they are asked for."""
        return read_ahead_of(self.records)

    def read(self, indices: Indices) -> Block[Any]:
        """The records at `indices`, in that order."""
        return prepared(self.records.read(indices))


@dataclass(frozen=True)
class Spread:
    """What `source` gives, pass after pass, by a chain whose tasks run on the workers of a crew.

    Of its first pass `limit` records are wanted at most.
    """

    source: Any
    chain: Chain
    first: int
    limit: int | None
    crew: Crew

    @property
    def identity(self) -> str:
        """The name of the data."""
        return self.chain.identity

    @property
    def size(self) -> int | None:
        """How many records a pass has, None where it is not known."""
        return self.chain.length(Run(epoch=self.first))

    @property
    def is_endless(self) -> bool:
        """Whether a pass never ends."""
        return self.chain.is_infinite

    @property
    def origin(self) -> dict[str, Any]:
        """What the source says of itself."""
        return dict(getattr(self.source, "origin", {}))

    @property
    def count(self) -> int | None:
        """How many records are wanted, where each can be made by its number alone; else None."""
        if not self.chain.gives_one_a_unit or not isinstance(self.chain.plan.source, Visit):
            return None
        found = [count for count in (self.size, self.limit) if count is not None]
        return min(found, default=None)

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        for block in self.blocks(epoch):
            yield from rows(block)

    def blocks(self, epoch: int) -> Iterator[Block[Any]]:
        """A fresh pass in blocks."""
        run = Run(
            epoch=self.first + epoch,
            workers=self.crew.workers(),
            look_ahead=self.crew.look_ahead,
            shares_globals=self.crew.shares_globals,
        )
        with closing(self.chain.open(run)) as cursor:
            yield from read_on(cursor.read)
