"""`cache`: the records of an epoch kept, and given again in the epochs after it."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from headrace.blobs import LocalBlobs, open_blobs
from headrace.contracts import Block, Cursor, Node, Run, State, first_epoch_of, rows
from headrace.contracts.errors import ArgumentError, IntegrityError, StateError, StreamError, whole
from headrace.kept import DiskStore, Kept, Making, MemoryStore, Place, Store

# Any, in this file: a stage is met before its record types are known.
MEMORY = "memory"
# Enough that reading a block costs nothing a record, few enough to copy at once.
READ_AHEAD = 64
REFRESH_REMEDY = "None keeps the first epoch for good."


@dataclass(frozen=True)
class Cache:
    """Gives the records of one epoch in every epoch, and makes them once.

    With `refresh_every=k` they are made anew every k epochs: epoch e gives what the chain before
    gives in epoch e - e % k. That is so whether a cache is there or not; it only saves work. Put
    what shall differ from epoch to epoch, such as `shuffle` and random augmentation, after it.

    The first pass that comes to its end is kept, in "memory" for as long as the stream lives, or
    in the folder `where` as Arrow files with checksums. There it appears at once or not at all,
    processes share it, and the next run finds it again while the data, the stages and the
    functions before it are the same: their code, defaults and closures, not the helpers that they
    call, nor the globals that they read. `key` names it instead, and has to change when any of
    these does; a source that has neither version nor content in memory needs one. Who watches,
    and where functions run, does not count. Seeds and ranks have caches of their own. A damaged
    cache is made again; a pass that ends early leaves nothing, after a kill nothing that the
    next run does not remove. Caches of other chains stay until you delete the folder.

    In memory any records can be kept that can be copied, on disk those that `submit` stores;
    nothing that is read from a folder is unpickled.

    **Length**: kept. **State**: the number of records given. **Cost** of a resume: none with the
    cache, else the epoch from its start. It holds one epoch; what follows runs beside the consumer.

    Raises:
        ArgumentError: `where` is neither "memory" nor a folder, `refresh_every` is below 1, or
            the chain needs a `key`.
        StreamError: the chain never ends, or begins with a start_offset.

    Example:
        >>> import headrace as hr
        >>> stream = hr.stream([1, 2]).map(lambda x: print("made", x) or x * 10).cache()
        >>> stream.collect(), stream.epoch(1).collect()
        made 1
        made 2
        ([10, 20], [10, 20])
    """

    # Without the cache, a resume makes the records again that were given.
    replays: ClassVar[bool] = True

    where: str | os.PathLike[str] = MEMORY
    refresh_every: int | float | None = None
    key: str | None = None
    store: Store = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        every = None if self.refresh_every == math.inf else self.refresh_every
        if every is not None:
            every = whole("refresh_every of a cache", every, least=1, remedy=REFRESH_REMEDY)
        object.__setattr__(self, "refresh_every", every)
        if self.key is not None and not isinstance(self.key, str):
            raise ArgumentError(f"the key of a cache must be a str, got {self.key!r}. Name it.")
        object.__setattr__(self, "store", _store_at(self.where))

    def __str__(self) -> str:
        # Not where: a state is the same for every place.
        return "cache" if self.refresh_every is None else f"cache(every {self.refresh_every})"

    def length(self, before: int | None) -> int | None:
        return before

    def begin(self, before: Node[Any]) -> Node[Any]:
        if before.is_infinite:
            raise StreamError(
                f"{before} never ends and cannot be cached. Put .take(n) before .cache()."
            )
        if first_epoch_of(before) or getattr(getattr(before, "source", None), "offset", 0):
            raise StreamError(
                f"a cache of {before} would lack in every epoch what start_offset leaves out. "
                "Go on in mid-epoch by load_state_dict of a DataLoader, or use .skip."
            )
        self.store.check(before, self.key)
        return Cached(before, self)


@dataclass(frozen=True)
class Cached:
    """A whole chain whose epochs are kept."""

    before: Node[Any]
    stage: Cache

    @property
    def is_infinite(self) -> bool:
        return False

    def length(self, run: Run) -> int | None:
        return self.before.length(self.run_of(run))

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        return CacheCursor(self, self.run_of(run), given_of(state))

    def run_of(self, run: Run) -> Run:
        """The run whose records this one gives."""
        every = self.stage.refresh_every
        return replace(run, epoch=0 if every is None else run.epoch - run.epoch % int(every))


class CacheCursor:
    """Reads what is kept, else the chain, from the epoch's start, and keeps what that gives."""

    def __init__(self, node: Cached, run: Run, given: int) -> None:
        self._node = node
        self._run = run
        self._given = given
        self._place = Place(node.before, node.stage.key, run)
        self._store = node.stage.store
        self._kept: Kept | None = None
        self._parent: Cursor[Any] | None = None
        self._making: Making | None = None
        # What the chain has given; fewer than were given where it runs again after a resume.
        self._made = 0
        self._failure: BaseException | None = None
        run.shared.watch(self)

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        try:
            block = self._read(n)
        except BaseException as error:
            self._failure = error
            self._end_making()
            raise
        self._given += len(block)
        return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        # What is kept costs nothing to read ahead; what is made is made when it is asked for.
        while block := rows(self.read(1 if self._kept is None else READ_AHEAD)):
            self._given -= len(block)
            for record in block:
                self._given += 1
                yield record

    def begin(self) -> None:
        """Finds what is kept, or opens the chain, which may look ahead."""
        if self._parent is None and self._kept is None:
            self._kept = self._store.find(self._place)
            if self._kept is None:
                self._opened()

    def is_settled(self) -> bool:
        """Nothing is ahead here."""
        return True

    def pause(self) -> None:
        """It begins nothing unasked."""

    def resume(self) -> None:
        """It begins nothing unasked."""

    def state(self) -> State:
        return {"turn": self._given, "parents": [], "stages": []}

    def whole(self) -> Kept:
        """All records of the epoch, which are made and kept first where they are not there.

        Raises:
            IntegrityError: another run has deleted them since.
        """
        kept = self._store.find(self._place)
        if kept is not None:
            return kept
        while len(self.read(READ_AHEAD)):
            pass
        kept = self._store.find(self._place)
        if kept is None:
            raise IntegrityError(
                f"the cache of {self._node.before}, epoch {self._run.epoch}, was deleted while it "
                "was made: a run in a later epoch does that. Give this run a folder of its own."
            )
        return kept

    def discard(self, reason: object) -> None:
        """Forgets what is kept: it is damaged."""
        self._store.discard(self._place, reason)

    def close(self) -> None:
        self._end_making()
        if self._parent is not None:
            self._parent.close()

    def _read(self, n: int) -> Block[Any]:
        self.begin()
        if self._kept is not None:
            try:
                return self._kept.read(self._given, n)
            except IntegrityError as error:
                self._store.discard(self._place, error)
                self._kept = None
        parent = self._opened()
        while self._made < self._given:
            if not len(self._made_by(parent, self._given - self._made)):
                break
        return self._made_by(parent, n)

    def _opened(self) -> Cursor[Any]:
        if self._parent is None:
            self._parent = self._node.before.open(self._run)
            self._making = self._store.make(self._place)
        return self._parent

    def _made_by(self, parent: Cursor[Any], n: int) -> Block[Any]:
        block = parent.read(n)
        if self._making is None:
            return block
        if len(block):
            self._making.add(block)
            self._made += len(block)
        else:
            self._making.publish()
            self._end_making()
        return block

    def _end_making(self) -> None:
        making, self._making = self._making, None
        if making is not None:
            making.close()


def _store_at(where: str | os.PathLike[str]) -> Store:
    if isinstance(where, str) and where == MEMORY:
        return MemoryStore()
    return DiskStore(folder_at(where, "a cache", 'Give a folder, or "memory".'))


def folder_at(where: str | os.PathLike[str], what: str, remedy: str) -> Path:
    """The absolute path of a folder that is there, or can be made.

    Raises:
        ArgumentError: it is no path, or something else is in its place.
    """
    if not isinstance(where, str | os.PathLike):
        raise ArgumentError(f"{what} is kept in a folder, got {where!r}. {remedy}")
    blobs = open_blobs(where, durable=False)
    if not isinstance(blobs, LocalBlobs):
        raise ArgumentError(f"{what} is kept in a local folder, got {str(where)!r}. {remedy}")
    there = next(path for path in (blobs.root, *blobs.root.parents) if os.path.exists(path))
    if not there.is_dir():
        raise ArgumentError(f"{what} is kept in a folder, and {there} is a file. {remedy}")
    return blobs.root


def given_of(state: State | None) -> int:
    """How many records were given before a state was taken."""
    if state is None:
        return 0
    given = state.get("turn")
    if type(given) is not int or given < 0:
        raise StateError(
            f"a state of a cache must say in turn how many records were given, got {given!r}. "
            "Load what state_dict() gave, unchanged."
        )
    return given
