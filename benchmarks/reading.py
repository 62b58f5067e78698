"""Records one by one, for peers whose workers read them: mapped where they are first read."""

# Any, in this file: records are dicts of values of every type.
from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

import numpy as np

from benchmarks.case import Bench
from benchmarks.workloads import Workload

Record = dict[str, Any]

WORKERS = 2


class Records:
    """A workload that travels to other processes as the place where it lies.

    Rows of arrays are views, flat fields Python numbers; `fn` is called with each record.
    """

    def __init__(
        self, bench: Bench, work: str, fn: Callable[[Record], Record] | None = None
    ) -> None:
        self.bench = bench
        self.work = work
        self.fn = fn

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Record:
        record = self._source.record(index)
        return record if self.fn is None else self.fn(record)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_source"}

    @cached_property
    def _source(self) -> Workload:
        return self.bench.workload(self.work)


def collated(records: Sequence[Record]) -> Record:
    """Records as one dict of arrays."""
    return {name: np.stack([record[name] for record in records]) for name in records[0]}


def as_arrays(batch: Record) -> Record:
    """The batch with arrays in place of tensors."""
    return {name: np.asarray(value) for name, value in batch.items()}
