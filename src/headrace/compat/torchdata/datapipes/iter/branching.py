"""One pipe as several: copies, a record in one of them, columns."""

from __future__ import annotations

import copy as copying
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import itemgetter
from typing import Any, Literal

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.drawing import one_pass
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.trunk import Trunk, opened
from headrace.compat.torchdata.datapipes.utils.arguments import columns_of
from headrace.contracts import Stage
from headrace.contracts.errors import ArgumentError, whole
from headrace.stages import Map, demuxing, forking

# Any, in this file: records of every type.

# As a buffer, it is one without bounds.
UNBOUNDED = -1
REMEDY = "Two are common."


@functional_datapipe("fork")
class Forker(IterDataPipe[Any]):
    """A list of pipes of the same records: `stream.fork(num_instances)`.

    Those that are read in one stream share what comes before them, at most `buffer_size` records
    apart; those that are read in loops of their own run it each for itself.

    Raises:
        ArgumentError: a number is below 1, or `copy` is unknown.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls,
        datapipe: IterDataPipe[Any],
        num_instances: int,
        buffer_size: int = 1000,
        copy: Literal["shallow", "deep"] | None = None,
    ) -> list[IterDataPipe[Any]]:
        """The branches."""
        number = whole("num_instances", num_instances, least=1, remedy=REMEDY)
        if copy not in (None, "shallow", "deep"):
            raise ArgumentError(
                f"Unknown copy method {copy!r}: 'shallow', 'deep' or None was expected. "
                "None hands records on as they are."
            )
        if number == 1:
            return [datapipe]
        copies: Any = {None: (), "shallow": (Map(copying.copy),), "deep": (Map(copying.deepcopy),)}
        forks = forking(number, buffer_of(buffer_size))
        return branches(datapipe, [(fork, *copies[copy]) for fork in forks])


@functional_datapipe("demux")
class Demultiplexer(IterDataPipe[Any]):
    """A list of pipes, each record in the one that a function says: `stream.demux`.

    Raises:
        ArgumentError: a number is below 1; when it is read, the function gives no number of a
            pipe, or None without `drop_none`.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls,
        datapipe: IterDataPipe[Any],
        num_instances: int,
        classifier_fn: Callable[[Any], int | None],
        drop_none: bool = False,
        buffer_size: int = 1000,
    ) -> list[IterDataPipe[Any]]:
        """The branches."""
        number = whole("num_instances", num_instances, least=1, remedy=REMEDY)
        classify = classifier_fn if drop_none else Classified(classifier_fn)
        return branches(datapipe, demuxing(number, classify, buffer_of(buffer_size)))


@functional_datapipe("round_robin_demux")
class RoundRobinDemultiplexer(IterDataPipe[Any]):
    """A list of pipes that get the records in turn: `stream.enumerate().demux`.

    Raises:
        ArgumentError: a number is below 1.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls, datapipe: IterDataPipe[Any], num_instances: int, buffer_size: int = 1000
    ) -> list[IterDataPipe[Any]]:
        """The branches."""
        number = whole("num_instances", num_instances, least=1, remedy=REMEDY)
        if number == 1:
            return [datapipe]
        turns = demuxing(number, InTurn(number), buffer_of(buffer_size))
        trunk = Trunk(Numbered(datapipe))
        made = [Branch(trunk, (*turn, Map(itemgetter(1)))) for turn in turns]
        return [Share(branch, at, number) for at, branch in enumerate(made)]


@functional_datapipe("unzip")
class UnZipper(IterDataPipe[Any]):
    """A list of pipes, one a column of the records: `stream.fork` and `map`.

    Raises:
        ArgumentError: no column is left, or a number is below 1.
    """

    def __new__(  # type: ignore[misc] # the original gives a list
        cls,
        source_datapipe: IterDataPipe[Any],
        sequence_length: int,
        buffer_size: int = 1000,
        columns_to_skip: Sequence[int] | None = None,
    ) -> list[IterDataPipe[Any]]:
        """The columns."""
        columns = columns_of(sequence_length, columns_to_skip)
        forks = forking(len(columns), buffer_of(buffer_size))
        pairs = zip(forks, columns, strict=True)
        return branches(source_datapipe, [(fork, Map(itemgetter(at))) for fork, at in pairs])


class Branch(IterDataPipe[Any]):
    """One of several branches."""

    def __init__(self, main_datapipe: Trunk, stages: tuple[Stage, ...]) -> None:
        self.main_datapipe = main_datapipe
        self.stages = stages
        self._given = 0

    def stream(self) -> hr.Stream[Any]:
        """The stream of this branch."""
        return reduce(hr.Stream.apply, self.stages, self.main_datapipe.stream())

    def __iter__(self) -> Iterator[Any]:
        if "_run" in vars(self):
            yield from one_pass(self, self.stream())
            return
        before, run, self._given = self.main_datapipe.pass_after(self._given)
        yield from opened(reduce(hr.Stream.apply, self.stages, before), run)


class Share(IterDataPipe[Any]):
    """One of several branches that have the records in turn."""

    def __init__(self, datapipe: Branch, instance_id: int, num_instances: int) -> None:
        self.datapipe = datapipe
        self.instance_id = instance_id
        self.num_instances = num_instances

    def stream(self) -> hr.Stream[Any]:
        """The stream of the branch."""
        return self.datapipe.stream()

    def __iter__(self) -> Iterator[Any]:
        yield from self.datapipe

    def __len__(self) -> int:
        left = len(self.datapipe.main_datapipe) - self.instance_id
        return max(0, -(-left // self.num_instances))


class Numbered(IterDataPipe[tuple[int, Any]]):
    """Records with their numbers."""

    def __init__(self, datapipe: IterDataPipe[Any]) -> None:
        self.datapipe = datapipe

    def stream(self) -> hr.Stream[Any]:
        """`stream.enumerate()`."""
        return stream_of(self.datapipe).enumerate()


@dataclass(frozen=True)
class Classified:
    """The number of the branch of a record, which has to be in one."""

    fn: Callable[[Any], int | None]

    def __call__(self, record: Any) -> int:
        number = self.fn(record)
        if number is None:
            raise ArgumentError(
                "Output of the classification fn should be between 0 and the number of branches, "
                f"got None for {record!r}. Pass drop_none=True to leave such records out."
            )
        return number


@dataclass(frozen=True)
class InTurn:
    """The number of the branch whose turn it is."""

    branches: int

    def __call__(self, numbered: tuple[int, Any]) -> int:
        return numbered[0] % self.branches


def branches(
    pipe: IterDataPipe[Any], stages: Sequence[tuple[Stage, ...]]
) -> list[IterDataPipe[Any]]:
    """Pipes over one, each with stages of its own."""
    trunk = Trunk(pipe)
    return [Branch(trunk, one) for one in stages]


def buffer_of(buffer_size: int) -> int:
    """The records that may lie between two branches; without bounds for -1."""
    return sys.maxsize if buffer_size == UNBOUNDED else buffer_size
