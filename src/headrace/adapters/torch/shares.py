"""What one of several equal workers makes of a pass, and in which pass a state lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from headrace.contracts import Run, State, iterate
from headrace.engine import Chain, Resume
from headrace.loader import DataLoader
from headrace.loader.world import World
from headrace.streams import Stream

# Any, in this file: records pass through untyped.


@dataclass(frozen=True)
class Share:
    """Every `workers`-th batch from number `worker` on: so they are asked for, in turn."""

    worker: int
    workers: int

    def batches(self, world: World, resume: Resume, where: State | None) -> Iterator[Any]:
        """This share of a pass, which begins at `where`."""
        chain, begin = world.chain, 0 if where is None else where["at"]
        stop = world.cut_after(_run(resume))
        if chain.is_divisible:
            count = None if stop is None else len(range(begin + self.worker, stop, self.workers))
            return islice(self._made_alone(chain, resume, begin), count)
        # A chain that is shared out says its rank; one that is not must not find ranks here.
        ranks = None if chain.ranked else world.ranks
        loader: DataLoader[Any] = DataLoader(Stream(chain), ranks=ranks)
        loader.load_state_dict(resume.state(where))
        left = None if stop is None else max(0, stop - begin)
        return islice(loader, self.worker, left, self.workers)

    def told(self, chain: Chain) -> str:
        """The warning where a share cannot be made alone."""
        return (
            f"each of torch's {self.workers} workers computes this whole stream and gives its "
            f"share of the batches, because {cause(chain)} makes a batch depend on those before. "
            "Use num_workers=0 over hr.DataLoader(stream, backend=hr.Threads(2)), or put that "
            "step before the data are stored."
        )

    def _made_alone(self, chain: Chain, resume: Resume, begin: int) -> Iterator[Any]:
        cursor = chain.open_every(_run(resume), begin + self.worker, self.workers)
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


def settled(world: World, state: State, number: int) -> tuple[Resume, State | None]:
    """Where the pass begins that is the `number`-th from a state on, counted from 0."""
    chain = world.chain
    resume = Resume.of(chain, state)
    where = resume.where(state)
    # In the first pass a DataLoader finds out itself that nothing is left of its epoch.
    is_asked = number > 0 or chain.is_divisible
    is_inside = where is not None or resume.rest is not None
    if is_inside and is_asked and _is_over(world, resume, where):
        resume, where = resume.following(), None
    for _ in range(number):
        resume, where = resume.following(), None
    return resume, where


def has_known_length(world: World, origin: State) -> bool:
    """Whether it is known how many batches an epoch has, or that it never ends."""
    run = _run(Resume.of(world.chain, origin))
    return world.chain.is_infinite or world.length(run) is not None


def is_reached(world: World, origin: State, number: int, state: State) -> bool:
    """Whether a state lies in that pass or later, or at the end of the one before it."""
    first, _ = settled(world, origin, number)
    resume = Resume.of(world.chain, state)
    where = resume.where(state)
    if resume.epoch == first.epoch - 1 and where is not None:
        return _is_over(world, resume, where)
    return resume.epoch >= first.epoch


def _is_over(world: World, resume: Resume, where: State | None) -> bool:
    """Whether nothing is left of an epoch."""
    chain, length = world.chain, world.length(_run(resume))
    if length is not None and chain.gives_one_a_unit:
        return bool((0 if where is None else where["at"]) >= length)
    cursor = chain.open(_run(resume), where)
    try:
        return not len(cursor.read(1))
    finally:
        cursor.close()


def _run(resume: Resume) -> Run:
    return Run(epoch=resume.epoch, seed=resume.seed, rest=resume.rest)
