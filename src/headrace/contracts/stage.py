"""The contract of a stage: what happens to records, told apart by what it depends on.

A stage is a frozen value that knows neither its parent nor where it runs. It offers one or more
of the abilities below, and the engine takes the first that fits its place in the chain:

    Reorders    pure arithmetic on positions: take, shuffle, repeat ... of a one-to-one chain
    Pointwise   one record in; one, none or several out: map, filter, flat_map
    Groups      a fixed number of records in, one out: batch
    Windows     a window of positions in, their records regrouped: shuffle
    Consumes    needs what came before: it runs beside the consumer, with a counter as state
    Begins      joins whole chains: repeat, zip and concat of chains that are no orders
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from headrace.contracts.block import Block
from headrace.contracts.failed import Guard
from headrace.contracts.node import Cursor, Node, Run
from headrace.contracts.order import Order
from headrace.contracts.records import Records

# Any, in this file: a stage is met before its record types are known.
# A place names an output for its randomness: its global position, and where one position gives
# several outputs, their ordinals.
Place = int | tuple[int, ...]


# What becomes of positions that cannot be shared out evenly among ranks.
Remainder = Literal["keep", "drop", "pad"]


@dataclass(frozen=True)
class Visit:
    """Random access to records, in an order, on a part: what a chain begins with.

    `part` is (rank, world_size, remainder) where the user sharded by hand. `start` and `stop`
    are cut off each rank's part by take and skip. `offset` records are left out once.
    """

    records: Records[Any]
    order: Order
    part: tuple[int, int, Remainder] | None = None
    start: int = 0
    stop: int | None = None
    offset: int = 0
    # Whether no function has been applied yet, so that the records are still the source's own.
    is_bare: bool = True

    @property
    def is_cut(self) -> bool:
        """Whether each rank's part has lost positions, so that order and part are settled."""
        return self.start > 0 or self.stop is not None

    @property
    def is_whole(self) -> bool:
        """Whether this is a dataset in an order and nothing more."""
        return self.is_bare and not self.is_cut and self.part is None and not self.offset

    def cut(self, start: int, stop: int | None) -> Visit:
        """This visit without what lies outside [start, stop) of what it still has."""
        ends = [self.start + stop] if stop is not None else []
        ends += [self.stop] if self.stop is not None else []
        end = min(ends) if ends else None
        begin = self.start + start if end is None else min(self.start + start, end)
        return replace(self, start=begin, stop=end)


@runtime_checkable
class Visited(Protocol):
    """A node that may be no more than a visit."""

    @property
    def visit(self) -> Visit | None:
        """The visit that this node is; None where it does more than visit."""
        ...


def bare_visit(node: Node[Any]) -> Visit | None:
    """The visit that a node is, None where it is more."""
    return node.visit if isinstance(node, Visited) else None


@dataclass(frozen=True)
class Kernel:
    """What a pointwise stage does to one record.

    `wants` says what `fn` is called with beside the record: nothing, its ordinal, or a key
    (bytes) that depends only on (seed, stage, epoch, place). A "skip" or "substitute" covers the
    kernels before it, up to another of these or a "raise": what `fn` gives for an error takes
    the record's place, as often as `guard` allows.
    """

    kind: Literal["map", "filter", "flat_map", "tap", "raise", "skip", "substitute"]
    fn: Callable[..., Any]
    name: str
    wants: Literal["nothing", "ordinal", "key"] = "nothing"
    seed: int | None = None
    # The stage's ordinal in its chain, which its randomness depends on; the engine fills it in.
    number: int = 0
    # Whether process-wide state is changed around the call, so that threads must not run it.
    is_global: bool = False
    guard: Guard | None = None


@runtime_checkable
class Stage(Protocol):
    """A described step.

    `str(stage)` is its name and plain parameters, the same in every run.
    """

    def length(self, before: int | None) -> int | None:
        """How many records come out where `before` go in, None where nobody can know."""
        ...


@runtime_checkable
class Reorders(Stage, Protocol):
    """A stage that can be arithmetic on positions."""

    def reorder(self, visit: Visit) -> Visit | None:
        """The visit after this stage; None where it cannot be arithmetic here."""
        ...


@runtime_checkable
class Pointwise(Stage, Protocol):
    """A stage whose output depends on one record alone."""

    @property
    def kernel(self) -> Kernel:
        """The function, and what it is called with."""
        ...


@runtime_checkable
class Groups(Stage, Protocol):
    """A stage that makes one record of each `size`."""

    @property
    def size(self) -> int:
        """How many records make a batch."""
        ...

    @property
    def drop_last(self) -> bool:
        """Whether a shorter last batch is left out."""
        ...

    @property
    def stacks(self) -> bool:
        """Whether a batch of `Columns` is their `stack()`, so that they can be cut."""
        ...

    def group(self, block: Block[Any]) -> Any:
        """One batch of these records."""
        ...


@runtime_checkable
class Windows(Stage, Protocol):
    """A stage that regroups the records of aligned windows of `window` positions."""

    @property
    def window(self) -> int:
        """How many positions a window has."""
        ...

    @property
    def seed(self) -> int | None:
        """The stage's own seed, if it has one."""
        ...

    def regroup(self, records: list[Any], key: bytes) -> list[Any]:
        """The records that come out of one whole window."""
        ...


@runtime_checkable
class Consumes(Stage, Protocol):
    """A stage that can run beside the consumer, after everything."""

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> Cursor[Any]:
        """A cursor over `parent`, which was opened where this stage's state said.

        The cursor's state is a state of its parent with one small value, `memo`, added to its
        "stages". It closes its parent.
        """
        ...


@runtime_checkable
class Softens(Stage, Protocol):
    """A stage beside the consumer whose failures an `on_error` behind it can cover."""

    def softened(self) -> Stage:
        """This stage, giving `Failed` in the place of each record that it cannot make.

        A `Failed` that comes in is passed on.
        """
        ...


def replays(stage: Stage) -> bool:
    """Whether a resume makes records again from where a window of them began.

    Such a stage says `replays`; what it reads must come in the same order then.
    """
    return isinstance(stage, Windows) or bool(getattr(stage, "replays", False))


def gives_any_order(stage: Stage) -> bool:
    """Whether records come as they are ready: such a stage says `gives_any_order`."""
    return bool(getattr(stage, "gives_any_order", False))


def look_ahead_of(stage: Stage) -> int:
    """How many records a stage may draw unasked: it says `look_ahead`."""
    return int(getattr(stage, "look_ahead", 0))


def content_of(stage: Stage) -> Any:
    """What of a stage says which records it gives: its `content`, or all of it."""
    return getattr(stage, "content", stage)


@runtime_checkable
class Begins(Stage, Protocol):
    """A stage that can stand over whole chains."""

    def begin(self, before: Node[Any]) -> Node[Any]:
        """One node over the chain before this stage and those that the stage names."""
        ...
