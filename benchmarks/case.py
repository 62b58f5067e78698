"""What a measurement is: a name, the work it belongs to, and a function that gives figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from benchmarks import workloads
from benchmarks.measure import Figures
from benchmarks.sizes import SHAPES, Effort

WORKS = (
    *("W1", "W2", "W3", "W4", "W5"),
    *("write W1", "write W4", "in", "tf"),
    *("async", "async no-op", "async pool"),
    *("pack lognormal", "pack text", "pack padding"),
    *("mix", "monitor", "costs", "compression"),
    *("remote W2", "remote W2 again", "remote sparse", "remote costs"),
    *("workers W1", "workers W3", "W2d", "W2d CPU"),
    *("first batch", "idle", "state_dict", "kills", "report cost"),
    *("compat yogadl", "compat squirrel", "compat torchdata", "compat dataset_server"),
)


@dataclass(frozen=True)
class Bench:
    """Where a case finds the data sets and may write, and how long it may take."""

    data_folder: Path
    scratch: Path
    effort: Effort

    def workload(self, work: str) -> workloads.Workload:
        """A data set, mapped anew."""
        records = self.effort.records(SHAPES[work].records)
        return workloads.load(self.data_folder, work, records)


Run: TypeAlias = Callable[[Bench], Figures]


@dataclass(frozen=True)
class Case:
    """One row of a table."""

    work: str
    name: str
    run: Run
