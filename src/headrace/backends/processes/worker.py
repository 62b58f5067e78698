"""A worker: it runs one task after the other, in one thread."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from headrace.arena import Desk
from headrace.backends.processes.messages import TASK, Frame, Kind, Line
from headrace.backends.processes.process import Parent, end
from headrace.backends.processes.setup import Setup
from headrace.carried import CarriedError, loaded
from headrace.contracts import Job, Run

# Any, in this file: jobs, arguments and results of every type.


def work(line: Line, parent: Parent) -> None:
    """Works until the pool says so or ends."""
    parent.watch()
    # Whatever the parent does with them: a worker ends when it is told to.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with suppress(ConnectionError):
        answer(line)


def answer(line: Line) -> None:
    """Answers all there is. Raises ConnectionError where the pool has ended."""
    frame = line.receive()
    if frame is None:
        return
    try:
        worker = Worker(line, pickle.loads(frame.body))
    except BaseException as error:
        line.send(Kind.BROKEN, body=pickle.dumps(CarriedError(error)))
        return
    line.send(Kind.READY, os.getpid())
    while (frame := line.receive()) is not None and frame.kind != Kind.END:
        worker.answer(frame)


class Worker:
    """What it has been sent, and what it has made of that."""

    def __init__(self, line: Line, setup: Setup) -> None:
        setup.begin()
        self._line = line
        self._worker_id = setup.worker_id
        self._reset = None if setup.reset is None else loaded(setup.reset)
        # The seed and the number of the epoch that it was reset for.
        self._epoch: tuple[int | None, int] | None = None
        self._desk = Desk(setup.arena_bytes)
        # By the pool's numbers. What does not load raises in the tasks that need it.
        self._fixed: dict[int, bytes] = {}
        self._moving: dict[int, bytes] = {}
        self._jobs: dict[int, Job[Any]] = {}

    def answer(self, frame: Frame) -> None:
        """Takes one frame."""
        kind, number, body = frame
        if kind == Kind.TASK:
            self._run(number, body)
        elif kind == Kind.SLOT:
            self._desk.add(number, body.decode() if body else self._line.descriptors[0])
        elif kind == Kind.FIXED:
            self._fixed[number] = body
        elif kind == Kind.JOB:
            self._moving[number] = body
        elif kind == Kind.FORGET:
            for held in (self._fixed, self._moving, self._jobs):
                held.pop(number, None)

    def _run(self, number: int, body: bytes) -> None:
        kind, process = Kind.RESULT, os.getpid()
        try:
            payload = self._outcome(body)
        except BaseException as error:
            kind, payload = Kind.FAILED, pickle.dumps(CarriedError(error))
        if os.getpid() != process:
            # Forked by a function of the user's, and come back out of it: two would answer.
            end()
        self._line.send(kind, number, payload)

    def _outcome(self, body: bytes) -> bytes:
        number, slot = TASK.unpack_from(body)
        job = self._job(number)
        args = pickle.loads(memoryview(body)[TASK.size :])
        self._begin_epoch(job)
        return self._desk.packed(slot, lambda: job(*args), job.mended)

    def _job(self, number: int) -> Job[Any]:
        job = self._jobs.get(number)
        if job is None:
            fixed, moving = pickle.loads(self._moving[number])
            make: Callable[..., Job[Any]] = loaded(self._fixed[fixed])
            job = self._jobs[number] = make(*moving)
        return job

    def _begin_epoch(self, job: Job[Any]) -> None:
        if self._reset is None:
            return
        for part in job.moving:
            if isinstance(part, Run) and (part.seed, part.epoch) != self._epoch:
                self._reset(self._worker_id, part.epoch)
                self._epoch = part.seed, part.epoch
