"""`concat`: one stream after the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from headrace.contracts import (
    Block,
    Cursor,
    Indices,
    Node,
    Records,
    Run,
    State,
    Visit,
    bare_visit,
    first_epoch_of,
    identity_of,
    join_blocks,
    read_ahead_of,
)
from headrace.contracts.errors import StateError
from headrace.contracts.records import ahead_positions_of, tell_ahead
from headrace.orders import Concat as ConcatOrder
from headrace.stages.repeat import turn_of
from headrace.stages.zip import ZippedRecords

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Concat:
    """Gives the records of this stream, then those of the others.

    Datasets in their orders, with no function applied yet, are joined by position. Other chains
    are read one after the other.

    **Length**: the sum. **State**: none, or which stream and the state in it.

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2]).concat(hr.stream([3])).collect()
        [1, 2, 3]
    """

    others: tuple[Node[Any], ...]

    def __str__(self) -> str:
        return f"concat({', '.join(str(other) for other in self.others)})"

    def length(self, before: int | None) -> int | None:
        return before

    def reorder(self, visit: Visit) -> Visit | None:
        visits = [visit, *(bare_visit(other) for other in self.others)]
        bare = [one for one in visits if one is not None and one.is_whole]
        # A zip has several indices at a position, which do not lie side by side.
        if len(bare) < len(visits) or any(isinstance(v.records, ZippedRecords) for v in bare):
            return None
        return concat_visits(bare)

    def begin(self, before: Node[Any]) -> Node[Any]:
        return ConcatChains((before, *self.others))


def concat_visits(visits: list[Visit]) -> Visit:
    """One visit over whole visits, one after the other."""
    records = ConcatRecords(tuple(one.records for one in visits))
    order = ConcatOrder(tuple((one.order, len(one.records)) for one in visits))
    return Visit(records, order)


@dataclass(frozen=True)
class ConcatRecords:
    """Random access to several datasets whose indices lie side by side."""

    members: tuple[Records[Any], ...]

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def identity(self) -> str:
        return ", ".join(identity_of(member) for member in self.members)

    @property
    def read_ahead(self) -> int:
        return min(read_ahead_of(member) for member in self.members)

    @property
    def ahead_positions(self) -> int:
        return max(ahead_positions_of(member) for member in self.members)

    def ahead(self, indices: Indices, *, left: int) -> None:
        owners = np.searchsorted(self._begins, indices, side="right") - 1
        for number, member in enumerate(self.members):
            own = indices[owners == number] - self._begins[number]
            tell_ahead(member, own, left=left * len(own) // len(indices))

    def read(self, indices: Indices) -> Block[Any]:
        begins = self._begins
        owners = np.searchsorted(begins, indices, side="right") - 1
        if len(owners) and (owners == owners[0]).all():
            only = int(owners[0])
            return self.members[only].read(indices - begins[only])
        parts: list[tuple[Indices, Block[Any]]] = []
        for number in np.unique(owners).tolist():
            where = np.flatnonzero(owners == number)
            parts.append((where, self.members[number].read(indices[where] - begins[number])))
        return join_blocks(parts, len(indices))

    # Kept: a thousand lengths take longer to ask than a record to read.
    @cached_property
    def _begins(self) -> Indices:
        return np.cumsum([0, *(len(member) for member in self.members)], dtype=np.int64)


@dataclass(frozen=True)
class ConcatChains:
    """Whole chains, read one after the other."""

    chains: tuple[Node[Any], ...]

    @property
    def is_infinite(self) -> bool:
        return any(chain.is_infinite for chain in self.chains)

    @property
    def first_epoch(self) -> int:
        return max(first_epoch_of(chain) for chain in self.chains)

    def length(self, run: Run) -> int | None:
        lengths = [chain.length(run) for chain in self.chains]
        known = [length for length in lengths if length is not None]
        return sum(known) if len(known) == len(lengths) else None

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        return ConcatCursor(self.chains, run, state)


class ConcatCursor:
    """Reads chain after chain."""

    def __init__(self, chains: tuple[Node[Any], ...], run: Run, state: State | None) -> None:
        self._chains = chains
        self._run = run
        self._turn, parent = turn_of(state)
        if not 0 <= self._turn < len(chains):
            raise StateError(
                f"a concat of {len(chains)} streams was given a state in stream {self._turn}. "
                "Load a state of this very chain."
            )
        self._cursor = chains[self._turn].open(run, parent)

    def read(self, n: int) -> Block[Any]:
        while True:
            block = self._cursor.read(n)
            if len(block) or self._turn + 1 == len(self._chains):
                return block
            self._cursor.close()
            self._turn += 1
            self._cursor = self._chains[self._turn].open(self._run)

    def state(self) -> State:
        return {"turn": self._turn, "parents": [self._cursor.state()], "stages": []}

    def close(self) -> None:
        self._cursor.close()
