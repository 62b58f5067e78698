"""`zip`: records of several streams side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headrace.contracts import (
    Block,
    Columns,
    Cursor,
    Indices,
    Layout,
    Node,
    Records,
    RowKind,
    Run,
    State,
    Tree,
    Visit,
    bare_visit,
    first_epoch_of,
    identity_of,
    read_ahead_of,
    rows,
)
from headrace.contracts.errors import StateError
from headrace.contracts.records import ahead_positions_of, tell_ahead
from headrace.orders import Zipped

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class Zip:
    """Gives tuples of one record of each stream, and ends with the shortest.

    Datasets in their orders, with no function applied yet, are zipped by position: each is
    still reached in one step. Other chains are read side by side.

    **Length**: that of the shortest. **State**: none, or that of each stream.

    Example:
        >>> import headrace as hr
        >>> hr.stream([1, 2, 3]).zip(hr.stream(["a", "b"])).collect()
        [(1, 'a'), (2, 'b')]
    """

    others: tuple[Node[Any], ...]

    def __str__(self) -> str:
        return f"zip({', '.join(str(other) for other in self.others)})"

    def length(self, before: int | None) -> int | None:
        return before

    def reorder(self, visit: Visit) -> Visit | None:
        visits = [visit, *(bare_visit(other) for other in self.others)]
        bare = [one for one in visits if one is not None and one.is_whole]
        # A zip of zips is no order: a position has one index of each dataset, not of each zip.
        if len(bare) < len(visits) or any(isinstance(v.records, ZippedRecords) for v in bare):
            return None
        records = ZippedRecords(tuple(one.records for one in bare))
        return Visit(records, Zipped(tuple(one.order for one in bare)))

    def begin(self, before: Node[Any]) -> Node[Any]:
        return ZippedChains((before, *self.others))


@dataclass(frozen=True)
class ZippedRecords:
    """Random access to tuples: `read` takes one row of indices for each member."""

    members: tuple[Records[Any], ...]

    def __len__(self) -> int:
        return min(len(member) for member in self.members)

    @property
    def identity(self) -> str:
        return " + ".join(identity_of(member) for member in self.members)

    @property
    def read_ahead(self) -> int:
        return min(read_ahead_of(member) for member in self.members)

    @property
    def ahead_positions(self) -> int:
        return max(ahead_positions_of(member) for member in self.members)

    def ahead(self, indices: Indices, *, left: int) -> None:
        for member, row in zip(self.members, indices, strict=True):
            tell_ahead(member, row, left=left)

    def read(self, indices: Indices) -> Block[Any]:
        blocks = [member.read(row) for member, row in zip(self.members, indices, strict=True)]
        columns = [block for block in blocks if isinstance(block, Columns)]
        if len(columns) < len(blocks):
            return list(zip(*(rows(block) for block in blocks), strict=True))
        tree = Tree("tuple", (), tuple(one.layout.tree for one in columns))
        kinds: tuple[RowKind, ...] = sum((one.layout.kinds for one in columns), ())
        leaves = [leaf for one in columns for leaf in one.leaves]
        return Columns(Layout(tree, kinds), leaves, indices.shape[-1])


@dataclass(frozen=True)
class ZippedChains:
    """Whole chains, read side by side."""

    chains: tuple[Node[Any], ...]

    @property
    def is_infinite(self) -> bool:
        return all(chain.is_infinite for chain in self.chains)

    @property
    def first_epoch(self) -> int:
        return max(first_epoch_of(chain) for chain in self.chains)

    def length(self, run: Run) -> int | None:
        lengths = [chain.length(run) for chain in self.chains if not chain.is_infinite]
        known = [length for length in lengths if length is not None]
        return min(known) if known and len(known) == len(lengths) else None

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        parents = [None] * len(self.chains) if state is None else state.get("parents", [])
        if not isinstance(parents, list) or not all(isinstance(p, dict | None) for p in parents):
            parents = []
        if len(parents) != len(self.chains):
            raise StateError(
                f"a zip of {len(self.chains)} streams was given a state of {len(parents)}. "
                "Load a state of this very chain."
            )
        cursors: list[Cursor[Any]] = []
        try:
            for chain, parent in zip(self.chains, parents, strict=True):
                cursors.append(chain.open(run, parent))
        except BaseException:
            for cursor in cursors:
                cursor.close()
            raise
        return ZipCursor(cursors)


class ZipCursor:
    """Reads one record of each; its state is that of each before the tuple not yet given."""

    def __init__(self, cursors: list[Cursor[Any]]) -> None:
        self._cursors = cursors
        self._before: list[State] | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        found: list[Any] = []
        while len(found) < n:
            self._before = [cursor.state() for cursor in self._cursors]
            try:
                together = [rows(cursor.read(1)) for cursor in self._cursors]
            except BaseException as error:
                self._failure = error
                if not found:
                    raise
                return found
            if not all(together):
                return found
            found.append(tuple(one[0] for one in together))
        self._before = None
        return found

    def state(self) -> State:
        before = self._before or [cursor.state() for cursor in self._cursors]
        return {"turn": 0, "parents": before, "stages": []}

    def close(self) -> None:
        for cursor in self._cursors:
            cursor.close()
