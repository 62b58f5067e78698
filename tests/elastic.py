"""Ranks that are stopped, merged and gone on with, and what they deliver in all."""

from __future__ import annotations

import itertools
import json
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import headrace as hr
from headrace.carried import loaded
from headrace.contracts import Backend, Cursor, Run, Task, iterate
from headrace.engine import Chain, Resume

# Any, in this file: records of every type, and states.
# What merges states; a test of the tests puts a wrong one here.
Merge = Callable[[Sequence[Any]], Any]
ALL = 10**9


@dataclass
class Ranks:
    """One epoch of a stream, run by ranks whose number changes at each merge."""

    stream: Any
    merge: Merge = hr.merge_states
    epoch: int = 0
    # All that was delivered, by whichever rank.
    given: list[Any] = field(default_factory=list)
    merged: Any = None

    def run(self, cuts: Sequence[int], backends: Sequence[Backend] = (hr.Inline(),)) -> list[Any]:
        """Runs a rank for each cut, up to it, and merges their states; gives these.

        Each rank is stopped and resumed in its middle, on the next backend.
        """
        states = []
        for rank, cut in enumerate(cuts):
            chain = self.stream.node.on(rank, len(cuts))
            state = self.merged
            used = itertools.islice(itertools.cycle(backends), rank, rank + 2)
            for part, backend in zip((cut // 2, cut - cut // 2), used, strict=True):
                state = self._part(chain, state, part, backend)
            states.append(state)
        self.merged = through_json(self.merge(states))
        return states

    def _part(self, chain: Chain, state: Any, count: int, backend: Backend) -> Any:
        resume = Resume(chain, self.epoch, None, None)
        if state is not None:
            resume = Resume.of(chain, state)
        run = Run(epoch=resume.epoch, seed=resume.seed, rest=resume.rest)
        with opened(chain, run, resume.where(state) if state else None, backend) as cursor:
            self.given += itertools.islice(iterate(cursor), count)
            return through_json(resume.state(cursor.state()))


@contextmanager
def opened(chain: Chain, run: Run, where: Any, backend: Backend) -> Iterator[Cursor[Any]]:
    """A cursor on a backend, for as long as it is read."""
    workers = backend.start() if backend.look_ahead else None
    cursor = chain.open(replace(run, workers=workers, look_ahead=backend.look_ahead), where)
    try:
        yield cursor
    finally:
        cursor.close()
        if workers is not None:
            workers.close()


@dataclass(frozen=True)
class Elsewhere:
    """Runs each task by what would travel to another process, there and back."""

    look_ahead: int = 3
    shares_globals: bool = False

    def start(self) -> Elsewhere:
        return self

    def submit(self, task: Any) -> Future[Any]:
        assert isinstance(task, Task)
        moving, args = pickle.loads(pickle.dumps((task.job.moving, task.args)))
        result = loaded(task.job.fixed.payload())(*moving)(*args)
        future: Future[Any] = Future()
        future.set_result(pickle.loads(pickle.dumps(result)))
        return future

    def close(self) -> None:
        pass


def through_json(state: Any) -> Any:
    """The state as a file gives it back."""
    return json.loads(json.dumps(state))


def leaves(record: Any) -> Iterator[Any]:
    """The records in a batch, a window or a row; tuples are records."""
    if isinstance(record, dict):
        # A packed row: its tokens, without padding.
        yield from (token for token in record["tokens"].tolist() if token)
    elif isinstance(record, list):
        for part in record:
            yield from leaves(part)
    else:
        yield record


def multiset(records: Sequence[Any]) -> Counter[Any]:
    """How often each record was delivered."""
    return Counter(leaf for record in records for leaf in leaves(record))
