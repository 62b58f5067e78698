"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike
from types import TracebackType
from typing import Any, Generic, TypeVar

from headrace.backends import Inline, Threads
from headrace.contracts import Backend, Block, State
from headrace.contracts.errors import ArgumentError, StreamError, seed_value, whole
from headrace.engine import Chain, Stats, explain, stats_of
from headrace.ledger import Ledger, writer_of
from headrace.loader.adapting import Adapter, adapted, names_of, tell
from headrace.loader.batches import Batches
from headrace.loader.ends import EpochEnd
from headrace.loader.epochs import Epochs
from headrace.loader.from_dataset import DatasetLoading, ended_on_error
from headrace.loader.giving import Giving
from headrace.loader.reports import facts_of, report_text, write_report
from headrace.loader.warming import seconds_of
from headrace.loader.watching import autotuned, timing_on
from headrace.loader.world import World
from headrace.ranks import Ranks
from headrace.streams import Stream
from headrace.tensors import Framework, conversion, copies_to

T = TypeVar("T")


class DataLoader(Generic[T]):
    """Runs a Stream where the backend says; saved after any batch, resumed anywhere.

    Each `for` over it is the next epoch, also after a `break`; a `limit` stops and goes on. An
    iterator that no batch was asked of, as trainers make them, uses up no epoch. Order
    and contents do not depend on the backend. `state_dict()` is small JSON; loaded into a loader
    of the same chain, on any backend, it goes on with the next batch, bit for bit. With
    `to="torch"`, or another framework, batches come as its tensors; the state is the same. With a
    `device` (torch and JAX) they come on it: one is copied while the one before it is used, and
    the state is that of the batches that came. With `stats=True` each stage is timed, at some
    0.3 us a record and stage: see `stats()` and `report()`. With `autotune=True` the number of
    workers, where a backend lets it change, grows while that makes the loop faster.

    Of several `ranks`, by default those that `Ranks.detect()` finds, each gives its share: records
    r, r + R, ... of the one global order. Where their numbers of batches differ, `epoch_end` says
    what becomes of it: "shortest" leaves out what some lack, "longest" repeats a rank's last batch
    (`is_padding`), "error", the default, raises at the start. Where nobody can know the numbers,
    after a filter, the ranks agree once for several batches, and up to 17 are made ahead. A stream
    sharded by hand is left alone. `elastic=False` takes chains whose states cannot be merged.

    A `ledger` notes what is delivered, for `headrace audit`.

    `adapters` are functions from a Stream to a Stream, which change it before it runs, once and in
    order. What is likely a mistake in it is logged once: see `Stream.lint`.

    Raises:
        ArgumentError: `stream` is no Stream, `backend` no backend, `seed` no integer, there is no
            such `device`, `autotune` is asked of a backend without workers, `to` is no
            known framework, `epoch_end` no policy, or `ranks` are given for a sharded stream.
        RankError: the environment says only half of what it must about ranks.
        StreamError: of several ranks, the states of this chain could not be merged.

    Example:
        >>> import headrace as hr
        >>> def loader():
        ...     ref = hr.DataRef.from_sequence(range(10)).shuffle(seed=7)
        ...     return hr.DataLoader(ref.stream().batch(4), backend=hr.Threads(2))
        >>> with loader() as first:
        ...     batches = iter(first)
        ...     one = next(batches)
        ...     state = first.state_dict()
        ...     rest = list(batches)
        >>> with loader() as second:
        ...     second.load_state_dict(state)
        ...     again = list(second)
        >>> [batch.tolist() for batch in again] == [batch.tolist() for batch in rest]
        True
    """

    def __init__(  # noqa: PLR0913 - all that a run is told
        self,
        stream: Stream[T],
        *,
        backend: Backend | None = None,
        ranks: Ranks | None = None,
        epoch_end: EpochEnd | None = None,
        elastic: bool = True,
        seed: int | None = None,
        to: Framework | None = None,
        device: Any = None,  # Any: a name, or a device of an optional package
        stats: bool = False,
        autotune: bool = False,
        adapters: Sequence[Adapter] = (),
        ledger: Ledger | None = None,
    ) -> None:
        if not isinstance(stream, Stream):
            raise ArgumentError(
                f"a DataLoader runs a Stream, got {type(stream).__name__}. "
                "Make one by ref.stream() or hr.stream(iterable)."
            )
        stream, self._adapters = adapted(stream, adapters), names_of(adapters)
        used = (Threads(1) if autotune else Inline()) if backend is None else backend
        if isinstance(used, type) or not isinstance(used, Backend):
            raise ArgumentError(
                f"a backend that says look_ahead and start was expected, got {used!r}. "
                "Use hr.Inline(), or hr.Threads(4) for four threads."
            )
        world = World.of(stream.node, ranks, epoch_end, elastic=elastic)
        self._chain = world.chain
        self._ranks = world.ranks
        self._ledger = ledger
        self._backend = used
        self._framework: Framework | None = to
        self._device = device
        self._timing = timing_on(used, self._chain) if stats else None
        self._epochs = Epochs[T](
            world,
            used,
            epoch=world.first_epoch(stream),
            seed=None if seed is None else seed_value(seed),
            timing=self._timing,
            writer=writer_of(ledger, self._chain, ends_early=world.epoch_end == "shortest"),
        )
        self._autotune = autotuned(used, self._epochs, self._timing) if autotune else None
        self._giving = Giving[T](
            self._epochs,
            convert=None if to is None else conversion(to),
            copies=None if device is None else copies_to(device, to),
            timing=self._timing,
            autotune=self._autotune,
        )
        tell(self._chain, self._epochs.described_run())

    @classmethod
    def from_dataset(  # noqa: PLR0913 - the arguments of dataset_server's DataLoader
        cls,
        dataset_class: Callable[..., Any],  # Any: datasets and their records have any type
        params: Mapping[str, Any],
        batch_size: int,
        num_workers: int,
        *,
        shuffle: bool = False,
        seed: int = 0,
        nearby_shuffle: int = 0,
        drop_last: bool = False,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        max_queue_size: int = 20,
        warm_up_s: float | None = None,
        use_threading: bool = False,
        gpu_indices: Sequence[int] | None = None,
        worker_init_fn: Callable[[int], object] | None = None,
        cache: Mapping[str, Any] | None = None,
        rotation: Mapping[str, Any] | None = None,
        max_minibatch_length: int | None = None,  # noqa: ARG003 - taken, and not needed
        to: Framework | None = None,
        device: Any = None,
        pin_memory: bool = False,  # noqa: ARG003 - taken, and not needed
        stats: bool = False,
        ranks: Ranks | None = None,
        epoch_end: EpochEnd | None = None,
        elastic: bool = True,
    ) -> DataLoader[Any]:
        """A loader over a dataset that its workers build. See `headrace.loader.DatasetLoading`.

        `ranks`, `epoch_end` and `elastic` are those of a DataLoader; with a cache or rotation
        several ranks need `elastic=False`.

        Example:
            >>> import headrace as hr
            >>> class Squares:
            ...     def __init__(self, count):
            ...         self.count = count
            ...     def __len__(self):
            ...         return self.count
            ...     def __getitem__(self, index):
            ...         return index * index
            >>> with hr.DataLoader.from_dataset(Squares, {"count": 5}, 2, num_workers=0) as loader:
            ...     print([batch.tolist() for batch in loader])
            [[0, 1], [4, 9], [16]]
        """
        loading = DatasetLoading(
            dataset_class,
            params,
            batch_size,
            num_workers,
            shuffle=shuffle,
            seed=seed,
            nearby_shuffle=nearby_shuffle,
            drop_last=drop_last,
            collate_fn=collate_fn,
            max_queue_size=max_queue_size,
            warm_up_s=seconds_of(warm_up_s),
            use_threading=use_threading,
            gpu_indices=gpu_indices,
            worker_init_fn=worker_init_fn,
            cache=cache,
            rotation=rotation,
        )
        # A device of torch, as there, unless another framework is named.
        to = "torch" if to is None and device is not None else to
        stream, backend = loading.begun()
        with ended_on_error(backend):
            loader: DataLoader[Any] = cls(
                stream,
                backend=backend,
                ranks=ranks,
                epoch_end=epoch_end,
                elastic=elastic,
                seed=seed,
                to=to,
                device=device,
                stats=stats,
            )
            loader.warm_up(loading.warm_up_s)
        return loader

    # -- iterating ---------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        return Batches(self._giving.watched(self._giving.singly()))

    def limit(self, n: int) -> Iterator[T]:
        """The next `n` batches of the running epoch, fewer where it ends: a short epoch.

        What comes after it, a `for` or another `limit`, goes on with the next batch, also where
        this one was left early; an error alone ends the epoch. An epoch that has ended, or has
        no batch left, is followed by the next one. Workers go on in between, as far ahead as the
        backend says. `state_dict` is exact at every place.

        Raises:
            ArgumentError: `n` is below 1.

        Example:
            >>> import headrace as hr
            >>> loader = hr.DataLoader(hr.stream(range(5)))
            >>> [list(loader.limit(2)) for _ in range(4)], list(loader)
            ([[0, 1], [2, 3], [4], [0, 1]], [2, 3, 4])
        """
        n = whole("limit", n, least=1, remedy="For a whole epoch, iterate over the loader.")
        return Batches(self._giving.watched(islice(self._giving.singly(goes_on=True), n)))

    def warm_up(self, seconds: float) -> None:
        """Opens the next epoch and lets the workers look ahead, before a batch is asked for.

        Returns when all that may be ahead is there, or after so many seconds. Inline, which is
        never ahead, it does nothing.

        Raises:
            ArgumentError: `seconds` is no number from 0.
        """
        self._epochs.warm_up(seconds_of(seconds))

    def pause(self) -> None:
        """Lets the workers finish what they run and begin nothing new; what is ready stays.

        For what needs the processors in mid-epoch, such as an evaluation. To ask for the next
        batch goes on, as `resume` does without waiting. The state is exact meanwhile. Calls that
        an `async_map` has given to its executor are finished.

        Example:
            >>> import headrace as hr
            >>> with hr.DataLoader(hr.stream(range(4)), backend=hr.Threads(1)) as loader:
            ...     batches = iter(loader)
            ...     first = next(batches)
            ...     loader.pause()
            ...     rest = list(batches)
            >>> first, rest
            (0, [1, 2, 3])
        """
        self._epochs.pause()

    def resume(self) -> None:
        """Lets the workers look ahead again after `pause`, before a batch is asked for."""
        self._epochs.resume()

    def blocks(self, size: int) -> Iterator[Block[T]]:
        """One epoch like `for`, in blocks of up to `size` batches as they come, not converted.

        For adapters that hand records on in bulk. A block ends at its size, or where a task or
        the epoch does.
        """
        size = whole("size", size, least=1, remedy="Some hundred records make good blocks.")
        return Batches(self._giving.watched(self._giving.in_blocks(size)))

    def __len__(self) -> int:
        """How many batches this epoch gives in all. Raises StreamError where nobody can know."""
        return self._epochs.known_length()

    @property
    def node(self) -> Chain:
        """The description of what it runs."""
        return self._chain

    @property
    def ranks(self) -> Ranks | None:
        """The ranks that share the stream out; None where it was sharded by hand."""
        return self._ranks

    @property
    def ledger(self) -> Ledger | None:
        """Where it notes what it delivers, None where it does not."""
        return self._ledger

    @property
    def is_padding(self) -> bool:
        """Whether the newest batch repeats the one before it, since other ranks have more."""
        return self._giving.is_padding

    @property
    def world(self) -> World:
        """What it runs, on which of how many ranks, and how their epochs end; for adapters."""
        return self._epochs.world

    @property
    def framework(self) -> Framework | None:
        """The framework in whose tensors batches come."""
        return self._framework

    @property
    def device(self) -> Any:  # Any: as it was given
        """The device to which batches are copied, None where they stay where they are."""
        return self._device

    @property
    def epoch(self) -> int:
        """The epoch that is running, or that the next `for` will run."""
        return self._giving.epoch

    def seed(self, seed: int) -> None:
        """Sets, from the next epoch on, every seed that the stream did not set itself.

        Raises:
            ArgumentError: it is no integer.
        """
        self._epochs.set_seed(seed_value(seed))

    # -- the position ------------------------------------------------------------------------

    def state_dict(self, *, delivered: int | None = None) -> State:
        """Where the loader stands, as plain JSON of at most 1 KiB; some microseconds.

        What reads ahead of the training (tf.data, torch's DataLoader, a device prefetch) has
        taken more batches than were used: `delivered` says how many were, counted over all
        epochs since the loader was made or its state was loaded. The state is then the one after
        these. Where the number of batches depends on the records, a few of them may be computed
        again for it.

        Raises:
            ArgumentError: `delivered` is no number of batches whose place can be known.
        """
        return self._giving.state(delivered)

    def upcoming(self) -> tuple[int, State]:
        """How often the place where the next `for` begins was changed, and its state.

        For adapters that run the next pass in other processes, which this loader is not told.
        """
        return self._epochs.moves, self._giving.upcoming()

    def load_state_dict(self, state: State) -> None:
        """Goes on where a saved state says, from the next `for` on.

        Raises:
            StateError: it belongs to another chain, dataset or rank, or to a newer headrace; the
                message says what differs.
        """
        self._giving.load(state)

    # -- the end -----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Ends the workers; bounded in time. The state can still be saved."""
        self._giving.shutdown()

    def __enter__(self) -> DataLoader[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    def stats(self) -> Stats:
        """What each stage did since the loader was made: busy, waiting, records, bytes.

        `print` shows it as a table, with the bottleneck and its ceiling in one sentence.

        Raises:
            StreamError: the loader was made without `stats=True`.

        Example:
            >>> import headrace as hr
            >>> stream = hr.stream(range(50)).map(str).batch(10)
            >>> with hr.DataLoader(stream, stats=True) as loader:
            ...     count = sum(1 for _ in loader)
            >>> [(stage.name, stage.records) for stage in loader.stats().stages[:2]]
            [('range(50)', 50), ('map(str)', 50)]
        """
        if self._timing is None:
            raise StreamError(
                "stats() was asked of a DataLoader that takes no times. Make it with "
                "hr.DataLoader(..., stats=True); a saved state loads into it."
            )
        found = stats_of(self._chain, self._timing)
        return replace(found, dropped=self._epochs.dropped_batches)

    def report(self, path: str | PathLike[str] | None = None) -> str:
        """What the loader did so far, as text: the stages, the verdict, the epochs, the workers.

        With a `path` it is written too, in the form that the name ends in: `.html` is one page
        with a timeline of each worker and stage, which loads nothing; `.json` a trace that
        Perfetto and chrome://tracing open; `.txt` the text. Times of the newest 10,000 tasks and
        turns are kept; tasks on other machines are counted, their clocks cannot be compared.

        Raises:
            StreamError: the loader was made without `stats=True`.
            ArgumentError: the name ends in nothing known, or the file cannot be written.

        Example:
            >>> import headrace as hr
            >>> with hr.DataLoader(hr.stream(range(50)).batch(10), stats=True) as loader:
            ...     count = sum(1 for _ in loader)
            >>> print(loader.report().splitlines()[-1])
            epoch 0: 5 outputs in ...
        """
        stats = self.stats()
        assert self._timing is not None
        tuned = None if self._autotune is None else self._autotune.decisions
        facts = facts_of(
            str(self._backend), stats, self._timing, restarts=self._epochs.restarts, tuned=tuned
        )
        if path is not None:
            write_report(facts, path)
        return report_text(facts)

    def explain(self, *, stats: bool = False) -> str:
        """The chain drawn as text, and where it runs; with `stats`, what each stage did so far.

        Raises:
            StreamError: `stats` of a loader that was made without `stats=True`.
        """
        drawn = f"{explain(self._chain, self._epochs.described_run())}\nruns on   {self._backend}"
        if self._ranks is not None and self._ranks.world_size > 1:
            drawn += f"\nranks     {self._ranks}, epoch_end={self._epochs.epoch_end}"
        if self._adapters:
            drawn += f"\nadapted   by {', '.join(self._adapters)}"
        return f"{drawn}\n\n{self.stats()}" if stats else drawn

    def __repr__(self) -> str:
        adapted = f", adapters=[{', '.join(self._adapters)}]" if self._adapters else ""
        return f"DataLoader({self._chain}, backend={self._backend}, epoch={self.epoch}{adapted})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.explain())}</pre>"
