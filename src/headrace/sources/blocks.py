"""What the user hands over, as blocks of records in its own order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from headrace.contracts.block import Block
from headrace.contracts.errors import whole
from headrace.contracts.records import Records
from headrace.contracts.source import Drawn
from headrace.sources.drawing import count_of, cut, drawn, never_ending
from headrace.sources.iterable import FunctionSource, IterableSource, hinted
from headrace.sources.opening import Opened, opened
from headrace.sources.unbatching import unbatched

# Any, in this file: records are the user's values, of every type.


class Intake:
    """A source that is read once, in blocks, at most `limit` records of it.

    With `unbatch` what the source gives are batches, and the records are those in them. `spread`
    gives what is read in the place of an opened source, and is told the limit.

    What cannot be a source is refused here, before anything is drawn; a function is called when
    the first block is.

    Raises:
        ArgumentError: an unknown kind of source, or one without an end and no `limit`.

    Example:
        >>> [list(block) for block in Intake(range(3))]
        [[0], [1, 2]]
    """

    def __init__(
        self,
        source: Any,
        *,
        limit: int | None = None,
        unbatch: bool = False,
        spread: Callable[[Opened, int | None], Opened] = lambda source, _: source,
    ) -> None:
        if limit is not None:
            whole("limit", limit, least=0, remedy="Leave it out to store all records.")
        self._limit = limit
        self._unbatch = unbatch
        self._spread = spread
        self._opened = self._checked(opened(source))

    @property
    def total(self) -> int | None:
        """How many records there will be, None where nobody can say."""
        source = self._opened
        if self._unbatch:
            return None
        if isinstance(source, Records):
            return count_of(source, self._limit)
        size = hinted(source.iterable) if isinstance(source, IterableSource) else source.size
        return size if size is None or self._limit is None else min(size, self._limit)

    @property
    def origin(self) -> dict[str, Any]:
        """What the source says of itself, for a way back; a function's once it was called."""
        # It would tell of batches, and the records are what is in them.
        return {} if self._unbatch else dict(getattr(self._opened, "origin", {}))

    @property
    def whole(self) -> Opened | None:
        """What is read, of a function once it was called; None where records are taken apart."""
        return None if self._unbatch else self._opened

    def __iter__(self) -> Iterator[Block[Any]]:
        while isinstance(self._opened, FunctionSource):
            self._opened = self._checked(self._opened.opened(self._opened.function()))
        if self._unbatch:
            yield from cut(unbatched(self._blocks(None)), self._limit)
        else:
            yield from self._blocks(self._limit)

    def _blocks(self, limit: int | None) -> Iterator[Block[Any]]:
        source = self._opened
        blocks = getattr(source, "blocks", None)
        if blocks is not None:
            return cut(blocks(0), limit)
        if isinstance(source, Records):
            return drawn(source, limit)
        return drawn(_pass(source), limit)

    def _checked(self, source: Opened) -> Opened:
        unbatched = getattr(source, "unbatched", None) if self._unbatch else None
        if unbatched is not None:
            source, self._unbatch = unbatched(), False
        if isinstance(source, Records):
            count_of(source, self._limit)
        elif self._limit is None and source.is_endless:
            raise never_ending(source.iterable if isinstance(source, IterableSource) else source)
        return self._spread(source, None if self._unbatch else self._limit)


def _pass(source: Drawn) -> Iterator[Any]:
    # An iterable that was drawn from before gives what is left, as `for` would.
    return iter(source.iterable) if isinstance(source, IterableSource) else source.draw(0)
