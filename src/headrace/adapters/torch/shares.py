"""What one of several equal workers makes of a pass, and in which pass a state lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from headrace.contracts import Run, State, iterate
from headrace.engine import Chain, Resume
from headrace.loader import DataLoader
from headrace.streams import Stream

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class Share:
    """Every `workers`-th batch from number `worker` on: so they are asked for, in turn."""

    worker: int
    workers: int

    def batches(self, chain: Chain, resume: Resume, where: State | None) -> Iterator[Any]:
        """This share of a pass, which begins at `where`."""
        if chain.is_divisible:
            return self._made_alone(chain, resume, where)
        loader: DataLoader[Any] = DataLoader(Stream(chain))
        loader.load_state_dict(resume.state(where))
        return islice(loader, self.worker, None, self.workers)

    def told(self, chain: Chain) -> str:
        """The warning where a share cannot be made alone."""
        return (
            f"each of torch's {self.workers} workers computes this whole stream and gives its "
            f"share of the batches, because {cause(chain)} makes a batch depend on those before. "
            "Use num_workers=0 over hr.DataLoader(stream, backend=hr.Threads(2)), or put that "
            "step before the data are stored."
        )

    def _made_alone(self, chain: Chain, resume: Resume, where: State | None) -> Iterator[Any]:
        first = (0 if where is None else where["at"]) + self.worker
        cursor = chain.open_every(_run(resume), first, self.workers)
        try:
            yield from iterate(cursor)
        finally:
            cursor.close()


def cause(chain: Chain) -> str:
    """The step that makes a batch depend on more than its position."""
    for count in range(len(chain.stages) + 1):
        if not Chain(chain.source, chain.stages[:count]).is_divisible:
            return str(chain.stages[count - 1]) if count else "a source without random access"
    return str(chain)


def settled(chain: Chain, state: State, number: int) -> tuple[Resume, State | None]:
    """Where the pass begins that is the `number`-th from a state on, counted from 0."""
    resume, where = Resume.of(chain, state), Resume.where(state)
    # In the first pass a DataLoader finds out itself that nothing is left of its epoch.
    is_asked = number > 0 or chain.is_divisible
    if where is not None and is_asked and _is_over(chain, resume, where):
        resume, where = resume.following(), None
    for _ in range(number):
        resume, where = resume.following(), None
    return resume, where


def has_known_length(chain: Chain, origin: State) -> bool:
    """Whether it is known how many batches an epoch has, or that it never ends."""
    return chain.is_infinite or chain.length(_run(Resume.of(chain, origin))) is not None


def is_reached(chain: Chain, origin: State, number: int, state: State) -> bool:
    """Whether a state lies in that pass or later, or at the end of the one before it."""
    first, _ = settled(chain, origin, number)
    resume, where = Resume.of(chain, state), Resume.where(state)
    if resume.epoch == first.epoch - 1 and where is not None:
        return _is_over(chain, resume, where)
    return resume.epoch >= first.epoch


def _is_over(chain: Chain, resume: Resume, where: State) -> bool:
    """Whether nothing is left of an epoch."""
    length = chain.length(_run(resume))
    if length is not None and chain.gives_one_a_unit:
        return bool(where["at"] >= length)
    cursor = chain.open(_run(resume), where)
    try:
        return not len(cursor.read(1))
    finally:
        cursor.close()


def _run(resume: Resume) -> Run:
    return Run(epoch=resume.epoch, seed=resume.seed)
