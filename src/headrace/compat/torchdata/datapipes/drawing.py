"""How pipes are iterated: their runs, their seeds, and which of their iterators is valid."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.parents import upstream
from headrace.contracts import Run, iterate
from headrace.contracts.errors import ClosedError
from headrace.contracts.node import Shared
from headrace.engine import Chain

# Any, in this file: pipes of every class, and their records.


@dataclass(frozen=True)
class PipeSource:
    """A pipe that is iterated, as a source: it begins again for each epoch."""

    pipe: Any
    # In saved states; the type's name where it is None.
    name: str | None = None

    @property
    def identity(self) -> str:
        """What it is drawn from."""
        return f"drawn from {self.name or type(self.pipe).__qualname__}"

    @property
    def size(self) -> int | None:
        """The length that the class says, None where it says none."""
        try:
            return len(self.pipe)
        except (TypeError, NotImplementedError):
            return None

    @property
    def is_endless(self) -> bool:
        """Nobody knows."""
        return False

    def draw(self, epoch: int) -> Iterator[Any]:
        """A fresh pass; the pipes before it run the same epoch."""
        run = vars(self.pipe).get("_run")
        if run is not None:
            placed(self.pipe, replace(run, epoch=epoch))
        return iter(self.pipe)


@dataclass(frozen=True)
class Indexed:
    """A map-style pipe as a sequence: nothing but its length and its records."""

    pipe: Any

    def __len__(self) -> int:
        return len(self.pipe)

    def __getitem__(self, index: int) -> Any:
        return self.pipe[index]


def placed(pipe: Any, run: Run) -> None:
    """Says to a pipe, and all before it, which run they are a part of: seed, epoch, workers.

    A class of the user's own with `set_seed` is given a seed of its own, the same on every rank.
    """
    for one in upstream(pipe):
        vars(one)["_run"] = run
        if getattr(one, "stands_for_stream", False):
            vars(one)["_seed"] = None
        elif hasattr(type(one), "set_seed"):
            number = vars(one).get("_number", 0)
            one.set_seed(random.Random(f"{run.seed} {run.epoch} {number}").getrandbits(63))


def one_pass(pipe: Any, stream: hr.Stream[Any]) -> Iterator[Any]:
    """The records of the chain that a pipe stands for: of the run it is placed in, or once."""
    run = vars(pipe).get("_run")
    if run is not None:
        # What its cursors share is shared within one opened epoch.
        return _opened(stream.node, replace(run, shared=Shared()))
    for one in upstream(pipe):
        # Given for one iteration.
        if vars(one).get("_seed") is not None and getattr(one, "stands_for_stream", False):
            vars(one)["_seed"] = None
    return _opened(stream.node, Run(seed=fresh_seed()))


def fresh_seed() -> int:
    """A seed out of torch's generator where torch is imported, else out of `random`'s.

    So `torch.manual_seed` counts, as with the original; and each call gives another one.
    """
    torch: Any = sys.modules.get("torch")
    if torch is None:
        return random.getrandbits(63)
    return int(torch.empty((), dtype=torch.int64).random_().item())


def guarded(passes: Callable[[Any], Iterator[Any]]) -> Callable[[Any], Iterator[Any]]:
    """`__iter__` of a class, of whose iterators only the newest is valid."""

    @wraps(passes)
    def newest(self: Any) -> Iterator[Any]:
        if type(self).__iter__ is not newest:
            # Called by a class derived from this one, whose iterator it is.
            return passes(self)
        turn = vars(self)["_turn"] = vars(self).get("_turn", 0) + 1
        self.reset()
        return _valid(self, turn, passes(self))

    return newest


def _opened(chain: Chain, run: Run) -> Iterator[Any]:
    cursor = chain.open(run)
    try:
        yield from iterate(cursor)
    finally:
        cursor.close()


def _valid(pipe: Any, turn: int, records: Iterator[Any]) -> Iterator[Any]:
    while True:
        if vars(pipe).get("_turn") != turn:
            raise ClosedError(
                "This iterator has been invalidated because another iterator has been created "
                f"from the same IterDataPipe: {pipe!r}. The newest iterator alone was expected "
                "to be used. Use .fork() to read a pipe several times at once."
            )
        try:
            record = next(records)
        except StopIteration:
            return
        yield record
