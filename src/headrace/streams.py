"""The sequential layer: a lazy, typed chain that says what happens to records."""

from __future__ import annotations

import os
from collections.abc import (
    Awaitable,
    Callable,
    Collection,
    Hashable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, SupportsIndex, TypeVar, overload

import numpy.typing as npt

from headrace import stages
from headrace.blobs.stores.options import options_of
from headrace.contracts import (
    LEFT,
    Backend,
    Drawn,
    Record,
    Records,
    Run,
    Source,
    Stage,
    Store,
    Visit,
    iterate,
)
from headrace.contracts.errors import ArgumentError, StreamError, whole
from headrace.contracts.stage import Remainder
from headrace.engine import Chain, ChainSource, Lint, chain_html, explain, lint, profiled
from headrace.formats import SHARD_BYTES
from headrace.orders import Range, Stop, Weights
from headrace.parsing import File
from headrace.parsing.files import Opening
from headrace.parsing.save import Save
from headrace.sources import Indexable, opened
from headrace.stages.map import Seeding
from headrace.tensors import to_torch

# How long a stream is read to tell what its stages take.
PROFILED_SECONDS = 1.0

T = TypeVar("T")
U = TypeVar("U")
R_co = TypeVar("R_co", covariant=True)


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

    def on_error(
        self,
        policy: stages.Policy,
        *,
        budget: float | None = None,
        quarantine: str | Path | None = None,
        value: Any = LEFT,  # Any: what stands in is of the records' type, or makes one
    ) -> Stream[T]:
        """Skips records that cannot be made, or puts others in. See `headrace.stages.OnError`."""
        return self.apply(stages.OnError(policy, budget, quarantine, value))

    # -- batches -----------------------------------------------------------------------------

    @overload
    def batch(
        self: Stream[_Unknown],
        size: int,
        *,
        drop_last: bool = ...,
        collate: Literal["stack", "pad", "ragged"] = ...,
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
        self, size: int, *, drop_last: bool = ..., collate: Literal["stack", "pad", "ragged"] = ...
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

    def pad(
        self, *, to: int | None = None, multiple_of: int | None = None, value: float = 0
    ) -> Stream[Record]:
        """Makes each list of records one batch of one length. See `headrace.stages.PadLists`."""
        return self.apply(stages.PadLists(to, multiple_of, value))

    @overload
    def window(
        self,
        size: int,
        stride: int = ...,
        *,
        partial: bool = ...,
        collate: Literal["list"] = ...,
    ) -> Stream[list[T]]: ...
    @overload
    def window(
        self, size: int, stride: int = ..., *, partial: bool = ..., collate: stages.Joined
    ) -> Stream[Record]: ...
    def window(
        self, size: int, stride: int = 1, *, partial: bool = False, collate: stages.Joined = "list"
    ) -> Stream[Any]:  # Any: see the overloads
        """Gives sliding windows of `size` records. See `headrace.stages.Window`."""
        return self.apply(stages.Window(size, stride, partial, collate))

    def bucket(
        self,
        batch_size: int,
        *,
        window: int,
        key: Callable[[Any], int] = len,  # Any: `len` takes what has a length
        boundaries: Sequence[int] | None = None,
        collate: stages.Collate = "pad",
        drop_last: bool = False,
    ) -> Stream[Record]:
        """Batches records of like lengths. See `headrace.stages.Bucket`."""
        return self.apply(stages.Bucket(batch_size, window, key, boundaries, collate, drop_last))

    def group_by(
        self, key: Callable[[T], Hashable], *, window: int, size: int | None = None
    ) -> Stream[list[T]]:
        """Gives lists of the records of one key. See `headrace.stages.GroupBy`."""
        return self.apply(stages.GroupBy(key, window, size))

    def pack(
        self,
        length: int,
        *,
        mode: stages.Mode = "first_fit",
        window: int = stages.PACK_WINDOW,
        field: str | None = None,
        overflow: stages.Overflow = "raise",
        separator: int | None = None,
    ) -> Stream[dict[str, npt.NDArray[Any]]]:  # Any: tokens are integers of every width
        """Packs sequences into rows of `length` tokens. See `headrace.stages.packing`."""
        return self.apply(
            stages.packing(
                length,
                mode=mode,
                window=window,
                field=field,
                overflow=overflow,
                separator=separator,
            )
        )

    def to_torch(self) -> Stream[Record]:
        """Gives torch tensors for arrays, writable, and without a copy where that is possible.

        Put it after `batch`. It is `map(headrace.adapters.torch.to_torch)`.

        Raises:
            MissingExtra: torch is not installed; raised by the first record.
        """
        return self.map(to_torch)

    # -- concurrency -------------------------------------------------------------------------

    @overload
    def async_map(
        self,
        fn: Callable[[T], Awaitable[U]],
        executor: Any = ...,
        *,
        buffer: int = ...,
        max_workers: int | None = ...,
        ordered: bool = ...,
    ) -> Stream[U]: ...
    @overload
    def async_map(
        self,
        fn: Callable[[T], U],
        executor: Any = ...,
        *,
        buffer: int = ...,
        max_workers: int | None = ...,
        ordered: bool = ...,
    ) -> Stream[U]: ...
    def async_map(
        self,
        fn: Callable[[T], Any],
        executor: Any = None,  # Any: executors of packages that need not be installed
        *,
        buffer: int = 100,
        max_workers: int | None = None,
        ordered: bool = True,
    ) -> Stream[Any]:  # Any: see the overloads
        """Gives `fn(record)` for each record, many at once. See `headrace.stages.AsyncMap`."""
        return self.apply(stages.AsyncMap(fn, executor, buffer, max_workers, ordered))

    def prefetch(self, n: int) -> Stream[T]:
        """Draws up to `n` records ahead in a thread. See `headrace.stages.Prefetch`."""
        return self.apply(stages.Prefetch(n))

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

    def mix(
        self,
        *others: Stream[T],
        weights: Weights | None = None,
        seed: int | None = None,
        stop: Stop = "first",
        max_repeats: int | None = None,
    ) -> Stream[T]:
        """Gives records of this stream and others by weight. See `headrace.stages.mixing`."""
        return self.apply(
            stages.mixing(
                _nodes("mix", others),
                weights=weights,
                seed=seed,
                stop=stop,
                max_repeats=max_repeats,
            )
        )

    def interleave(self, *others: Stream[T], stop: Literal["first", "all"] = "first") -> Stream[T]:
        """Gives one record of each stream in turn. See `headrace.stages.Interleave`."""
        return self.apply(stages.Interleave(_nodes("interleave", others), stop))

    def choose(self, *others: Stream[U]) -> Stream[U]:
        """Takes each number as the choice of a stream. See `headrace.stages.Choose`."""
        return self.apply(stages.Choose(_nodes("choose", others)))

    # -- flow --------------------------------------------------------------------------------

    def cache(
        self,
        where: str | os.PathLike[str] = "memory",
        *,
        refresh_every: int | float | None = None,
        key: str | None = None,
    ) -> Stream[T]:
        """Gives one epoch's records in every epoch. See `headrace.stages.Cache`."""
        return self.apply(stages.Cache(where, refresh_every, key))

    def rotate(
        self,
        times: int,
        *,
        window: int,
        medium: stages.Medium = "memory",
        path: str | os.PathLike[str] | None = None,
        seed: int | None = None,
    ) -> Stream[T]:
        """Uses each record of a window `times` times. See `headrace.stages.Rotate`."""
        return self.apply(stages.Rotate(times, window, medium, path, seed))

    def through(self, fn: Callable[[Iterator[T]], Iterator[U]]) -> Stream[U]:
        """Gives what `fn` makes of an iterator. See `headrace.stages.Through`."""
        return self.apply(stages.Through(fn))

    def cycle(self, times: int | None = None) -> Stream[T]:
        """Gives the same epoch `times` times. See `headrace.stages.Cycle`."""
        return self.apply(stages.Cycle(times))

    def fork(self, n: int, buffer: int = stages.FORK_BUFFER) -> tuple[Stream[T], ...]:
        """Gives `n` streams of the same records. See `headrace.stages.forking`."""
        return tuple(self.apply(branch) for branch in stages.forking(n, buffer))

    def tee(self, n: int = 2, buffer: int = stages.FORK_BUFFER) -> tuple[Stream[T], ...]:
        """Gives `n` streams of the same records, as `itertools.tee` does: it is `fork`."""
        return self.fork(n, buffer)

    def demux(
        self, n: int, fn: Callable[[T], int | None], buffer: int = stages.FORK_BUFFER
    ) -> tuple[Stream[T], ...]:
        """Gives `n` streams, each record in one. See `headrace.stages.demuxing`."""
        branches = stages.demuxing(n, fn, buffer)
        return tuple(reduce(Stream.apply, branch, self) for branch in branches)

    def apply(self, stage: Stage) -> Stream[Any]:  # Any: the stage decides
        """Adds a stage of your own: the extension point behind every method here.

        Raises:
            StreamError: the stage has none of the abilities in `headrace.contracts.stage`.
        """
        return Stream(self._chain.then(stage), self._at_epoch)

    # -- watching ----------------------------------------------------------------------------

    def progress(self, total: int | None = None, *, label: str | None = None) -> Stream[T]:
        """Draws a bar on stderr while it is read. See `headrace.stages.Progress`."""
        # No length depends on the seed, which a DataLoader may be the first to give.
        known = self._chain.length(Run(epoch=self.first_epoch, seed=0))
        return self.apply(stages.Progress(known if total is None else total, label))

    def monitor(
        self,
        callback: Callable[[stages.Report], object],
        *,
        prefix: str | None = None,
        metrics: Collection[str] = frozenset({"iops", "throughput"}),
        every: float = 5.0,
    ) -> Stream[T]:
        """Calls `callback` with records and bytes a second. See `headrace.stages.Monitor`."""
        return self.apply(stages.Monitor(callback, prefix, metrics, every))

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

    # -- files -------------------------------------------------------------------------------

    def open(self, *, storage_options: Mapping[str, Any] | None = None) -> Stream[File]:
        """Gives a `headrace.parse.File` for each path, address or record of `from_files`.

        Nothing is read yet; right behind `hr.from_files`, and behind what only reorders it, the
        files are not read for their bytes either. Addresses begin with s3, gs, az, http, https
        or file; they are read in ranges of 8 MiB, with the environment's credentials or with
        `storage_options`: what obstore takes for the store, such as {"region": "eu-central-1"}.

        Raises:
            ArgumentError: the options are no dict, or, when it runs, an address is of no such
                kind, or the options are not those of its store.
            RecordError: when it runs, a record that stands for no file.

        Example:
            >>> import headrace as hr
            >>> import tempfile
            >>> path = Path(tempfile.mkdtemp()) / "runs.jsonl"
            >>> _ = path.write_text('{"step": 1}')
            >>> hr.from_files([path]).open().flat_map(hr.parse.jsonl()).collect()
            [{'step': 1}]
        """
        opening = Opening(options_of(storage_options))
        return Stream(_unread(self._chain), self._at_epoch).map(opening)

    def save(
        self,
        folder: str | os.PathLike[str],
        name: Callable[[T], str] | None = None,
        *,
        replace: bool = False,
    ) -> Stream[str]:
        """Writes each record to a file of its own, and gives the path.

        A record is bytes, text (written as UTF-8), a File (copied piece by piece), a pair of a
        name and one of these, or a record of `hr.from_files`. `name(record)` says what the file
        is called; without it the pair, the File or the path does. Names may have folders, and
        cannot leave the folder.

        A file appears whole or not at all. One that is there already stays where its bytes are
        the same, so a resume writes the same files; other bytes are refused, as those of two
        records with one name are, unless `replace` says that the last one counts. After SIGKILL
        a half-written file may stay, whose name begins with "~".

        **Length**: kept. **State**: none.

        Raises:
            ArgumentError: the folder is none of this machine.
            InvalidName: when it runs, a name that is empty, absolute or has a part such as `..`.
            RecordError: when it runs, a record that cannot be written, or has no name.
            VersionExists: when it runs, other bytes are there under the name.
            StorageError: when it runs, the disk is full, or refuses.

        Example:
            >>> import headrace as hr
            >>> import tempfile
            >>> folder = Path(tempfile.mkdtemp())
            >>> paths = hr.stream([3, 5]).map(str).save(folder, name=lambda text: f"{text}.txt")
            >>> [Path(path).name for path in paths]
            ['3.txt', '5.txt']
        """
        return self.map(Save(folder, name, replace))

    def submit(  # noqa: PLR0913 - as Storage.submit
        self,
        storage: Submits[U],
        dataset: str,
        version: str,
        *,
        replace: bool = False,
        allow_pickle: bool = False,
        meta: Mapping[str, Any] | None = None,
        shard_bytes: int = SHARD_BYTES,
        limit: int | None = None,
        unbatch: bool = False,
        backend: Backend | None = None,
        compress: Mapping[str, str] | None = None,
    ) -> U:
        """Stores the records as a new version. See `headrace.Storage.submit`.

        Example:
            >>> import headrace as hr
            >>> hr.stream(range(3)).map(str).submit(hr.Storage("memory://"), "texts", "1.0")[2]
            '2'
        """
        return storage.submit(
            self,
            dataset,
            version,
            replace=replace,
            allow_pickle=allow_pickle,
            meta=meta,
            shard_bytes=shard_bytes,
            limit=limit,
            unbatch=unbatch,
            backend=backend,
            compress=compress,
        )

    # -- stores ------------------------------------------------------------------------------

    def sink(self, store: Store, key: Callable[[T], str] | None = None) -> int:
        """Sets each record of one epoch in a store, at once; gives the number of records.

        `key(record)` names each; without it the store makes the keys. Behind
        `.batch(n, collate="list")` each value is a list of records.

        Raises:
            StreamError: the stream never ends.
            ArgumentError: `store` is no store, or `key` no function.

        Example:
            >>> import headrace as hr
            >>> store = hr.MemoryStore()
            >>> hr.stream(range(6)).batch(4, collate="list").sink(store)
            2
            >>> hr.stream(store.keys).map(store.get).unbatch().collect()
            [0, 1, 2, 3, 4, 5]
        """
        if self.is_infinite:
            raise StreamError(f"{self!r} never ends. Put .take(n) before .sink(store).")
        return self.tap(_setter(store, key)).join()

    def as_source(self) -> Drawn:
        """The stream as a source, which `submit` and `hr.stream` know whatever gives one by."""
        return ChainSource(self._chain, self.first_epoch)

    def explain(self, *, stats: bool = False) -> str:
        """The chain drawn as text: lengths, what became order, what runs where, what looks ahead.

        With `stats`, the stream is read for a second in this thread, and what each stage did is
        told below, with the bottleneck and its ceiling in one sentence.

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
        drawn = explain(self._chain, self._run())
        if not stats:
            return drawn
        return f"{drawn}\n\n{profiled(self._chain, self._run(), seconds=PROFILED_SECONDS)}"

    def lint(self, *, world_size: int = 1) -> list[Lint]:
        """What is likely a mistake in the chain, on one rank or on each of `world_size`.

        Nothing is read for it. `explain` shows the same, and a DataLoader logs it once.

        Example:
            >>> import headrace as hr
            >>> stream = hr.stream(range(9)).filter(bool).shard(0, 2)
            >>> [(lint.code, lint.stage) for lint in stream.lint()]
            [('late-shard', 'shard(0/2, keep)')]
        """
        size = whole("world_size", world_size, least=1, remedy="1 is a single process.")
        return lint(self._chain, Run(epoch=self.first_epoch, world_size=size))

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


# Any: whatever the user passes.
def _setter(store: Any, key: Callable[[Any], str] | None) -> Callable[[Any], object]:
    if isinstance(store, type) or not isinstance(store, Store):
        raise ArgumentError(
            f"sink needs a key-value store, got {type(store).__name__}. Pass hr.MemoryStore(), "
            "storage.store(name), or an object with set, get, keys, len and in."
        )
    if key is not None and not callable(key):
        raise ArgumentError(
            f"key must be a function from a record to its key, got {key!r}. "
            "Pass one such as lambda record: record['id'], or leave it out."
        )
    return store.set if key is None else lambda record: store.set(record, key(record))


class Submits(Protocol[R_co]):
    """What `Stream.submit` needs of a storage."""

    def submit(  # noqa: PLR0913 - as Storage.submit
        self,
        source: Any,  # Any: a Stream, among others
        dataset: str,
        version: str,
        *,
        replace: bool = ...,
        allow_pickle: bool = ...,
        meta: Mapping[str, Any] | None = ...,
        shard_bytes: int = ...,
        limit: int | None = ...,
        unbatch: bool = ...,
        backend: Backend | None = ...,
        compress: Mapping[str, str] | None = ...,
    ) -> R_co:
        """Stores the records of a source as a new version."""
        ...


def _unread(chain: Chain) -> Chain:
    """The chain over files that are not read, where it gives them as they are."""
    source, visit = chain.source, chain.visit
    if not isinstance(source, Visit) or visit is None or visit.records is not source.records:
        return chain
    unread = getattr(source.records, "unread", None)
    return chain if unread is None else Chain(replace(source, records=unread()), chain.stages)


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
