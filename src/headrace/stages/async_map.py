"""`async_map`: a function of one record, many at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from string import hexdigits
from typing import Any

from headrace.contracts import Cursor, Run, Stage, marker
from headrace.contracts.errors import StateError, whole
from headrace.executors import Ahead, Call, Places, check_executor, runner_of
from headrace.stages.ahead import AheadCursor
from headrace.stages.naming import name_of

# Any, in this file: a stage is met before its record types are known.
BUFFER = 100


@dataclass(frozen=True)
class AsyncMap:
    """Gives `fn(record)` for each record; many calls run at once, up to `buffer` records ahead.

    For functions that wait (requests, reads) or release the interpreter's lock. A thread draws
    from what comes before, from the first read on, and hands the records to the executor:

    * None: threads of its own, `max_workers` of them (cores + 4, at most 32); they end with the
      stream. An `async def` function runs on an event loop of its own, with `buffer` calls in
      flight.
    * A `concurrent.futures.Executor`, a `dask.distributed.Client`, or "ray" (the `ray` that the
      caller has initialised): none of them is ever closed. Functions go to other processes by
      cloudpickle, lambdas too, with each group of records: keep large things in
      `hr.per_worker(factory)`. Where a call is much cheaper than handing it over, records travel
      in groups, which grow while that pays.
    * "numba": the function is compiled, in nopython mode where Numba can (records that are
      arrays, numbers, or tuples of these; outer variables count as constants), else in object
      mode, and runs on threads of its own without the interpreter's lock.

    Results come in the order of the records, the first after one call. With `ordered=False` they
    come as they are ready, and which have come is part of the state; at most `buffer` records lie
    between the oldest undelivered one and the newest. An error is raised at its place, and what
    was queued behind it does not run.

    **Length**: kept. **State**: the state before the oldest record that is not delivered, and
    where `ordered=False` one bit for each of `buffer` records after it (some 2,000 fill 1 KiB).
    A state loads with any other executor, `buffer` and `max_workers`. **Cost** of a resume: up to
    `buffer` calls are made again.

    Raises:
        ArgumentError: `buffer` or `max_workers` is below 1, or the executor is unknown or does
            not go with the function.
        StreamError: the function has to be pickled and cannot; raised when it is opened.

    Example:
        >>> import headrace as hr
        >>> hr.stream(range(5)).async_map(lambda x: x * x, buffer=4).collect()
        [0, 1, 4, 9, 16]
        >>> sorted(hr.stream(range(5)).async_map(str, ordered=False))
        ['0', '1', '2', '3', '4']
    """

    fn: Callable[[Any], Any]
    executor: Any = None
    buffer: int = BUFFER
    max_workers: int | None = None
    ordered: bool = True

    def __post_init__(self) -> None:
        remedy = "It bounds the records in flight; to run none ahead, use .map."
        whole("buffer", self.buffer, least=1, remedy=remedy)
        if self.max_workers is not None:
            whole("max_workers", self.max_workers, least=1, remedy="None chooses cores + 4.")
        check_executor(self._call())

    def __str__(self) -> str:
        # Where and how far ahead it runs does not change what comes: a state may be loaded with
        # others.
        return "async_map" if self.ordered else "async_map(ordered=False)"

    @property
    def title(self) -> str:
        """The name for errors and drawings."""
        return f"async_map({name_of(self.fn)})"

    @property
    def content(self) -> Callable[[Any], Any]:
        """What says which records it gives; where it runs does not."""
        return self.fn

    @property
    def look_ahead(self) -> int:
        """How many records may be drawn and not delivered."""
        return self.buffer

    @property
    def gives_any_order(self) -> bool:
        """Whether results come as they are ready."""
        return not self.ordered

    @property
    def replays(self) -> bool:
        """Whether a resume needs the same records in the same order: its mask counts them."""
        return not self.ordered

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> AheadCursor:
        return self.opened(parent, run, memo)

    def softened(self) -> Stage:
        """This stage, giving `Failed` where the function fails."""
        return SoftAsyncMap(self)

    def opened(
        self, parent: Cursor[Any], run: Run, memo: Any, soft: str | None = None
    ) -> AheadCursor:
        """The cursor; a failing record is given as `Failed` by the stage `soft`, else raised."""
        places = Places(marker(parent)(), ordered=self.ordered, given=_mask(memo))
        runner = runner_of(self._call())
        ahead = Ahead(parent, places, runner, buffer=self.buffer, soft=soft)
        run.shared.watch(ahead)
        return AheadCursor(ahead)

    def _call(self) -> Call:
        return Call(self.fn, self.title, self.executor, self.max_workers, self.buffer)


@dataclass(frozen=True)
class SoftAsyncMap:
    """An `AsyncMap` whose failing records an `on_error` behind it covers."""

    stage: AsyncMap

    def __str__(self) -> str:
        return str(self.stage)

    @property
    def title(self) -> str:
        return self.stage.title

    @property
    def look_ahead(self) -> int:
        return self.stage.look_ahead

    @property
    def gives_any_order(self) -> bool:
        return self.stage.gives_any_order

    @property
    def replays(self) -> bool:
        return self.stage.replays

    def length(self, before: int | None) -> int | None:
        return before

    def open(self, parent: Cursor[Any], run: Run, memo: Any) -> AheadCursor:
        return self.stage.opened(parent, run, memo, self.title)


def _mask(memo: Any) -> int:
    if memo is None:
        return 0
    if isinstance(memo, str) and memo and not set(memo) - set(hexdigits):
        return int(memo, 16)
    raise StateError(
        f"a state of async_map must hold a mask in hex or nothing, got {memo!r}. "
        "Load what state_dict() gave, unchanged."
    )
