"""The place of one worker: the process that has it now, and what that has been given."""

from __future__ import annotations

import pickle
import socket
from typing import Any

from headrace.backends.processes.future import Pending
from headrace.backends.processes.messages import TASK, Channel, Frame, Kind
from headrace.backends.processes.setup import Setup
from headrace.contracts.errors import StreamError
from headrace.deferred import cloudpickle

# Any, in this file: tasks have arguments of every type.
# These pickle plainly in every process; a class of the user's script does not.
PLAIN = frozenset({bool, bytes, float, int, str, type(None)})


class Seat:
    """One worker, for the pool's thread. It is empty between two processes."""

    def __init__(self, worker_id: int) -> None:
        self.worker_id = worker_id
        # The start that has the seat now.
        self.number: int | None = None
        self.process: int | None = None
        self.is_ready = False
        # It takes no more tasks, and ends after those it has.
        self.is_leaving = False
        # Oldest first, which is the order in which they run.
        self.tasks: dict[int, Pending[Any]] = {}
        # Deaths since a start that came to its end, and since a task that did.
        self.failed_starts = 0
        self.fruitless = 0
        # When it is taken again.
        self.due_s = 0.0
        self._channel: Channel | None = None
        self._known: set[int] = set()
        self._slots: set[int] = set()

    @property
    def end(self) -> socket.socket | None:
        """The pool's end of the socket; None while the seat is empty."""
        return None if self._channel is None else self._channel.end

    @property
    def has_waiting(self) -> bool:
        """Whether something for it waits until its socket has room."""
        return self._channel is not None and self._channel.has_waiting

    @property
    def has_hung_up(self) -> bool:
        """Whether its process has closed the socket."""
        return self._channel is not None and self._channel.has_ended

    def take(self, number: int, setup: Setup) -> socket.socket:
        """Takes the seat for a start; gives the end for the process."""
        ours, theirs = socket.socketpair()
        self.number, self._channel = number, Channel(ours)
        self._channel.send(Kind.SETUP, body=pickle.dumps(setup))
        return theirs

    def leave(self) -> None:
        """Empties the seat; the tasks stay, to be run again."""
        if self._channel is not None:
            self._channel.close()
        self.number = self.process = self._channel = None
        self.is_ready = False
        self._known.clear()
        self._slots.clear()

    def receive(self) -> list[Frame]:
        """What the worker has said."""
        return [] if self._channel is None else self._channel.receive()

    def flush(self) -> None:
        """Sends what has waited."""
        if self._channel is not None:
            self._channel.flush()

    def ask_to_end(self) -> None:
        """Asks the worker to end, after the tasks it has."""
        if self._channel is not None and not self.is_leaving:
            self.is_leaving = True
            self._channel.send(Kind.END)

    def knows(self, number: int) -> bool:
        """Whether it was told what has this number."""
        return number in self._known

    def tell(self, kind: Kind, number: int, body: bytes) -> None:
        """Sends what it keeps under a number."""
        assert self._channel is not None
        self._channel.send(kind, number, body)
        self._known.add(number)

    def forget(self, number: int) -> None:
        """Says that what has this number is not used any more."""
        if number in self._known and self._channel is not None:
            self._known.discard(number)
            self._channel.send(Kind.FORGET, number)

    def give(self, number: int, job: int, pending: Pending[Any]) -> None:
        """Sends a task, and its slot where that is new."""
        assert self._channel is not None
        slot = pending.slot
        assert slot is not None
        if slot.number not in self._slots:
            self._slots.add(slot.number)
            if isinstance(slot.handle, str):
                self._channel.send(Kind.SLOT, slot.number, slot.handle.encode())
            else:
                self._channel.send(Kind.SLOT, slot.number, descriptors=[slot.handle])
        self.tasks[number] = pending
        body = TASK.pack(job, slot.number) + pending.args
        self._channel.send(Kind.TASK, number, body)


def pickled(args: tuple[Any, ...], task: object) -> bytes:
    """The arguments of a task.

    Raises:
        StreamError: records among them do not pickle.
    """
    if is_plain(args):
        return pickle.dumps(args, pickle.HIGHEST_PROTOCOL)
    try:
        payload: bytes = cloudpickle.dumps(args)
    except Exception as error:
        raise StreamError(
            f"the records of {task} cannot be sent to other processes: {error}. "
            "Give records that pickle, or use hr.Threads(n), which needs no pickling."
        ) from error
    return payload


def is_plain(value: object) -> bool:
    """Whether nothing in it belongs to a module."""
    if type(value) is tuple:
        return all(is_plain(part) for part in value)
    return type(value) in PLAIN
