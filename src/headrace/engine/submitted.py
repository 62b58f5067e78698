"""A chain as a source of records: what is submitted, or put into another chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from headrace.contracts import Block, Run, Visit, iterate
from headrace.engine.chain import Chain
from headrace.orders import Range
from headrace.sources import read_on

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class ChainSource:
    """The records that a chain gives, pass after pass; pass 0 is epoch `first`."""

    chain: Chain
    first: int = 0

    def __repr__(self) -> str:
        return f"Stream({self.chain})"

    @property
    def identity(self) -> str:
        """The name of the data in saved states."""
        return self.chain.identity

    @property
    def size(self) -> int | None:
        """How many records a pass has, None where it is not known."""
        return self.chain.length(self._run(0))

    @property
    def is_endless(self) -> bool:
        """Whether a pass never ends."""
        return self.chain.is_infinite

    @property
    def origin(self) -> dict[str, Any]:
        """What the source says of itself, where the chain changes nothing of it."""
        return dict(getattr(self.untouched, "origin", {}))

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass."""
        cursor = self.chain.open(self._run(epoch))
        try:
            yield from iterate(cursor)
        finally:
            cursor.close()

    def blocks(self, epoch: int) -> Iterator[Block[Any]]:
        """A fresh pass in blocks, column by column where the records come so."""
        blocks = getattr(self.untouched, "blocks", None)
        if blocks is not None:
            yield from blocks(self.first + epoch)
            return
        cursor = self.chain.open(self._run(epoch))
        try:
            yield from read_on(cursor.read)
        finally:
            cursor.close()

    @property
    def unbatched(self) -> Callable[[], Any] | None:
        """The function for the records in its batches, where the source has one, else None."""
        return getattr(self.untouched, "unbatched", None)

    @property
    def untouched(self) -> Any:
        """The source, where all of it comes as it is; else None."""
        source = self.chain.source
        if self.chain.stages:
            return None
        if not isinstance(source, Visit):
            return source
        is_plain = source.is_whole and source.order == Range(len(source.records))
        return source.records if is_plain else None

    def _run(self, epoch: int) -> Run:
        return Run(epoch=self.first + epoch)
