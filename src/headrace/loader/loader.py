"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

import html
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from headrace.backends import Inline
from headrace.contracts import Backend, Block, Cursor, Run, State, Workers
from headrace.contracts.errors import ArgumentError, ClosedError, seed_value, whole
from headrace.engine import Chain, Resume, explain
from headrace.loader.delivered import Delivered
from headrace.stream import Stream
from headrace.tensors import Framework, conversion

T = TypeVar("T")
U = TypeVar("U")


class Batches(Generic[T]):
    """One pass over a loader. An error ends it, and is raised again when it is asked again."""

    def __init__(self, batches: Iterator[T]) -> None:
        self._batches = batches
        self._failure: Exception | None = None

    def __iter__(self) -> Batches[T]:
        return self

    def __next__(self) -> T:
        if self._failure is not None:
            raise self._failure
        try:
            return next(self._batches)
        except StopIteration:
            raise
        except Exception as error:
            self._failure = error
            raise


class DataLoader(Generic[T]):
    """Runs a Stream where the backend says; saved after any batch, resumed anywhere.

    Each `for` over it is the next epoch, also after a `break`. Order and contents do not depend
    on the backend. `state_dict()` is small JSON; loaded into a loader of the same chain, on any
    backend, it goes on with the next batch, bit for bit. With `to="torch"`, or another
    framework, batches come as its tensors; the state is the same.

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
    ) -> None:
        if not isinstance(stream, Stream):
            raise ArgumentError(
                f"a DataLoader runs a Stream, got {type(stream).__name__}. "
                "Make one by ref.stream() or hr.stream(iterable)."
            )
        used = Inline() if backend is None else backend
        if isinstance(used, type) or not isinstance(used, Backend):
            raise ArgumentError(
                f"a backend must say look_ahead and start, got {used!r}. "
                "Use hr.Inline() or hr.Threads(2)."
            )
        self._chain = stream.node
        self._backend = used
        self._seed = None if seed is None else seed_value(seed)
        self._next_seed = self._seed
        self._epoch = stream.first_epoch
        self._framework: Framework | None = to
        self._convert = None if to is None else conversion(to)
        # How often the place where the next pass begins was changed.
        self._moves = 0
        # Where the next epoch to be opened begins, if not at its start.
        self._resume: State | None = None
        self._cursor: Cursor[T] | None = None
        self._workers: Workers | None = None
        self._iterator: object | None = None
        self._is_closed = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._cursor_end: weakref.finalize[..., Any] | None = None
        self._delivered = self._counted_from_here()

    # -- iterating ---------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        batches = self._begun(lambda cursor: self._delivered.watched(cursor))
        return Batches(batches if self._convert is None else map(self._convert, batches))

    def blocks(self, size: int) -> Iterator[Block[T]]:
        """One epoch like `for`, in blocks of up to `size` batches as they come, not converted.

        For adapters that hand records on in bulk. A block ends at its size, or where a task or
        the epoch does.
        """
        size = whole("size", size, least=1, remedy="Some hundred records make good blocks.")
        return Batches(self._begun(lambda cursor: self._delivered.watched_blocks(cursor, size)))

    def __len__(self) -> int:
        """How many batches this epoch gives in all. Raises StreamError where nobody can know."""
        return self._chain.known_length(self._described_run())

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
        return self._epoch

    def seed(self, seed: int) -> None:
        """Sets, from the next epoch on, every seed that the stream did not set itself.

        Raises:
            ArgumentError: it is no integer.
        """
        self._next_seed = seed_value(seed)
        if self._cursor is None and self._resume is None:
            self._seed = self._next_seed
        if not self._delivered.has_begun:
            self._delivered = self._counted_from_here()

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
        if delivered is not None:
            return self._delivered.state(delivered)
        where = self._cursor.state() if self._cursor is not None else self._resume
        return self._header().state(where)

    def upcoming(self) -> tuple[int, State]:
        """How often the place where the next `for` begins was changed, and its state.

        For adapters that run the next pass in other processes, which this loader is not told.
        """
        self._check_open()
        header = self._header()
        if self._cursor is not None:
            return self._moves, header.following().state(None)
        return self._moves, header.state(self._resume)

    def load_state_dict(self, state: State) -> None:
        """Goes on where a saved state says, from the next `for` on.

        Raises:
            StateError: it belongs to another chain, dataset or rank, or to a newer headrace; the
                message says what differs.
        """
        self._check_open()
        resume = Resume.of(self._chain, state)
        self._drop_cursor()
        self._epoch, self._seed = resume.epoch, resume.seed
        self._next_seed = resume.next_seed
        self._resume = resume.where(state)
        self._moves += 1
        self._delivered = self._counted_from_here()

    # -- the end -----------------------------------------------------------------------------

    def shutdown(self) -> None:
        """Ends the workers; bounded in time. The state can still be saved."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._cursor is not None:
            self._resume = self._cursor.state()
        self._drop_cursor()
        if self._finalizer is not None:
            self._finalizer()

    def __enter__(self) -> DataLoader[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()

    def explain(self) -> str:
        """The chain drawn as text, and where it runs."""
        return f"{explain(self._chain, self._described_run())}\nruns on   {self._backend}"

    def __repr__(self) -> str:
        return f"DataLoader({self._chain}, backend={self._backend}, epoch={self._epoch})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.explain())}</pre>"

    def _begun(self, watched: Callable[[Cursor[T]], Iterator[U]]) -> Iterator[U]:
        """The next epoch; `watched` gives what is left of its cursor."""
        self._check_open()
        if self._cursor is not None:
            self._end_epoch()
        is_resumed = self._resume is not None
        self._begin_epoch()
        self._iterator = token = object()
        return self._run(token, watched, is_resumed=is_resumed)

    def _run(
        self, token: object, watched: Callable[[Cursor[T]], Iterator[U]], *, is_resumed: bool
    ) -> Iterator[U]:
        # The generator begins when it is first asked, and others may have begun by then.
        if self._iterator is not token:
            self._refuse()
        while True:
            gave = False
            assert self._cursor is not None
            try:
                for batch in watched(self._cursor):
                    gave = True
                    yield batch
                    if self._iterator is not token:
                        self._refuse()
            except (Exception, KeyboardInterrupt, SystemExit):
                self._end_after_error(token)
                raise
            self._end_epoch()
            if gave or not is_resumed:
                return
            # The state was taken after the last batch: its epoch is over, this is the next.
            is_resumed = False
            self._begin_epoch()
            self._iterator = token

    def _begin_epoch(self) -> None:
        self._moves += 1
        if self._resume is None:
            self._seed = self._next_seed
        run = self._described_run()
        if self._backend.look_ahead:
            run = replace(
                run,
                workers=self._started(),
                look_ahead=self._backend.look_ahead,
                shares_globals=self._backend.shares_globals,
            )
        cursor: Cursor[T] = self._chain.open(run, self._resume)
        self._delivered.begin(self._header(), self._resume)
        self._cursor, self._resume = cursor, None
        # A loader that is dropped in mid-epoch must not leave a thread that draws.
        self._cursor_end = weakref.finalize(self, cursor.close)
        self._cursor_end.atexit = False

    def _end_after_error(self, token: object) -> None:
        """Cancels what is queued; the cursor stays, for its state."""
        # An error holds its frames, and those this loader: nothing global may hold the error.
        if self._iterator is token and self._cursor_end is not None:
            self._cursor_end()

    def _end_epoch(self) -> None:
        self._drop_cursor()
        self._epoch += 1

    def _drop_cursor(self) -> None:
        cursor, self._cursor, self._iterator = self._cursor, None, None
        self._resume = None if not self._is_closed else self._resume
        if cursor is not None and self._cursor_end is not None:
            self._delivered.end(cursor)
            self._cursor_end()

    def _header(self) -> Resume:
        return Resume(self._chain, self._epoch, self._seed, self._next_seed)

    def _counted_from_here(self) -> Delivered:
        return Delivered(self._chain, self._header(), self._resume)

    def _described_run(self) -> Run:
        return Run(epoch=self._epoch, seed=self._seed)

    def _started(self) -> Workers:
        if self._workers is None:
            self._workers = self._backend.start()
            # A loader that is dropped without shutdown must not leave its workers.
            self._finalizer = weakref.finalize(self, self._workers.close)
        return self._workers

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClosedError(
                "this DataLoader was shut down. Make a new one and load its state_dict into it."
            )

    def _refuse(self) -> NoReturn:
        self._check_open()
        raise ClosedError(
            "this iterator is not the loader's newest: a later `for`, iter() or "
            "load_state_dict moved the position. Use one iterator at a time."
        )
