"""A cache on disk whose epochs come in an order of their own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from headrace.contracts import Block, Cursor, Node, Run, State, rows
from headrace.contracts.errors import ArgumentError, IntegrityError
from headrace.kept import HeldRecords
from headrace.orders import Range, Shuffle, shuffled_by
from headrace.stages.cache import READ_AHEAD, Cache, CacheCursor, Cached, given_of

# Any, in this file: a stage is met before its record types are known.


@dataclass(frozen=True)
class ReshuffledCache:
    """A `Cache` in a folder, whose epochs are shuffled anew.

    The epoch that makes the records gives them in the order in which they come; the epochs that
    read them shuffle them, each in its own way. Where the records are not there, after a resume
    elsewhere, such an epoch makes all of them first.
    """

    replays: ClassVar[bool] = True

    cache: Cache
    shuffle: Shuffle = "global"
    window: int | None = None
    seed: int | None = None

    def __post_init__(self) -> None:
        if self.cache.where == "memory":
            raise ArgumentError(
                "a cache in memory was asked to shuffle what it gives. Give a folder, or put "
                ".shuffle(window) behind it."
            )

    def __str__(self) -> str:
        return f"{self.cache} > {self.shuffle}({self.window}, seed={self.seed})"

    def length(self, before: int | None) -> int | None:
        return before

    def begin(self, before: Node[Any]) -> Node[Any]:
        cached = self.cache.begin(before)
        assert isinstance(cached, Cached)
        return Reshuffled(cached, self)


@dataclass(frozen=True)
class Reshuffled:
    """A cached chain, read in other orders."""

    cached: Cached
    stage: ReshuffledCache

    @property
    def is_infinite(self) -> bool:
        return False

    def length(self, run: Run) -> int | None:
        return self.cached.length(run)

    def open(self, run: Run, state: State | None = None) -> Cursor[Any]:
        if self.cached.run_of(run).epoch == run.epoch:
            return self.cached.open(run, state)
        return ReshuffledCursor(self, run, given_of(state))


class ReshuffledCursor:
    """Reads what is kept in this epoch's order; makes all of it first where nothing is."""

    def __init__(self, node: Reshuffled, run: Run, given: int) -> None:
        self._node = node
        self._run = run
        self._given = given
        self._kept: HeldRecords | None = None
        self._making: CacheCursor | None = None
        self._failure: BaseException | None = None

    def read(self, n: int) -> Block[Any]:
        if self._failure is not None:
            raise self._failure
        try:
            block = self._read(n)
        except BaseException as error:
            self._failure = error
            raise
        self._given += len(block)
        return block

    def __iter__(self) -> Iterator[Any]:
        """All that is left, one by one; between two of them the state is exact."""
        while block := rows(self.read(READ_AHEAD)):
            self._given -= len(block)
            for record in block:
                self._given += 1
                yield record

    def state(self) -> State:
        return {"turn": self._given, "parents": [], "stages": []}

    def close(self) -> None:
        if self._making is not None:
            self._making.close()

    def _read(self, n: int) -> Block[Any]:
        if self._kept is None:
            self._kept = self._found()
        try:
            return self._kept.read(self._given, n)
        except IntegrityError as error:
            self._opened().discard(error)
            self._kept = self._found()
            return self._kept.read(self._given, n)

    def _found(self) -> HeldRecords:
        cursor = self._opened()
        kept = cursor.whole()
        cursor.close()
        self._making = None
        assert isinstance(kept, HeldRecords)
        stage, count = self._node.stage, len(kept)
        seed = self._run.seed if stage.seed is None else stage.seed
        order = shuffled_by(Range(count), stage.shuffle, seed, stage.window)
        kept.put_in(order.at(self._run.epoch, np.arange(count, dtype=np.int64)))
        return kept

    def _opened(self) -> CacheCursor:
        if self._making is None:
            cursor = self._node.cached.open(self._run)
            assert isinstance(cursor, CacheCursor)
            self._making = cursor
        return self._making
