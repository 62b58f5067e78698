"""What the one thread of a pool does: it hands out tasks and takes results."""

from __future__ import annotations

import pickle
import selectors
import socket
from collections import deque
from contextlib import suppress
from itertools import count
from typing import Any

from headrace.arena import Arena
from headrace.backends.processes.deaths import deadly
from headrace.backends.processes.future import Pending
from headrace.backends.processes.kept import Kept
from headrace.backends.processes.launch import without_interrupts
from headrace.backends.processes.messages import Frame, Kind
from headrace.backends.processes.seat import Seat, pickled
from headrace.backends.processes.setup import Recipe
from headrace.backends.processes.staff import Staff
from headrace.contracts.errors import ClosedError

# Any, in this file: tasks of every result type.
# A task that has ended so many workers is taken to be the cause.
MOST_DEATHS = 3


class Crew:
    """The tasks of a pool. Others set `is_closing` and the number of workers; that is all."""

    def __init__(
        self, recipe: Recipe, num_workers: int, *, arena: Arena, inbox: deque[Pending[Any]]
    ) -> None:
        self.is_closing = False
        self.has_ended = False
        self._arena = arena
        # Tasks that were submitted or cancelled since they were last looked at.
        self._inbox = inbox
        self._queue: deque[Pending[Any]] = deque()
        self._failure: bytes | BaseException | None = None
        self._numbers = count(1)
        self._kept = Kept(self._forget)
        self._selector = selectors.DefaultSelector()
        self.staff = Staff(recipe, num_workers, selector=self._selector, crew=self)

    def run(self, woken: socket.socket) -> None:
        """Works until it is told to close, and the workers have ended."""
        without_interrupts()
        try:
            self._selector.register(woken, selectors.EVENT_READ, lambda _: drain(woken))
            while not self.staff.has_left:
                self._turn()
        except BaseException as error:
            # Whatever it is: a thread that ends in silence leaves its consumer waiting.
            self.broken(error)
        finally:
            self._end()
            woken.close()

    def heard(self, seat: Seat, frame: Frame) -> None:
        """Takes a result, or an error."""
        pending = seat.tasks.pop(frame.number)
        if pending.is_cancelled:
            pending.free()
        elif frame.kind == Kind.RESULT:
            pending.give(frame.body)
        else:
            pending.free()
            pending.refuse(frame.body)

    def lost(self, tasks: list[Pending[Any]], cause: str | None) -> None:
        """Tasks run again, but for one that has ended too many workers."""
        for pending in tasks:
            pending.free()
        if tasks and cause is not None:
            tasks[0].deaths += 1
            if tasks[0].deaths == MOST_DEATHS:
                tasks[0].refuse(deadly(tasks[0].task, MOST_DEATHS, cause))
        self._queue.extendleft(task for task in reversed(tasks) if not task.is_settled)

    def broken(self, error: bytes | BaseException) -> None:
        """Fails all tasks, those to come too."""
        if self._failure is None:
            self._failure = error
            self._refuse_all(error)
            self.staff.dismiss()

    def _turn(self) -> None:
        self.read_inbox()
        if self.is_closing and not self.staff.is_ending:
            self._refuse_all(closed())
            self.staff.end()
        self.staff.attend()
        self._hand_out()
        for key, events in self._selector.select(self.staff.patience()):
            key.data(events)

    def read_inbox(self) -> None:
        """Takes what was submitted or cancelled; callers do it themselves when all has ended."""
        with suppress(IndexError):
            while True:
                pending = self._inbox.popleft()
                if pending.is_cancelled:
                    # One that runs is freed by its result.
                    if pending.is_settled and not self.has_ended:
                        pending.free()
                elif self.has_ended or self.is_closing:
                    pending.refuse(closed())
                elif self._failure is not None:
                    pending.refuse(self._failure)
                else:
                    self._queue.append(pending)

    def _hand_out(self) -> None:
        while self._queue:
            if self._queue[0].is_cancelled:
                self._queue.popleft()
                continue
            seat = self.staff.free_seat()
            if seat is None:
                return
            pending = self._queue.popleft()
            try:
                self._give(seat, pending)
            except Exception as error:
                pending.free()
                pending.refuse(error)
            self.staff.watch(seat)

    def _give(self, seat: Seat, pending: Pending[Any]) -> None:
        task = pending.task
        pending.args = pending.args or pickled(task.args, task)
        fixed, job = task.job.fixed, self._kept.number_of(task.job)
        if not seat.knows(job):
            number = self._kept.number_of(fixed)
            if not seat.knows(number):
                seat.tell(Kind.FIXED, number, fixed.payload())
            seat.tell(Kind.JOB, job, pickle.dumps((number, task.job.moving)))
        pending.slot = self._arena.take()
        seat.give(next(self._numbers), job, pending)

    def _forget(self, number: int) -> None:
        for seat in self.staff.seats:
            seat.forget(number)

    def _refuse_all(self, error: bytes | BaseException) -> None:
        """Settles every task. The slots of those that run stay out."""
        running = [task for seat in self.staff.seats for task in seat.tasks.values()]
        for pending in (*self._queue, *running):
            pending.refuse(error)
        self._queue.clear()

    def _end(self) -> None:
        with suppress(Exception):
            self.staff.close()
        self._selector.close()
        self._arena.close()
        self.has_ended = True
        self.read_inbox()


def drain(woken: socket.socket) -> None:
    """Takes the bytes that woke the thread."""
    with suppress(BlockingIOError):
        woken.recv(4096)


def closed() -> ClosedError:
    """The error of a task whose workers were ended."""
    return ClosedError(
        "the workers were ended before a task of theirs was done. Make a new DataLoader to go on."
    )
