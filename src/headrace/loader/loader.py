"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

import html
from collections.abc import Iterator
from itertools import islice
from types import TracebackType
from typing import Generic, TypeVar

from headrace.backends import Inline
from headrace.contracts import Backend, Block, State
from headrace.contracts.errors import ArgumentError, StreamError, seed_value, whole
from headrace.contracts.timing import Timing
from headrace.engine import Chain, Stats, explain, stats_of
from headrace.loader.batches import Batches
from headrace.loader.epochs import Epochs
from headrace.streams import Stream
from headrace.tensors import Framework, conversion

T = TypeVar("T")


class DataLoader(Generic[T]):
    """Runs a Stream where the backend says; saved after any batch, resumed anywhere.

    Each `for` over it is the next epoch, also after a `break`; a `limit` stops and goes on. Order
    and contents do not depend on the backend. `state_dict()` is small JSON; loaded into a loader
    of the same chain, on any backend, it goes on with the next batch, bit for bit. With
    `to="torch"`, or another framework, batches come as its tensors; the state is the same. With
    `stats=True` each stage is timed, at some 0.3 us a record and stage: see `stats()`.

    Raises:
        ArgumentError: `stream` is no Stream, `backend` no backend, `seed` no integer, or `to` no
            known framework.

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

    def __init__(
        self,
        stream: Stream[T],
        *,
        backend: Backend | None = None,
        seed: int | None = None,
        to: Framework | None = None,
        stats: bool = False,
    ) -> None:
        if not isinstance(stream, Stream):
            raise ArgumentError(
                f"a DataLoader runs a Stream, got {type(stream).__name__}. "
                "Make one by ref.stream() or hr.stream(iterable)."
            )
        used = Inline() if backend is None else backend
        if isinstance(used, type) or not isinstance(used, Backend):
            raise ArgumentError(
                f"a backend that says look_ahead and start was expected, got {used!r}. "
                "Use hr.Inline(), or hr.Threads(4) for four threads."
            )
        self._chain = stream.node
        self._backend = used
        self._framework: Framework | None = to
        self._convert = None if to is None else conversion(to)
        workers = getattr(used, "num_workers", 0) if used.look_ahead else 0
        self._timing = Timing(self._chain, num_workers=workers) if stats else None
        self._epochs = Epochs[T](
            self._chain,
            used,
            epoch=stream.first_epoch,
            seed=None if seed is None else seed_value(seed),
            timing=self._timing,
        )

    # -- iterating ---------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        return Batches(self._converted(self._epochs.singly()))

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
        return Batches(self._converted(islice(self._epochs.singly(goes_on=True), n)))

    def blocks(self, size: int) -> Iterator[Block[T]]:
        """One epoch like `for`, in blocks of up to `size` batches as they come, not converted.

        For adapters that hand records on in bulk. A block ends at its size, or where a task or
        the epoch does.
        """
        size = whole("size", size, least=1, remedy="Some hundred records make good blocks.")
        return Batches(self._epochs.in_blocks(size))

    def __len__(self) -> int:
        """How many batches this epoch gives in all. Raises StreamError where nobody can know."""
        return self._chain.known_length(self._epochs.described_run())

    @property
    def node(self) -> Chain:
        """The description of what it runs."""
        return self._chain

    @property
    def framework(self) -> Framework | None:
        """The framework in whose tensors batches come."""
        return self._framework

    @property
    def epoch(self) -> int:
        """The epoch that is running, or that the next `for` will run."""
        return self._epochs.epoch

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
        return self._epochs.state(delivered)

    def upcoming(self) -> tuple[int, State]:
        """How often the place where the next `for` begins was changed, and its state.

        For adapters that run the next pass in other processes, which this loader is not told.
        """
        return self._epochs.moves, self._epochs.upcoming()

    def load_state_dict(self, state: State) -> None:
        """Goes on where a saved state says, from the next `for` on.

        Raises:
            StateError: it belongs to another chain, dataset or rank, or to a newer headrace; the
                message says what differs.
        """
        self._epochs.load(state)

    # -- the end -----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Ends the workers; bounded in time. The state can still be saved."""
        self._epochs.shutdown()

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
        return stats_of(self._chain, self._timing)

    def explain(self, *, stats: bool = False) -> str:
        """The chain drawn as text, and where it runs; with `stats`, what each stage did so far.

        Raises:
            StreamError: `stats` of a loader that was made without `stats=True`.
        """
        drawn = f"{explain(self._chain, self._epochs.described_run())}\nruns on   {self._backend}"
        return f"{drawn}\n\n{self.stats()}" if stats else drawn

    def __repr__(self) -> str:
        return f"DataLoader({self._chain}, backend={self._backend}, epoch={self.epoch})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.explain())}</pre>"

    def _converted(self, batches: Iterator[T]) -> Iterator[T]:
        return batches if self._convert is None else map(self._convert, batches)
