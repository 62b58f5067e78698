"""The sequential layer: a lazy, typed chain that says what happens to records."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, Literal, SupportsIndex, TypeVar, overload

from headrace import stages
from headrace.contracts import Drawn, Record, Records, Run, Source, Stage, Visit, iterate
from headrace.contracts.errors import ArgumentError, StreamError, whole
from headrace.contracts.stage import Remainder
from headrace.engine import Chain, ChainSource, chain_html, explain
from headrace.orders import Range
from headrace.sources import Indexable, opened
from headrace.stages.map import Seeding
from headrace.tensors import to_torch

T = TypeVar("T")
U = TypeVar("U")


class _Unknown:
    """Only records of no known type pass for this one: a Stream[Any] must not pass for text."""


class Stream(Generic[T]):
    """An immutable description of records and of what happens to them, in order.

    Each method gives a new Stream; nothing runs before it is read. `for record in stream` runs
    one epoch from its start in this thread, each time anew; a `DataLoader` runs it epoch after
    epoch, on workers, and can be stopped and resumed.

    Example:
        >>> import headrace as hr
        >>> stream = hr.stream(range(10)).filter(lambda x: x % 3 == 0).map(lambda x: x * x)
        >>> stream.collect()
        [0, 9, 36, 81]
        >>> stream
        Stream(range(10) | filter | map)
    """

    __slots__ = ("_at_epoch", "_chain")

    def __init__(self, chain: Chain, at_epoch: int | None = None) -> None:
        self._chain = chain
        self._at_epoch = at_epoch

    @property
    def node(self) -> Chain:
        """The description behind the stream."""
        return self._chain

    @property
    def is_infinite(self) -> bool:
        """Whether an epoch never ends."""
        return self._chain.is_infinite

    @property
    def first_epoch(self) -> int:
        """The epoch that is read: the one asked for, or the one that the start offset is in."""
        return self._chain.first_epoch if self._at_epoch is None else self._at_epoch

    def __len__(self) -> int:
        """How many records one epoch gives. Raises StreamError where nobody can know."""
        return self._chain.known_length(self._run())

    def __iter__(self) -> Iterator[T]:
        cursor = self._chain.open(self._run())
        try:
            yield from iterate(cursor)
        finally:
            cursor.close()

    def __repr__(self) -> str:
        return f"Stream({self._chain})"

    def _repr_html_(self) -> str:
        return chain_html(self._chain)

    # -- records one by one ------------------------------------------------------------------

    def map(
        self, fn: Callable[..., U], *, seeded: Seeding = False, seed: int | None = None
    ) -> Stream[U]:
        """Gives `fn(record)` for each record. See `headrace.stages.Map`."""
        return self.apply(stages.Map(fn, seeded, seed))

    def filter(self, predicate: Callable[[T], object]) -> Stream[T]:
        """Keeps the records for which `predicate` is true. See `headrace.stages.Filter`."""
        return self.apply(stages.Filter(predicate))

    def flat_map(self, fn: Callable[[T], Iterable[U]]) -> Stream[U]:
        """Gives every record of `fn(record)`. See `headrace.stages.FlatMap`."""
        return self.apply(stages.FlatMap(fn))

    def tap(self, fn: Callable[[T], object]) -> Stream[T]:
        """Calls `fn(record)` and passes the record on. See `headrace.stages.Tap`."""
        return self.apply(stages.Tap(fn))

    def enumerate(self, start: int = 0) -> Stream[tuple[int, T]]:
        """Gives `(number, record)`. See `headrace.stages.Enumerate`."""
        return self.apply(stages.Enumerate(start))

    # -- batches -----------------------------------------------------------------------------

    @overload
    def batch(
        self: Stream[_Unknown],
        size: int,
        *,
        drop_last: bool = ...,
        collate: Literal["stack", "pad"] = ...,
    ) -> Stream[Record]: ...
    @overload
    def batch(
        self: Stream[str], size: int, *, drop_last: bool = ..., collate: Literal["stack"] = ...
    ) -> Stream[list[str]]: ...
    @overload
    def batch(
        self, size: int, *, drop_last: bool = ..., collate: Literal["list"]
    ) -> Stream[list[T]]: ...
    @overload
    def batch(
        self, size: int, *, drop_last: bool = ..., collate: Callable[[list[Any]], U]
    ) -> Stream[U]: ...
    @overload
    def batch(
        self, size: int, *, drop_last: bool = ..., collate: Literal["stack", "pad"] = ...
    ) -> Stream[Record]: ...
    def batch(
        self, size: int, *, drop_last: bool = False, collate: stages.Collate = "stack"
    ) -> Stream[Any]:  # Any: see the overloads
        """Groups `size` records into one batch. See `headrace.stages.Batch`."""
        return self.apply(stages.Batch(size, drop_last, collate))

    def unbatch(self) -> Stream[Record]:
        """Gives the records of each batch. See `headrace.stages.Unbatch`."""
        return self.apply(stages.Unbatch())

    def rebatch(
        self, size: int, *, drop_last: bool = False, collate: stages.Collate = "stack"
    ) -> Stream[Record]:
        """Makes batches of another size. See `headrace.stages.Rebatch`."""
        return self.apply(stages.Rebatch(size, drop_last, collate))

    def collate(self, how: stages.Collate = "stack") -> Stream[Record]:
        """Makes each list of records one batch. See `headrace.stages.CollateLists`."""
        return self.apply(stages.CollateLists(how))

    def to_torch(self) -> Stream[Record]:
        """Gives torch tensors for arrays, writable, and without a copy where that is possible.

        Put it after `batch`. It is `map(headrace.adapters.torch.to_torch)`.

        Raises:
            MissingExtra: torch is not installed; raised by the first record.
        """
        return self.map(to_torch)

    # -- which records -----------------------------------------------------------------------

    def take(self, n: int) -> Stream[T]:
        """Gives the first `n` records only. See `headrace.stages.Take`."""
        return self.apply(stages.Take(n))

    def skip(self, n: int) -> Stream[T]:
        """Leaves out the first `n` records. See `headrace.stages.Skip`."""
        return self.apply(stages.Skip(n))

    def repeat(self, times: int | None = None) -> Stream[T]:
        """Gives `times` epochs as one. See `headrace.stages.Repeat`."""
        return self.apply(stages.Repeat(times))

    def shuffle(self, window: int, seed: int | None = None) -> Stream[T]:
        """Shuffles inside windows, not globally. See `headrace.stages.Shuffle`."""
        return self.apply(stages.Shuffle(window, seed))

    def shard(self, rank: int, world_size: int, remainder: Remainder = "keep") -> Stream[T]:
        """Gives the part of one rank. See `headrace.stages.Shard`."""
        return self.apply(stages.Shard(rank, world_size, remainder))

    def zip(self, *others: Stream[Any]) -> Stream[tuple[Any, ...]]:  # Any: one type a stream
        """Gives tuples of one record of each stream. See `headrace.stages.Zip`."""
        return self.apply(stages.Zip(_nodes("zip", others)))

    def concat(self, *others: Stream[T]) -> Stream[T]:
        """Gives the records of this stream, then the others'. See `headrace.stages.Concat`."""
        return self.apply(stages.Concat(_nodes("concat", others)))

    def apply(self, stage: Stage) -> Stream[Any]:  # Any: the stage decides
        """Adds a stage of your own: the extension point behind every method here.

        Raises:
            StreamError: the stage has none of the abilities in `headrace.contracts.stage`.
        """
        return Stream(self._chain.then(stage), self._at_epoch)

    # -- running it --------------------------------------------------------------------------

    def epoch(self, epoch: SupportsIndex) -> Stream[T]:
        """The same stream, read in another epoch; a DataLoader begins with it.

        Raises:
            ArgumentError: `epoch` is negative.
        """
        counted = whole("epoch", epoch, least=0, remedy="Epochs are counted from 0.")
        return Stream(self._chain, counted)

    def collect(self) -> list[T]:
        """All records of one epoch as a list.

        Raises:
            StreamError: the stream never ends.
        """
        if self.is_infinite:
            raise StreamError(
                f"{self!r} never ends and cannot be collected. Put .take(n) before .collect()."
            )
        return list(self)

    def join(self) -> int:
        """Runs one epoch for its effects; gives the number of records.

        Raises:
            StreamError: the stream never ends.
        """
        if self.is_infinite:
            raise StreamError(f"{self!r} never ends. Put .take(n) before .join().")
        return sum(1 for _ in self)

    def as_source(self) -> Drawn:
        """The stream as a source, which `submit` and `hr.stream` know whatever gives one by."""
        return ChainSource(self._chain, self.first_epoch)

    def explain(self) -> str:
        """The chain drawn as text: lengths, what became order, what runs where, what looks ahead.

        Example:
            >>> import headrace as hr
            >>> print(hr.stream(range(100)).map(abs).take(10).batch(4).explain())
            stream over range[100]
            ├─ range(100)                                order              100
            ├─ map(abs)                                  task               100
            ├─ take(10)                                  order               10
            └─ batch(4, drop_last=False, collate=stack)  task                 3
            <BLANKLINE>
            order     arithmetic on positions, nothing is read for it
            task      runs on the backend's workers
            unit      4 positions: a task is a run of whole units
            ahead     up to 16,384 records in one read; on workers, the tasks in flight
        """
        return explain(self._chain, self._run())

    def _run(self) -> Run:
        return Run(epoch=self.first_epoch)


@overload
def stream(
    source: Iterable[T] | Callable[[], Iterable[T]] | Records[T] | Indexable[T],
) -> Stream[T]: ...
@overload
def stream(source: Any) -> Stream[Any]: ...  # Any: datasets and tables have no types
def stream(source: Any) -> Stream[Any]:  # Any: see the overloads
    """A Stream over an iterable, a function that returns one, or a dataset.

    It takes all that `Storage.submit` takes. Lists, ranges, other sequences, dicts of arrays and
    DataRefs have random access: positions are reached in one step. Of other iterables the
    positions count the records drawn, and a resume draws and drops as many. A function is called
    again for each epoch; an iterator gives one epoch.

    Raises:
        ArgumentError: `source` is no source of records.

    Example:
        >>> import headrace as hr
        >>> hr.stream(lambda: (n * n for n in range(4))).collect()
        [0, 1, 4, 9]
    """
    return source if isinstance(source, Stream) else Stream(Chain(_source_of(source)))


# Any: each stream has records of its own type.
def _nodes(verb: str, others: tuple[Stream[Any], ...]) -> tuple[Chain, ...]:
    for other in others:
        if not isinstance(other, Stream):
            raise ArgumentError(
                f"{verb} joins Streams, got {type(other).__name__}. "
                "Make one of it by hr.stream(...) or ref.stream()."
            )
    return tuple(other.node for other in others)


def _source_of(source: Any) -> Source:  # Any: whatever the user has
    found = opened(source)
    if not isinstance(found, Records):
        return found
    visit = getattr(found, "visit", None)
    return visit if isinstance(visit, Visit) else Visit(found, Range(len(found)))
