"""The epochs of a chain one after the other, and the place in the one that runs."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Generic, NoReturn, TypeVar

from headrace.contracts import Backend, Block, Cursor, Mark, Run, State, Workers, marker
from headrace.contracts.errors import ClosedError
from headrace.contracts.node import Shared
from headrace.contracts.rest import Rest
from headrace.contracts.timing import Timing
from headrace.engine import Resume
from headrace.ledger import Writer
from headrace.loader.delivered import Delivered, in_blocks
from headrace.loader.ends import EpochEnd
from headrace.loader.noting import Noting
from headrace.loader.talk import Talk
from headrace.loader.warming import warmed
from headrace.loader.world import World

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Stood:
    """A place between two batches of an epoch."""

    header: Resume
    mark: Mark | None
    where: State | None
    is_padding: bool = False


class Epochs(Generic[T]):
    """Opens an epoch where a pass needs one, and knows where the next pass begins.

    Whoever made it shuts it down; one that is dropped ends what it runs.
    """

    def __init__(
        self,
        world: World,
        backend: Backend,
        *,
        epoch: int,
        seed: int | None,
        timing: Timing | None,
        writer: Writer | None = None,
    ) -> None:
        self.epoch = epoch
        # How often the place where the next pass begins was changed.
        self.moves = 0
        self._world = world
        self._chain = world.chain
        self._talk = Talk(world.ranks)
        self._backend = backend
        self._timing = timing
        # What is delivered is noted there, and the state that was loaded last.
        self.noting = Noting(writer)
        self._loaded: State | None = None
        self._seed = self._next_seed = seed
        # Where the next epoch to be opened begins, if not at its start.
        self._resume: State | None = None
        # What a merge of ranks has left of the epoch that runs, or that the next pass begins.
        self._rest: Rest | None = None
        self._cursor: Cursor[T] | None = None
        # Marks where the cursor is; made when that is asked for.
        self._mark: Callable[[], Mark] | None = None
        self._workers: Workers | None = None
        self._iterator: object | None = None
        # The batches of this epoch one by one, for as long as it runs. A generator that is
        # dropped in its middle takes what it has read with it, and a limit stops there.
        self._batches: Iterator[T] | None = None
        # Whether the next pass goes on with this epoch.
        self._goes_on = False
        # Whether the epoch was opened before a pass has asked for it, and whether inside it.
        self._is_warm = False
        self._is_resumed = False
        # Whether a batch of the open epoch was asked for. Trainers make iterators that they drop.
        self._is_asked = False
        self._ahead = Shared()
        self._is_closed = False
        self._finalizer: weakref.finalize[..., Any] | None = None
        self._cursor_end: weakref.finalize[..., Any] | None = None
        self._delivered = self._counted_from_here()

    def singly(self, *, goes_on: bool = False) -> Iterator[T]:
        """The next epoch, or what is left of this one; the pass after it may go on with it.

        Where nothing is left the next one follows.
        """
        return self._begun(self._singly, goes_on=goes_on)

    def drawn(self, *, goes_on: bool, gave: bool) -> Iterator[T]:
        """The same for who gives the batches later, and says so: see `noting`.

        Where nothing is left the next epoch follows, unless batches that are given in this pass
        were drawn in the one before (`gave`).
        """
        return self._begun(self._singly, goes_on=goes_on, gave=gave, is_drawn=True)

    def in_blocks(self, size: int) -> Iterator[Block[T]]:
        """The same in blocks of up to `size`."""

        def watched(cursor: Cursor[T]) -> Iterator[Block[T]]:
            if self._batches is None:
                return self._delivered.watched_blocks(cursor, size)
            return in_blocks(self._batches, size)

        return self._begun(watched)

    def described_run(self) -> Run:
        """The run of this epoch, as far as its length and drawing need it."""
        return self._world.run(self.epoch, self._seed, self._rest)

    @property
    def epoch_end(self) -> EpochEnd:
        """What becomes of unequal numbers of batches."""
        return self._world.epoch_end or "error"

    @property
    def world(self) -> World:
        """The chain, the ranks that share it, and how their epochs end."""
        return self._world

    def known_length(self) -> int:
        """How many batches this epoch gives in all. Raises StreamError where nobody can know."""
        return self._world.known_length(self.described_run())

    @property
    def is_padding(self) -> bool:
        """Whether the newest batch is a repeat of the last one, to even out the ranks."""
        return bool(getattr(self._cursor, "is_padding", False))

    @property
    def dropped_batches(self) -> int:
        """How many batches were left out so that the ranks end together."""
        return self._talk.dropped_batches

    def set_seed(self, seed: int) -> None:
        """Sets, from the next epoch on, every seed that the stream did not set itself."""
        self._next_seed = seed
        if self._is_warm and not self._is_resumed:
            # What was made ahead is of the old seed, and nothing of it was given.
            self._drop_cursor()
            self._delivered = self._counted_from_here()
        if self._cursor is None and self._resume is None and self._rest is None:
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
        if self._cursor is not None and (self._goes_on or not self._is_asked):
            return header.state(self._cursor.state())
        if self._cursor is not None:
            return header.following().state(None)
        return header.state(self._resume)

    def load(self, state: State) -> None:
        """Begins the next pass where a state says. Raises StateError where it does not fit."""
        self._check_open()
        resume = Resume.of(self._chain, state)
        self._world.check(resume.where(state))
        self._drop_cursor()
        self.epoch, self._seed = resume.epoch, resume.seed
        self._next_seed = resume.next_seed
        self._resume, self._rest = resume.where(state), resume.rest
        self._loaded = state
        self.moves += 1
        self._delivered = self._counted_from_here()

    def warm_up(self, seconds: float) -> None:
        """Opens the next epoch, or takes the one that runs; waits until all ahead is there."""
        self._check_open()
        if not self._backend.look_ahead:
            return
        if self._cursor is None:
            self._begin_epoch()
            self._is_warm = True
        warmed(self._ahead, seconds)

    def pause(self) -> None:
        """Begins nothing new until a batch is asked for, or `resume`."""
        self._check_open()
        for one in self._ahead.looking_ahead():
            one.pause()

    def resume(self) -> None:
        """Looks ahead again."""
        self._check_open()
        for one in self._ahead.looking_ahead():
            one.resume()

    def shutdown(self) -> None:
        """Ends the workers; the state is kept."""
        if self._is_closed:
            return
        self._is_closed = True
        if self._cursor is not None:
            self._resume = self._cursor.state()
        self._drop_cursor()
        self.noting.close()
        if self._finalizer is not None:
            self._finalizer()

    @property
    def workers(self) -> Workers | None:
        """What was started, None before the first epoch on a backend that runs ahead."""
        return self._workers

    @property
    def restarts(self) -> int | None:
        """How many workers ended and were replaced, None where none can be."""
        return getattr(self._workers, "restarts", None)

    def stood(self) -> Stood:
        """Where the newest batch stands, to be told later: a small part of what a state costs."""
        if self._cursor is None:
            return Stood(self._header(), None, self._resume)
        if self._mark is None:
            self._mark = marker(self._cursor)
        return Stood(self._header(), self._mark(), None, self.is_padding)

    def at(self, stood: Stood) -> State:
        """The state of a place where it stood before."""
        where = stood.where if stood.mark is None else stood.mark.state()
        # A seed that was set since counts from the next epoch on.
        return replace(stood.header, next_seed=self._next_seed).state(where)

    def refuse(self) -> NoReturn:
        """Raises ClosedError for an iterator that is not the newest."""
        self._check_open()
        raise ClosedError(
            "this iterator is not the loader's newest: a later `for`, limit, iter() or "
            "load_state_dict moved the position. Use one iterator at a time."
        )

    def _begun(
        self,
        watched: Callable[[Cursor[T]], Iterator[U]],
        *,
        goes_on: bool = False,
        gave: bool = False,
        is_drawn: bool = False,
    ) -> Iterator[U]:
        """The next epoch, or what is left of this one; `watched` gives it of its cursor."""
        self._check_open()
        if self._cursor is not None and self._is_asked and not self._goes_on:
            self._end_epoch()
        is_running = self._cursor is not None
        if not is_running:
            self._begin_epoch()
        is_resumed = self._is_resumed or (is_running and self._is_asked)
        self._goes_on, self._is_warm = goes_on, False
        self.moves += goes_on
        self._iterator = token = object()

        def noted(cursor: Cursor[T]) -> Iterator[U]:
            return self.noting.noted(watched(cursor), cursor, is_drawn=is_drawn)

        return self._run(token, noted, is_resumed=is_resumed and not gave)

    def _singly(self, cursor: Cursor[T]) -> Iterator[T]:
        if self._batches is None:
            self._batches = self._delivered.watched(cursor)
        return self._batches

    def _run(
        self, token: object, watched: Callable[[Cursor[T]], Iterator[U]], *, is_resumed: bool
    ) -> Iterator[U]:
        # The generator begins when it is first asked, and others may have begun by then.
        if self._iterator is not token:
            self.refuse()
        while True:
            gave, self._is_asked = False, True
            assert self._cursor is not None
            try:
                for batch in watched(self._cursor):
                    gave = True
                    yield batch
                    if self._iterator is not token:
                        self.refuse()
            except (Exception, KeyboardInterrupt, SystemExit):
                self._end_after_error(token)
                raise
            goes_on, is_over = self._goes_on, gave or not is_resumed
            self.noting.exhausted(self._cursor.state(), is_waiting=is_over)
            self._end_epoch()
            if is_over:
                return
            # The state was taken after the last batch: its epoch is over, this is the next.
            is_resumed = False
            self._begin_epoch()
            self._iterator, self._goes_on = token, goes_on

    def _begin_epoch(self) -> None:
        self.moves += 1
        self._is_resumed = self._resume is not None or self._rest is not None
        self._is_asked = False
        if not self._is_resumed:
            self._seed = self._next_seed
        run = replace(self.described_run(), timing=self._timing)
        self._ahead = run.shared
        if self._backend.look_ahead:
            run = replace(
                run,
                workers=self._started(),
                look_ahead=self._backend.look_ahead,
                shares_globals=self._backend.shares_globals,
            )
        policy = self._world.epoch_end
        self._talk.begin(self._chain, run, policy, is_resumed=self._is_resumed)
        cursor: Cursor[T] = self._world.open(run, self._resume, self._talk)
        self.noting.begin(run, cursor, self._loaded)
        self._loaded = None
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
        self.epoch, self._rest = self.epoch + 1, None

    def _drop_cursor(self) -> None:
        cursor, self._cursor, self._iterator = self._cursor, None, None
        self._mark = None
        self._batches, self._goes_on, self._is_warm = None, False, False
        self._ahead = Shared()
        self._resume = None if not self._is_closed else self._resume
        if cursor is not None and self._cursor_end is not None:
            self.noting.left(cursor)
            self._delivered.end(cursor)
            self._cursor_end()

    def _header(self) -> Resume:
        return Resume(self._chain, self.epoch, self._seed, self._next_seed, self._rest)

    def _counted_from_here(self) -> Delivered:
        return Delivered(self._world, self._header(), self._resume)

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
