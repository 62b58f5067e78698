"""torchdata.nodes: W5, and a function called on its threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from torchdata.nodes import BaseNode, Batcher, IterableWrapper, Loader, Mapper, ParallelMapper

from benchmarks.case import Case
from benchmarks.chain import keep, rate, triple
from benchmarks.sizes import RANGE_BATCH
from benchmarks.waiting import WORKERS, Fn, async_cases


class Filter(BaseNode[int]):
    """What a user writes: 0.11 has no node that filters."""

    def __init__(self, source: BaseNode[int], predicate: Callable[[int], bool]) -> None:
        super().__init__()
        self.source = source
        self.predicate = predicate

    def reset(self, initial_state: dict[str, Any] | None = None) -> None:
        super().reset(initial_state)
        self.source.reset(None if initial_state is None else initial_state["source"])

    def next(self) -> int:
        while True:
            number = next(self.source)
            if self.predicate(number):
                return number

    def get_state(self) -> dict[str, Any]:
        return {"source": self.source.state_dict()}


def _range_chain(records: int) -> Iterable[list[int]]:
    kept = Filter(Mapper(IterableWrapper(range(records)), triple), keep)
    return Loader(Batcher(kept, RANGE_BATCH, drop_last=False))


def _parallel(fn: Fn, count: int) -> Iterable[int]:
    # It has 2 * WORKERS in flight and takes no larger number: as many as BUFFER.
    return Loader(ParallelMapper(IterableWrapper(range(count)), fn, WORKERS, method="thread"))


CASES = [
    Case("W5", "torchdata.nodes", lambda bench: rate(bench, _range_chain)),
    *async_cases("torchdata.nodes", _parallel),
]
