"""The workers of a pool: they are started, replaced when they die, and ended."""

from __future__ import annotations

import logging
import selectors
import signal
import time
from collections import deque
from functools import partial
from itertools import count
from typing import Any, Protocol

from headrace.backends.processes.deaths import cause_of, delay_after, most_starts, never_begun
from headrace.backends.processes.forking import ForkServer
from headrace.backends.processes.future import Pending
from headrace.backends.processes.launch import KILL, Launcher, Spawner
from headrace.backends.processes.messages import Frame, Kind
from headrace.backends.processes.seat import Seat
from headrace.backends.processes.setup import Recipe

# Any, in this file: tasks of every result type.
# One runs and one is ready, so that no worker waits for this process.
TASKS_PER_WORKER = 2
# So many seconds after they were asked to end, workers that still run are told by these.
STEPS: tuple[tuple[float, signal.Signals | None], ...] = (
    (1.0, signal.SIGTERM),
    (3.0, KILL),
    (4.0, None),
)

logger = logging.getLogger("headrace")


class TaskHolder(Protocol):
    """Who has the tasks: it hears what workers say, and what was lost with them."""

    def heard(self, seat: Seat, frame: Frame) -> None:
        """A worker has said something about a task."""
        ...

    def lost(self, tasks: list[Pending[Any]], cause: str | None) -> None:
        """A worker has ended with these tasks; the cause is given where it ran the first."""
        ...

    def broken(self, error: bytes | BaseException) -> None:
        """No worker can begin."""
        ...


class Staff:
    """The seats of the workers, for the pool's thread."""

    def __init__(
        self,
        recipe: Recipe,
        num_workers: int,
        *,
        selector: selectors.BaseSelector,
        crew: TaskHolder,
    ) -> None:
        # May be changed by others.
        self.num_workers = num_workers
        self.restarts = 0
        self._recipe = recipe
        self._selector = selector
        self._crew = crew
        self._numbers = count(1)
        self._seats: list[Seat] = []
        self._is_hiring = True
        # The time of each, once the end has begun.
        self._steps: deque[tuple[float, signal.Signals | None]] | None = None
        self._launcher = self._made_launcher()

    @property
    def seats(self) -> list[Seat]:
        """Those there are."""
        return self._seats

    @property
    def is_ending(self) -> bool:
        """Whether the workers were asked to end, and will be told."""
        return self._steps is not None

    @property
    def has_left(self) -> bool:
        """Whether the workers have ended, or there is no more to be done about it."""
        if self._steps is None:
            return False
        return not self._steps or all(seat.end is None for seat in self._seats)

    def patience(self) -> float | None:
        """How long to wait for events, in seconds; None for as long as it takes."""
        due = [self._steps[0][0]] if self._steps else []
        if self._is_hiring:
            due += [seat.due_s for seat in self._seats if seat.end is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def attend(self) -> None:
        """Starts and ends what is due."""
        now = time.monotonic()
        while self._steps and self._steps[0][0] <= now:
            self._urge(self._steps.popleft()[1])
        if self._is_hiring:
            self._resize()
            for seat in self._seats:
                if seat.end is None and seat.due_s <= now:
                    self._begin(seat)

    def free_seat(self) -> Seat | None:
        """A worker that takes another task: the one with the fewest."""
        present = [seat for seat in self._seats if seat.end is not None and not seat.is_leaving]
        # None is kept waiting by a worker that only starts while others are up.
        ready = [seat for seat in present if seat.is_ready] or present
        free = [seat for seat in ready if len(seat.tasks) < TASKS_PER_WORKER]
        return min(free, key=lambda seat: len(seat.tasks), default=None)

    def watch(self, seat: Seat) -> None:
        """Waits for room in the socket of a worker, where something waits for it."""
        if seat.end is not None and not seat.has_hung_up:
            events = selectors.EVENT_READ
            if seat.has_waiting:
                events |= selectors.EVENT_WRITE
            key = self._selector.get_key(seat.end)
            if key.events != events:
                self._selector.modify(seat.end, events, key.data)

    def dismiss(self) -> None:
        """Asks all workers to end; none is replaced any more."""
        self._is_hiring = False
        for seat in self._seats:
            seat.ask_to_end()
            self.watch(seat)

    def end(self) -> None:
        """Asks all workers to end; `attend` ends those that do not."""
        now = time.monotonic()
        self._steps = deque((now + after, sign) for after, sign in STEPS)
        self.dismiss()
        for seat in self._seats:
            # It has done nothing yet, and imports can take seconds.
            if seat.number is not None and not seat.is_ready:
                self._launcher.kill(seat.number, signal.SIGTERM)

    def close(self) -> None:
        """Ends whatever is left."""
        self._launcher.close()
        for seat in self._seats:
            self._leave(seat)

    def _made_launcher(self) -> Launcher:
        recipe = self._recipe
        if recipe.is_forked:
            return ForkServer(self._selector, self._ended, broken=self._crew.broken, recipe=recipe)
        return Spawner(self._selector, self._ended, recipe)

    def _resize(self) -> None:
        staying = [seat for seat in self._seats if not seat.is_leaving]
        for seat in staying[self.num_workers :]:
            if seat.end is None:
                self._seats.remove(seat)
            seat.ask_to_end()
        taken = {seat.worker_id for seat in self._seats}
        free = (number for number in count() if number not in taken)
        for _ in range(self.num_workers - len(staying)):
            self._seats.append(Seat(next(free)))

    def _begin(self, seat: Seat) -> None:
        number = next(self._numbers)
        end = seat.take(number, self._recipe.setup(seat.worker_id))
        assert seat.end is not None
        heard = partial(self._heard, seat, number)
        self._selector.register(seat.end, selectors.EVENT_READ, heard)
        self._launcher.begin(number, end)

    def _heard(self, seat: Seat, number: int, events: int) -> None:
        # What was waited for together may have emptied the seat.
        if seat.number != number:
            return
        if events & selectors.EVENT_WRITE:
            seat.flush()
        if events & selectors.EVENT_READ:
            self._listen(seat)
        if seat.has_hung_up and seat.end is not None:
            self._selector.unregister(seat.end)
            self._launcher.lost(number)
        else:
            self.watch(seat)

    def _listen(self, seat: Seat) -> None:
        for frame in seat.receive():
            if frame.kind == Kind.READY:
                seat.is_ready, seat.process, seat.failed_starts = True, frame.number, 0
            elif frame.kind == Kind.BROKEN:
                self._crew.broken(frame.body)
            else:
                seat.fruitless = 0
                self._crew.heard(seat, frame)

    def _ended(self, number: int, code: int | None) -> None:
        for seat in self._seats:
            if seat.number == number:
                # What it said before it ended counts.
                self._listen(seat)
                self._replace(seat, code)

    def _replace(self, seat: Seat, code: int | None) -> None:
        cause = cause_of(code)
        tasks = list(seat.tasks.values())
        has_begun = seat.is_ready
        if not self._is_hiring or (seat.is_leaving and not tasks):
            self._leave(seat)
            if self._is_hiring:
                self._seats.remove(seat)
            return
        doing = f"while it ran {tasks[0].task}" if tasks and has_begun else "while it had no task"
        logger.warning(
            "worker %s (process %s) was ended by %s %s; another one takes over, and what it had "
            "runs again. Where memory runs short, take fewer workers or smaller batches.",
            *(seat.worker_id, seat.process, cause, doing if has_begun else "before it had begun"),
        )
        self._leave(seat)
        self.restarts += 1
        seat.is_leaving = False
        self._crew.lost(tasks, cause if has_begun else None)
        seat.fruitless += 1
        seat.due_s = time.monotonic() + delay_after(seat.fruitless)
        seat.failed_starts += not has_begun
        if seat.failed_starts >= most_starts(code):
            self._crew.broken(never_begun(seat.worker_id, seat.failed_starts, cause))

    def _leave(self, seat: Seat) -> None:
        end = seat.end
        if end is not None and end in self._selector.get_map():
            self._selector.unregister(end)
        seat.leave()
        seat.tasks.clear()

    def _urge(self, sign: signal.Signals | None) -> None:
        for seat in self._seats:
            if sign is not None and seat.number is not None:
                self._launcher.kill(seat.number, sign)
