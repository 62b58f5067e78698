"""The epochs of a chain one after the other, and the place in the one that runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Generic, NoReturn, TypeVar

from headrace.contracts import Backend, Block, Cursor, Run, State, Workers
from headrace.contracts.errors import ClosedError
from headrace.contracts.timing import Timing
from headrace.engine import Chain, Resume, held
from headrace.loader.delivered import Delivered, in_blocks

T = TypeVar("T")
U = TypeVar("U")


class Epochs(Generic[T]):
    """Opens an epoch where a pass needs one, and knows where the next pass begins.

    Whoever made it shuts it down; one that is dropped ends what it runs.
    """

    def __init__(
        self,
        chain: Chain,
        backend: Backend,
        *,
        epoch: int,
        seed: int | None,
        timing: Timing | None,
    ) -> None:
        self.epoch = epoch
        # How often the place where the next pass begins was changed.
        self.moves = 0
        self._chain = chain
        self._backend = backend
        self._timing = timing
        self._seed = self._next_seed = seed
        # Where the next epoch to be opened begins, if not at its start.
        self._resume: State | None = None
        self._cursor: Cursor[T] | None = None
        self._workers: Workers | None = None
        self._iterator: object | None = None
        # The batches of this epoch one by one, for as long as it runs. A generator that is
        # dropped in its middle takes what it has read with it, and a limit stops there.
        self._batches: Iterator[T] | None = None
        # Whether the next pass goes on with this epoch.
        self._goes_on = False
        self._is_closed = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._cursor_end: weakref.finalize[..., Any] | None = None
        self._delivered = self._counted_from_here()

    def singly(self, *, goes_on: bool = False) -> Iterator[T]:
        """The next epoch, or what is left of this one; the pass after it may go on with it."""
        return self._begun(self._singly, goes_on=goes_on)

    def in_blocks(self, size: int) -> Iterator[Block[T]]:
        """The same in blocks of up to `size`."""

        def watched(cursor: Cursor[T]) -> Iterator[Block[T]]:
            if self._batches is None:
                return self._delivered.watched_blocks(cursor, size)
            return in_blocks(self._batches, size)

        return self._begun(watched)

    def described_run(self) -> Run:
        """The run of this epoch, as far as its length and drawing need it."""
        return Run(epoch=self.epoch, seed=self._seed)

    def set_seed(self, seed: int) -> None:
        """Sets, from the next epoch on, every seed that the stream did not set itself."""
        self._next_seed = seed
        if self._cursor is None and self._resume is None:
            self._seed = self._next_seed
        if not self._delivered.has_begun:
            self._delivered = self._counted_from_here()

    def state(self, delivered: int | None) -> State:
        """Where the newest batch stands, or the one before which `delivered` were used."""
        if delivered is not None:
            return self._delivered.state(delivered)
        where = self._cursor.state() if self._cursor is not None else self._resume
        return self._header().state(where)

    def upcoming(self) -> State:
        """The state in which the next pass begins."""
        self._check_open()
        header = self._header()
        if self._cursor is not None and self._goes_on:
            return header.state(self._cursor.state())
        if self._cursor is not None:
            return header.following().state(None)
        return header.state(self._resume)

    def load(self, state: State) -> None:
        """Begins the next pass where a state says. Raises StateError where it does not fit."""
        self._check_open()
        resume = Resume.of(self._chain, state)
        self._drop_cursor()
        self.epoch, self._seed = resume.epoch, resume.seed
        self._next_seed = resume.next_seed
        self._resume = resume.where(state)
        self.moves += 1
        self._delivered = self._counted_from_here()

    def shutdown(self) -> None:
        """Ends the workers; the state is kept."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._cursor is not None:
            self._resume = self._cursor.state()
        self._drop_cursor()
        if self._finalizer is not None:
            self._finalizer()

    def _begun(
        self, watched: Callable[[Cursor[T]], Iterator[U]], *, goes_on: bool = False
    ) -> Iterator[U]:
        """The next epoch, or what is left of this one; `watched` gives it of its cursor."""
        self._check_open()
        if self._cursor is not None and not self._goes_on:
            self._end_epoch()
        is_resumed = self._resume is not None or self._goes_on
        if self._cursor is None:
            self._begin_epoch()
        self._goes_on = goes_on
        self.moves += goes_on
        self._iterator = token = object()
        return self._run(token, watched, is_resumed=is_resumed)

    def _singly(self, cursor: Cursor[T]) -> Iterator[T]:
        if self._batches is None:
            self._batches = self._delivered.watched(cursor)
        return self._batches

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
                for batch in self._timed(watched(self._cursor)):
                    gave = True
                    yield batch
                    if self._iterator is not token:
                        self._refuse()
            except (Exception, KeyboardInterrupt, SystemExit):
                self._end_after_error(token)
                raise
            goes_on = self._goes_on
            self._end_epoch()
            if gave or not is_resumed:
                return
            # The state was taken after the last batch: its epoch is over, this is the next.
            is_resumed = False
            self._begin_epoch()
            self._iterator, self._goes_on = token, goes_on

    def _timed(self, batches: Iterator[U]) -> Iterator[U]:
        return batches if self._timing is None else held(batches, self._timing)

    def _begin_epoch(self) -> None:
        self.moves += 1
        if self._resume is None:
            self._seed = self._next_seed
        run = replace(self.described_run(), timing=self._timing)
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
        self._goes_on = False
        # An error holds its frames, and those this loader: nothing global may hold the error.
        if self._iterator is token and self._cursor_end is not None:
            self._cursor_end()

    def _end_epoch(self) -> None:
        self._drop_cursor()
        self.epoch += 1

    def _drop_cursor(self) -> None:
        cursor, self._cursor, self._iterator = self._cursor, None, None
        self._batches, self._goes_on = None, False
        self._resume = None if not self._is_closed else self._resume
        if cursor is not None and self._cursor_end is not None:
            self._delivered.end(cursor)
            self._cursor_end()

    def _header(self) -> Resume:
        return Resume(self._chain, self.epoch, self._seed, self._next_seed)

    def _counted_from_here(self) -> Delivered:
        return Delivered(self._chain, self._header(), self._resume)

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
            "this iterator is not the loader's newest: a later `for`, limit, iter() or "
            "load_state_dict moved the position. Use one iterator at a time."
        )
