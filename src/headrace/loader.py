"""The DataLoader: runs a Stream on a backend, epoch after epoch, and holds the position."""

from __future__ import annotations

import html
import weakref
from collections.abc import Iterator
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, NoReturn, TypeVar

from headrace.backends import Inline
from headrace.contracts import Backend, Cursor, Run, State, Workers, iterate
from headrace.contracts.errors import ArgumentError, ClosedError, seed_value
from headrace.engine import Resume, explain
from headrace.stream import Stream

T = TypeVar("T")


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
    backend, it goes on with the next batch, bit for bit.

    Raises:
        ArgumentError: `stream` is no Stream, `backend` no backend, or `seed` no integer.

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
        self, stream: Stream[T], *, backend: Backend | None = None, seed: int | None = None
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
        # Where the next epoch to be opened begins, if not at its start.
        self._resume: State | None = None
        self._cursor: Cursor[T] | None = None
        self._workers: Workers | None = None
        self._iterator: object | None = None
        self._is_closed = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._cursor_end: weakref.finalize[..., Any] | None = None

    # -- iterating ---------------------------------------------------------------------------

    def __iter__(self) -> Iterator[T]:
        self._check_open()
        if self._cursor is not None:
            self._end_epoch()
        is_resumed = self._resume is not None
        self._begin_epoch()
        self._iterator = token = object()
        return Batches(self._run(token, is_resumed=is_resumed))

    def __len__(self) -> int:
        """How many batches this epoch gives in all. Raises StreamError where nobody can know."""
        return self._chain.known_length(self._described_run())

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

    # -- the position ------------------------------------------------------------------------

    def state_dict(self) -> State:
        """Where the loader stands, as plain JSON of at most 1 KiB; some microseconds."""
        where = self._cursor.state() if self._cursor is not None else self._resume
        return Resume(self._chain, self._epoch, self._seed, self._next_seed).state(where)

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

    def _run(self, token: object, *, is_resumed: bool) -> Iterator[T]:
        # The generator begins when it is first asked, and others may have begun by then.
        if self._iterator is not token:
            self._refuse()
        while True:
            gave = False
            assert self._cursor is not None
            try:
                for batch in iterate(self._cursor):
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
            self._cursor_end()

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
