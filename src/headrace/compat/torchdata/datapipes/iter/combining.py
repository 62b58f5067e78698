"""Several pipes as one: side by side, one after the other, in turns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import headrace as hr
from headrace.compat.torchdata.datapipes.base import IterDataPipe, stream_of
from headrace.compat.torchdata.datapipes.functional import functional_datapipe
from headrace.compat.torchdata.datapipes.iter.mapping import itself
from headrace.compat.torchdata.datapipes.utils.arguments import checked_pipes

# Any, in this file: records of every type.


@functional_datapipe("zip")
class Zipper(IterDataPipe[tuple[Any, ...]]):
    """`stream.zip(...)`: ends with the shortest."""

    def __init__(self, *datapipes: IterDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def stream(self) -> hr.Stream[Any]:
        """`stream.zip`."""
        first, *others = map(stream_of, self.datapipes)
        return first.zip(*others)


@functional_datapipe("concat")
class Concater(IterDataPipe[Any]):
    """`stream.concat(...)`."""

    def __init__(self, *datapipes: IterDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def stream(self) -> hr.Stream[Any]:
        """`stream.concat`."""
        first, *others = map(stream_of, self.datapipes)
        return first.concat(*others)

    def __len__(self) -> int:
        return sum(len(pipe) for pipe in self.datapipes)


@functional_datapipe("mux")
class Multiplexer(IterDataPipe[Any]):
    """One record of each in turn, whole rounds only: `stream.zip(...).flat_map`."""

    def __init__(self, *datapipes: IterDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def stream(self) -> hr.Stream[Any]:
        """`stream.zip(...).flat_map`."""
        first, *others = map(stream_of, self.datapipes)
        return first.zip(*others).flat_map(itself)

    def __len__(self) -> int:
        return min(len(pipe) for pipe in self.datapipes) * len(self.datapipes)


@functional_datapipe("mux_longest")
class MultiplexerLongest(IterDataPipe[Any]):
    """One record of each in turn, until all have ended: `stream.interleave`."""

    def __init__(self, *datapipes: IterDataPipe[Any]) -> None:
        self.datapipes = checked_pipes(self, datapipes)

    def stream(self) -> hr.Stream[Any]:
        """`stream.interleave`."""
        first, *others = map(stream_of, self.datapipes)
        return first.interleave(*others, stop="all")

    def __len__(self) -> int:
        return sum(len(pipe) for pipe in self.datapipes)


@functional_datapipe("zip_longest")
class ZipperLongest(IterDataPipe[tuple[Any, ...]]):
    """Tuples, with a value for those that have ended: `stream.interleave`."""

    def __init__(self, *datapipes: IterDataPipe[Any], fill_value: Any = None) -> None:
        self.datapipes = checked_pipes(self, datapipes)
        self.fill_value = fill_value

    def stream(self) -> hr.Stream[Any]:
        """`stream.interleave(..., stop="all").through`."""
        chains = enumerate(map(stream_of, self.datapipes))
        first, *others = (chain.map(partial(_tagged, place)) for place, chain in chains)
        filled = Filled(len(self.datapipes), self.fill_value)
        return first.interleave(*others, stop="all").through(filled)

    def __len__(self) -> int:
        return max(len(pipe) for pipe in self.datapipes)


@dataclass(frozen=True)
class Filled:
    """Gives rounds of records as tuples, with a value for those that miss."""

    width: int
    fill_value: Any

    def __call__(self, records: Iterator[tuple[int, Any]]) -> Iterator[tuple[Any, ...]]:
        turn: list[Any] = []
        last = -1
        for place, record in records:
            # Who has ended takes no turn again: the next round begins where places fall.
            if place <= last:
                yield tuple(turn)
                turn = []
            turn = turn or [self.fill_value] * self.width
            turn[place], last = record, place
        if turn:
            yield tuple(turn)


def _tagged(place: int, record: Any) -> tuple[int, Any]:
    return place, record
